"""`ssdh train --keep N`: removes the older snapshots of a run, once a newer one is whole."""

from __future__ import annotations

import contextlib
from pathlib import Path

from ssdh_surgery.caffe.weights.snapshot_digests import sidecar_path
from ssdh_surgery.engines.events import Event, Snapshot
from ssdh_surgery.engines.trainer import is_same_file
from ssdh_surgery.pipeline.nets.snapshots import state_misfit


class OldSnapshots:
    """The snapshots that a run writes, of which the newest are kept; others are not touched.

    Args:
        count: how many are kept.
        folder: the directory that caffe runs in.
        start: the solverstate that is resumed, which is always kept.
    """

    def __init__(self, count: int, folder: Path, start: str | None) -> None:
        self._count = count
        self._folder = folder
        self._start = start
        self._snapshots: list[tuple[Path, Path]] = []  # weights and state, the oldest first
        self._is_due = False

    def note(self, event: Event) -> None:
        """Take in an event of the run: the files of a snapshot are complete with the next one."""
        if isinstance(event, Snapshot):
            pair = self._folder / event.weights, self._folder / event.state
            self._snapshots = [each for each in self._snapshots if each != pair] + [pair]
            self._is_due = True
        elif self._is_due:
            self._is_due = False
            self._remove()

    def _remove(self) -> None:
        if state_misfit((), "", self._snapshots[-1][1]) is not None:
            return  # the older ones are all that is whole
        while len(self._snapshots) > self._count:
            weights, state = self._snapshots.pop(0)
            if self._start is not None and is_same_file(state, Path(self._start)):
                continue
            for path in (state, sidecar_path(state), weights):
                # A file that cannot be removed is no reason to end a run.
                with contextlib.suppress(OSError):
                    path.unlink()
