"""Writing results: all or none, whatever fails on the way."""

from __future__ import annotations

from pathlib import Path

import pytest

from ssdh_surgery.errors import FileError
from ssdh_surgery.pipeline.files import outputs
from ssdh_surgery.pipeline.files.outputs import Output, WritePlan, write_all


def test_the_first_failure_is_reported_where_the_new_folder_cannot_be_removed_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = Output(tmp_path / "new/net.prototxt", b"net", None)

    def refuse(*_: object) -> None:
        # Another process writes in the folder, which is then not empty.
        (tmp_path / "new/other").touch()
        raise FileError("cannot write: the disk is full")

    monkeypatch.setattr(outputs, "write_files", refuse)
    with pytest.raises(FileError, match="the disk is full"):
        write_all([output], WritePlan())


def test_results_that_stand_already_remove_what_a_killed_command_left(tmp_path: Path) -> None:
    (tmp_path / "net.prototxt").write_bytes(b"net")
    (tmp_path / ".ssdh-abcdefgh.tmp").write_bytes(b"half")
    assert write_all([Output(tmp_path / "net.prototxt", b"net", None)], WritePlan()) == []
    assert [path.name for path in tmp_path.iterdir()] == ["net.prototxt"]
