"""`ssdh patch` and the data: sources, batches, backends, means."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lmdb
import pytest

from support import lenet
from support.command_line import Ssdh, snapshot

TRAIN = lenet.TRAIN
SHARED = """\
layer {
  name: "data"
  type: "Data"
  top: "data"
  top: "label"
  data_param { source: "lmdb" batch_size: 8 }
}
"""
MEANS = [f"mean_value[{channel}]" for channel in range(3)]
DATA = TRAIN[TRAIN.index("layer {") : TRAIN.index('layer {\n  name: "conv1"')]


@pytest.fixture
def here(ssdh: Ssdh) -> Path:
    lenet.write(Path.cwd())
    for name in ("m", "b"):
        Path(name).write_bytes(b"a mean")
    return Path.cwd()


def changes(ssdh: Ssdh, *words: str, data: str = DATA, code: int = 0) -> Any:
    """Path to new value of what a patch changes in the data layers."""
    Path("train_val.prototxt").write_text(TRAIN.replace(DATA, data))
    ran = ssdh(
        "patch", "train_val.prototxt", "--solver", "none", "--dry-run", "--json", *words, code=code
    )
    if code:
        return ran.error
    return {
        each["path"].removeprefix("layer"): each["after"]
        for each in ran.json["files"][0]["changes"]
        if "data" in each["path"] or "mnist" in each["path"]
    }


def test_each_phase_has_its_own(ssdh: Ssdh, here: Path) -> None:
    words = ("--train-data", "a b", "--test-data", "/t", "--train-batch", "16",
             "--test-batch", "9")  # fmt: skip
    assert changes(ssdh, *words) == {
        "[mnist].data_param.source": "a b",
        "[mnist].data_param.batch_size": 16,
        "[mnist#2].data_param.source": "/t",
        "[mnist#2].data_param.batch_size": 9,
    }
    assert changes(ssdh, "--test-batch", "9") == {"[mnist#2].data_param.batch_size": 9}


def test_the_same_value_changes_nothing(ssdh: Ssdh, here: Path) -> None:
    words = ("--train-data", "mnist_train_lmdb", "--test-batch", "100")
    assert changes(ssdh, *words) == {}


def test_a_new_source_says_its_backend(ssdh: Ssdh, here: Path) -> None:
    # Without one, Caffe takes LEVELDB.
    with lmdb.open("new_lmdb"):
        pass
    (here / "level").mkdir()
    (here / "level" / "CURRENT").write_text("MANIFEST\n")
    assert changes(ssdh, "--train-data", "new_lmdb", data=SHARED) == {
        "[data].data_param.source": "new_lmdb",
        "[data].data_param.backend": "LMDB",
    }
    assert changes(ssdh, "--train-data", "level") == {
        "[mnist].data_param.source": "level",
        "[mnist].data_param.backend": "LEVELDB",
    }
    assert changes(ssdh, "--train-batch", "2", data=SHARED) == {"[data].data_param.batch_size": 2}


@pytest.mark.parametrize(
    ("words", "new"),
    [
        (("--mean-file", "m"), {"mean_file": "m"}),
        (("--mean-value", "4,7.5,3"), dict(zip(MEANS, [4, 7.5, 3], strict=True))),
        (("--mean-value", "33.5"), {"mean_value[0]": 33.5}),
    ],
)  # fmt: skip
def test_the_mean_of_both_phases(
    ssdh: Ssdh, here: Path, words: tuple[str, ...], new: dict[str, object]
) -> None:
    assert changes(ssdh, *words) == {
        f"[{name}].transform_param.{field}": value
        for name in ("mnist", "mnist#2")
        for field, value in new.items()
    }


@pytest.mark.parametrize(
    ("old", "words", "new"),
    [
        (
            "transform_param { mean_value: 1 mean_value: 2 mean_value: 3 }",
            ("--mean-value", "9"),
            {"mean_value[0]": 9, "mean_value[1]": None, "mean_value[2]": None},
        ),
        (
            "transform_param { mean_value: 1 }",
            ("--mean-value", "1,2,3"),
            {"mean_value[1]": 2, "mean_value[2]": 3},
        ),
        (
            'transform_param { mean_file: "m" crop_size: 5 }',
            ("--mean-value", "1"),
            {"mean_file": None, "mean_value[0]": 1},
        ),
        (
            'transform_param { mean_file: "m" }',
            ("--mean-value", "1"),
            {"mean_file": None, "mean_value[0]": 1},
        ),
        (
            "transform_param { mean_value: 1 mean_value: 2 mean_value: 3 crop_size: 5 }",
            ("--mean-file", "m"),
            {"mean_value[0]": None, "mean_value[1]": None, "mean_value[2]": None,
             "mean_file": "m"},
        ),
        ('transform_param { mean_file: "a" }', ("--mean-file", "b"), {"mean_file": "b"}),
        ("transform_param { }", ("--mean-file", "b"), {"mean_file": "b"}),
    ],
)  # fmt: skip
def test_one_mean_takes_the_place_of_another(
    ssdh: Ssdh, here: Path, old: str, words: tuple[str, ...], new: dict[str, object]
) -> None:
    data = SHARED.replace("  data_param", f"  {old}\n  data_param")
    assert changes(ssdh, *words, data=data) == {
        f"[data].transform_param.{field}": value for field, value in new.items()
    }
    for remove in ("comment", "delete"):
        ssdh("patch", "train_val.prototxt", *words, "--remove", remove, "--force")
        ssdh("patch", "train_val_ssdh.prototxt", *words, "--check")


def test_a_message_that_is_missing_is_added(ssdh: Ssdh, here: Path) -> None:
    assert changes(ssdh, "--mean-value", "5", data=SHARED) == {
        "[data].transform_param": {"mean_value": [5]}
    }


def test_a_mean_where_old_files_have_it(ssdh: Ssdh, here: Path) -> None:
    data = SHARED.replace("batch_size: 8", 'batch_size: 8 mean_file: "old"')
    assert changes(ssdh, "--mean-value", "5", data=data) == {
        "[data].transform_param": {"mean_value": [5]},
        "[data].data_param.mean_file": None,
    }


OTHERS = {
    "ImageData": 'image_data_param { source: "list.txt" batch_size: 4 new_width: 9 new_height: 8 }',
    "HDF5Data": 'hdf5_data_param { source: "list.txt" batch_size: 4 }',
    "WindowData": 'window_data_param { source: "list.txt" batch_size: 4 }',
}


@pytest.mark.parametrize("kind", OTHERS)
def test_other_data_layers(ssdh: Ssdh, here: Path, kind: str) -> None:
    message = OTHERS[kind].split()[0]
    data = SHARED.replace('"Data"', f'"{kind}"').replace(
        'data_param { source: "lmdb" batch_size: 8 }', OTHERS[kind]
    )
    assert changes(ssdh, "--train-data", "new.txt", "--train-batch", "2", data=data) == {
        f"[data].{message}.source": "new.txt",
        f"[data].{message}.batch_size": 2,
    }


def test_hdf5_has_no_mean(ssdh: Ssdh, here: Path) -> None:
    data = SHARED.replace('"Data"', '"HDF5Data"').replace(
        'data_param { source: "lmdb" batch_size: 8 }', OTHERS["HDF5Data"]
    )
    error = changes(ssdh, "--mean-value", "1", data=data, code=3)
    assert error["message"] == "no data layer takes a mean"
    assert error["hint"] == "HDF5Data has none"


# ---------------------------------------------------------------- what cannot be told apart


def test_a_layer_for_both_phases(ssdh: Ssdh, here: Path) -> None:
    words = ("--train-data", "a", "--train-batch", "3")
    assert changes(ssdh, *words, data=SHARED)["[data].data_param.source"] == "a"
    both = changes(ssdh, *words, "--test-data", "a", data=SHARED)
    assert both["[data].data_param.source"] == "a"
    error = changes(ssdh, *words, "--test-data", "t", data=SHARED, code=3)
    assert error["message"] == "layer 'data' serves both phases and cannot read both 'a' and 't'"
    assert error["line"] == 4
    assert error["hint"] == "give each phase a data layer of its own: include { phase: TEST }"


def test_a_phase_without_a_source(ssdh: Ssdh, here: Path) -> None:
    data = DATA[: DATA.index("layer {", 9)].rstrip() + "\n"
    error = changes(ssdh, "--test-data", "t", data=data, code=3)
    assert error["message"] == "no data layer in phase TEST names a source"
    assert error["file"] == "train_val.prototxt"
    # A mean alone goes to what there is.
    assert changes(ssdh, "--mean-value", "1", data=data) == {
        "[mnist].transform_param.mean_value[0]": 1
    }


SECOND = SHARED.replace('"data"', '"data2"').replace('"label"', '"label2"')


def test_several_sources_of_images(ssdh: Ssdh, here: Path) -> None:
    both = 'layer { name: "both" type: "Concat" bottom: "images" bottom: "data2" top: "data" }\n'
    data = SHARED.replace('"data"', '"images"') + SECOND + both
    error = changes(ssdh, "--train-data", "a", data=data, code=3)
    assert error["message"] == (
        "several data layers in phase TRAIN name a source: 'images' (line 3), 'data2' (line 10)"
    )
    assert changes(ssdh, "--train-batch", "3", data=data) == {
        "[images].data_param.batch_size": 3,
        "[data2].data_param.batch_size": 3,
    }


# Labels in an LMDB of their own, as nets for several labels have them.
LABELS = SHARED.replace('  top: "label"\n', "") + (
    SHARED.replace('"data"', '"tags"').replace('  top: "tags"\n', "").replace("lmdb", "tags_lmdb")
)


def test_a_source_for_images_beside_one_for_labels(ssdh: Ssdh, here: Path) -> None:
    assert changes(ssdh, "--train-data", "a", "--train-batch", "3", data=LABELS) == {
        "[data].data_param.source": "a",
        "[data].data_param.backend": "LMDB",
        "[data].data_param.batch_size": 3,
        "[tags].data_param.batch_size": 3,
    }
    words = ("--dry-run", "--train-data", "a", "--test-data", "a")
    ran = ssdh("patch", "train_val.prototxt", *words)
    assert ran.err.startswith(
        "warning: layer 'tags' of line 9, which has no images, still reads 'tags_lmdb': its "
        "records must belong to those of the new data, in the same order\n"
    )


def test_the_mean_of_labels_is_no_mean_of_images(ssdh: Ssdh, here: Path) -> None:
    text = LABELS
    for value in (1, 2):
        mean = f"transform_param {{ mean_value: {value} }}"
        text = text.replace("  data_param", f"  {mean}\n  data@", 1)
    changes(ssdh, data=text.replace("data@", "data_param"))
    out = ssdh("patch", "train_val.prototxt", "--dry-run").out
    assert "mean 1; to change" in out


def test_the_old_paths_are_named(ssdh: Ssdh, here: Path) -> None:
    def note(*words: str) -> str | None:
        out = ssdh("patch", "train_val.prototxt", "--dry-run", *words).out
        rows = [row for row in out.splitlines() if "data kept" in row]
        return rows[0].removeprefix("  note: data kept: ") if rows else None

    assert note("--train-data", "a") == (
        "TEST 'mnist_test_lmdb' (batch 100); to change: --test-data"
    )
    assert note("--train-batch", "16", "--test-data", "b") == (
        "TRAIN 'mnist_train_lmdb' (batch 16); to change: --train-data"
    )
    assert note("--train-data", "a", "--test-data", "b") is None
    text = TRAIN.replace("scale: 0.00390625", 'mean_file: "mean.binaryproto"')
    (here / "train_val.prototxt").write_text(text)
    assert note("--train-data", "a", "--test-data", "b") == (
        "mean mean.binaryproto; to change: --mean-file or --mean-value"
    )
    assert note("--train-data", "a", "--test-data", "b", "--mean-value", "1") is None


@pytest.mark.parametrize(("given", "other"), [("--train-data", "TEST"), ("--test-data", "TRAIN")])
def test_a_layer_of_both_phases_is_told(ssdh: Ssdh, here: Path, given: str, other: str) -> None:
    (here / "x.prototxt").write_text(TRAIN.replace(DATA, SHARED))
    out = ssdh("patch", "x.prototxt", "--solver", "none", "--dry-run", given, "a").out
    assert f"note: layer 'data' serves both phases: the new data is read in {other}, too\n" in out
    assert "data kept" not in out


# Images in one LMDB, the vectors of their labels in another: the usual way to learn several labels.
_LABELS = """\
layer {
  name: "%(what)s" type: "Data" top: "%(what)s" include { phase: %(phase)s }
%(transform)s  data_param { source: "%(phase)s_%(what)s" batch_size: 16 backend: LMDB }
}
"""


def vectors(order: tuple[str, ...], transform: str = "") -> str:
    """A net that reads images and label vectors, each from data layers of its own."""
    crop = "  transform_param { crop_size: 20 scale: 0.5 mean_value: 100 }\n"
    data = "".join(
        _LABELS % {"what": what, "phase": phase, "transform": crop if what == "data" else transform}
        for phase in ("TRAIN", "TEST")
        for what in order
    )
    rest = """\
