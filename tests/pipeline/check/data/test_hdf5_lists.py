"""The files of HDF5Data layers: what Caffe refuses of them, and their labels."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from ssdh_surgery.data import hdf5_contents
from support.check_folders import SOLVER, TESTED, classifier, found, texts

NET = classifier(3)
ROWS = np.arange(48, dtype="f4").reshape(12, 4)
LABELS = np.array([0, 1, 2] * 4, "f4")


def hdf5_layer(param: str = "", source: str = "list.txt") -> str:
    return (
        'layer { name: "data" type: "HDF5Data" top: "data" top: "label" hdf5_data_param '
        f'{{ source: "{source}" batch_size: 2 {param} }} }}\n'
    )


def write_h5(name: str, datasets: Mapping[str, Any]) -> None:
    with h5py.File(name, "w") as file:
        for key, value in datasets.items():
            file[key] = value


@pytest.fixture(autouse=True)
def _files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_h5("a.h5", {"data": ROWS, "label": LABELS})
    Path("list.txt").write_text("a.h5\n")


@pytest.mark.parametrize("labels", [LABELS, LABELS.astype(int), LABELS[:, None]])
def test_good_files(labels: Any) -> None:
    write_h5("b.h5", {"data": ROWS[:6], "label": labels[:6], "more": 1})
    Path("list.txt").write_text("\n  a.h5\n\nb.h5")
    assert texts(hdf5_layer() + NET) == []


BAD = [
    (
        {"images": ROWS, "label": LABELS},
        "SSDH146",
        "no dataset 'data', a top of the layer; the file has 'images', 'label'",
        "Failed to find HDF5 dataset data",
    ),
    (
        {"data/0": ROWS, "label": LABELS},
        "SSDH146",
        "no dataset 'data', a top of the layer; the file has a group of that name, and 'label'",
        "Failed to get dataset ndims for data",
    ),
    (
        {"data": ROWS, "label": LABELS[:10]},
        "SSDH147",
        "the datasets of the tops need one number of rows: 'data' has 12, 'label' has 10",
        "Check failed: hdf_blobs_[i]->shape(0) == num (10 vs. 12)",
    ),
    (
        {"data": ROWS > 3, "label": LABELS},
        "SSDH148",
        "the dataset 'data' holds no numbers: its type is enum",
        "Unsupported datatype class: H5T_ENUM",
    ),
    (
        {"data": np.array([b"a"] * 12), "label": LABELS},
        "SSDH148",
        "the dataset 'data' holds no numbers: its type is string",
        "Unsupported datatype class: H5T_STRING",
    ),
    (
        {"data": np.float32(1), "label": LABELS},
        "SSDH148",
        "the dataset 'data' is a single value, without rows",
        "Check failed: ndims >= min_dim (0 vs. 1)",
    ),
    (
        {"data": ROWS[:0], "label": LABELS[:0]},
        "SSDH148",
        "the dataset 'data' is empty: 0x4",
        "Check failed: data_",
    ),
]


@pytest.mark.parametrize(("datasets", "code", "message", "_words"), BAD)
def test_files_that_caffe_refuses(
    datasets: Mapping[str, Any], code: str, message: str, _words: str
) -> None:
    write_h5("b.h5", datasets)
    Path("list.txt").write_text("a.h5\nb.h5\n")
    first = found(hdf5_layer() + NET)[0]
    assert (first.code, first.message) == (code, f"b.h5: {message}")
    assert str(first.location) == "net.prototxt:1:90"


@pytest.mark.caffe
@pytest.mark.parametrize(("datasets", "_code", "_message", "words"), BAD)
def test_that_caffe_refuses_them(
    caffe: Path, datasets: Mapping[str, Any], _code: str, _message: str, words: str
) -> None:
    write_h5("a.h5", datasets)
    assert words in caffe_words(caffe)


def caffe_words(caffe: Path) -> str:
    Path("net.prototxt").write_text(hdf5_layer() + NET)
    Path("solver.prototxt").write_text(SOLVER + 'snapshot_prefix: "run"')
    process = subprocess.run(
        [caffe, "train", "--solver=solver.prototxt"], capture_output=True, check=False
    )
    assert process.returncode != 0
    return process.stderr.decode("utf-8", "replace")


@pytest.mark.caffe
def test_that_caffe_splits_the_list_at_white_space(caffe: Path) -> None:
    Path("list.txt").write_text("my a.h5\n")
    assert "Failed opening HDF5 file: my" in caffe_words(caffe)


def test_rows_of_another_shape_than_in_the_first_file() -> None:
    write_h5("b.h5", {"data": ROWS.reshape(24, 2), "label": np.tile(LABELS, 2)})
    Path("list.txt").write_text("a.h5\nb.h5\n")
    assert texts(hdf5_layer() + NET) == [
        "SSDH149 b.h5: a row of 'data' is 2, in the first file of the list 4"
    ]


def test_a_file_in_place_of_a_list() -> None:
    assert texts(hdf5_layer(source="a.h5") + NET) == [
        "SSDH144 a.h5 is an HDF5 file, but source names a text that lists HDF5 files, one a line\n"
        "hint: make a list of it, and name that as source: echo a.h5 > a_list.txt"
    ]
    with h5py.File("matlab.mat", "w", userblock_size=512) as file:
        file["data"] = ROWS
    assert texts(hdf5_layer(source="matlab.mat") + NET)[0].startswith("SSDH144 matlab.mat is")


def test_a_file_of_matlab_in_a_list() -> None:
    """HDF5 may begin behind a block of the user's."""
    with h5py.File("a.h5", "w", userblock_size=512) as file:
        file["data"], file["label"] = ROWS, LABELS
    assert texts(hdf5_layer() + NET) == []


