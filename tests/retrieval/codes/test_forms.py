"""Codes in each kind of file: what is written is read, elsewhere too, and damage is told."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pyarrow.parquet as parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ssdh_surgery.errors import DataError, FileError, UsageError
from ssdh_surgery.retrieval.codes import forms
from ssdh_surgery.retrieval.codes.code_file import read_features, write_codes
from ssdh_surgery.retrieval.codes.codes import Codes, pack

FORMS = ["npz", "h5", "hdf5", "parquet"]
NAMES = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8)


def made(count: int, width: int, **changes: Any) -> Codes:
    activations = np.random.default_rng(count).random((count, width), np.float32)
    values = {
        "packed": pack(activations),
        "bits": width,
        "ids": np.array([f"{number}.jpg" for number in range(count)], str),
        "labels": np.arange(count) - 1,
        "recipe": {"model": {"blob": "code"}, "caf\u00e9": [1]},
        "activations": activations,
        "content": np.arange(count, dtype=np.uint64) + 2**63,
        "left_out": np.array(["bad.png", "caf\udce9.png"]),
    }
    return Codes(**{**values, **changes})


def same(one: Codes, other: Codes) -> None:
    for name in ("packed", "ids", "labels", "activations", "content", "left_out"):
        mine, theirs = getattr(one, name), getattr(other, name)
        assert np.array_equal(mine, theirs), name
        assert mine is None or mine.dtype.kind == theirs.dtype.kind, name
    assert (one.bits, one.recipe) == (other.bits, other.recipe)
    assert one.class_names == other.class_names


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "codes",
    [
        made(20, 12),
        made(3, 128, ids=np.array(["caf\udce9.jpg", "a\nb", "\u732b"])),
        made(4, 9, labels=np.eye(4, 6, dtype=np.uint8)),
        made(5, 8, activations=None, content=None),
        made(2, 7, bits=0, packed=np.empty((2, 0), np.uint8)),
        made(0, 16, left_out=np.empty(0, str)),
        made(3, 8, class_names=("cat", "caf\udce9", "\u732b")),
        made(4, 9, labels=np.eye(4, 2, dtype=np.uint8), class_names=("sky", "sea")),
    ],
    ids=[
        *("plain", "names", "multi-label", "bare", "features", "empty"),
        *("class-names", "columns"),
    ],
)
def test_what_is_written_is_read(tmp_path: Path, form: str, codes: Codes) -> None:
    write_codes(tmp_path / f"codes.{form}", codes)
    read = read_features(tmp_path / f"codes.{form}")
    same(read, codes)


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_any_codes_survive_in_any_form(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    count, bits = data.draw(st.integers(1, 30)), data.draw(st.integers(1, 40))
    names = data.draw(st.lists(NAMES, min_size=count, max_size=count))
    # numpy's text cannot end with zeros, and no name of a file does.
    codes = made(count, bits, ids=np.array(names, str))
    for form in ("npz", "h5", "parquet"):
        path = tmp_path_factory.mktemp("codes") / f"codes.{form}"
        write_codes(path, codes)
        same(read_features(path), codes)


@pytest.mark.parametrize("form", ["h5", "parquet"])
def test_arrays_are_written_in_several_blocks(
    tmp_path: Path, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forms, "_BLOCK_BYTES", 1000)
    codes = made(200, 48)
    write_codes(tmp_path / f"codes.{form}", codes)
    same(read_features(tmp_path / f"codes.{form}"), codes)
    if form == "parquet":
        assert parquet.ParquetFile(tmp_path / "codes.parquet").num_row_groups > 10


def test_other_programs_read_them(tmp_path: Path) -> None:
    codes = made(6, 20)
    for form in ("h5", "parquet"):
        write_codes(tmp_path / f"codes.{form}", codes)
    with h5py.File(tmp_path / "codes.h5") as file:
        assert np.array_equal(file["codes"], codes.packed)
        assert file["ids"].asstr()[2] == "2.jpg"
        assert file["bits"][()] == 20
    table = parquet.read_table(tmp_path / "codes.parquet")
    assert table.column_names == ["codes", "ids", "labels", "activations", "content"]
    row = table.slice(2, 1).to_pylist()[0]
    assert (row["ids"], row["labels"]) == ("2.jpg", 1)
    assert row["codes"] == codes.packed[2].tobytes()
    assert codes.activations is not None
    assert row["activations"] == codes.activations[2].tolist()


@pytest.mark.parametrize("form", ["npz", "h5", "parquet"])
def test_damage_is_told(tmp_path: Path, form: str) -> None:
    path = tmp_path / f"codes.{form}"
    codes = made(20, 64)
    write_codes(path, codes)
    data = path.read_bytes()
    for length in range(0, len(data), len(data) // 40):
        path.write_bytes(data[:length])
        with pytest.raises(DataError, match=r"is truncated or damaged|not a file of codes"):
            read_features(path)
    at = data.index(codes.packed[:1].tobytes()) if form != "parquet" else data.index(b"PAR1") + 40
    path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
    with pytest.raises(DataError, match="damaged"):
        read_features(path)


@pytest.mark.parametrize("form", ["h5", "parquet"])
def test_files_of_the_kind_with_something_else_in_them(tmp_path: Path, form: str) -> None:
    path = tmp_path / f"other.{form}"
    if form == "h5":
        with h5py.File(path, "w") as file:
            file["data"] = [1, 2]
    else:
        import pyarrow

        parquet.write_table(pyarrow.table({"data": [1, 2]}), path)
    with pytest.raises(DataError, match=r"not a file of codes: it has no '(codes|ids)'"):
        read_features(path)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (np.array(["cat", "cat"]), "'class_names' has a name twice"),
        (np.array([1, 2]), r"'class_names' is int64 \[2\], expected text \[2\]"),
        (np.array(["sky", "sea", "car"]), r"'class_names' is <U3 \[3\], expected text \[2\]"),
    ],
)
def test_class_names_that_do_not_fit(tmp_path: Path, names: Any, message: str) -> None:
    path = tmp_path / "codes.npz"
    write_codes(path, made(4, 8, labels=np.eye(4, 2, dtype=np.uint8)))
    with np.load(path) as archive:
        np.savez(path, **archive, class_names=names)
    with pytest.raises(DataError, match=message):
        read_features(path)


def test_hdf5_is_not_begun_where_there_is_no_room(tmp_path: Path) -> None:
    codes = made(3, 8)
    # A petabyte that lies nowhere: where HDF5 runs out of disk it crashes.
    content = np.broadcast_to(np.uint64(0), (1 << 47,))
    with pytest.raises(FileError, match=r"codes\.h5: cannot write: no space left on the disk"):
        write_codes(tmp_path / "codes.h5", replace(codes, content=content))
    assert not list(tmp_path.iterdir())


def test_endings_that_mean_something_else(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"to a '\.txt' file"):
        write_codes(tmp_path / "codes.txt", made(1, 8))
    assert not list(tmp_path.iterdir())


def test_a_member_that_is_marked_as_encrypted_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "codes.npz"
    write_codes(path, made(20, 64))
    data = bytearray(path.read_bytes())
    # The flags of a member: 8 bytes after the signature of its entry in the central directory.
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    with pytest.raises(DataError, match=r"is truncated or damaged: .* is encrypted"):
        read_features(path)


@pytest.mark.parametrize(
    "member",
    [
        b"no array",
        # Headers that NumPy's parser of Python refuses, each in its own way.
        *(
            b"\x93NUMPY\x01\x00\x10\x00" + header
            for header in (b"{'descr': (\n\0     ", b"{'a':\0        \n")
        ),
    ],
)
def test_a_member_that_is_no_array(tmp_path: Path, member: bytes) -> None:
    codes = tmp_path / "x.npz"
    write_codes(codes, made(3, 8))
    with zipfile.ZipFile(codes) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    for name in parts:
        with zipfile.ZipFile(codes, "w") as archive:
            for each, data in parts.items():
                archive.writestr(each, member if each == name else data)
        with pytest.raises(DataError, match=r"is truncated or damaged: "):
            read_features(codes)
