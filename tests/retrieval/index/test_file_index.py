"""The file of an index: mapped, kept by its backend, refused where it is damaged."""

from __future__ import annotations

import contextlib
import json
import os
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ssdh_surgery.errors import DataError, FileError
from ssdh_surgery.retrieval.codes.codes import Codes
from ssdh_surgery.retrieval.index.file_index import FileIndex, create_file_index, open_file_index
from ssdh_surgery.retrieval.index.ids import Ids
from ssdh_surgery.retrieval.index.index import About
from ssdh_surgery.retrieval.index.kinds import KINDS

APPROXIMATE = [kind.name for kind in KINDS.values() if not kind.is_exact]


def saved(path: Path, kind: str, count: int, bits: int = 24) -> FileIndex:
    packed = np.random.default_rng(0).integers(0, 256, (count, bits // 8), dtype=np.uint8)
    ids = np.array([f"i{number}" for number in range(count)])
    codes = Codes(packed, bits, ids, np.arange(count) % 3)
    index = create_file_index(str(path), About.like(codes, kind, {}))
    index.add(codes)
    index.save()
    return open_file_index(str(path))


@pytest.mark.parametrize("kind", APPROXIMATE)
def test_what_a_backend_saves_is_opened_and_added_to(tmp_path: Path, kind: str) -> None:
    index = saved(tmp_path / "x.index", kind, 1100)
    assert index.saved is not None
    new = np.full((1, 3), 0b10011001, np.uint8)
    index.add(Codes(new, 24, np.array(["new"]), np.array([0])))
    index.save()
    again = open_file_index(str(tmp_path / "x.index"))
    assert again.search(new, 1)[1].tolist() == [[1100]]


@pytest.mark.parametrize("kind", APPROXIMATE)
@pytest.mark.parametrize("count", [1, 2, 40])
def test_a_small_index_misses_nothing_and_grows(
    tmp_path: Path, kind: str, count: int, capfd: pytest.CaptureFixture[str]
) -> None:
    index = saved(tmp_path / "x.index", kind, count)
    distances = index.exact(index.packed, count)[0]
    assert (index.search(index.packed, count)[0] == distances).all()
    more = np.random.default_rng(1).integers(0, 256, (3000, 3), dtype=np.uint8)
    ids = np.array([f"more{number}" for number in range(3000)])
    index.add(Codes(more, 24, ids, np.zeros(3000, np.int64)))
    index.save()
    again = open_file_index(str(tmp_path / "x.index"))
    assert again.saved is not None
    if kind != "hnsw":  # whose graph depends on which thread comes first
        assert again.saved.tobytes() == saved_anew(tmp_path / "anew.index", again).tobytes()
    assert capfd.readouterr() == ("", "")  # FAISS warns by itself of lists with too few codes


def saved_anew(path: Path, index: FileIndex) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """What the backend keeps of the codes of an index when they are added at once."""
    made = create_file_index(str(path), index.about)
    made.add(Codes(index.packed, 24, np.array(list(index.ids)), np.asarray(index.labels)))
    made.save()
    kept = open_file_index(str(path)).saved
    assert kept is not None
    return kept


def test_large_parts_are_mapped_and_a_file_may_replace_itself(tmp_path: Path) -> None:
    path = tmp_path / "x.index"
    index = saved(path, "flat", 400_000)
    assert isinstance(index.packed.base, np.memmap)
    assert not index.packed.flags.writeable
    before = index.packed[:5].copy()
    index.remove(["i0"])
    index.add(Codes(before[:1] ^ 255, 24, np.array(["i3"]), np.array([0])), replace=True)
    index.save()
    again = open_file_index(str(path))
    assert again.packed[:3].tolist() == [*before[1:3].tolist(), (before[0] ^ 255).tolist()]
    assert list(again.ids[:2]) == ["i1", "i2"]
    assert again.rows(["i399999"]).tolist() == [399_998]
    data = path.read_bytes()
    for length in (len(data) - 1, len(data) // 2, 100):
        path.write_bytes(data[:length])
        with pytest.raises(DataError, match=r"x\.index: is truncated or damaged: "):
            open_file_index(str(path))


@pytest.mark.parametrize(("kind", "count", "step"), [("flat", 10, 97), ("hnsw", 1100, 9973)])
def test_a_file_cut_short_anywhere_is_refused(
    tmp_path: Path, kind: str, count: int, step: int
) -> None:
    path = tmp_path / "x.index"
    saved(path, kind, count)
    data = path.read_bytes()
    for length in range(0, len(data), step):
        path.write_bytes(data[:length])
        with pytest.raises(DataError, match=r"x\.index: (is truncated or damaged: |not an index)"):
            open_file_index(str(path))


def test_what_another_program_added_meanwhile_is_not_lost(tmp_path: Path) -> None:
    one = saved(tmp_path / "x.index", "flat", 10)
    other = open_file_index(str(tmp_path / "x.index"))
    new = np.zeros((1, 3), np.uint8)
    one.add(Codes(new, 24, np.array(["one"]), np.array([0])))
    one.save()
    one.remove(["i0"])
    one.save()
    other.add(Codes(new, 24, np.array(["other"]), np.array([0])))
    with pytest.raises(FileError, match=r"x\.index: changed in the meantime; nothing was"):
        other.save()
    kept = list(open_file_index(str(tmp_path / "x.index")).ids)
    assert kept == [*(f"i{number}" for number in range(1, 10)), "one"]


def test_an_index_from_before_class_names_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x.index"
    saved(path, "flat", 10)
    with np.load(path) as archive:
        about = json.loads(str(archive["index"]))
        assert about.pop("class_names") == []
        parts = {**archive, "index": np.str_(json.dumps(about))}
    with path.open("wb") as file:
        np.savez(file, **parts)
    index = open_file_index(str(path))
    assert (len(index), index.about.class_names) == (10, ())


def test_files_that_are_no_index(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="cannot read: no such file"):
        open_file_index(str(tmp_path / "x.index"))
    np.savez(tmp_path / "codes.npz", codes=1)
    with pytest.raises(DataError) as caught:
        open_file_index(str(tmp_path / "codes.npz"))
    assert str(caught.value) == (
        f"{tmp_path}/codes.npz: not an index: it has no 'index'\n"
        "hint: 'ssdh index build' writes such files"
    )


def test_what_a_backend_saved_is_checked(tmp_path: Path) -> None:
    index = saved(tmp_path / "x.index", "hnsw", 1100)
    assert index.saved is not None
    index.saved = index.saved[:100].copy()
    with pytest.raises(
        DataError, match=r"x\.index: the data that FAISS saved in the index is damaged"
    ):
        index.search(index.packed, 1)


@pytest.mark.parametrize("kind", APPROXIMATE)
def test_a_backend_that_claims_more_codes_than_there_are(tmp_path: Path, kind: str) -> None:
    """A size of which a byte was changed may be more than there is memory."""
    index = saved(tmp_path / "x.index", kind, 1100)
    assert index.saved is not None
    data = index.saved.tobytes().replace(struct.pack("<Q", 1100), struct.pack("<Q", 1 << 60))
    index.saved = np.frombuffer(data, np.uint8)
    with contextlib.suppress(DataError):
        index.search(index.packed, 1)


@pytest.mark.parametrize("kind", APPROXIMATE)
def test_a_backend_of_another_index_finds_no_item_of_this_one(tmp_path: Path, kind: str) -> None:
    other = saved(tmp_path / "other.index", kind, 2200)
    index = saved(tmp_path / "x.index", kind, 1100)
    assert other.saved is not None
    index.saved = other.saved.copy()
    with pytest.raises(DataError, match=r"x\.index: .*damaged"):
        index.search(other.packed[1100:], 1)


def test_a_backend_of_another_width(tmp_path: Path) -> None:
    other = saved(tmp_path / "other.index", "ivf", 1100, bits=32)
    index = saved(tmp_path / "x.index", "ivf", 1100)
    assert other.saved is not None
    index.saved = other.saved.copy()
    with pytest.raises(DataError, match=r"x\.index: .* is of another width"):
        index.search(index.packed, 1)


@pytest.mark.parametrize(
    "change", [{"codes": np.zeros((10, 4), np.uint8)}, {"id_ends": np.arange(9)}]
)
def test_parts_that_do_not_fit(tmp_path: Path, change: dict[str, Any]) -> None:
    path = tmp_path / "x.index"
    saved(path, "flat", 10)
    with np.load(path) as archive:
        parts = {**archive, **change}
    with path.open("wb") as file:
        np.savez(file, **parts)
    with pytest.raises(DataError, match="damaged: its parts are inconsistent"):
        open_file_index(str(path))


def test_ids_are_found_where_others_contain_them() -> None:
    ids = Ids.of(["ab", "b", "", "abc", "c", "caf\udce9"])
    assert [ids.row(each) for each in ("b", "", "abc", "c", "caf\udce9", "a", "bab", "x")] == [
        *(1, 2, 3, 4, 5),
        *(None, None, None),
    ]
    assert list(ids) == [ids[row] for row in range(6)]


def test_a_new_index_has_the_mode_that_the_umask_leaves(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        saved(tmp_path / "x.index", "numpy", 3)
    finally:
        os.umask(before)
    assert (tmp_path / "x.index").stat().st_mode & 0o777 == 0o640
