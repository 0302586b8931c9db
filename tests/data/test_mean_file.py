"""Means of any form: what NumPy wrote, what Caffe wrote, and what is neither."""

from __future__ import annotations

import io
import shlex
from pathlib import Path

import numpy as np
import pytest

from ssdh_surgery.caffe.messages import schema
from ssdh_surgery.cli import run
from ssdh_surgery.data.mean import read_mean
from ssdh_surgery.data.mean_file import mean_digest, mean_of_values, read_mean_file, write_mean_file
from ssdh_surgery.errors import DataError
from ssdh_surgery.files import file_digest

IMAGE = np.random.default_rng(0).uniform(90, 130, (3, 4, 5))


def npy(array: np.ndarray) -> bytes:
    memory = io.BytesIO()
    np.save(memory, array)
    return memory.getvalue()


@pytest.mark.parametrize("dtype", ["<f4", "<f8", ">f8", "u1", "<i8", "f2"])
@pytest.mark.parametrize("shape", ["image", "batch", "values", "fortran"])
def test_arrays_are_read_as_numpy_reads_them(tmp_path: Path, dtype: str, shape: str) -> None:
    array = IMAGE.astype(dtype)
    array = {
        "image": array,
        "batch": array[None],
        "values": array[:, 0, 0],
        "fortran": np.asfortranarray(array),
    }[shape]
    np.save(tmp_path / "mean", array)
    mean = read_mean_file(tmp_path / "mean.npy")
    expected = np.load(tmp_path / "mean.npy")
    expected = expected[0] if shape == "batch" else expected
    np.testing.assert_array_equal(mean, expected.astype(np.float32))
    assert mean.dtype == np.float32


def test_archives_have_one_array_or_name_it(tmp_path: Path) -> None:
    np.savez(tmp_path / "one.npz", anything=IMAGE)
    np.savez_compressed(tmp_path / "named.npz", std=IMAGE, mean=IMAGE + 1)
    np.testing.assert_array_equal(read_mean_file(tmp_path / "one.npz"), np.float32(IMAGE))
    np.testing.assert_array_equal(read_mean_file(tmp_path / "named.npz"), np.float32(IMAGE + 1))
    np.savez(tmp_path / "two.npz", std=IMAGE, average=IMAGE)
    with pytest.raises(DataError, match="which array is the mean\\? It has 'std', 'average'"):
        read_mean_file(tmp_path / "two.npz")


def test_caffes_own_mean_survives_both_ways_byte_for_byte(golden: Path, tmp_path: Path) -> None:
    file = golden / "train" / "mean.binaryproto"
    write_mean_file(tmp_path / "mean.npy", read_mean_file(file))
    np.testing.assert_array_equal(np.load(tmp_path / "mean.npy"), read_mean(file))
    write_mean_file(tmp_path / "back.binaryproto", read_mean_file(tmp_path / "mean.npy"))
    assert (tmp_path / "back.binaryproto").read_bytes() == file.read_bytes()
    for name in (file, tmp_path / "mean.npy"):
        assert mean_digest(name, read_mean_file(name)) == file_digest(file)


def test_a_mean_without_a_number_of_images_becomes_one_that_caffe_takes(tmp_path: Path) -> None:
    blob = schema.message_class("BlobProto")(shape={"dim": IMAGE.shape}, data=IMAGE.ravel())
    file = tmp_path / "mean.binaryproto"
    file.write_bytes(blob.SerializeToString())
    with pytest.raises(DataError) as caught:
        read_mean(file)
    out = tmp_path / "mean_caffe.binaryproto"
    assert caught.value.hint == f"ssdh data mean --convert {file} {out}"
    assert run(shlex.split(caught.value.hint)[1:]) == 0
    np.testing.assert_array_equal(read_mean(out), IMAGE.astype(np.float32))


@pytest.mark.parametrize("dims", [[-1, -3, 20], [0, 4, 5], [3, 4, 6]])
def test_sizes_that_no_blob_has_are_refused(tmp_path: Path, dims: list[int]) -> None:
    blob = schema.message_class("BlobProto")(shape={"dim": dims}, data=IMAGE.ravel())
    (tmp_path / "mean").write_bytes(blob.SerializeToString())
    with pytest.raises(DataError):
        read_mean_file(tmp_path / "mean")


_HUGE = npy(np.zeros((3, 2, 2), np.float32)).replace(b"(3, 2, 2), ", b"(3, 9**9)")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (npy(IMAGE[0]), "not a mean: its shape is 4 x 5, expected C x H x W, or C for one value"),
        (npy(IMAGE.transpose(1, 2, 0).repeat(3, 0)), "its shape is 12 x 5 x 3, which looks like"),
        (npy(np.float32(3)), "not a mean: its shape is that of one number, expected"),
        (npy(np.ones((2, 3, 4, 4))), "not a mean: its shape is 2 x 3 x 4 x 4, expected"),
        (npy(np.ones(0)), "not a mean: its shape is 0, expected"),
        (npy(np.array([1, np.nan, 3])), "not a mean: it has NaN or infinite values"),
        (npy(np.array([1, 1e300, 3])), "not a mean: it has NaN or infinite values"),
        (npy(np.array(["a", "b"])), "holds no mean: its values are <U1, not numbers"),
        (npy(np.array([1j])), "holds no mean: its values are complex128, not numbers"),
        (npy(IMAGE)[:-1], "is truncated or damaged: 479 bytes of values, but its shape (3"),
        (npy(IMAGE) + b"x", "is truncated or damaged: 481 bytes of values, but its shape"),
        (npy(IMAGE)[:40], "is truncated or damaged: "),
        (b"\x93NUMPY\x09\x00", "is truncated or damaged: "),
        (_HUGE, "is truncated or damaged: "),
        (b"PK\x03\x04 and then nothing", "is truncated or damaged: File is not a zip file"),
        (b"MATLAB 5.0 MAT-file, Platform: GLNXA64", "a mean of MATLAB, which is not read"),
        (b"name: 'net'\n", "not a mean file: it is text"),
        (b"\x89HDF\r\n\x1a\n", "not a mean file: it is HDF5"),
    ],
)  # fmt: skip
def test_what_is_no_mean_is_refused(tmp_path: Path, data: bytes, message: str) -> None:
    file = tmp_path / "mean"
    file.write_bytes(data)
    with pytest.raises(DataError) as caught:
        read_mean_file(file)
    assert caught.value.message.startswith(message) or message in caught.value.message


def test_pickles_are_never_loaded(tmp_path: Path) -> None:
    np.save(tmp_path / "mean.npy", np.array([{}, []], dtype=object))
    with pytest.raises(DataError, match="its values are object, not numbers"):
        read_mean_file(tmp_path / "mean.npy")


@pytest.mark.parametrize("text", ["", "mean.npy", "1,2,x", "nan,1,2", "1e400", "104;117;123"])
def test_what_is_no_list_of_numbers(text: str) -> None:
    assert mean_of_values(text) is None
