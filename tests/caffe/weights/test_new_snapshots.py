"""The snapshots that were written since a moment."""

from __future__ import annotations

import os
from pathlib import Path

from ssdh_surgery.caffe.weights.new_snapshots import NewSnapshots


def test_only_what_was_written_since_counts(tmp_path: Path) -> None:
    old = tmp_path / "run_iter_9.caffemodel"
    old.write_bytes(b"old")
    snapshots = NewSnapshots(tmp_path / "run")
    assert snapshots.newest("caffemodel") is None
    new = tmp_path / "run_iter_5.caffemodel"
    new.write_bytes(b"new")
    os.utime(new, (1, 1))
    assert snapshots.newest("caffemodel") == new
    assert snapshots.newest("solverstate") is None
    old.write_bytes(b"replaced")
    assert snapshots.newest("caffemodel") == old
