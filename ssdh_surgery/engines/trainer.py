"""What every engine that trains a net offers: one job in, a stream of events out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ssdh_surgery.engines.events import Event


@dataclass(frozen=True)
class TrainJob:
    """One run of training.

    Args:
        solver: the solver file.
        cwd: the folder that the paths inside solver and net are relative to.
        log: where the engine's log is written; nothing may stand there yet.
        weights: weights to start from, several separated by commas.
        snapshot: a solverstate to go on from; not together with `weights`.
        gpu: CUDA's numbers of the GPUs, separated by commas, or `all`; None leaves the
            choice to the solver.
        extra: arguments for the engine's own command line, as they are.
        snapshot_after_train: the solver's field of that name: where it is false, a run that
            is stopped writes no snapshot by itself.

    `solver`, `weights`, `snapshot` and `log` are as the user wrote them: relative to the
    current directory, not to `cwd`.
    """

    solver: str
    cwd: Path
    log: Path
    weights: str | None = None
    snapshot: str | None = None
    gpu: str | None = None
    extra: tuple[str, ...] = ()
    snapshot_after_train: bool = True

    @property
    def own_command(self) -> tuple[str, ...]:
        """The command line of ours that asks the embedded engine for the same."""
        words = ["ssdh", "train", "--engine", "torch", "--solver", self.solver]
        for option, value in (
            ("--weights", self.weights),
            ("--snapshot", self.snapshot),
            ("--gpu", self.gpu),
        ):
            words += [option, value] if value else []
        return tuple(words)


class Trainer(Protocol):
    """An engine that trains nets. One trainer runs one job at a time."""

    def run(self, job: TrainJob) -> Iterator[Event]:
        """Train, and report what happens while it happens; the last event is `Exited`.

        While it runs, Ctrl-C and SIGTERM mean `stop` (in the main thread). Whoever leaves
        the iterator before its end closes it (`contextlib.closing`), which stops the run.

        Raises:
            EngineError: the run failed.
            FileError: the log cannot be written.
        """
        ...

    def stop(self) -> None:
        """Ask the run to write a snapshot and end; asked a second time, end it at once."""
        ...
