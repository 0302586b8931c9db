"""The interface of every engine that trains nets: a job in, a stream of events out."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ssdh_surgery.engines.events import Event


@dataclass(frozen=True)
class TrainJob:
    """One training run.

    Args:
        solver: the solver file.
        cwd: the folder that paths inside the solver and the net are relative to.
        log: the file for the engine's log; it must not exist yet.
        weights: weights to start from; several files are separated by commas.
        snapshot: a solverstate to resume from; excludes `weights`.
        gpu: CUDA's numbers of the GPUs, separated by commas, or `all`; None leaves the
            choice to the solver.
        level: the level that the train net is built for: `caffe train` takes it from its command
            line alone, and sets that of the solver and of the net to 0.
        extra: arguments passed unchanged to the engine's own command line.
        snapshot_after_train: the solver's field of that name: if false, a run that is stopped
            does not write a snapshot of its own accord.
        source: the solver that the user named, where `solver` is a copy.
        prefix: the path of its snapshots before `_iter_N`, None if it is unknown.
        max_iter: the iteration at which it ends, 0 if it is unknown.
        display: the number of iterations from one display to the next, 0 for no displays.
        sample: the blobs of which each test reports a `BlobSample`, for each test net that has
            them; engines that cannot read blobs while they train ignore it.

    `solver`, `weights`, `snapshot`, `prefix` and `log` are as seen from the current directory, not
    from `cwd`.
    """

    solver: str
    cwd: Path
    log: Path
    weights: str | None = None
    snapshot: str | None = None
    gpu: str | None = None
    level: int = 0
    extra: tuple[str, ...] = ()
    snapshot_after_train: bool = True
    source: str | None = None
    prefix: Path | None = None
    max_iter: int = 0
    display: int = 0
    sample: tuple[str, ...] = ()

    @property
    def own_command(self) -> tuple[str, ...]:
        """The `ssdh` command line that runs the job on the embedded engine."""
        words = ["ssdh", "train", "--engine", "torch", "--solver", self.solver]
        for option, value in (
            ("--weights", self.weights),
            ("--snapshot", self.snapshot),
            ("--gpu", self.gpu),
        ):
            words += [option, value] if value else []
        return tuple(words)


class Trainer(Protocol):
    """An engine that trains nets. A trainer runs one job at a time."""

    def run(self, job: TrainJob) -> Iterator[Event]:
        """Train, and report events as they happen; the last one is `RunExit`.

        During the run, Ctrl-C and SIGTERM call `stop` (in the main thread). A caller that
        leaves the iterator early must close it (`contextlib.closing`), which stops the run.

        Raises:
            EngineError: the run failed.
            FileError: the log cannot be written.
        """
        ...

    def stop(self) -> None:
        """Ask the run to write a snapshot and end; a second call ends it at once."""
        ...


def is_same_file(path: Path, other: Path) -> bool:
    """Whether two paths lead to one existing file or folder."""
    with contextlib.suppress(OSError):
        return path.samefile(other)
    return False


def is_current(folder: Path) -> bool:
    """Whether a folder is the current directory."""
    return is_same_file(folder, Path.cwd())
