"""`ssdh zoo`: built-in networks listed, shown and written."""

from __future__ import annotations

from pathlib import Path

import pytest

from ssdh_surgery import zoo
from ssdh_surgery.zoo import catalogue
from ssdh_surgery.zoo.catalogue import KINDS
from support.command_line import Ssdh, snapshot

FILES = {name: zoo.text("lenet", kind).encode() for kind, name in catalogue.FILE_NAMES.items()}


def test_the_list_has_every_network(ssdh: Ssdh) -> None:
    rows = [row.split()[0] for row in ssdh("zoo", "list").out.splitlines()]
    assert tuple(rows) == zoo.names()


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_is_shown_as_it_is_written(ssdh: Ssdh, kind: catalogue.FileKind) -> None:
    text = ssdh("zoo", "show", "lenet", "--kind", kind).out

    assert text.encode() == FILES[catalogue.FILE_NAMES[kind]]


@pytest.mark.parametrize("name", ["lenet/solver", "zoo:lenet/solver"])
def test_a_network_is_named_as_elsewhere(ssdh: Ssdh, name: str) -> None:
    assert ssdh("zoo", "show", name).out.encode() == FILES["solver.prototxt"]
    assert "no file 'train'" in ssdh("zoo", "show", "lenet/train", code=2).err
    ssdh("zoo", "write", "zoo:lenet")
    assert snapshot(Path()) == FILES


@pytest.mark.parametrize("command", ["patch", "deploy", "upgrade"])
def test_a_network_is_no_file_to_change(ssdh: Ssdh, command: str) -> None:
    said = "error: --in-place cannot be used with zoo:lenet/deploy: it is not a file\n"
    assert ssdh(command, "zoo:lenet/deploy", "--in-place", code=2).err.startswith(said)
    assert snapshot(Path()) == {}


def test_three_files_are_written_once(ssdh: Ssdh) -> None:
    wrote = "wrote new/train_val.prototxt\nwrote new/solver.prototxt\nwrote new/deploy.prototxt\n"
    assert ssdh("zoo", "write", "lenet", "--out", "new").out == wrote
    assert snapshot(Path("new")) == FILES
    assert ssdh("zoo", "write", "lenet", "--out", "new").out == (
        "new/train_val.prototxt is up to date\n"
        "new/solver.prototxt is up to date\n"
        "new/deploy.prototxt is up to date\n"
    )


def test_a_file_in_the_way_stays_and_so_does_the_rest(ssdh: Ssdh) -> None:
    Path("solver.prototxt").write_text("base_lr: 1\n")
    assert "solver.prototxt: the file exists" in ssdh("zoo", "write", "lenet", code=3).err
    assert snapshot(Path()) == {"solver.prototxt": b"base_lr: 1\n"}
    ssdh("zoo", "write", "lenet", "--force")
    assert snapshot(Path()) == FILES


def test_what_would_be_written_is_told_and_not_written(ssdh: Ssdh) -> None:
    Path("train_val.prototxt").write_bytes(FILES["train_val.prototxt"])
    Path("solver.prototxt").write_text("base_lr: 1\n")
    before = snapshot(Path())
    told = (
        "train_val.prototxt is up to date\n"
        "would write solver.prototxt, but it exists and holds something else: --force replaces it\n"
        "would write deploy.prototxt\n"
    )
    assert ssdh("zoo", "write", "lenet", "--dry-run").out == told
    assert ssdh("zoo", "write", "lenet", "--check", code=1).out == told
    assert snapshot(Path()) == before


def test_a_diff_is_against_what_is_there(ssdh: Ssdh) -> None:
    Path("train_val.prototxt").write_bytes(FILES["train_val.prototxt"])
    Path("solver.prototxt").write_text("base_lr: 1\n")
    rows = ssdh("zoo", "write", "lenet", "--diff").out.splitlines()
    heads = [row.split()[1] for row in rows if row.startswith(("--- ", "+++ "))]
    assert heads == ["solver.prototxt", "solver.prototxt", "/dev/null", "deploy.prototxt"]
    assert [row for row in rows if row.startswith("-") and row[:4] != "--- "] == ["-base_lr: 1"]
    added = "".join(f"{row[1:]}\n" for row in rows if row.startswith("+") and row[:4] != "+++ ")
    assert added.encode() == FILES["solver.prototxt"] + FILES["deploy.prototxt"]
    assert Path("solver.prototxt").read_text() == "base_lr: 1\n"
    ssdh("zoo", "write", "lenet", "--force")
    assert ssdh("zoo", "write", "lenet", "--diff").out == ""
    assert "is up to date" in ssdh("zoo", "write", "lenet", "--check").out


def test_two_modes_and_an_unknown_network_are_usage_errors(ssdh: Ssdh) -> None:
    assert "exclude each other" in ssdh("zoo", "write", "lenet", "--diff", "--check", code=2).err
    assert "did you mean 'lenet'?" in ssdh("zoo", "write", "lennet", code=2).err
