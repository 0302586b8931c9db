"""Where caffe looks, in one order for solvers, data, snapshots and the workspace."""

from __future__ import annotations

from pathlib import Path

import pytest

from ssdh_surgery.caffe.net.solver import Solver
from ssdh_surgery.pipeline.files.caffe_paths import launch_folder, working_folders
from ssdh_surgery.pipeline.files.solver_paths import locate
from ssdh_surgery.pipeline.nets.trained_files import locate_file, newest_weights
from ssdh_surgery.pipeline.workspace.net_record import NetRecord
from ssdh_surgery.prototxt.parser import parse


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """`$CAFFE_ROOT`, away from the current directory `here` and the solver's folder `models`."""
    for name in ("root", "here", "models"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("CAFFE_ROOT", str(tmp_path / "root"))
    return tmp_path / "root"


def test_here_and_above_then_the_file_and_above_then_caffe_root(root: Path) -> None:
    base = root.parent
    folders = working_folders(base / "models" / "solver.prototxt")
    assert folders[:2] == [base / "here", base]
    assert folders[-2:] == [base / "models", root]
    assert working_folders(None) == [base / "here", base, *base.parents, root]


def test_everything_is_found_from_caffe_root(root: Path) -> None:
    for name in ("net.prototxt", "mean", "run_iter_9.caffemodel", "run_iter_10.caffemodel"):
        (root / name).touch()
    models = root.parent / "models"
    solver = Solver(parse(b'net: "net.prototxt"'))
    assert launch_folder(solver, models / "solver.prototxt") == root
    net = locate(solver.nets[0], models / "solver.prototxt", None)
    assert net == Path("../root/net.prototxt")
    record = NetRecord("net", models, {"snapshot_prefix": "run"})
    assert locate_file(record, "mean", "mean file") == Path("../root/mean")
    assert newest_weights(record) == Path("../root/run_iter_10.caffemodel")
