"""Relative paths that are found from different directories."""

from __future__ import annotations

from pathlib import Path

import pytest

from ssdh_surgery.findings import Finding
from ssdh_surgery.pipeline.check.report import CheckOptions, report
from support.checked_run import NET, solver_text


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with models and data, each in a folder; the user is in that of the models."""
    models = tmp_path / "models" / "mine"
    models.mkdir(parents=True)
    (tmp_path / "data" / "lmdb").mkdir(parents=True)
    monkeypatch.chdir(models)
    monkeypatch.delenv("CAFFE_ROOT", raising=False)
    return tmp_path


def write(net: str = "net.prototxt", source: str = "lmdb", more: str = "") -> None:
    text = NET.replace("BATCH", "4").replace("WIDTH", "10").replace('"lmdb"', f'"{source}"')
    Path("net.prototxt").write_text(text)
    Path("solver.prototxt").write_text(solver_text(f'net: "{net}" {more}'))


def found(solver: str = "solver.prototxt") -> list[Finding]:
    options = CheckOptions((solver,), select=("no-common-folder",))
    return report(options).findings


def test_no_directory_finds_all(root: Path) -> None:
    write(source="data/lmdb")
    (finding,) = found()
    assert str(finding).splitlines() == [
        "net.prototxt:3:24: warning SSDH513 no-common-folder: no single working directory finds "
        "all paths: 'net.prototxt' from ., 'data/lmdb' from ../..",
        '  3 |   data_param { source: "data/lmdb" batch_size: 4 backend: LMDB } }',
        "    |                        ^^^^^^^^^^^",
        "hint: write the paths as seen from .: '../../data/lmdb'",
    ]
    # The hint works.
    write(source="../../data/lmdb")
    assert not found()


def test_another_directory_finds_all(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy of the net lies in a folder between, and caffe would take it."""
    write(net="models/mine/net.prototxt", source="data/lmdb")
    assert not found()
    copy = root / "models" / "mine" / "models" / "mine"
    copy.mkdir(parents=True)
    (copy / "net.prototxt").write_text(Path("net.prototxt").read_text())
    (finding,) = found()
    assert finding.message == (
        "caffe runs in . and does not find 'data/lmdb' from there; from ../.. all paths are found"
    )
    assert finding.hint == "run it from there: cd ../.."
    monkeypatch.chdir(root)
    assert not found("models/mine/solver.prototxt")


def test_the_folder_of_the_snapshots(root: Path) -> None:
    """It is looked for where all else is found, and can be made anywhere else."""
    (root / "snapshots").mkdir()
    Path("lmdb").mkdir()
    write(more='snapshot_prefix: "snapshots/run"')
    assert not found()
    copy = root / "models" / "mine" / "models" / "mine"
    copy.mkdir(parents=True)
    net = "models/mine/net.prototxt"
    write(net=net, source="models/mine/lmdb", more='snapshot_prefix: "snapshots/run"')
    (copy / "net.prototxt").write_text(Path("net.prototxt").read_text())
    (copy / "lmdb").mkdir()
    (finding,) = found()
    assert "does not find 'snapshots' from there; from ../.. all paths" in finding.message


def test_data_in_two_places(root: Path) -> None:
    """Neither of them is that of the net, which is named by its whole path."""
    net = str(Path("net.prototxt").absolute())
    write(net=net, source="data/lmdb")
    assert found()[0].message == (
        "caffe runs in . and does not find 'data/lmdb' from there; from ../.. it is found"
    )
    (root / "models" / "means").mkdir()
    (root / "models" / "means" / "mean.binaryproto").touch()
    text = Path("net.prototxt").read_text()
    Path("net.prototxt").write_text(
        text.replace("crop_size: 8", 'mean_file: "means/mean.binaryproto"')
    )
    assert found()[0].message == (
        "no single working directory finds all paths: 'data/lmdb' from ../.., "
        "'means/mean.binaryproto' from .."
    )


def test_what_is_nowhere_is_no_question_of_directories(root: Path) -> None:
    write(source="elsewhere/lmdb")
    assert not found()


def test_absolute_paths_are_found_from_everywhere(root: Path) -> None:
    write(source=str(root / "data" / "lmdb"))
    assert not found()
