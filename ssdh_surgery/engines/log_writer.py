"""Events written as the lines that Caffe logs for them."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from datetime import datetime

from ssdh_surgery.engines import events
from ssdh_surgery.engines.events import Event

_DONE = ("caffe.cpp:250", "Optimization Done.")


class LogWriter:
    """Writes events as the lines that BVLC Caffe 1.0 logs for them, byte for byte.

    `clock` returns the time of a line; `thread` is the number after it (by default the process
    id).
    """

    def __init__(
        self, clock: Callable[[], datetime] = datetime.now, thread: int | None = None
    ) -> None:
        self._clock = clock
        self._thread = os.getpid() if thread is None else thread

    def line(self, source: str, message: str, severity: str = "I") -> str:
        """A message with glog's prefix, without a newline; `source` is `file.cpp:line`."""
        stamp = self._clock().strftime("%Y%m%d %H:%M:%S.%f")
        return f"{severity}{stamp} {self._thread:>5} {source}] {message}"

    def lines(self, event: Event) -> list[str]:
        """The lines of an event: zero, one or two."""
        return [self.line(*parts) for parts in _messages(event)]


def _messages(event: Event) -> list[tuple[str, str] | tuple[str, str, str]]:
    """The messages of an event, each with its place in Caffe's source, and severity if not I."""
    match event:
        case events.Device(gpus=()):
            return [("caffe.cpp:197", "Use CPU.")]
        case events.Device(gpus=gpus):
            return [("caffe.cpp:204", f"Using GPUs {', '.join(map(str, gpus))}")]
        case events.WeightsLoad(weights=weights):
            return [("solver.cpp:72", f"Finetuning from {weights}")]
        case events.SurplusLayer(layer=layer):
            return [("net.cpp:746", f"Ignoring source layer {layer}")]
        case events.SnapshotLoad(snapshot=snapshot):
            return [("caffe.cpp:235", f"Resuming from {snapshot}")]
        case events.TrainingStart(net=net):
            return [("solver.cpp:289", f"Solving {net}")]
        case events.Snapshot(weights=weights, state=state):
            kind = "HDF5" if state.endswith(".h5") else "binary proto"
            return [
                ("solver.cpp:464", f"Snapshotting to {kind} file {weights}"),
                ("sgd_solver.cpp:284", f"Snapshotting solver state to {kind} file {state}"),
            ]
        case events.LogWarning(message=message, source=source, severity=severity):
            return [(source, message, severity[0].upper())]
        case events.Fatal(message=message, source=source):
            return [(source, message, "F")]
        case events.TrainingEnd(is_early=True):
            return [("solver.cpp:311", "Optimization stopped early."), _DONE]
        case events.TrainingEnd():
            return [("solver.cpp:332", _DONE[1]), _DONE]
    return _progress(event)


def _progress(event: Event) -> list[tuple[str, str] | tuple[str, str, str]]:
    """The same for events that recur during training."""
    match event:
        case events.Iteration(iteration=iteration, loss=loss, seconds=None):
            return [("solver.cpp:327", f"Iteration {iteration}, loss = {_number(loss)}")]
        case events.Iteration(iteration=iteration, loss=loss, rate=rate, seconds=float(seconds)):
            speed = f"{_number(rate or 0)} iter/s, {_number(seconds)}s/{event.display} iters"
            return [("solver.cpp:239", f"Iteration {iteration} ({speed}), loss = {_number(loss)}")]
        case events.LearningRate(iteration=iteration, rate=rate):
            return [("sgd_solver.cpp:112", f"Iteration {iteration}, lr = {_number(rate)}")]
        case events.TrainOutput():
            return [("solver.cpp:258", f"    Train net output {_output(event)}")]
        case events.TestStart(iteration=iteration, net=net):
            return [("solver.cpp:347", f"Iteration {iteration}, Testing net (#{net})")]
        case events.TestOutput():
            return [("solver.cpp:414", f"    Test net output {_output(event)}")]
        case events.TestEnd(is_interrupted=True):
            return [("solver.cpp:396", "Test interrupted.")]
    return []


def _output(output: events.NetOutput) -> str:
    text = f"#{output.index}: {output.name} = {_number(output.value)}"
    if output.loss_weight is None or output.weighted is None:
        return text
    return f"{text} (* {_number(output.loss_weight)} = {_number(output.weighted)} loss)"


def _number(value: float) -> str:
    """A float as a C++ stream prints it: six digits, and nan with its sign."""
    if math.isnan(value):
        return "-nan" if math.copysign(1, value) < 0 else "nan"
    return f"{value:g}"
