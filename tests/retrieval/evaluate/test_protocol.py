"""Each preset is the definition that its source has, written here as a few naive lines.

Where a source sorts without keeping the order of ties, any order is its own: here theirs is
that of the database.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from ssdh_surgery.retrieval.codes.codes import Codes
from ssdh_surgery.retrieval.evaluate.metrics import evaluate_codes
from ssdh_surgery.retrieval.evaluate.protocol import PRESETS
from support.small_codes import codes_of, random_codes, unpacked

Definition = Callable[[Codes, Codes, int], float]
SIGNS = np.array([-1.0, 1.0])


def authors(queries: Codes, database: Codes, cutoff: int) -> float:
    """`precision(...)`: AP over the first K, divided by the relevant ones among them, else 0."""
    precisions = []
    for code, label in zip(unpacked(queries), queries.labels, strict=True):
        distances = (unpacked(database) != code).mean(1)
        first = np.argsort(distances, kind="stable")[:cutoff]
        yes = (database.labels[first] == label).astype(float)
        precision = yes.cumsum() / np.arange(1, cutoff + 1)
        precisions.append((precision * yes).sum() / yes.sum() if yes.sum() else 0.0)
    return float(np.mean(precisions))


def hashnet(queries: Codes, database: Codes, cutoff: int) -> float:
    """`mean_average_precision`: by inner products of signs; without a match, no term at all."""
    similar = SIGNS[unpacked(database)] @ SIGNS[unpacked(queries)].T
    order = np.argsort(-similar, axis=0, kind="stable")
    precisions = []
    for query, labels in enumerate(vectors(queries)):
        wanted = np.where(labels == 0, -1, labels)
        match = (vectors(database)[order[:cutoff, query]] == wanted).sum(1) > 0
        if match.sum():
            precision = match.cumsum() / np.arange(1, cutoff + 1)
            precisions.append((precision * match).sum() / match.sum())
    return float(np.mean(precisions))


def deephash(queries: Codes, database: Codes, cutoff: int) -> float:
    """`CalcTopMap`: the mean of count / place over the first, a query without any adds 0."""
    total = 0.0
    for code, labels in zip(SIGNS[unpacked(queries)], vectors(queries), strict=True):
        relevant = labels @ vectors(database).T > 0
        distances = 0.5 * (queries.bits - code @ SIGNS[unpacked(database)].T)
        first = relevant[np.argsort(distances, kind="stable")][:cutoff]
        places = np.flatnonzero(first) + 1.0
        if len(places):
            total += np.mean(np.arange(1, len(places) + 1) / places)
    return total / len(queries)


DEFINITIONS: dict[str, Definition] = {"authors": authors, "hashnet": hashnet, "deephash": deephash}


def vectors(codes: Codes) -> NDArray[np.int64]:
    """Labels as vectors of 0 and 1, as the sources that know several labels take them."""
    labels = codes.labels if codes.is_multi_label else np.eye(9, dtype=int)[codes.labels]
    return labels.astype(np.int64)


def several(codes: Codes, seed: int) -> Codes:
    """The codes with random sets of labels, some of them empty."""
    labels = np.random.default_rng(seed).random((len(codes), 9)) < 0.15
    return codes_of(unpacked(codes), labels.astype(np.uint8))


@pytest.mark.parametrize("cutoff", [1, 2, 7, 59, 60])
@pytest.mark.parametrize("name", DEFINITIONS)
def test_a_preset_is_the_published_definition(name: str, cutoff: int) -> None:
    assert set(PRESETS) == set(DEFINITIONS)
    # Labels 5 to 8 are the queries' alone: these have no relevant item.
    queries, database = random_codes(30, 10, 9, 1), random_codes(60, 10, 5, 2)
    found = evaluate_codes(queries, database, PRESETS[name], (cutoff,))
    assert 0 < found.no_hits < 30
    assert found.map[str(cutoff)] == pytest.approx(
        DEFINITIONS[name](queries, database, cutoff), abs=1e-14
    )


@pytest.mark.parametrize("cutoff", [1, 7, 60])
@pytest.mark.parametrize("name", ["hashnet", "deephash"])
def test_with_several_labels_too(name: str, cutoff: int) -> None:
    queries, database = (
        several(random_codes(count, 10, 2, seed), seed) for count, seed in ((30, 3), (60, 4))
    )
    found = evaluate_codes(queries, database, PRESETS[name], (cutoff,))
    assert found.no_hits > 0
    assert found.map[str(cutoff)] == pytest.approx(
        DEFINITIONS[name](queries, database, cutoff), abs=1e-14
    )


def test_presets_differ_where_their_sources_do() -> None:
    queries, database = random_codes(30, 10, 9, 1), random_codes(60, 10, 5, 2)
    maps = {
        name: evaluate_codes(queries, database, each).map["all"] for name, each in PRESETS.items()
    }
    assert maps["authors"] == maps["deephash"] < maps["hashnet"]


def test_without_an_end_deephash_leaves_out_the_last() -> None:
    queries, database = random_codes(30, 3, 5, 5), random_codes(40, 3, 5, 6)
    within = evaluate_codes(queries, database, PRESETS["deephash"], (len(database) - 1,)).map["39"]
    assert within == pytest.approx(deephash(queries, database, -1), abs=1e-14)
    assert "--map N-1" in PRESETS["deephash"].source


def test_a_preset_names_its_source() -> None:
    assert all(each.source and each.name == name for name, each in PRESETS.items())
