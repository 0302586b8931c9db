"""`ssdh data mean --convert`, and means that `encode` takes as they are."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.io

from ssdh_surgery.data.datum import write_raw
from ssdh_surgery.data.lmdb_writer import LmdbWriter
from ssdh_surgery.data.mean import read_mean
from support import caffe_runs
from support.command_line import Ssdh

IMAGE = np.random.default_rng(1).uniform(90, 130, (3, 4, 5)).astype(np.float32)
CONVERT = ("data", "mean", "--convert")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    np.save("mean.npy", IMAGE)
    return tmp_path


def test_an_array_becomes_a_mean_file_and_back(ssdh: Ssdh) -> None:
    said = ssdh(*CONVERT, "mean.npy", "mean.binaryproto").out
    assert said == "wrote mean.binaryproto: 3 x 4 x 5\n"
    np.testing.assert_array_equal(read_mean("mean.binaryproto"), IMAGE)
    ssdh(*CONVERT, "mean.binaryproto", "back.npy")
    np.testing.assert_array_equal(np.load("back.npy"), IMAGE)


@pytest.mark.caffe
def test_pycaffe_reads_what_is_written(ssdh: Ssdh, folder: Path) -> None:
    ssdh(*CONVERT, "mean.npy", "mean.binaryproto")
    script = (
        "blob = caffe_pb2.BlobProto.FromString(open('mean.binaryproto', 'rb').read())\n"
        "found = caffe.io.blobproto_to_array(blob).tolist()"
    )
    found = caffe_runs.pycaffe(folder, script).found
    np.testing.assert_array_equal(np.float32(found), IMAGE[None])


def test_a_mean_that_is_computed_may_be_an_array(ssdh: Ssdh) -> None:
    with LmdbWriter("lmdb") as writer:
        for number in range(3):
            pixels = np.random.default_rng(number).integers(0, 256, (3, 4, 5)).astype(np.uint8)
            writer.put(b"%08d" % number, write_raw(pixels, 0))
    ssdh("data", "mean", "lmdb", "m.binaryproto")
    assert ssdh("data", "mean", "lmdb", "m.npy").out.startswith("wrote m.npy: the mean of 3 images")
    np.testing.assert_array_equal(np.load("m.npy"), read_mean("m.binaryproto"))


@pytest.mark.parametrize("version", ["5", "7.3"])
def test_a_mean_of_matlab_is_saved_by_the_hint(ssdh: Ssdh, version: str) -> None:
    # Caffe's interface for MATLAB has images of W x H x C.
    image = IMAGE.transpose(2, 1, 0)
    if version == "5":
        scipy.io.savemat("m.mat", {"mean_data": image})
    else:
        # HDF5 behind 512 bytes of text, the axes in the other order, as MATLAB stores them.
        with h5py.File("m.mat", "w", userblock_size=512) as file:
            file["mean_data"] = image.transpose(2, 1, 0)
        with open("m.mat", "r+b") as raw:
            raw.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64")
    hint = ssdh(*CONVERT, "m.mat", "--json", code=3).error["hint"]
    words = shlex.split(hint.partition("first: ")[2])
    subprocess.run([sys.executable, *words[1:]], check=True)
    np.testing.assert_array_equal(np.load("m.npy"), IMAGE)


def test_values_are_printed_as_mean_value_takes_them(ssdh: Ssdh) -> None:
    shown = ssdh(*CONVERT, "mean.npy").out
    values = [float(each) for each in shown.strip().split(",")]
    assert values == pytest.approx(IMAGE.mean((1, 2), dtype=np.float64), rel=1e-6)
    assert ssdh(*CONVERT, "104,116.5,123").out == "104,116.5,123\n"
    answer = ssdh(*CONVERT, "mean.npy", "--json").json
    assert (answer["file"], answer["records"], answer["shape"]) == (None, None, [3, 4, 5])


def test_values_become_an_image_of_a_size(ssdh: Ssdh) -> None:
    ssdh(*CONVERT, "104,117,123", "mean.binaryproto", "--resize", "6x2")
    mean = read_mean("mean.binaryproto")
    assert mean.shape == (3, 2, 6)
    assert mean.mean((1, 2)).tolist() == [104, 117, 123]
    assert (mean.std((1, 2)) == 0).all()
    ssdh(*CONVERT, "104,117,123", "values.npy")
    assert np.load("values.npy").tolist() == [104, 117, 123]


def test_values_without_a_size_are_no_image(ssdh: Ssdh, folder: Path) -> None:
    error = ssdh(*CONVERT, "104,117,123", "m.binaryproto", "--json", code=3).error
    assert error["message"] == "a mean file holds an image, and 104,117,123 are values"
    assert "--resize WxH" in error["hint"]
    assert not (folder / "m.binaryproto").exists()


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["mean.npy", "m.npy", "--resize", "8x8"], 2, "but mean.npy is a mean image of 5x4"),
        (["mean.npy", "-"], 2, "a mean cannot go to standard output"),
        (["mean.npy", "m.h5"], 2, "a mean is written as .binaryproto or .npy, not as .h5"),
        (["mean.npy", "--gray"], 2, "--root and --gray are for images"),
        (["maen.npy", "m.binaryproto"], 3, "cannot read: no such file"),
        (["1,2,x"], 3, "cannot read: no such file"),
        ([".", "m.npy"], 3, "is a folder, not a file"),
    ],
)
def test_refusals(ssdh: Ssdh, words: list[str], code: int, message: str) -> None:
    before = sorted(Path().iterdir())
    assert message in ssdh(*CONVERT, *words, code=code).err
    assert sorted(Path().iterdir()) == before


def test_nothing_is_replaced_without_force(ssdh: Ssdh) -> None:
    Path("m.binaryproto").write_bytes(b"mine")
    assert "the file exists" in ssdh(*CONVERT, "mean.npy", "m.binaryproto", code=3).err
    assert Path("m.binaryproto").read_bytes() == b"mine"
    assert (
        "is read by this command" in ssdh(*CONVERT, "mean.npy", "mean.npy", "--force", code=3).err
    )
    ssdh(*CONVERT, "mean.npy", "m.binaryproto", "--force")
    np.testing.assert_array_equal(read_mean("m.binaryproto"), IMAGE)
