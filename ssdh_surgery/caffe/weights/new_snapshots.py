"""The snapshots that a run has written, by what is on the disk."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from ssdh_surgery.caffe.weights.snapshot_names import SnapshotFile, newest_first
from ssdh_surgery.files import stamp_of


class NewSnapshots:
    """The snapshots of a prefix that were written, or written again, after this was created."""

    def __init__(self, prefix: Path) -> None:
        self._prefix = prefix
        self._stamps = {
            path: stamp_of(path)
            for file in get_args(SnapshotFile)
            for path in newest_first([prefix], file)
        }

    def newest(self, file: SnapshotFile) -> Path | None:
        """The file that was written last, None if none was."""
        paths = newest_first([self._prefix], file)
        return next((path for path in paths if stamp_of(path) != self._stamps.get(path)), None)
