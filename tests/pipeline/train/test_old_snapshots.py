"""Which snapshots `--keep` removes."""

from __future__ import annotations

from pathlib import Path

from ssdh_surgery.engines.events import LogWarning, Snapshot
from ssdh_surgery.pipeline.train.old_snapshots import OldSnapshots


def test_nothing_is_removed_while_the_newest_snapshot_is_not_whole(tmp_path: Path) -> None:
    old = OldSnapshots(1, tmp_path, None)
    for number in (1, 2):
        names = [f"a_iter_{number}.{kind}" for kind in ("caffemodel", "solverstate")]
        for name in names:
            (tmp_path / name).write_bytes(b"\xff")
        old.note(Snapshot(*names))
        old.note(LogWarning("next", ""))
    assert len(list(tmp_path.iterdir())) == 4
