"""The vote of the nearest equals ten naive lines, with ties of the vote and of the distance."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from ssdh_surgery.retrieval.codes.codes import Codes
from ssdh_surgery.retrieval.evaluate.metrics import evaluate_codes, evaluate_features
from ssdh_surgery.retrieval.evaluate.protocol import PRESETS
from support.small_codes import codes_of, random_codes, unpacked

AUTHORS = PRESETS["authors"]


def naive(queries: Codes, database: Codes, count: int, order: list[int]) -> float:
    """Sort by distance, count votes; of equals a Counter names first what it saw first."""
    right = 0
    for query, label in zip(unpacked(queries), queries.labels, strict=True):
        distances = (unpacked(database) != query).sum(1)
        ranked = sorted(order, key=distances.__getitem__)
        votes = Counter(int(database.labels[item]) for item in ranked[:count])
        right += votes.most_common(1)[0][0] == label
    return right / len(queries)


@pytest.mark.parametrize("bits", [1, 3, 8, 64, 65, 130])
def test_votes_equal_the_naive_version(bits: int) -> None:
    queries, database = random_codes(40, bits, 6, 1), random_codes(70, bits, 5, 2)
    counts = (1, 2, 5, 10, 69, 70, 1000)
    found = evaluate_codes(queries, database, AUTHORS, voters=counts).knn
    order = list(range(70))
    assert found == {str(count): naive(queries, database, count, order) for count in counts}
    shuffled = evaluate_codes(
        queries, database, AUTHORS.changed(ties="random", seed=4), voters=counts
    )
    order = np.random.default_rng(4).permutation(70).tolist()
    assert shuffled.knn == {str(count): naive(queries, database, count, order) for count in counts}


def test_ties_by_hand() -> None:
    # Distances 0, 1, 1, 1, 2.
    bits = np.array([[0, 0], [0, 1], [1, 0], [0, 1], [1, 1]], np.uint8)
    labels = np.array([7, 3, 3, 7, 3])
    query = np.zeros((1, 2), np.uint8)
    counts = (1, 2, 3, 4, 5)

    def right(label: int) -> list[float]:
        asked = codes_of(query, np.array([label]))
        return list(
            evaluate_codes(asked, codes_of(bits, labels), AUTHORS, voters=counts).knn.values()
        )

    # 7; 7 and 3, of which 7 ranks first; 3 by two; 7 and 3 by two each; 3 by three.
    assert right(7) == [1, 1, 0, 1, 0]
    assert right(3) == [0, 0, 1, 0, 1]


def test_labels_may_be_any_numbers() -> None:
    labels = np.array([2**40, 5, 2**40])
    database = codes_of(np.eye(3, 4, dtype=np.uint8), labels)
    queries = codes_of(np.zeros((2, 4), np.uint8), np.array([2**40, 6]))
    assert evaluate_codes(queries, database, AUTHORS, voters=(3,)).knn == {"3": 0.5}


def test_there_is_no_vote_without_one_label_or_one_order() -> None:
    queries, database = random_codes(4, 8, 2, 1), random_codes(9, 8, 2, 2)
    assert (
        evaluate_codes(queries, database, AUTHORS.changed(ties="expected"), voters=(3,)).knn == {}
    )
    several = [
        codes_of(unpacked(each), np.eye(2, dtype=np.uint8)[each.labels])
        for each in (queries, database)
    ]
    assert evaluate_codes(*several, AUTHORS, voters=(3,)).knn == {}


def test_features_vote_in_the_order_of_their_distance() -> None:
    random = np.random.default_rng(0)
    stored, asked = (random.standard_normal((n, 3)).astype(np.float32) for n in (30, 100))
    labels, asked_labels = random.integers(0, 3, 30), random.integers(0, 3, 100)
    found = evaluate_features(asked, stored, asked_labels, labels, AUTHORS, voters=(4,))
    right = 0
    for query, label in zip(asked, asked_labels, strict=True):
        order = np.argsort(((stored - query) ** 2).sum(1), kind="stable")
        right += Counter(labels[order[:4]].tolist()).most_common(1)[0][0] == label
    assert found.knn == {"4": right / 100}
