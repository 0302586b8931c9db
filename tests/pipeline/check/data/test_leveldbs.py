"""LevelDBs: everything that is known of an LMDB is known of them, and one reader opens each."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ssdh_surgery.data.datum import write_encoded
from ssdh_surgery.pipeline.check import databases
from ssdh_surgery.pipeline.check.target import Target
from support.check_folders import TESTED, classifier, data_layer, found, labelled, texts
from support.leveldbs import write_leveldb


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def leveldb_layer(source: str, phase: str = "TRAIN") -> str:
    """A Data layer without a backend, which is LevelDB's."""
    return data_layer(source, phase).replace("backend: LMDB", "")


def stamps() -> list[tuple[str, int]]:
    return sorted((file.name, file.stat().st_mtime_ns) for file in Path("level").iterdir())


NET = leveldb_layer("level") + classifier(3)


def test_labels_out_of_range() -> None:
    write_leveldb("level", labelled([0, 1, 300, 2]))
    before = stamps()
    (text,) = texts(NET)
    assert text.startswith(
        "SSDH101 1 of 4 records of level has label 300 (first: key '00000002'), but the classifier "
        "has 3 outputs (0 to 2)"
    )
    assert (
        sorted((file.name, file.stat().st_mtime_ns) for file in Path("level").iterdir()) == before
    )


def test_one_label_damage_order_and_coverage() -> None:
    write_leveldb("level", [*labelled([1, 1, 1]), write_encoded(b"no image", 1)])
    assert [each.code for each in found(NET)] == ["SSDH110", "SSDH114", "SSDH107"]
    write_leveldb("level", labelled(sorted([0, 1, 2] * 40)))
    assert [each.code for each in found(NET)] == ["SSDH117"]
    write_leveldb("test", labelled([0, 1, 2], (1, 3, 2)))
    net = NET + leveldb_layer("test", "TEST")
    assert "SSDH109" in [each.code for each in found(net, TESTED)]


def test_the_shapes_of_a_net_are_those_of_its_records() -> None:
    """The shape of the weights depends on it."""
    write_leveldb("level", labelled([0, 1, 2], (1, 5, 5)))
    large = 'layer { name: "c" type: "Convolution" bottom: "data" top: "c" convolution_param { '
    assert "SSDH214" in [
        each.code for each in found(NET + large + "num_output: 1 kernel_size: 9 } }")
    ]


def test_a_damaged_one() -> None:
    write_leveldb("level", labelled([0, 1, 2]))
    (manifest,) = Path("level").glob("MANIFEST-*")
    os.truncate(manifest, 3)
    (finding,) = found(NET)
    assert (finding.code, str(finding.location)) == ("SSDH106", "level")
    assert finding.message == f"damaged LevelDB: {manifest.name} is empty"


def test_a_part_of_a_large_one_has_no_missing_classes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(databases, "_LEVELDB_PART", 1 << 15)
    labels = [0, 1] * 300 + [7] * 200
    write_leveldb("level", labelled(labels, (1, 20, 20)), is_compact=True)
    (finding,) = found(NET)
    assert "200 of 8" not in finding.message
    assert "records read of level have label 7" in finding.message
    write_leveldb("level", labelled([0, 1] * 400, (1, 20, 20)), is_compact=True)
    assert texts(NET) == []


def test_training_and_test_read_the_same() -> None:
    write_leveldb("level", labelled([0, 1, 2]))
    net = NET + leveldb_layer("level", "TEST")
    (finding,) = [each for each in found(net, TESTED) if each.code == "SSDH122"]
    assert finding.severity == "info"
    assert finding.message == (
        "the LevelDB level is opened for layer 'data' in TRAIN and for 'data' in TEST: it can be "
        "open once"
    )
    write_leveldb("test", labelled([0, 1, 2], (1, 3, 2)))
    net = NET + leveldb_layer("test", "TEST")
    assert "SSDH122" not in [each.code for each in found(net, TESTED)]


def test_several_gpus() -> None:
    write_leveldb("level", labelled([0, 1, 2]))
    codes = [each.code for each in found(NET, target=Target(gpu="0"))]
    assert "SSDH122" not in codes
    (finding,) = [each for each in found(NET, target=Target(gpu="0,1")) if each.code == "SSDH122"]
    assert finding.message == (
        "the LevelDB level is opened for each of 2 GPUs: it can be open once"
    )


OLD = {
    "V1": """
layers { name: "data" type: DATA top: "data" top: "label"
  data_param { source: "level" batch_size: 2 crop_size: CROP } include { phase: TRAIN } }
layers { name: "fc" type: INNER_PRODUCT bottom: "data" top: "fc"
  inner_product_param { num_output: 3 } }
layers { name: "loss" type: SOFTMAX_LOSS bottom: "fc" bottom: "label" top: "loss" }
""",
    "V0": """
layers { layer { name: "data" type: "data" source: "level" batchsize: 2 cropsize: CROP }
  top: "data" top: "label" }
layers { layer { name: "fc" type: "innerproduct" num_output: 3 } bottom: "data" top: "fc" }
layers { layer { name: "loss" type: "softmax_loss" } bottom: "fc" bottom: "label" }
""",
}


@pytest.mark.parametrize("dialect", OLD)
def test_nets_of_old_dialects(dialect: str) -> None:
    """Which read LevelDBs unless they say otherwise, and V0 nets nothing else."""
    net = OLD[dialect]
    write_leveldb("level", labelled([0, 1, 3, 2], (1, 5, 5)))
    (finding,) = found(net.replace("CROP", "0"))
    assert finding.code == "SSDH101"
    assert "1 of 4 records of level has label 3" in finding.message
    write_leveldb("level", [*labelled([0, 1], (1, 5, 5)), *labelled([2], (1, 6, 6))])
    assert [each.code for each in found(net.replace("CROP", "0"))] == ["SSDH113"]
    assert [each.code for each in found(net.replace("CROP", "5"))] == []
    assert [each.code for each in found(net.replace("CROP", "6"))] == ["SSDH113"]
