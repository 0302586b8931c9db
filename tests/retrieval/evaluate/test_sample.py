"""Quick measures of a sample of codes, beside naive loops."""

from __future__ import annotations

import numpy as np
import pytest

from ssdh_surgery.retrieval.evaluate.sample import sample_measures


def naive(bits: np.ndarray, relevant: np.ndarray) -> tuple[float, float, float]:
    """mAP of each item in all others, and the equal bits of relevant and of other pairs."""
    precisions, same, different = [], [], []
    for query in range(len(bits)):
        others = [item for item in range(len(bits)) if item != query]
        for item in others:
            pair = same if relevant[query, item] else different
            pair.append(np.mean(bits[query] == bits[item]))
        distance = {item: np.sum(bits[query] != bits[item]) for item in others}
        ranked = [relevant[query, item] for item in sorted(others, key=distance.__getitem__)]
        hits = [sum(ranked[: rank + 1]) / (rank + 1) for rank in range(len(ranked)) if ranked[rank]]
        if hits:
            precisions.append(np.mean(hits))
    return float(np.mean(precisions)), float(np.mean(same)), float(np.mean(different))


@pytest.fixture
def bits() -> np.ndarray:
    """Codes without two pairs of one distance, as long as no order of equals matters."""
    return np.random.default_rng(3).random((12, 4000)) < np.linspace(0.1, 0.9, 12)[:, None]


def distances_differ(bits: np.ndarray) -> bool:
    rows = (bits[:, None] != bits[None]).sum(2)
    return all(len(set(row)) == len(row) for row in rows)


def test_one_label_each(bits: np.ndarray) -> None:
    labels = np.array([0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 4, 4])
    assert distances_differ(bits)
    measures = sample_measures(bits, labels)
    assert measures is not None
    relevant = labels[:, None] == labels[None]
    found = measures.mean_average_precision, measures.bits_in_class, measures.bits_across
    assert found == pytest.approx(naive(bits, relevant), abs=1e-6)


def test_several_labels_each(bits: np.ndarray) -> None:
    labels = np.random.default_rng(4).integers(0, 2, (12, 3))
    measures = sample_measures(bits, labels)
    assert measures is not None
    found = measures.mean_average_precision, measures.bits_in_class, measures.bits_across
    assert found == pytest.approx(naive(bits, labels @ labels.T > 0), abs=1e-6)


def test_equal_codes_are_worth_what_chance_gives() -> None:
    labels = np.repeat(np.arange(4), 200)  # class by class, so that their order would help
    measures = sample_measures(np.ones((800, 8), bool), labels)
    assert measures is not None
    assert measures.mean_average_precision == pytest.approx(0.25, abs=0.02)


@pytest.mark.parametrize("labels", [np.zeros(12), np.arange(12)], ids=["one", "no two"])
def test_labels_that_nothing_can_be_searched_by(bits: np.ndarray, labels: np.ndarray) -> None:
    assert sample_measures(bits, labels) is None
