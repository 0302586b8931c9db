"""Mean files: real Caffe's own, and what is not one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ssdh_surgery.caffe.messages import schema
from ssdh_surgery.data.mean import image_mean, read_mean
from ssdh_surgery.data.mean_file import write_mean_file
from ssdh_surgery.errors import DataError, FileError

ARRAY = "hint: save the array as a .npy file: 'ssdh data mean --convert' makes one of it"
FORM = "hint: a mean file is a BlobProto, as compute_image_mean writes it"


def blob(**values: Any) -> bytes:
    return schema.message_class("BlobProto")(**values).SerializeToString()


def test_caffes_own_mean_file_is_read_and_written_byte_for_byte(
    golden: Path, tmp_path: Path
) -> None:
    file = golden / "train" / "mean.binaryproto"
    mean = read_mean(file)
    assert (mean.shape, mean.dtype) == ((1, 28, 28), np.float32)
    write_mean_file(tmp_path / "mean", mean)
    assert (tmp_path / "mean").read_bytes() == file.read_bytes()


def test_every_form_of_a_blob_is_read(tmp_path: Path) -> None:
    sizes = schema.message_class("BlobShape")(dim=[1, 2, 1, 3])
    for data in (
        blob(num=1, channels=2, height=1, width=3, data=range(6)),
        blob(shape=sizes, data=range(6)),
        blob(shape=sizes, double_data=range(6)),
    ):
        (tmp_path / "mean").write_bytes(data)
        assert read_mean(tmp_path / "mean").tolist() == [[[0, 1, 2]], [[3, 4, 5]]]


def test_of_several_images_the_first_is_the_mean(tmp_path: Path) -> None:
    """As in Caffe, which compares the sizes of one image and never looks at their number."""
    (tmp_path / "mean").write_bytes(blob(num=2, channels=3, height=1, width=1, data=range(6)))
    assert read_mean(tmp_path / "mean").tolist() == [[[0]], [[1]], [[2]]]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", f"not a mean file: it is empty\n{FORM}"),
        (b"\x08\x01", f"not a mean file: it holds no values\n{FORM}"),
        (b"name: 'net'\nlayer {\n", f"not a mean file: it is text\n{FORM}"),
        (b"xxxxxxxx", f"not a mean file: it is text\n{FORM}"),
        (
            b"\x93NUMPY\x01\x00",
            "not a mean file: it is a numpy array\nhint: ssdh data mean --convert {file} {other}",
        ),
        (
            b"MATLAB 5.0 MAT-file, Platform: GLNXA64".ljust(124) + b"\0\1IM",
            f"not a mean file: it is a MATLAB file\n{FORM}; save the array as a .npy file: 'ssdh "
            "data mean --convert' makes one of it",
        ),
        (b"\x89HDF\r\n\x1a\n", f"not a mean file: it is HDF5\n{FORM}"),
        (b"\x07\x00\xff", f"not a mean file: truncated, or of another kind\n{FORM}"),
        (
            blob(num=1, channels=3, height=2, width=2, data=range(11)),
            "11 values, but the shape requires 12 (1 x 3 x 2 x 2)\n"
            "hint: the file is truncated or was changed",
        ),
        (
            blob(shape=schema.message_class("BlobShape")(dim=[3]), data=range(3)),
            f"not a mean image: its shape is 3, expected 1 x C x H x W\n{ARRAY}",
        ),
        (
            blob(data=range(3)),
            f"not a mean image: its shape is no sizes, expected 1 x C x H x W\n{ARRAY}",
        ),
    ],
    ids=[
        "empty",
        "no-values",
        "text",
        "text-that-parses",
        "npy",
        "matlab",
        "hdf5",
        "noise",
        "short",
        "vector",
        "bare",
    ],
)
def test_what_is_no_mean_is_refused(data: bytes, message: str, tmp_path: Path) -> None:
    file = tmp_path / "mean.binaryproto"
    file.write_bytes(data)
    other = tmp_path / "mean_caffe.binaryproto"
    message = message.replace("{file}", str(file)).replace("{other}", str(other))
    with pytest.raises(DataError) as caught:
        read_mean(file)
    assert str(caught.value) == f"{file}: {message}"


def test_an_array_names_the_command_that_makes_a_mean_file_of_it(tmp_path: Path) -> None:
    file = tmp_path / "a mean.npy"
    np.save(file, np.ones((3, 2, 2), np.float32))
    with pytest.raises(DataError) as caught:
        read_mean(file)
    command = f"ssdh data mean --convert '{file}' '{file.with_suffix('.binaryproto')}'"
    assert str(caught.value) == f"{file}: not a mean file: it is a numpy array\nhint: {command}"


def test_every_truncation_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "mean.binaryproto"
    write_mean_file(file, np.ones((3, 2, 2), np.float32))
    whole = file.read_bytes()
    for size in range(len(whole)):
        file.write_bytes(whole[:size])
        with pytest.raises(DataError):
            read_mean(file)


def test_a_missing_mean_is_a_file_error(tmp_path: Path) -> None:
    with pytest.raises(FileError) as caught:
        read_mean(tmp_path / "mean")
    assert str(caught.value) == f"{tmp_path / 'mean'}: cannot read: no such file"


def test_the_mean_of_pictures() -> None:
    pictures = [np.full((2, 3, 4), value, np.uint8) for value in (1, 2, 6)]
    pictures[0][1] = 4
    mean = image_mean(pictures)
    assert mean.records == 3
    assert mean.channels == (3.0, 4.0)
    assert mean.values.dtype == np.float32
    np.testing.assert_array_equal(mean.values[0], np.full((3, 4), 3))


def test_pictures_of_two_sizes_have_no_mean() -> None:
    with pytest.raises(DataError) as caught:
        image_mean([np.zeros((3, 4, 5)), np.zeros((3, 5, 4))])
    assert str(caught.value) == (
        "image 2 is 3 x 5 x 4 (channels x height x width), the first 3 x 4 x 5: "
        "a mean needs one size\n"
        "hint: resize the images when building the LMDB, or use mean values"
    )


def test_no_pictures_have_no_mean() -> None:
    with pytest.raises(DataError, match=r"^there are no images to take the mean of$"):
        image_mean([])


@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_a_mean_that_is_no_file_is_refused(tmp_path: Path, kind: str) -> None:
    """Reading a pipe that nobody writes to, or a device without an end, would never return."""
    path = Path("/dev/zero")
    if kind == "pipe":
        path = tmp_path / "pipe"
        os.mkfifo(path)
    with pytest.raises(FileError, match=f"cannot read: is a {kind}, not a file"):
        read_mean(path)
