"""The folders of runs."""

from __future__ import annotations

from pathlib import Path

from ssdh_surgery.pipeline.train.run_folder import RunFolder


def test_a_new_run_removes_what_a_killed_one_left_in_its_own_folder(tmp_path: Path) -> None:
    (tmp_path / "solver-1").mkdir()
    (tmp_path / "solver-1/.ssdh-abcdefgh.tmp").write_bytes(b"half")
    (tmp_path / "solver-1/train.log").write_bytes(b"log")
    RunFolder(tmp_path / "solver-2").create(b"net", {})
    assert [path.name for path in (tmp_path / "solver-1").iterdir()] == ["train.log"]
