"""Reading LMDBs, and what is said of those that can't be read."""

from __future__ import annotations

import gc
import itertools
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import lmdb
import numpy as np
import pytest

from ssdh_surgery.data.datum import write_encoded, write_raw
from ssdh_surgery.data.image import encode
from ssdh_surgery.data.lmdb_store import LmdbStore
from ssdh_surgery.errors import DataError

Maker = Callable[..., Path]
GRAY = np.zeros((1, 2, 3), np.uint8)


def test_records_come_in_key_order_and_begin_again(small_lmdb: Path) -> None:
    with LmdbStore(small_lmdb) as store:
        assert len(store) == 7
        keys = [key for key, _ in store.items()]
        assert keys == [b"%08d_p" % i for i in range(7)]
        wrapped = [key for key, _ in itertools.islice(store.cycle(), 16)]
        assert wrapped == keys + keys + keys[:2]


@pytest.mark.parametrize("start", range(9))
def test_reading_can_begin_at_any_record(small_lmdb: Path, start: int) -> None:
    with LmdbStore(small_lmdb) as store:
        assert [key for key, _ in store.items(start)] == store.keys()[start:]
        wrapped = [key for key, _ in itertools.islice(store.cycle(start), 8)]
        assert wrapped == [store.keys()[(start + i) % 7] for i in range(8)]


def test_records_are_copies_that_outlive_the_store(small_lmdb: Path) -> None:
    with LmdbStore(small_lmdb) as store:
        records = list(store.records())
        second = store.get(b"00000001_p")
    assert [datum.label for _, datum in records] == [0, 1, 2, 0, 1, 2, 0]
    expected = np.arange(60, dtype=np.uint8).reshape(3, 4, 5) + 6
    np.testing.assert_array_equal(records[6][1].pixels(), expected)
    assert second is not None
    assert second[-4:] == b"\x28\x01\x38\x00"


def test_labels_are_counted_with_the_first_key_of_each(small_lmdb: Path) -> None:
    with LmdbStore(small_lmdb) as store:
        scan = store.scan_labels()
        assert (scan.records, scan.minimum, scan.maximum) == (7, 0, 2)
        assert scan.histogram == {0: 3, 1: 2, 2: 2}
        assert scan.first_keys == {0: b"00000000_p", 1: b"00000001_p", 2: b"00000002_p"}
        assert store.scan_labels(limit=4).histogram == {0: 2, 1: 1, 2: 1}


def test_sizes_are_those_of_the_pictures_encoded_or_raw(
    make_lmdb: Maker, picture: Callable[..., np.ndarray]
) -> None:
    png = encode(picture(1, 8, 9), "png")
    gray = encode(picture(1, 8, 9, 1), "png")
    path = make_lmdb([(b"0", write_encoded(png, 0)), (b"1", write_encoded(gray, 0))])
    with LmdbStore(path) as store:
        scan = store.scan_shapes()
        assert scan.shapes == Counter({(3, 8, 9): 1, (1, 8, 9): 1})
        assert scan.encoded == 2
        assert scan.common is None
        assert store.scan_shapes(limit=1).common == (3, 8, 9)
        assert store.record_shape() == (3, 8, 9)


def test_one_lmdb_can_be_open_twice(small_lmdb: Path) -> None:
    first = LmdbStore(small_lmdb)
    second = LmdbStore(small_lmdb.parent / "." / small_lmdb.name)
    first.close()
    first.close()
    assert len(list(second.items())) == 7
    second.close()
    # Nobody reads it any more: it can be opened by others again.
    with lmdb.open(str(small_lmdb), readonly=True, lock=False) as env:
        assert env.stat()["entries"] == 7


def test_what_a_forgotten_store_had_open_is_closed(small_lmdb: Path) -> None:
    store = LmdbStore(small_lmdb)
    assert len(store) == 7
    del store
    gc.collect()
    with lmdb.open(str(small_lmdb), readonly=True, lock=False) as env:
        assert env.stat()["entries"] == 7


def test_a_loop_that_is_forgotten_with_its_store_ends_quietly(small_lmdb: Path) -> None:
    def keys() -> Iterator[bytes]:
        with LmdbStore(small_lmdb) as store:
            for key, _ in store.items():
                yield key

    loop: list[Any] = [keys()]
    next(loop[0])
    loop.append(loop)  # so that only the collector finds it
    del loop
    gc.collect()
    with lmdb.open(str(small_lmdb), readonly=True, lock=False) as env:
        assert env.stat()["entries"] == 7


def test_nothing_is_written_into_the_folder(small_lmdb: Path) -> None:
    (small_lmdb / "lock.mdb").unlink()
    with LmdbStore(small_lmdb) as store:
        store.scan_labels()
    assert [file.name for file in small_lmdb.iterdir()] == ["data.mdb"]


def test_a_closed_store_says_so(small_lmdb: Path) -> None:
    store = LmdbStore(small_lmdb)
    store.close()
    with pytest.raises(DataError) as caught:
        list(store.items())
    assert str(caught.value) == f"{small_lmdb}: the LMDB has been closed"


def test_a_missing_lmdb_names_what_is_near(small_lmdb: Path) -> None:
    with pytest.raises(DataError) as caught:
        LmdbStore(small_lmdb.parent / "lmbd")
    assert str(caught.value) == (
        f"{small_lmdb.parent / 'lmbd'}: no such LMDB\nhint: did you mean '{small_lmdb}'?"
    )