def test_files_that_do_not_exist() -> None:
    Path("list.txt").write_text("a.h5\nx.h5\ny.h5\n")
    assert texts(hdf5_layer() + NET) == [
        "SSDH145 2 files of list.txt do not exist: 'x.h5', 'y.h5'\nhint: caffe opens the paths of "
        f"the list from its working directory: {Path.cwd()}"
    ]
    Path("data").mkdir()
    Path("a.h5").rename("data/a.h5")
    Path("data/list.txt").write_text("a.h5\n")
    (text,) = texts(hdf5_layer(source="data/list.txt") + NET)
    assert text.endswith("; there is one beside the list: write 'data/a.h5'")


def test_a_path_with_a_space() -> None:
    Path("a.h5").rename("my a.h5")
    Path("list.txt").write_text("my a.h5\n")
    (text,) = texts(hdf5_layer() + NET)
    assert text.startswith("SSDH145 2 files of list.txt do not exist: 'my', 'a.h5'")
    assert text.endswith("paths with spaces cannot be listed")


def test_a_list_without_files() -> None:
    Path("list.txt").write_text("\n\n")
    assert texts(hdf5_layer() + NET) == ["SSDH140 list.txt the list names no HDF5 files"]


def test_files_that_are_damaged() -> None:
    data = Path("a.h5").read_bytes()
    for content in (b"", b"text\n", data[:200], data[: len(data) // 2]):
        Path("a.h5").write_bytes(content)
        (finding,) = found(hdf5_layer() + NET)
        assert finding.code == "SSDH145"
        assert finding.message.startswith("a.h5 is no HDF5 file, or damaged: ")


def test_a_file_that_ends_the_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    """libhdf5 crashes at some damage; the other files are read all the same."""
    write_h5("b.h5", {"data": ROWS, "label": LABELS[:3]})
    Path("list.txt").write_text("a.h5\nb.h5\n")
    child = Path("child.py")
    source = Path(hdf5_contents.hdf5_child.__file__).read_text()
    child.write_text(
        source.replace(
            "        try:\n            answer = _answer(",
            "        try:\n            if path.endswith('a.h5'):\n"
            "                import os\n"
            "                os.kill(os.getpid(), signal.SIGSEGV)\n            answer = _answer(",
        )
    )
    monkeypatch.setattr(hdf5_contents.hdf5_child, "__file__", str(child))
    assert [text.split("\n")[0] for text in texts(hdf5_layer() + NET)] == [
        "SSDH145 a.h5 is damaged: reading it crashes (SIGSEGV)",
        "SSDH147 b.h5: the datasets of the tops need one number of rows: 'data' has 12, 'label' "
        "has 3",
    ]


@pytest.mark.parametrize("shape", [(12,), (12, 1), (12, 1, 1)])
def test_labels_out_of_range(shape: tuple[int, ...]) -> None:
    """Labels are cast to integers: 0.9 is class 0."""
    write_h5("a.h5", {"data": ROWS, "label": (LABELS + 1).reshape(shape)})
    (text,) = texts(hdf5_layer() + NET)
    assert text.startswith(
        "SSDH101 4 of 12 rows of list.txt have label 3 (first: row 2 of a.h5), but the classifier "
        "has 3 outputs (0 to 2)"
    )
    write_h5("a.h5", {"data": ROWS, "label": (LABELS + 0.9).reshape(shape)})
    assert texts(hdf5_layer() + NET) == []


def test_labels_of_every_pixel() -> None:
    """The labels of a segmentation, of which one is ignored."""
    maps = np.tile(np.array([[0, 1], [2, 255]], "u1"), (12, 1, 1, 1))
    maps[5, 0, 1, 1] = 7
    write_h5("a.h5", {"data": np.zeros((12, 3, 2, 2)), "label": maps})
    net = (
        'layer { name: "score" type: "Convolution" bottom: "data" top: "score" '
        "convolution_param { num_output: 3 kernel_size: 1 } }"
        'layer { name: "loss" type: "SoftmaxWithLoss" bottom: "score" bottom: "label" top: "loss" '
        "loss_param { ignore_label: 255 } }"
    )
    (text,) = texts(hdf5_layer() + net)
    assert text.startswith(
        "SSDH101 1 of 48 labels of list.txt has label 7 (first: row 5 of a.h5), but the classifier "
        "has 3 outputs (0 to 2)"
    )


def test_rows_that_come_class_by_class() -> None:
    many = np.repeat(LABELS[:3], 40)
    write_h5("a.h5", {"data": np.zeros((120, 4)), "label": many})
    assert texts(hdf5_layer() + NET) == [
        "SSDH117 the rows of list.txt come class by class: 120 rows of 3 labels are 3 "
        "runs of one label, and a batch has 2\nhint: write shuffle: true in hdf5_data_param"
    ]
    assert texts(hdf5_layer("shuffle: true") + NET) == []


def test_how_many_rows_a_test_reads() -> None:
    write_h5("b.h5", {"data": ROWS[:3], "label": LABELS[:3]})
    Path("list.txt").write_text("a.h5\nb.h5\n")
    assert texts(hdf5_layer() + NET, TESTED) == [
        "SSDH109 a test reads 1 x 2 = 2 of the 15 rows of list.txt\nhint: test_iter: 8 reads all"
    ]


def test_classes_that_are_only_tested() -> None:
    write_h5("b.h5", {"data": ROWS[:2], "label": LABELS[1:3]})
    write_h5("c.h5", {"data": ROWS[:2], "label": LABELS[:2]})
    Path("train.txt").write_text("c.h5\n")
    Path("test.txt").write_text("b.h5\n")
    include = "hdf5_data_param", "include {{ phase: {} }} hdf5_data_param"
    net = "".join(
        hdf5_layer(source=f"{phase.lower()}.txt").replace(include[0], include[1].format(phase))
        for phase in ("TRAIN", "TEST")
    )
    assert [each.code for each in found(net + NET, TESTED)] == ["SSDH108", "SSDH118", "SSDH119"]


def test_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (
        "ssdh_surgery.pipeline.check.data.hdf5_lists",
        "ssdh_surgery.data.hdf5_contents",
        "ssdh_surgery.pipeline.check.data.hdf5_files",
    ):
        monkeypatch.setattr(f"{module}.can_read", lambda: False)
    assert texts(hdf5_layer() + NET) == [
        "SSDH150 the files of list.txt are not checked: reading HDF5 files needs the extra "
        "'codes'\nhint: pip install 'ssdh-surgery[codes]'"
    ]


def test_the_hint_at_a_file_works() -> None:
    (text,) = texts(hdf5_layer(source="a.h5") + NET)
    assert subprocess.run(text.rpartition("source: ")[2], shell=True, check=False).returncode == 0
    assert texts(hdf5_layer(source="a_list.txt") + NET) == []
