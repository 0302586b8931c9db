"""The kind hnsw on codes that clump: nothing is missed by its own code, and files open again."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from ssdh_surgery.errors import DataError
from ssdh_surgery.retrieval.index.backends import open_backend
from ssdh_surgery.retrieval.index.backends.graph import Graph
from ssdh_surgery.retrieval.index.backends.plain import Plain
from ssdh_surgery.retrieval.index.kinds import KINDS

KIND = KINDS["hnsw"]


def clumped(count: int, classes: int, bits: int, flips: float, seed: int = 1) -> NDArray[np.uint8]:
    """Codes around one centre for each class, as those of a trained net."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, classes, count)
    centres = random.integers(0, 2, (classes, bits))
    flipped = random.random((count, bits)) < flips
    return np.packbits((centres[labels] ^ flipped).astype(np.uint8), axis=1)


def test_each_item_finds_itself_and_its_equals() -> None:
    packed = clumped(20_000, 10, 48, 0.004)
    graph = open_backend(KIND, 6)
    graph.add(packed)
    distances, rows = graph.search(packed, 1)
    assert (distances == 0).all()
    assert (packed[rows[:, 0]] == packed).all()
    plain = Plain(6, {})
    plain.add(packed)
    some = packed[::400]
    assert (graph.search(some, 10)[0] == plain.search(some, 10)[0]).all()
    near = graph.search(some, 10)[1]
    assert all(len(set(each)) == 10 for each in near.tolist())


def test_rows_at_one_distance_are_in_order_whatever_their_codes() -> None:
    packed = np.array([[3], [1], [0], [2], [3], [1], [2], [0]], np.uint8)
    graph = Graph(1, KIND.options)
    graph.add(packed[:3])
    graph.add(packed[3:])
    plain = Plain(1, {})
    plain.add(packed)
    for count in (1, 2, 3, 5, 8, 12):
        for mine, exact in zip(
            graph.search(packed[:4], count), plain.search(packed[:4], count), strict=True
        ):
            assert mine.tolist() == exact.tolist()


def test_saved_nodes_are_opened_and_added_to() -> None:
    packed = clumped(3000, 5, 24, 0.02)
    graph = Graph(3, KIND.options)
    graph.add(packed)
    again = Graph(3, KIND.options, graph.saved())
    again.add(packed[:100])
    distances, rows = again.search(packed[:100], 3000)
    assert (distances[:, 0] == 0).all()
    assert all(row + 3000 in found for row, found in enumerate(rows.tolist()))


def test_a_graph_of_all_rows_from_an_earlier_version_is_read() -> None:
    packed = clumped(2000, 5, 24, 0.3)
    graph = Graph(3, KIND.options)
    old = graph.new_index(packed)
    old.add(packed)
    again = Graph(3, KIND.options, graph.faiss.serialize_index_binary(old))
    distances, rows = again.search(packed[:50], 1)
    assert (distances == 0).all()
    assert (packed[rows[:, 0]] == packed[:50]).all()


def test_damage_is_an_error() -> None:
    graph = Graph(3, KIND.options)
    graph.add(clumped(100, 5, 24, 0.3))
    saved = graph.saved()
    assert saved is not None
    for damaged in (saved[:20], saved[:-50], np.concatenate([saved[:23], saved[:50]])):
        with pytest.raises(DataError, match="is damaged"):
            Graph(3, KIND.options, damaged)
