"""`ssdh doctor`: its table, its JSON, and its exit code."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from support.command_line import Ssdh
from support.stand_in_forks import stand_in_fork


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An environment without any Caffe, and in which no engine's package can be imported."""
    for name in ("SSDH_CAFFE", "CAFFE_ROOT", "SSDH_COMPLETE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / ".cache"))
    modules = tmp_path / "modules"
    modules.mkdir()
    for name in ("torch", "onnxruntime", "cv2"):
        (modules / f"{name}.py").write_text(f"raise ImportError('lib{name}.so is not there')")
    monkeypatch.setattr(sys, "path", [str(modules), *sys.path])
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_without_an_engine_it_exits_with_1_and_says_what_to_do(
    bare: Path, ssdh: Ssdh, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSDH_CAFFE", "/no/caffe")
    shown = ssdh("doctor", code=1).out
    assert "train   binary, your caffe            fails" in shown
    assert "the caffe executable '/no/caffe' ($SSDH_CAFFE) does not exist" in shown
    assert "train   torch                         fails" in shown
    assert "encode  pycaffe                       not installed" in shown
    assert "  hint: give the path of your caffe executable" in shown
    assert "libtorch.so is not there" in shown
    assert "pip install --force-reinstall 'ssdh-surgery[images]'" in shown
    assert "opencv-python-headless cannot be imported: ImportError: libcv2.so is not there" in shown
    assert shown.endswith("\nno engine trains or encodes: see the hints above\n")


def test_a_report_names_no_home(bare: Path, ssdh: Ssdh, monkeypatch: pytest.MonkeyPatch) -> None:
    ssdh("patch", "zoo:lenet")
    (bare / "below").mkdir()
    monkeypatch.chdir(bare / "below")
    program = stand_in_fork(bare, fields=["rampup_interval"], gpu="none", backends=["LMDB"])
    answer = ssdh("doctor", "--caffe", program, "--json", code=1)
    assert str(bare) not in answer.out
    found = answer.json
    assert list(found) == [
        *("version", "python", "system", "works", "engines", "caffe", "packages", "gpus"),
        "workspace",
    ]
    assert found["works"] is False  # it trains, but nothing encodes
    assert [each["works"] for each in found["engines"]] == [True, *[False] * 5]
    caffe = found["caffe"]
    assert (caffe["path"], caffe["origin"]) == ("~/caffe", "--caffe")
    assert (caffe["fork"], caffe["fork_fields"]) == ("NVCaffe", ["rampup_interval"])
    assert (caffe["has_lmdb"], caffe["has_leveldb"], caffe["gpu"]) == (True, False, "none")
    assert caffe["log"] == {"start": True, "iterations": True, "snapshots": True, "end": True}
    assert found["workspace"] == {"file": "~/ssdh.toml", "nets": ["lenet"], "error": None}


def test_what_cannot_be_read_is_named(bare: Path, ssdh: Ssdh) -> None:
    (bare / "ssdh.toml").write_text("version = [")
    log = ["solver.cpp:1] Iteration 0, loss = 1.5", "caffe.cpp:1] Optimization Done in 7s"]
    shown = ssdh("doctor", "--caffe", stand_in_fork(bare, log=log), code=1).out
    assert "log: cannot be followed entirely, it has no words for: start, snapshots" in shown
    assert "ssdh.toml cannot be read: " in shown


def test_a_caffe_that_is_none_is_an_error(bare: Path, ssdh: Ssdh) -> None:
    error = ssdh("doctor", "--caffe", "nowhere", "--json", code=3).error
    assert error["message"] == "the caffe executable 'nowhere' (--caffe) does not exist"


@pytest.mark.caffe
def test_all_engines_work(ssdh: Ssdh, caffe: Path) -> None:
    shown = ssdh("doctor", "--caffe", caffe).out
    assert "with: LMDB, LevelDB, image files (OpenCV), HDF5" in shown
    assert "log: can be followed" in shown
    assert shown.endswith("\nall engines work\n")
