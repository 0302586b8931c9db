"""Why a path names nothing, and the paths of nets, solvers and command lines that do so."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ssdh_surgery.caffe.net.solver import Solver
from ssdh_surgery.errors import FileError
from ssdh_surgery.pipeline.check.check import check
from ssdh_surgery.pipeline.check.subject import subject_of
from ssdh_surgery.pipeline.files.caffe_paths import launch_folder
from ssdh_surgery.pipeline.files.path_hints import path_hint
from ssdh_surgery.prototxt.parser import parse
from support.check_folders import SOLVER, classifier, data_layer, labelled, texts, write_lmdb


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/jane")
    write_lmdb("lmdb", labelled([0, 1, 2]))


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("~/lmdb", "'~' is not expanded here: write '/home/jane/lmdb'"),
        ("$HOME/lmdb", "'$HOME' is not expanded here: write what it stands for"),
        ("${DATA}/lmdb", "'${DATA}' is not expanded here: write what it stands for"),
        ("lmdb ", "there is a blank at the end or the start: write 'lmdb'"),
        (" lmdb", "there is a blank at the end or the start: write 'lmdb'"),
        ("'lmdb'", "the path is quoted twice: write 'lmdb'"),
        (".\\lmdb", "a path has slashes, not backslashes: write './lmdb'"),
        ("elsewhere", None),
    ],
)
def test_spellings(name: str, hint: str | None) -> None:
    assert path_hint(name, Path.cwd()) == hint


def test_a_missing_slash() -> None:
    absolute = os.fspath(Path("lmdb").absolute())
    assert path_hint(absolute[1:], Path.cwd()) == (
        f"the first slash is missing: write '{absolute}'"
    )


def test_the_source_and_the_mean_of_a_net() -> None:
    mean = 'transform_param { mean_file: "~/mean" }'
    assert texts(data_layer("lmdb ", more=mean) + classifier(3)) == [
        "SSDH102 the mean file does not exist: ~/mean\n"
        "hint: '~' is not expanded here: write '/home/jane/mean'",
        "SSDH104 the database does not exist: lmdb \n"
        "hint: there is a blank at the end or the start: write 'lmdb'",
    ]


def test_the_file_inside_a_database() -> None:
    """Caffe takes the folder."""
    (text,) = texts(data_layer("lmdb/data.mdb") + classifier(3))
    assert text == "SSDH106 is a file; an LMDB is a folder\nhint: use the folder: lmdb"


def test_weights_and_the_folder_of_snapshots() -> None:
    Path("net.prototxt").write_text(data_layer("lmdb") + classifier(3))
    Path("model.caffemodel").touch()
    solver = Solver(parse((SOLVER + 'snapshot_prefix: "~/runs/x"').encode(), "solver.prototxt"))
    prefix = Path("~/runs/x").absolute()
    findings = check(
        subject_of(solver, Path.cwd(), prefix, (" model.caffemodel", "modell.caffemodel"))
    )
    assert [(each.code, each.hint) for each in findings] == [
        ("SSDH307", "'~' is not expanded here: write '/home/jane/runs/x'"),
        ("SSDH401", "there is a blank at the end or the start: write 'model.caffemodel'"),
        ("SSDH401", "did you mean 'model.caffemodel'?"),
    ]


def test_the_net_of_a_solver() -> None:
    view = Solver(parse(b'net: "~/net.prototxt"', "solver.prototxt"))
    with pytest.raises(FileError) as caught:
        launch_folder(view, Path("solver.prototxt"))
    assert caught.value.hint == "'~' is not expanded here: write '/home/jane/net.prototxt'"
