"""Index and backends: exact answers with ties in order, changes by id, damage refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ssdh_surgery.errors import DataError, FileError
from ssdh_surgery.retrieval.codes import Codes, pack
from ssdh_surgery.retrieval.index import EXACT, KINDS, Index, Kind, build_index, open_index

MODEL = {"weights": "a" * 64, "blob": "code"}


def made(count: int, bits: int, prefix: str = "i", seed: int = 0, **changes: Any) -> Codes:
    random = np.random.default_rng(seed)
    ids = np.array([f"{prefix}{number}" for number in range(count)])
    values = {
        "packed": pack(random.random((count, bits))),
        "bits": bits,
        "ids": ids,
        "labels": random.integers(0, 3, count),
        "recipe": {"model": MODEL},
    }
    return Codes(**{**values, **changes})


def nearest(codes: Codes, queries: Codes, k: int) -> tuple[list[list[int]], list[list[int]]]:
    """Plain Python: distances and rows, ties in database order."""
    distances, rows = [], []
    for query in queries.unpacked():
        all_distances = [int((query != item).sum()) for item in codes.unpacked()]
        order = sorted(range(len(all_distances)), key=all_distances.__getitem__)[:k]
        rows.append(order)
        distances.append([all_distances[row] for row in order])
    return distances, rows


@pytest.mark.parametrize("kind", EXACT)
@pytest.mark.parametrize("bits", [1, 5, 8, 12, 48, 100])
def test_exact_kinds_answer_as_plain_python(kind: Kind, bits: int, tmp_path: Path) -> None:
    codes, queries = made(70, bits), made(6, bits, "q", 1)
    build_index(codes, kind).save(tmp_path / "x.index")
    index = open_index(tmp_path / "x.index")
    for k in (1, 10, 70):
        distances, rows = index.search(queries.packed, k)
        assert (distances.tolist(), rows.tolist()) == nearest(codes, queries, k)
    assert index.search(queries.packed, 1000)[1].shape == (6, 70)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in EXACT])
def test_approximate_kinds_find_most_and_are_kept(kind: Kind, tmp_path: Path) -> None:
    codes = made(3000, 20)
    index = build_index(codes, kind)
    assert index.recall() > 0.5
    index.save(tmp_path / "x.index")
    again = open_index(tmp_path / "x.index")
    assert again.saved is not None
    distances, rows = again.search(codes.packed[:40], 5)
    assert np.array_equal(rows, index.search(codes.packed[:40], 5)[1])
    for some, same in zip(distances, rows, strict=True):
        pairs = [(a, b) for a, b in zip(some.tolist(), same.tolist(), strict=True) if b >= 0]
        assert pairs == sorted(pairs)
        assert pairs[0][0] == 0


@pytest.mark.parametrize("kind", KINDS)
def test_adding_replacing_and_removing(kind: Kind) -> None:
    index = build_index(made(200, 24), kind)
    more = made(50, 24, "more", 1)
    assert index.add(more) == (50, 0)
    assert index.row("more7") == 207
    assert index.ids[207] == "more7"
    assert index.search(more.packed[7:8], 1)[0].tolist() == [[0]]
    flipped = made(1, 24, "more", 1)
    flipped.packed[:] ^= 255
    assert index.add(flipped, replace=True) == (0, 1)
    assert index.packed[200].tolist() == flipped.packed[0].tolist()
    assert index.search(flipped.packed, 1)[0].tolist() == [[0]]
    index.remove(["i0", "more7"])
    assert (len(index), index.ids[0], index.row("more8")) == (248, "i1", 206)
    assert len(index.labels) == 248
    assert index.search(flipped.packed, 1)[0].tolist() == [[0]]


def test_a_kept_approximate_index_is_added_to(tmp_path: Path) -> None:
    build_index(made(300, 24), "hnsw").save(tmp_path / "x.index")
    index = open_index(tmp_path / "x.index")
    more = made(5, 24, "more", 1)
    index.add(more)
    index.save(tmp_path / "x.index")
    again = open_index(tmp_path / "x.index")
    assert again.search(more.packed[2:3], 1)[1].tolist() == [[302]]


def test_ids_of_any_bytes(tmp_path: Path) -> None:
    names = np.array(["caf\udce9.jpg", "a\nb", "", "猫"])
    build_index(made(4, 8, ids=names), "numpy").save(tmp_path / "x.index")
    assert list(open_index(tmp_path / "x.index").ids) == names.tolist()


def refused(index: Index, codes: Codes) -> str:
    with pytest.raises(DataError) as caught:
        index.add(codes)
    return str(caught.value)


def test_codes_that_do_not_belong(tmp_path: Path) -> None:
    index = build_index(made(10, 12), "numpy")
    assert refused(index, made(3, 16, "q")) == "codes: codes of 16 bits, the index index has 12"
    other = {"model": {**MODEL, "weights": "b" * 64}}
    assert refused(index, made(3, 12, "q", recipe=other)) == (
        "codes: made by another model than the index index: weights bbbbbbbbbbbb, there "
        "aaaaaaaaaaaa\nhint: encode both with the same net and weights"
    )
    assert refused(index, made(3, 12)) == (
        "codes: 3 of 3 ids are in the index index already, the first is 'i0'\n"
        "hint: --replace puts the new codes in their place"
    )
    twice = made(3, 12, ids=np.array(["x", "y", "x"]))
    assert refused(index, twice) == "codes: the id 'x' stands for several items"
    with pytest.raises(DataError) as caught:
        index.remove(["i3", "i44"])
    assert str(caught.value) == "index: no item has the id 'i44'\nhint: did you mean 'i4'?"
    assert len(index) == 10
    with pytest.raises(DataError, match="the database set is empty"):
        build_index(made(0, 12))


@pytest.mark.parametrize("kind", ["flat", "hnsw"])
def test_a_file_cut_short_anywhere_is_refused(tmp_path: Path, kind: Kind) -> None:
    path = tmp_path / "x.index"
    build_index(made(10, 12), kind).save(path)
    data = path.read_bytes()
    for length in range(0, len(data), 97):
        path.write_bytes(data[:length])
        with pytest.raises(DataError, match=r"^.*x\.index: (cut short or damaged: |not an index)"):
            open_index(path)


def test_files_that_are_no_index(tmp_path: Path) -> None:
    path = tmp_path / "x.index"
    with pytest.raises(FileError, match="cannot read: no such file"):
        open_index(path)
    np.savez(tmp_path / "codes.npz", codes=1)
    with pytest.raises(DataError) as caught:
        open_index(tmp_path / "codes.npz")
    assert str(caught.value) == (
        f"{tmp_path}/codes.npz: not an index: it has no 'index'\n"
        "hint: 'ssdh index build' makes such files"
    )


def test_what_a_backend_kept_is_checked(tmp_path: Path) -> None:
    index = build_index(made(10, 16), "hnsw")
    index.save(tmp_path / "x.index")
    broken = open_index(tmp_path / "x.index")
    assert broken.saved is not None
    broken.saved = broken.saved[:100].copy()
    with pytest.raises(DataError, match="what FAISS kept of the index is damaged"):
        broken.search(index.packed, 1)


def test_activations_follow_their_items(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    values = random.random((30, 16)).astype(np.float32)
    codes = made(30, 16, packed=pack(values), activations=values)
    index = build_index(codes, keep_activations=True)
    index.remove(["i0", "i9"])
    again = values[3:5] + 1
    ids = np.array(["i3", "new"])
    more = Codes(pack(again), 16, ids, np.zeros(2, np.int64), codes.recipe, again)
    assert index.add(more, replace=True) == (1, 1)
    index.save(tmp_path / "x.index")
    found = open_index(tmp_path / "x.index")
    assert found.activations is not None
    for name, expected in (("i3", again[0]), ("new", again[1]), ("i29", values[29])):
        assert np.array_equal(found.activations[found.row(name)], expected)
    assert refused(found, made(1, 16, "z")) == (
        "codes: holds no activations to re-rank by\nhint: ssdh encode --activations keeps them"
    )