def test_a_leveldb_is_told_from_an_lmdb(tmp_path: Path) -> None:
    for name in ("CURRENT", "MANIFEST-000004", "LOG", "000005.ldb"):
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(DataError) as caught:
        LmdbStore(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path}: is a LevelDB, not an LMDB\n"
        "hint: only LMDB is supported; build one from the same list with 'ssdh data build LIST "
        "FOLDER' or 'convert_imageset --backend=lmdb'"
    )


def test_the_file_within_an_lmdb_is_not_the_lmdb(small_lmdb: Path) -> None:
    file = small_lmdb / "data.mdb"
    with pytest.raises(DataError) as caught:
        LmdbStore(file)
    assert str(caught.value) == (
        f"{file}: is a file; an LMDB is a folder\nhint: use the folder: {small_lmdb}"
    )


def test_a_folder_of_lmdbs_names_them(small_lmdb: Path, make_lmdb: Maker) -> None:
    make_lmdb([(b"0", write_raw(GRAY, 0))], "test_lmdb")
    with pytest.raises(DataError) as caught:
        LmdbStore(small_lmdb.parent)
    assert str(caught.value) == (
        f"{small_lmdb.parent}: not an LMDB: the folder has no data.mdb\n"
        "hint: it contains LMDBs: lmdb, test_lmdb"
    )


def test_an_empty_lmdb_is_refused(make_lmdb: Maker) -> None:
    path = make_lmdb([])
    for _ in range(2):  # and given back
        with pytest.raises(DataError) as caught:
            LmdbStore(path)
        assert str(caught.value) == f"{path}: the LMDB contains no records"


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data.mdb").write_bytes(b"SQLite format 3\0" * 1000)
    with pytest.raises(DataError) as caught:
        LmdbStore(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path}: cannot be opened as an LMDB: MDB_INVALID: File is not an LMDB file"
    )
    (tmp_path / "data.mdb").write_bytes(b"")
    with pytest.raises(DataError, match=r": data\.mdb is empty$"):
        LmdbStore(tmp_path)


def test_every_truncation_is_an_error(make_lmdb: Maker) -> None:
    pixels = np.zeros((3, 40, 40), np.uint8)
    path = make_lmdb((b"%08d" % i, write_raw(pixels, i)) for i in range(9))
    whole = (path / "data.mdb").read_bytes()
    for size in [*range(0, 12288, 4096), *range(12288, len(whole), 20_000)]:
        (path / "data.mdb").write_bytes(whole[:size])
        with pytest.raises(DataError):
            LmdbStore(path)


def test_a_truncated_lmdb_says_what_is_missing(make_lmdb: Maker) -> None:
    path = make_lmdb((b"%08d" % i, write_raw(GRAY, i)) for i in range(200))
    whole = (path / "data.mdb").read_bytes()
    (path / "data.mdb").write_bytes(whole[:-1])
    with pytest.raises(DataError) as caught:
        LmdbStore(path)
    size = len(whole)
    assert str(caught.value) == (
        f"{path}: the LMDB is truncated: data.mdb has {size - 1:,} of {size:,} bytes\n"
        "hint: copy it again; 'mdb_copy' can copy an LMDB that is in use"
    )


def test_a_free_page_behind_the_end_of_the_file_is_none_the_worse(make_lmdb: Maker) -> None:
    path = make_lmdb([])
    with lmdb.open(str(path), map_size=1 << 26) as env:
        for key in (b"a", b"b", b"c"):
            with env.begin(write=True) as transaction:
                transaction.put(key, write_raw(GRAY, 3))
        with env.begin(write=True) as transaction:
            transaction.put(b"d", bytes(50_000))
            transaction.delete(b"d")
        needed = (env.info()["last_pgno"] + 1) * env.stat()["psize"]
    assert (path / "data.mdb").stat().st_size < needed
    with LmdbStore(path) as store:
        assert store.keys() == [b"a", b"b", b"c"]


def test_a_record_that_is_no_datum_is_named(make_lmdb: Maker) -> None:
    path = make_lmdb([(b"0", write_raw(GRAY, 0)), (b"1\n\xff", b"\x07")])
    message = f"{path}: record '1\\n\\xff': not a Datum: no field begins at byte 0"
    with LmdbStore(path) as store:
        for read in (store.scan_labels, store.scan_shapes, lambda: list(store.records())):
            with pytest.raises(DataError) as caught:
                read()
            assert str(caught.value) == message
            assert caught.value.data["key"] == b"1\n\xff"


def test_a_damaged_page_is_an_error_that_names_the_place(make_lmdb: Maker) -> None:
    path = make_lmdb((b"%08d" % i, write_raw(GRAY, i)) for i in range(500))
    file = path / "data.mdb"
    whole = bytearray(file.read_bytes())
    pages = range(8192, len(whole), 4096)
    (root,) = (at for at in pages if whole[at + 10 : at + 12] == b"\x01\x00")
    second = root + int.from_bytes(whole[root + 18 : root + 20], "little")
    whole[second : second + 2] = b"\xff\xff"  # a leaf far behind the end of the file
    file.write_bytes(whole)
    with LmdbStore(path) as store, pytest.raises(DataError) as caught:
        store.scan_labels()
    message = str(caught.value)
    assert message.startswith(f"{path}: cannot be read on after the record '00000")
    assert message.endswith(
        "': mdb_cursor_get: MDB_PAGE_NOTFOUND: Requested page not found\n"
        "hint: it is damaged, or in use by a program that writes: 'mdb_copy' can copy it"
    )
