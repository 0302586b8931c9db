"""Several labels for each picture: from a list to LMDBs, a trained net, codes and their mAP."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from ssdh_surgery import open_net
from ssdh_surgery.data.build import build
from ssdh_surgery.data.list_line import SeveralLabels
from ssdh_surgery.data.lmdb_store import LmdbStore
from ssdh_surgery.retrieval.codes.code_file import read_codes
from support.caffe_runs import pycaffe
from support.command_line import Ssdh

PICTURES, CLASSES = 48, 5


def net(source: str, phase: str) -> str:
    return "".join(
        f'layer {{ name: "{top}" type: "Data" top: "{top}" include {{ phase: {phase} }}\n'
        f'  data_param {{ source: "{source}{part}_lmdb" backend: LMDB batch_size: 8 }}'
        f"{scale} }}\n"
        for top, part, scale in (
            ("data", "", " transform_param { scale: 0.00390625 crop_size: 8 }"),
            ("label", "_labels", ""),
        )
    )


BODY = """\
layer { name: "fc" type: "InnerProduct" bottom: "data" top: "fc" param { lr_mult: 1 }
  param { lr_mult: 2 } inner_product_param { num_output: 16 weight_filler { type: "xavier" } } }
layer { name: "relu" type: "ReLU" bottom: "fc" top: "fc" }
layer { name: "scores" type: "InnerProduct" bottom: "fc" top: "scores" param { lr_mult: 1 }
  param { lr_mult: 2 } inner_product_param { num_output: 5 weight_filler { type: "xavier" } } }
layer { name: "loss" type: "SigmoidCrossEntropyLoss" bottom: "scores" bottom: "label" top: "loss" }
"""
SOLVER = """\
net: "train_val.prototxt"
test_iter: 2
test_interval: 100
base_lr: 0.1
lr_policy: "fixed"
max_iter: 10
snapshot_prefix: "small"
solver_mode: CPU
"""


@pytest.fixture
def vectors(tmp_path: Path, ssdh: Ssdh) -> np.ndarray:
    """A list of pictures with a vector of labels each, in the current folder."""
    random = np.random.default_rng(0)
    labels = random.integers(0, 2, (PICTURES, CLASSES))
    labels[labels.sum(1) == 0, 0] = 1
    with open("list.txt", "w") as lines:
        for number, vector in enumerate(labels):
            name = f"my {number}.png"
            pixels = random.integers(0, 256, (12, 12, 3), dtype=np.uint8)
            assert cv2.imwrite(name, pixels)
            lines.write(f"{name} {' '.join(map(str, vector))}\n")
    return labels


def stored(path: str) -> dict[bytes, np.ndarray]:
    with LmdbStore(path) as store:
        return {key: datum.pixels() for key, datum in store.records()}


def test_label_vectors_have_the_keys_of_the_pictures(ssdh: Ssdh, vectors: np.ndarray) -> None:
    told = ssdh("data", "build", "list.txt", "x_lmdb", "--multi-label")
    assert "x_labels_lmdb: their label vectors" in told.out
    found = stored("x_labels_lmdb")
    assert list(found) == list(stored("x_lmdb"))
    assert [each.reshape(-1).tolist() for each in found.values()] == vectors.tolist()
    assert next(iter(found.values())).shape == (CLASSES, 1, 1)


def test_class_numbers_shuffled_and_split(ssdh: Ssdh, vectors: np.ndarray) -> None:
    lines = Path("list.txt").read_text().splitlines()
    with open("numbers.txt", "w") as numbers:
        for line, vector in zip(lines, vectors, strict=True):
            name = line.partition(".png")[0] + ".png"
            numbers.write(f"{name} {' '.join(map(str, np.flatnonzero(vector)))}\n")
    words = ("--multi-label", "--classes", CLASSES, "--shuffle", "--seed", "3", "--split", "0.5")
    ssdh("data", "build", "numbers.txt", "x_lmdb", *map(str, words))
    wanted = dict(zip((line.partition(".png")[0] for line in lines), vectors, strict=True))
    seen = 0
    for side in ("train", "test"):
        found = stored(f"x_{side}_labels_lmdb")
        assert list(found) == list(stored(f"x_{side}_lmdb"))
        for key, vector in found.items():
            name = key.decode().partition("_")[2].removesuffix(".png")
            assert vector.reshape(-1).tolist() == wanted[name].tolist()
        seen += len(found)
    assert seen == PICTURES


def test_an_interrupted_build_goes_on(ssdh: Ssdh, vectors: np.ndarray) -> None:
    def interrupt(done: int, count: int) -> None:
        if done > count // 2:
            raise KeyboardInterrupt

    several = SeveralLabels()
    with pytest.raises(KeyboardInterrupt):
        build("list.txt", "x_lmdb", several=several, resume=True, progress=interrupt)
    assert not list(Path().glob("x*_lmdb"))
    build("list.txt", "x_lmdb", several=several, resume=True)
    build("list.txt", "y_lmdb", several=several)
    for name in ("_lmdb", "_labels_lmdb"):
        ours, theirs = stored(f"x{name}"), stored(f"y{name}")
        assert list(ours) == list(theirs)
        assert all(np.array_equal(ours[key], theirs[key]) for key in ours)


PAIR = """\
layer { name: "data" type: "Data" top: "data"
  data_param { source: "x_test_lmdb" backend: LMDB batch_size: 5 } }
layer { name: "label" type: "HDF5Data" top: "label"
  hdf5_data_param { source: "x_test_labels.txt" batch_size: 5 } }
