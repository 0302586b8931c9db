"""`ssdh train` on databases that spoil a run: said before the launch, whatever the engine."""

from __future__ import annotations

from pathlib import Path

import pytest

from ssdh_surgery.data.datum import write_encoded
from support.check_folders import classifier, data_layer, labelled, write_lmdb
from support.command_line import Ssdh
from support.leveldbs import write_leveldb

SOLVER = """
net: "net.prototxt" base_lr: 0.01 lr_policy: "fixed" max_iter: 4 display: 2
snapshot_prefix: "run" solver_mode: CPU random_seed: 1
"""


@pytest.fixture(params=["torch", pytest.param("binary", marks=pytest.mark.caffe)])
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "net.prototxt").write_text(data_layer("records") + classifier(4))
    (tmp_path / "solver.prototxt").write_text(SOLVER)
    return tmp_path


def short(record: bytes) -> bytes:
    """A record of 1 x 2 x 2 with one value of four."""
    return record[:6] + b"\x22\x01a" + record[-4:]


@pytest.mark.parametrize(
    ("records", "code", "text"),
    [
        (labelled([1456, 1570, 1580, 1600]), "SSDH101", "number them 0 to 3"),
        (labelled([1, 2, 3, 4]), "SSDH101", "labels start at 1; Caffe counts from 0"),
        ([*labelled([0, 1, 2]), write_encoded(b"\xff\xd8", 3)], "SSDH110", "record '00000003'"),
        ([*labelled([0, 1, 2]), short(labelled([3])[0])], "SSDH111", "1 value, but"),
        ([*labelled([0, 1, 2]), *labelled([3], (1, 3, 2))], "SSDH113", "'00000003' is 1 x 3 x 2"),
    ],
)
def test_what_no_run_survives(
    ssdh: Ssdh, folder: Path, engine: str, records: list[bytes], code: str, text: str
) -> None:
    write_lmdb(folder / "records", records)
    ran = ssdh("train", "--solver", "solver.prototxt", "--engine", engine, code=3)
    assert f"error {code} " in ran.err
    assert text in ran.err
    assert not (folder / "runs").exists()


def test_labels_in_a_leveldb(ssdh: Ssdh, folder: Path, engine: str) -> None:
    write_leveldb(folder / "records", labelled([0, 300, 600, 900]))
    net = folder / "net.prototxt"
    net.write_text(net.read_text().replace("backend: LMDB", "backend: LEVELDB"))
    ran = ssdh("train", "--solver", "solver.prototxt", "--engine", engine, code=3)
    assert "3 of 4 records of records have labels from 300 to 900" in ran.err


def test_one_class_is_a_warning(ssdh: Ssdh, folder: Path, engine: str) -> None:
    write_lmdb(folder / "records", labelled([0] * 8))
    ran = ssdh("train", "--solver", "solver.prototxt", "--engine", engine)
    assert "warning SSDH107 one-label: all 8 records of records have the label 0" in ran.err
