"""SSDH507 and 508: the snapshots of a run against the room on their disk."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ssdh_surgery.caffe.shapes.memory import FLOAT_BYTES
from ssdh_surgery.caffe.training.solver_types import SOLVER_TYPES, solver_type
from ssdh_surgery.findings import SNAPSHOT_TOO_LARGE, SNAPSHOTS_FILL_DISK, Finding
from ssdh_surgery.location import path_in_shell
from ssdh_surgery.names import bytes_text, count_text
from ssdh_surgery.pipeline.check.subject import Subject
from ssdh_surgery.pipeline.workspace.paths import relative_to_cwd


@dataclass(frozen=True)
class _Snapshots:
    """The snapshots of a run: their number, and the bytes of each one's two files."""

    count: int
    weights: int
    state: int

    @property
    def size(self) -> int:
        return self.weights + self.state

    @property
    def total(self) -> int:
        return self.count * self.size


def findings(subject: Subject) -> Iterator[Finding]:
    """Snapshots for which there is no room."""
    snapshots = _snapshots(subject)
    if snapshots is None:
        return
    folder = _existing(subject.prefix.parent)
    try:
        disk = os.statvfs(folder)
    except OSError:
        return
    # Part of a disk may be reserved, for root and perhaps for this user.
    free, reserved = disk.f_bavail * disk.f_frsize, disk.f_bfree * disk.f_frsize
    name = path_in_shell(str(relative_to_cwd(folder)))
    each = (
        f"{bytes_text(snapshots.size)} ({bytes_text(snapshots.weights)} of weights, "
        f"{bytes_text(snapshots.state)} of solver state)"
    )
    room = f"the disk of {name} has {bytes_text(free)} free"
    if snapshots.size > reserved:
        yield SNAPSHOT_TOO_LARGE.at(
            subject.place("snapshot_prefix"),
            f"a snapshot takes {each}, and {room}",
            "make room, or set snapshot_prefix to a folder on another disk",
        )
    # What a resumed run still writes depends on where it resumes.
    elif snapshots.total > free and not subject.is_resumed:
        interval = _fitting_interval(subject, max(1, free // snapshots.size))
        yield SNAPSHOTS_FILL_DISK.at(
            subject.place("snapshot"),
            f"{count_text(snapshots.count, 'snapshot')} of {each} take "
            f"{bytes_text(snapshots.total)}, and {room}",
            f"snapshot: {interval} (ssdh patch --set snapshot={interval}, or edit the solver)",
        )


def _snapshots(subject: Subject) -> _Snapshots | None:
    """The snapshots that a run writes; None if there are none, or their size is unknown."""
    param = subject.message
    if param is None or not subject.shapes or param.max_iter < 1:
        return None
    shapes = subject.shapes[0]
    # A file has shared params once for each layer.
    stored = [each.param_count for each in shapes.layers]
    owned = shapes.param_count
    rules = SOLVER_TYPES.get(solver_type(param))
    if owned is None or rules is None or not owned:
        return None
    count = _count(subject, param.snapshot)
    if not count:
        return None
    return _Snapshots(
        count, FLOAT_BYTES * sum(filter(None, stored)), FLOAT_BYTES * owned * rules.history
    )


def _count(subject: Subject, interval: int) -> int:
    """The number of snapshots, the one at the end included."""
    end = subject.solver.integer("max_iter") or 0
    count = end // interval if interval > 0 else 0
    is_at_end = interval > 0 and end % interval == 0
    return count + (not is_at_end and subject.solver.flag("snapshot_after_train", True))


def _fitting_interval(subject: Subject, count: int) -> int:
    """A round interval of snapshots of which no more than `count` are written."""
    end = subject.solver.integer("max_iter") or 0
    interval = -(-end // count)
    unit = int(10 ** max(0, len(str(interval)) - 2))
    return -(-interval // unit) * unit


def _existing(folder: Path) -> Path:
    """The folder, or the closest one above that exists."""
    folder = Path(os.path.abspath(folder))
    return next(each for each in (folder, *folder.parents) if each.is_dir())
