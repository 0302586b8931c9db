"""What happens while a net is trained, as values that every engine reports alike.

Events are facts; what they mean for the codes is for the pipeline to judge.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened, `elapsed` seconds after the first line of the log."""

    elapsed: float = 0.0


@dataclass(frozen=True)
class Started(Event):
    """The engine runs: `command` in the folder `cwd`, as the process `pid`."""

    command: tuple[str, ...]
    cwd: Path
    pid: int


@dataclass(frozen=True)
class Device(Event):
    """The GPUs that are used, by CUDA's numbers; none means the CPU."""

    gpus: tuple[int, ...] = ()


@dataclass(frozen=True)
class Finetuning(Event):
    """Weights are copied by layer name from a file (once per net, so repeated)."""

    weights: str


@dataclass(frozen=True)
class LayerIgnored(Event):
    """The weights hold a layer that the net does not have (once per net, so repeated)."""

    layer: str


@dataclass(frozen=True)
class Resuming(Event):
    """Training goes on from a solverstate."""

    snapshot: str


@dataclass(frozen=True)
class Solving(Event):
    """The nets stand; training the net of this name begins."""

    net: str


@dataclass(frozen=True)
class Iteration(Event):
    """The smoothed total loss at an iteration; `TrainOutput`s and `LearningRate` follow.

    `rate` is in iterations per second, over the last `seconds` and `display` iterations. It
    is None where it is not known: in older Caffes, in the line after the last iteration, and
    in the first line of a run, where Caffe prints an uninitialised number.
    """

    iteration: int
    loss: float
    rate: float | None = None
    seconds: float | None = None
    display: int | None = None


@dataclass(frozen=True)
class Output(Event):
    """One number of an output blob of a net: a term of the objective, an accuracy.

    `loss_weight` and `weighted` (their product) are None for an output that is no loss.
    """

    iteration: int
    index: int
    name: str
    value: float
    loss_weight: float | None = None
    weighted: float | None = None


@dataclass(frozen=True)
class TrainOutput(Output):
    """An output of the train net, on the last batch of an iteration."""


@dataclass(frozen=True)
class LearningRate(Event):
    """The learning rate of an iteration, before any `lr_mult`."""

    iteration: int
    rate: float


@dataclass(frozen=True)
class TestStarted(Event):
    """A pass over the `test_iter` batches of a test net begins; Caffe is silent during it."""

    iteration: int
    net: int = 0


@dataclass(frozen=True)
class TestFinished(Event):
    """All batches of a test pass are through (its `TestOutput`s follow), or it was stopped."""

    iteration: int
    net: int = 0
    interrupted: bool = False


@dataclass(frozen=True)
class TestOutput(Output):
    """An output of a test net, averaged over its batches."""

    net: int = 0


@dataclass(frozen=True)
class Snapshot(Event):
    """Weights and solver state are being written.

    The log says so before the state is written: both files are whole once another event
    has come, or the run has ended well.
    """

    weights: str
    state: str


@dataclass(frozen=True)
class Warned(Event):
    """A warning, or an error that the engine goes on after.

    `source` is as in `Fatal`, or empty where we warn of what the log does not say.
    """

    message: str
    source: str
    severity: Literal["warning", "error"] = "warning"


@dataclass(frozen=True)
class Fatal(Event):
    """The line that the engine died with, and the place in its source code (`net.cpp:759`)."""

    message: str
    source: str


@dataclass(frozen=True)
class Finished(Event):
    """Training is done: at `max_iter`, or early because a signal asked for it."""

    stopped_early: bool = False


@dataclass(frozen=True)
class Stopping(Event):
    """The user asked to stop; `killed` says that it was the second time."""

    killed: bool = False


@dataclass(frozen=True)
class Exited(Event):
    """The engine is gone, in a way that is no failure.

    `code` is as a shell shows it (130 for a process that SIGINT ended); `interrupted` says
    that the user asked for the end, `killed` that it was not waited for.
    """

    code: int
    interrupted: bool = False
    killed: bool = False
