"""The batch of a run on several GPUs, and a LevelDB that they cannot share."""

from __future__ import annotations

from pathlib import Path

import pytest

from ssdh_surgery.pipeline.check.target import Target
from support.checked_run import NET, findings


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("ssdh_surgery.engines.gpus.find_gpus", lambda: ())
    return tmp_path


def target(folder: Path, gpu: str, words: bytes = b"BVLC", engine: str = "binary") -> Target:
    (folder / "caffe").write_bytes(words)
    return Target(engine, gpu, folder / "caffe", is_launch=True)


def test_bvlc_caffe_multiplies(folder: Path) -> None:
    found = findings(folder, batch=32, target=target(folder, "0,1"))
    assert [each.code for each in found.values()] == ["SSDH504"]
    assert str(found["effective-batch"]).splitlines() == [
        "net.prototxt:3:43: info SSDH504 effective-batch: 2 GPUs read 32 each: an iteration learns "
        "from 64, not 32; NVCaffe would divide the batch instead",
        '  3 |   data_param { source: "lmdb" batch_size: 32 backend: LMDB } }',
        "    |                                           ^^",
        "hint: batch_size: 16 keeps it at 32, or base_lr 0.2 for 64 is the usual rule",
    ]
    assert not findings(folder, batch=32, target=target(folder, "1"))


def test_nvcaffe_divides(folder: Path) -> None:
    nvcaffe = target(folder, "0,1,2", b"\0This is NVCaffe \0")
    assert list(findings(folder, batch=33, target=nvcaffe)) == ["effective-batch"]
    found = findings(folder, batch=32, target=nvcaffe)
    assert found["indivisible-batch"].message == (
        "a batch of 32 cannot be divided among 3 GPUs: NVCaffe raises it to 33"
    )
    assert "11 each, 33 together" in found["effective-batch"].message


def test_gpus_share_no_leveldb(folder: Path) -> None:
    (folder / "lmdb").mkdir()
    (folder / "lmdb" / "CURRENT").write_text("MANIFEST-000004\n")
    net = NET.replace("LMDB", "LEVELDB")
    found = findings(folder, net=net, target=target(folder, "0,1"))
    assert found["shared-leveldb"].severity == "warning"
    assert "shared-leveldb" not in findings(folder, net=net, target=target(folder, "0"))
    embedded = target(folder, "0,1", engine="torch")
    assert "shared-leveldb" not in findings(folder, net=net, target=embedded)
