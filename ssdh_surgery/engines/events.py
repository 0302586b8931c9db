"""What happens while a net is trained, as values that every engine reports in the same way.

Events state facts; what they mean for the codes is for the pipeline to judge.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened, `elapsed` seconds after the first line of the log."""

    elapsed: float = 0.0


@dataclass(frozen=True)
class RunStart(Event):
    """The engine is running: `command` in the folder `cwd`, as process `pid`."""

    command: tuple[str, ...]
    cwd: Path
    pid: int


@dataclass(frozen=True)
class Device(Event):
    """The GPUs in use, by CUDA's numbers; an empty tuple means the CPU."""

    gpus: tuple[int, ...] = ()


@dataclass(frozen=True)
class WeightsLoad(Event):
    """Weights are copied by layer name from a file (reported once per net)."""

    weights: str


@dataclass(frozen=True)
class SurplusLayer(Event):
    """The weights contain a layer that the net does not have (reported once per net)."""

    layer: str


@dataclass(frozen=True)
class SnapshotLoad(Event):
    """Training resumes from a solverstate."""

    snapshot: str


@dataclass(frozen=True)
class TrainingStart(Event):
    """The nets are built; training of the net of this name begins."""

    net: str


@dataclass(frozen=True)
class Iteration(Event):
    """The smoothed total loss at an iteration; `TrainOutput`s and `LearningRate` follow.

    `rate` is in iterations per second, over the last `seconds` and `display` iterations. It
    is None if unknown: in older Caffes, in the line after the last iteration, and in the first
    line of a run, where Caffe prints an uninitialised number.
    """

    iteration: int
    loss: float
    rate: float | None = None
    seconds: float | None = None
    display: int | None = None


@dataclass(frozen=True)
class NetOutput(Event):
    """One number of a net's output blob: a term of the objective, an accuracy.

    `loss_weight` and `weighted` (value times weight) are None for an output that is not a loss.
    """

    iteration: int
    index: int
    name: str
    value: float
    loss_weight: float | None = None
    weighted: float | None = None


@dataclass(frozen=True)
class TrainOutput(NetOutput):
    """An output of the train net, on the last batch of an iteration."""


@dataclass(frozen=True)
class LearningRate(Event):
    """The learning rate of an iteration, before any `lr_mult`."""

    iteration: int
    rate: float


@dataclass(frozen=True)
class TestStart(Event):
    """A pass over the `test_iter` batches of a test net begins; Caffe logs nothing during it."""

    iteration: int
    net: int = 0


@dataclass(frozen=True)
class TestEnd(Event):
    """A test pass is complete (its `TestOutput`s follow), or it was interrupted.

    `loss` is the mean total loss, which Caffe logs with `test_compute_loss`.
    """

    iteration: int
    net: int = 0
    is_interrupted: bool = False
    loss: float | None = None


@dataclass(frozen=True)
class TestOutput(NetOutput):
    """An output of a test net, averaged over its batches."""

    net: int = 0


@dataclass(frozen=True, eq=False)
class BlobSample(Event):
    """The values of blobs on the first records of a test, one row per record.

    Only the embedded engine reports it, for the blobs that its job names.
    """

    iteration: int
    net: int
    values: Mapping[str, NDArray[np.floating[Any]]]


@dataclass(frozen=True)
class DataWait(Event):
    """The net waits for data.

    `batches` is the number of batches that it waited for since the last such event, by caffe's
    log, which has the first wait and then one in a thousand. `share` is the share of the time
    since the last display, on the embedded engine, which reports half of it and more.
    """

    batches: int | None = None
    share: float | None = None


@dataclass(frozen=True)
class Snapshot(Event):
    """Weights and solver state are being written.

    The log says so before the state is written: both files are complete once another event
    arrives, or the run ends successfully.
    """

    weights: str
    state: str


@dataclass(frozen=True)
class LogWarning(Event):
    """A warning, or an error that the engine survives.

    `source` is as in `Fatal`; it is empty for a warning of ours about something missing from
    the log.
    """

    message: str
    source: str
    severity: Literal["warning", "error"] = "warning"


@dataclass(frozen=True)
class Fatal(Event):
    """The engine's last message before it died, and its place in the source (`net.cpp:759`)."""

    message: str
    source: str


@dataclass(frozen=True)
class TrainingEnd(Event):
    """Training is complete: at `max_iter`, or early because a signal asked for it."""

    is_early: bool = False


@dataclass(frozen=True)
class StopRequest(Event):
    """The user asked to stop; `is_killed` if it was the second request."""

    is_killed: bool = False


@dataclass(frozen=True)
class RunExit(Event):
    """The engine has exited, and not because it failed.

    `code` is what a shell shows (130 for a process ended by SIGINT); `is_interrupted` says that
    the user asked for the end, `is_killed` that the engine was not given time to finish.
    """

    code: int
    is_interrupted: bool = False
    is_killed: bool = False