layer { name: "low" type: "ReLU" bottom: "data" top: "low" }
layer { name: "feat" type: "InnerProduct" bottom: "low" top: "feat"
  inner_product_param { num_output: 16 } }
layer { name: "cls" type: "InnerProduct" bottom: "feat" top: "cls"
  inner_product_param { num_output: 6 } }
layer { name: "loss" type: "SigmoidCrossEntropyLoss" bottom: "cls" bottom: "tags" top: "loss" }
"""
    return data + rest


@pytest.mark.parametrize("order", [("data", "tags"), ("tags", "data")])
@pytest.mark.parametrize("transform", ["", "  transform_param { mean_value: 0 scale: 2 }\n"])
@pytest.mark.parametrize("mean", [("--mean-value", "104"), ("--mean-value", "1,2,3"),
                                  ("--mean-file", "m")])  # fmt: skip
def test_a_mean_is_for_images_and_never_for_labels(
    ssdh: Ssdh, order: tuple[str, ...], transform: str, mean: tuple[str, str]
) -> None:
    Path("m").touch()
    text = vectors(order, transform)
    Path("net.prototxt").write_text(text)
    ssdh("patch", "net.prototxt", *mean, "--train-batch", "8")
    after = Path("net_ssdh.prototxt").read_text()
    layers = after.split("layer {")[1:5]
    for layer, before in zip(layers, text.split("layer {")[1:5], strict=True):
        new = before.replace("batch_size: 16", "batch_size: 8") if "TRAIN" in before else before
        assert (layer == new) is ('"tags"' in before)
    assert after.count("mean_file" if "file" in mean[0] else "mean_value: 1") >= 2
    # What is recorded is that of the images, and what is set later goes to them, too.
    workspace = Path("ssdh.toml").read_text()
    assert "crop = 20" in workspace
    assert "scale = 0.5" in workspace
    ssdh("patch", "net_ssdh.prototxt", "--in-place", "--mean-value", "77")
    again = Path("net_ssdh.prototxt").read_text().split("layer {")[1:5]
    assert ["mean_value: 77" in layer for layer in again] == ['"data"' in each for each in again]
    assert "mean_value = [77]" in Path("ssdh.toml").read_text()


def test_a_mean_that_only_labels_could_take(ssdh: Ssdh) -> None:
    text = vectors(("data", "tags")).replace('"Data" top: "data"', '"HDF5Data" top: "data"')
    text = text.replace("  transform_param { crop_size: 20 scale: 0.5 mean_value: 100 }\n", "")
    Path("net.prototxt").write_text(text)
    error = ssdh("patch", "net.prototxt", "--mean-value", "7", code=3).err
    assert "no data layer that 'feat' depends on takes a mean" in error


def test_data_in_stages(ssdh: Ssdh) -> None:
    text = vectors(("tags", "data")).replace("include { phase: TRAIN", 'include { stage: "fit"')
    Path("net.prototxt").write_text(text.replace("include { phase: TEST", 'include { stage: "try"'))
    ssdh("patch", "net.prototxt", "--head", "cls")
    assert "crop = 20" in Path("ssdh.toml").read_text()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["--mean-file", "maen.binaryproto"],
            "maen.binaryproto: cannot read: no such file (--mean-file)\n"
            "hint: did you mean 'mean.binaryproto'?\n",
        ),
        (
            ["--train-data", "pictures"],
            "pictures: not an LMDB: the folder has no data.mdb (--train-data)\n"
            "hint: 'ssdh data build pictures pictures_lmdb' makes an LMDB of a folder of images\n",
        ),
        (
            ["--test-data", "empty"],
            "empty: not an LMDB: the folder has no data.mdb (--test-data)\n",
        ),
    ],
)
def test_data_that_caffe_could_not_read(
    ssdh: Ssdh, here: Path, words: list[str], message: str
) -> None:
    (here / "mean.binaryproto").touch()
    (here / "empty").mkdir()
    (here / "pictures/cat").mkdir(parents=True)
    (here / "pictures/cat/1.jpg").touch()
    before = snapshot(here)
    assert ssdh("patch", "train_val.prototxt", *words, code=3).err == message
    assert snapshot(here) == before


def test_paths_are_looked_up_where_caffe_runs(
    ssdh: Ssdh, here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    caffe = here / "caffe"
    (caffe / "data/lmdb").mkdir(parents=True)
    (caffe / "data/lmdb/data.mdb").touch()
    (caffe / "data/mean.binaryproto").touch()
    monkeypatch.setenv("CAFFE_ROOT", str(caffe))
    words = ("--train-data", "data/lmdb", "--mean-file", "data/mean.binaryproto")
    assert changes(ssdh, *words)["[mnist].data_param.source"] == "data/lmdb"