"""
# The first pixel of each picture, and its labels, over more batches than there are records.
SCRIPT = """
made = net(%r)
found = []
for _ in range(12):
    made.forward()
    blobs = made.blobs["data"].data, made.blobs["label"].data
    found += [[a[:, 0, 0].tolist(), b.tolist()] for a, b in zip(*blobs)]
"""


def test_vectors_as_hdf5_go_with_the_pictures(ssdh: Ssdh, vectors: np.ndarray) -> None:
    words = ["--multi-label", "--shuffle", "--split", "0.5"]
    Path("my 5.png").write_bytes(b"")
    words = [*words, "--skip-bad"]
    ssdh("data", "build", "list.txt", "y_lmdb", *words)
    told = ssdh("data", "build", "list.txt", "x_lmdb", *words, "--labels-as", "hdf5")
    assert "wrote x_train_labels.txt: their label vectors\n" in told.out
    assert not list(Path().glob("x_*labels_lmdb"))
    Path("net.prototxt").write_text(PAIR)
    opened = open_net("net.prototxt", phase="TRAIN", engine="torch")
    found = []
    for _ in range(12):
        opened.forward()
        blobs = opened.blobs["data"].data, opened.blobs["label"].data
        found += [[a[:, 0, 0].tolist(), b.tolist()] for a, b in zip(*blobs, strict=True)]
    pairs = zip(stored("y_test_lmdb").values(), stored("y_test_labels_lmdb").values(), strict=True)
    wanted = [[a[:, 0, 0].tolist(), b.reshape(-1).tolist()] for a, b in pairs]
    assert found == [wanted[place % len(wanted)] for place in range(60)]


@pytest.mark.caffe
def test_caffe_reads_vectors_as_hdf5(ssdh: Ssdh, vectors: np.ndarray) -> None:
    words = ("--multi-label", "--shuffle", "--split", "0.5")
    ssdh("data", "build", "list.txt", "x_lmdb", *words, "--labels-as", "hdf5")
    ssdh("data", "build", "list.txt", "y_lmdb", *words)
    ran = pycaffe(Path.cwd(), SCRIPT % PAIR)
    pairs = zip(stored("y_test_lmdb").values(), stored("y_test_labels_lmdb").values(), strict=True)
    wanted = [[a[:, 0, 0].tolist(), b.reshape(-1).tolist()] for a, b in pairs]
    assert ran.found == [wanted[place % len(wanted)] for place in range(60)], ran.stderr[-2000:]


def test_hdf5_in_the_way(ssdh: Ssdh, vectors: np.ndarray) -> None:
    words = ("--multi-label", "--labels-as", "hdf5")
    Path("x_labels.txt").write_text("mine\n")
    err = ssdh("data", "build", "list.txt", "x_lmdb", *words, code=3).err
    assert err == "x_labels.txt: exists already\nhint: --force replaces it\n"
    assert not Path("x_lmdb").exists()
    ssdh("data", "build", "list.txt", "x_lmdb", *words, "--force")
    assert Path("x_labels.txt").read_text() == "x_labels.h5\n"
    err = ssdh("data", "build", "list.txt", "my lmdb", *words, code=3).err
    assert err == (
        "my lmdb_labels.h5: Caffe cannot read a list of HDF5 files whose paths contain white "
        "space\nhint: choose another name, or store the vectors in an LMDB\n"
    )
    err = ssdh("data", "build", "list.txt", "z_lmdb", "--labels-as", "hdf5", code=2).err
    assert "--labels-as needs --multi-label" in err


def test_what_is_wrong(ssdh: Ssdh, vectors: np.ndarray) -> None:
    err = ssdh("data", "build", "list.txt", "x_lmdb", code=3).err
    assert "--multi-label" in err
    assert "--multi-label" in ssdh("data", "build", "list.txt", "x", "--classes", "5", code=2).err
    Path("folder/a").mkdir(parents=True)
    err = ssdh("data", "build", "folder", "x_lmdb", "--multi-label", code=3).err
    assert "one label per image" in err
    with open("list.txt", "a") as lines:
        lines.write("another.png 1 0\n")
    Path("another.png").write_bytes(Path("my 0.png").read_bytes())
    err = ssdh("data", "build", "list.txt", "x_lmdb", "--multi-label", code=3).err
    assert "has 2, most have 5" in err
    assert not list(Path().glob("*_lmdb"))


@pytest.mark.parametrize(
    "engine", ["torch", pytest.param("binary", marks=pytest.mark.caffe, id="caffe")]
)
def test_a_net_is_patched_trained_and_its_codes_judged(
    ssdh: Ssdh, vectors: np.ndarray, engine: str
) -> None:
    for name in ("train", "test"):
        ssdh("data", "build", "list.txt", f"{name}_lmdb", "--multi-label")
    text = net("train", "TRAIN") + net("test", "TEST") + BODY
    Path("train_val.prototxt").write_text(text)
    Path("solver.prototxt").write_text(SOLVER)
    ssdh("patch", "train_val.prototxt", "--bits", "12")
    ssdh("train", "--engine", engine, "--gpu", "none")
    ssdh("deploy")
    words = ("--resize", "none", "--multi-label", "--engine", "torch")
    ssdh("encode", "list.txt", "-o", "codes.npz", *words)
    ssdh("encode", "test_lmdb", "-o", "records.npz", "--labels", "test_labels_lmdb")
    codes, records = read_codes("codes.npz"), read_codes("records.npz")
    assert codes.labels.tolist() == records.labels.tolist() == vectors.tolist()
    assert codes.packed.tolist() == records.packed.tolist()
    told = ssdh("evaluate", "--queries", "codes.npz", "--database", "codes.npz", "--json").json
    assert 0.5 < told["map"]["all"] <= 1
