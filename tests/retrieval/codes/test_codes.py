"""The file of codes: its form to the byte, and every way in which a file is none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ssdh_surgery.errors import DataError, FileError
from ssdh_surgery.retrieval.codes.code_file import read_codes, write_codes
from ssdh_surgery.retrieval.codes.codes import Codes, pack
from ssdh_surgery.retrieval.codes.compatibility import overlap, refuse_differing
from support.small_codes import unpacked

MODEL = {"weights": "a" * 64, "blob": "code"}


def some(bits: int = 12, **changes: Any) -> Codes:
    random = np.random.default_rng(0)
    activations = random.random((3, bits), np.float32)
    values = {
        "packed": pack(activations),
        "bits": bits,
        "ids": np.array(["a.jpg", "b c.jpg", "caf\udce9.jpg"]),
        "labels": np.array([0, 2, -1]),
        "recipe": {"model": MODEL},
        "activations": activations,
    }
    return Codes(**{**values, **changes})


def test_the_form_that_other_programs_rely_on(tmp_path: Path) -> None:
    activations = np.array([[0.6, 0.5, 0.51] + [0.0] * 5 + [1.0, 0.2]], np.float32)
    codes = Codes(pack(activations), 10, np.array(["x"]), np.array([7]), {"model": MODEL})
    write_codes(tmp_path / "codes.npz", codes)
    with np.load(tmp_path / "codes.npz", allow_pickle=False) as archive:
        assert set(archive) == {"codes", "bits", "ids", "labels", "recipe"}
        # Bit 0 is the highest of byte 0; 0.5 itself is no one; the tail is zeros.
        assert archive["codes"].tolist() == [[0b10100000, 0b10000000]]
        assert archive["codes"].dtype == np.uint8
        assert int(archive["bits"]) == 10
        assert archive["ids"].tolist() == ["x"]
        assert archive["labels"].dtype == np.int64
        assert json.loads(str(archive["recipe"])) == {"model": MODEL}


@pytest.mark.parametrize("labels", [np.array([0, 2, -1]), np.eye(3, 5, dtype=np.uint8)])
def test_what_is_written_is_read(tmp_path: Path, labels: Any) -> None:
    codes = some(labels=labels)
    write_codes(tmp_path / "codes.npz", codes)
    read = read_codes(tmp_path / "codes.npz")
    for name in ("packed", "ids", "labels", "activations"):
        assert np.array_equal(getattr(read, name), getattr(codes, name)), name
    assert (read.bits, read.recipe, read.model) == (12, codes.recipe, MODEL)
    assert read.is_multi_label == (labels.ndim == 2)
    assert np.array_equal(unpacked(read), codes.activations > 0.5)  # type: ignore[operator]


def parts(**changes: Any) -> dict[str, Any]:
    codes = some()
    form = {
        "codes": codes.packed,
        "bits": np.int64(12),
        "ids": codes.ids,
        "labels": codes.labels,
        "recipe": "{}",
    }
    return {name: value for name, value in {**form, **changes}.items() if value is not None}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"labels": None},
            "not a file of codes: it has no 'labels'\nhint: 'ssdh encode' writes such files",
        ),
        ({"bits": np.int64(0)}, "'bits' is not the width of a code"),
        (
            {"bits": np.int64(20)},
            "'codes' is uint8 [3, 2], expected uint8 [3, 3] for 20 bits",
        ),
        (
            {"ids": np.array(["a"])},
            "'ids' is <U1 [1], expected text [3] for 12 bits",
        ),
        (
            {"activations": np.zeros((3, 5), np.float32)},
            "'activations' is float32 [3, 5], expected float32 [3, 12] for 12 bits",
        ),
        (
            {"labels": np.zeros(3)},
            "'labels' is float64 [3], expected integers [3] for 12 bits",
        ),
        (
            {"labels": np.array([[0], [2], [1]])},
            "labels [3, 1] must be 0 or 1 for each class, and some are not\n"
            "hint: a single label for each item is an array [N]",
        ),
        (
            {"codes": np.full((3, 2), 255, np.uint8)},
            "padding bits after the 12 bits of a code are not zero",
        ),
        (
            {"recipe": "{"},
            "'recipe' is not JSON: Expecting property name enclosed in double quotes: "
            "line 1 column 2 (char 1)",
        ),
    ],
)
def test_parts_that_do_not_fit(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    path = tmp_path / "codes.npz"
    np.savez(path, **parts(**changes))
    with pytest.raises(DataError) as caught:
        read_codes(path)
    assert str(caught.value) == f"{path}: {message}"


def test_files_that_are_none(tmp_path: Path) -> None:
    path = tmp_path / "codes.npz"
    with pytest.raises(FileError, match=r"codes\.npz: cannot read: no such file$"):
        read_codes(path)
    path.write_text("cat.jpg 0\n")
    with pytest.raises(DataError) as caught:
        read_codes(path)
    assert str(caught.value) == (
        f"{path}: not a file of codes\nhint: 'ssdh encode' writes such files"
    )


def test_a_file_cut_short_anywhere_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "codes.npz"
    write_codes(path, some())
    data = path.read_bytes()
    for length in range(0, len(data), 41):
        path.write_bytes(data[:length])
        with pytest.raises(DataError, match=r"is truncated or damaged|not a file of codes"):
            read_codes(path)


def test_a_file_with_a_changed_byte_of_codes_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "codes.npz"
    write_codes(path, some())
    data = bytearray(path.read_bytes())
    at = data.index(some().packed.tobytes())
    data[at] ^= 1
    path.write_bytes(data)
    with pytest.raises(DataError, match=r"damaged: Bad CRC-32 for file 'codes\.npy'"):
        read_codes(path)


def test_writing_is_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "codes.npz"
    write_codes(path, some())
    before = path.read_bytes()
    with pytest.raises(TypeError):
        write_codes(path, some(recipe={"not": object()}))
    with pytest.raises(FileError, match=r"cannot write: no such folder"):
        write_codes(tmp_path / "missing" / "codes.npz", some())
    with pytest.raises(FileError, match=r"cannot write: is a folder, not a file"):
        write_codes(tmp_path, some())
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["codes.npz"]


def test_codes_of_another_model_are_not_compared() -> None:
    other = {**MODEL, "weights": "b" * 64}
    with pytest.raises(DataError) as caught:
        refuse_differing(some(name="q.npz"), some(recipe={"model": other}, name="d.npz"))
    assert str(caught.value) == (
        "q.npz: made by another model than d.npz: weights aaaaaaaaaaaa against bbbbbbbbbbbb\n"
        "hint: encode both with the same net and weights"
    )
    refuse_differing(some(), some(recipe={}))  # not known by what


def test_overlap_is_of_pixels_where_they_are_known() -> None:
    queries, database = some(), some(ids=np.array(["a.jpg", "x", "y"]))
    assert overlap(queries, database).tolist() == [True, False, False]
    other = some(packed=some().packed[::-1].copy(), ids=np.array(["a.jpg", "b", "c"]))
    assert not overlap(queries, other).any()  # another picture under the same name
    content = np.array([1, 2, 3], np.uint64)
    known = [some(content=each) for each in (content, content[1:].repeat(2)[:3])]
    assert overlap(*known).tolist() == [False, True, True]


def test_content_is_kept(tmp_path: Path) -> None:
    content = np.array([1, 2**64 - 1, 3], np.uint64)
    write_codes(tmp_path / "codes.npz", some(content=content))
    read = read_codes(tmp_path / "codes.npz").content
    assert read is not None
    assert read.tolist() == content.tolist()
