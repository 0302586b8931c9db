"""Measures equal ten-line naive versions exactly, with ties and zero hits, in every protocol."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from numpy.typing import NDArray

from ssdh_surgery.errors import DataError
from ssdh_surgery.retrieval.codes.codes import Codes
from ssdh_surgery.retrieval.evaluate.metrics import evaluate_codes, evaluate_features
from ssdh_surgery.retrieval.evaluate.protocol import PRESETS, Protocol
from support.small_codes import codes_of, random_codes, unpacked

AUTHORS = PRESETS["authors"]


def naive(queries: Codes, database: Codes, cutoff: int, divisor: str, no_hits: str) -> float:
    """Rank, walk down the list, average: in plain Python."""
    found = []
    for query, label in zip(unpacked(queries), queries.labels, strict=True):
        distances = [int((query != item).sum()) for item in unpacked(database)]
        order = sorted(range(len(distances)), key=distances.__getitem__)
        relevant = [bool(np.any(shared(database.labels[item], label))) for item in order]
        total, hits = 0.0, 0
        for rank, hit in enumerate(relevant[:cutoff], 1):
            hits += hit
            total += hits / rank if hit else 0.0
        whole = hits if divisor == "hits" else min(sum(relevant), cutoff)
        if hits or no_hits == "zero":
            found.append(total / whole if whole else 0.0)
    return math.fsum(found) / len(found) if found else 0.0


def shared(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> NDArray[np.bool_]:
    return np.asarray(one == other) if np.ndim(one) == 0 else np.asarray((one > 0) & (other > 0))


@pytest.mark.parametrize("bits", [1, 3, 8, 48, 64, 65, 130])
@pytest.mark.parametrize("divisor", ["hits", "relevant"])
@pytest.mark.parametrize("no_hits", ["zero", "skip"])
def test_map_equals_the_naive_version(bits: int, divisor: str, no_hits: str) -> None:
    queries, database = random_codes(9, bits, 7, 1), random_codes(60, bits, 5, 2)
    protocol = AUTHORS.changed(divisor=divisor, no_hits=no_hits)
    found = evaluate_codes(queries, database, protocol, (None, 5, 1, 1000))
    cutoffs = {"all": 60, "5": 5, "1": 1, "1000": 60}
    for name, cutoff in cutoffs.items():
        assert found.map[name] == naive(queries, database, cutoff, divisor, no_hits)


def test_multi_label_items_are_relevant_when_they_share_any_label() -> None:
    random = np.random.default_rng(3)
    sets = [(random.random((count, 70)) < 0.01).astype(np.uint8) for count in (8, 50)]
    codes = [
        codes_of(random.integers(0, 2, (len(each), 12), dtype=np.uint8), each) for each in sets
    ]
    found = evaluate_codes(codes[0], codes[1], AUTHORS, (None, 7))
    assert found.map["all"] == naive(codes[0], codes[1], 50, "hits", "zero") > 0
    assert found.map["7"] == naive(codes[0], codes[1], 7, "hits", "zero")


def test_a_case_by_hand() -> None:
    # Distances 0, 1, 1, 4; relevant: the first of the two at 1 and the last.
    database = codes_of(
        np.array([[0, 0, 0, 0], [1, 0, 0, 0], [0, 1, 0, 0], [1, 1, 1, 1]], np.uint8),
        np.array([9, 5, 9, 5]),
    )
    queries = codes_of(np.zeros((2, 4), np.uint8), np.array([5, 6]))
    found = evaluate_codes(queries, database, AUTHORS, (None, 2, 1), (2, 3))
    assert found.map == {"all": 0.25, "2": 0.25, "1": 0.0}  # (1/2 + 2/4) / 2, and a zero
    assert found.precision == {"2": 0.25, "3": pytest.approx(1 / 6)}
    assert found.radius_precision == pytest.approx((1 / 3 + 0) / 2)
    assert found.no_hits == 1
    assert found.curve[0] == (0.0, 0.0)
    assert found.curve[-1] == (0.25, 0.5)
    skipping = evaluate_codes(queries, database, PRESETS["hashnet"], (None, 1))
    assert skipping.map == {"all": 0.5, "1": 0.0}


@pytest.mark.parametrize("cutoff", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("divisor", ["hits", "relevant"])
def test_expected_ties_average_all_orders(cutoff: int, divisor: str) -> None:
    bits = np.array([[0, 0], [0, 1], [0, 1], [1, 0], [1, 1]], np.uint8)
    labels = np.array([1, 0, 1, 0, 1])
    query = codes_of(np.zeros((1, 2), np.uint8), np.array([0]))
    orders = list(itertools.permutations(range(5)))
    values = [
        naive(query, codes_of(bits[list(order)], labels[list(order)]), cutoff, divisor, "zero")
        for order in orders
    ]
    protocol = AUTHORS.changed(ties="expected", divisor=divisor)
    found = evaluate_codes(query, codes_of(bits, labels), protocol, (cutoff,), (cutoff,))
    assert found.map[str(cutoff)] == pytest.approx(np.mean(values), abs=1e-12)
    # One is nearer than the ties, and two of the three tied ones are relevant.
    hits = [0, 2 / 3, 4 / 3, 2, 2][cutoff - 1]
    assert found.precision[str(cutoff)] == pytest.approx(hits / cutoff)


def test_random_ties_depend_on_the_seed_alone() -> None:
    queries, database = random_codes(20, 3, 4, 1), random_codes(80, 3, 4, 2)

    def random_map(seed: int) -> float:
        return evaluate_codes(queries, database, AUTHORS.changed(ties="random", seed=seed)).map[
            "all"
        ]

    assert random_map(1) == random_map(1) != random_map(2)


def test_features_rank_by_euclidean_distance() -> None:
    random = np.random.default_rng(0)
    stored, asked = (random.standard_normal((n, 6)).astype(np.float32) for n in (40, 130))
    labels, asked_labels = random.integers(0, 3, 40), random.integers(0, 3, 130)
    found = evaluate_features(asked, stored, asked_labels, labels, AUTHORS, (None, 4), (4,))
    values = []
    for query, label in zip(asked, asked_labels, strict=True):
        order = np.argsort(((stored - query) ** 2).sum(1), kind="stable")
        relevant = labels[order] == label
        values.append((np.cumsum(relevant) / np.arange(1, 41))[relevant].mean())
    assert found.map["all"] == pytest.approx(np.mean(values), abs=1e-9)
    assert found.radius_precision is None


@pytest.mark.parametrize(
    ("queries", "database", "message"),
    [
        (
            random_codes(0, 8, 2, 0),
            random_codes(3, 8, 2, 0),
            "codes: the query set is empty: no codes",
        ),
        (
            random_codes(3, 8, 2, 0),
            random_codes(0, 8, 2, 0),
            "codes: the database set is empty: no codes",
        ),
        (
            codes_of(np.zeros((2, 8), np.uint8), np.array([1, -1])),
            random_codes(3, 8, 2, 0),
            "codes: 1 of 2 items of the query set have no label, the first is '1'\n"
            "hint: encode a list with labels, class folders or an LMDB",
        ),
        (
            random_codes(2, 16, 2, 0),
            random_codes(3, 12, 2, 0),
            "codes: codes of 16 bits cannot be compared with the 12 bits of codes",
        ),
        (
            codes_of(np.zeros((1, 8), np.uint8), np.ones((1, 3), np.uint8)),
            random_codes(3, 8, 2, 0),
            "codes: labels have the shape [N, 3], those of codes [N]",
        ),
    ],
)
def test_what_cannot_be_judged(queries: Codes, database: Codes, message: str) -> None:
    with pytest.raises(DataError) as caught:
        evaluate_codes(queries, database, AUTHORS)
    assert str(caught.value) == message


def test_a_changed_preset_says_so() -> None:
    changed = AUTHORS.changed(no_hits="skip", ties=None, radius=2)
    assert isinstance(changed, Protocol)
    assert changed.name == "authors, changed"
    assert AUTHORS.changed(ties="database") is AUTHORS


def test_a_query_with_several_labels_counts_for_each_class() -> None:
    random = np.random.default_rng(5)
    sets = [(random.random((count, 4)) < 0.4).astype(np.uint8) for count in (12, 50)]
    sets[0][:, 2] = 0
    queries, database = (
        codes_of(random.integers(0, 2, (len(each), 10), dtype=np.uint8), each) for each in sets
    )
    found = evaluate_codes(queries, database, AUTHORS, (None, 7), (3,))
    assert [each.label for each in found.classes] == [0, 1, 3]
    for each in found.classes:
        rows = queries.labels[:, each.label] > 0
        alone = evaluate_codes(
            codes_of(unpacked(queries)[rows], queries.labels[rows]),
            database,
            AUTHORS,
            (None, 7),
            (3,),
        )
        assert each.queries == rows.sum()
        assert (each.map, each.precision, each.knn) == (alone.map, alone.precision, {})
