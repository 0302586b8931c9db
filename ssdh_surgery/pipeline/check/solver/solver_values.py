"""SSDH3xx: values of a solver that Caffe takes, and that learn nothing, or diverge."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ssdh_surgery.caffe.training.solver_types import solver_type
from ssdh_surgery.findings import (
    EMPTY_TEST,
    HIGH_MOMENTUM,
    SILENT_RUN,
    STEPVALUE_ORDER,
    WEIGHT_DECAY,
    WRONG_RATE,
    ZERO_CLIP,
    ZERO_DELTA,
    ZERO_RATE,
    Finding,
)
from ssdh_surgery.pipeline.check.subject import Subject

if TYPE_CHECKING:
    from ssdh_surgery.caffe.messages.ssdh_caffe_pb2 import SolverParameter

# Weights that fall to a third in fewer iterations than this cannot be learned.
_FAST_DECAY = 100
# A run of fewer iterations is over before anyone looks.
_SHORT_RUN = 20
_DELTA_TYPES = ("AdaGrad", "RMSProp", "AdaDelta", "Adam")


def findings(subject: Subject) -> Iterator[Finding]:
    """The findings about the values of a solver that Caffe can read."""
    param = subject.message
    if param is not None and subject.has_solver:
        yield from _base_rate(subject, param)
        yield from _momentum(subject, param)
        yield from _weight_decay(subject, param)
        yield from _clipping(subject, param)
        yield from _delta(subject, param)
        yield from _steps(subject, param)
        yield from _tests(subject, param)
        yield from _display(subject, param)


def _base_rate(subject: Subject, param: SolverParameter) -> Iterator[Finding]:
    if not param.HasField("base_lr"):
        return
    place, rate = subject.place("base_lr"), param.base_lr
    if not rate:
        yield ZERO_RATE.at(place, "base_lr is 0: nothing would be learned", "set base_lr above 0")
    elif not math.isfinite(rate):
        yield WRONG_RATE.at(
            place, f"base_lr is {rate:g}: all weights become nan", "set base_lr to a number above 0"
        )
    elif rate < 0:
        yield WRONG_RATE.at(
            place,
            f"base_lr is {rate:g}: a negative rate raises the loss instead of lowering it",
            f"base_lr: {-rate:g}",
        )


def _momentum(subject: Subject, param: SolverParameter) -> Iterator[Finding]:
    # Adam refuses such a momentum.
    if solver_type(param) != "Adam" and not param.momentum < 1:
        yield HIGH_MOMENTUM.at(
            subject.place("momentum"),
            f"momentum is {param.momentum:g}: it adds up all updates without end, and the loss "
            "becomes nan",
            "momentum: 0.9",
        )


def _weight_decay(subject: Subject, param: SolverParameter) -> Iterator[Finding]:
    decay = param.weight_decay
    if decay < 0:
        yield WEIGHT_DECAY.at(
            subject.place("weight_decay"),
            f"weight_decay is {decay:g}: it makes weights grow",
            f"weight_decay: {-decay:g}",
        )
        return
    is_plain = solver_type(param) in ("SGD", "Nesterov") and param.regularization_type == "L2"
    share = param.base_lr * decay / max(1e-9, 1 - param.momentum)
    if is_plain and share * _FAST_DECAY > 1 and param.base_lr > 0:
        yield WEIGHT_DECAY.at(
            subject.place("weight_decay"),
            f"weight_decay is {decay:g}: with base_lr {param.base_lr:g} and momentum "
            f"{param.momentum:g} it takes all weights to a third in {max(1, round(1 / share))} "
            "iterations",
            "weight_decay: 0.0005",
        )


def _clipping(subject: Subject, param: SolverParameter) -> Iterator[Finding]:
    if param.HasField("clip_gradients") and param.clip_gradients == 0:
        yield ZERO_CLIP.at(
            subject.place("clip_gradients"),
            "clip_gradients is 0: Caffe scales all gradients to 0, and nothing is learned",
            "remove clip_gradients: the default, -1, turns clipping off",
        )


def _delta(subject: Subject, param: SolverParameter) -> Iterator[Finding]:
    name = solver_type(param)
    if name in _DELTA_TYPES and param.HasField("delta") and param.delta <= 0:
        yield ZERO_DELTA.at(
            subject.place("delta"),
            f"delta is {param.delta:g}: {name} divides by 0 where a gradient is 0, and the weight "
            "becomes nan",
            "remove delta: the default is 1e-8",
        )


def _steps(subject: Subject, param: SolverParameter) -> Iterator[Finding]:
    """Steps that are out of order."""
    values = list(param.stepvalue)
    if param.lr_policy == "multistep":
        pairs = itertools.pairwise(values)
        index = next((i for i, (first, second) in enumerate(pairs, 1) if second <= first), None)
        if index is not None:
            yield STEPVALUE_ORDER.at(
                subject.solver.root.entries("stepvalue")[index].location,
                f"stepvalue {values[index]:,} comes after {values[index - 1]:,}: Caffe waits for "
                f"{values[index - 1]:,} first, and lowers the rate again in the next iteration",
                "put the values of stepvalue in rising order",
            )


def _tests(subject: Subject, param: SolverParameter) -> Iterator[Finding]:
    """Tests of no batch."""
    index = next((i for i, count in enumerate(param.test_iter) if count < 1), None)
    if index is not None:
        yield EMPTY_TEST.at(
            subject.solver.root.entries("test_iter")[index].location,
            f"test_iter is {param.test_iter[index]}: this test reads nothing, and says nothing",
            "set test_iter to the test records divided by the batch size",
        )


def _display(subject: Subject, param: SolverParameter) -> Iterator[Finding]:
    if not param.display and param.max_iter >= _SHORT_RUN:
        yield SILENT_RUN.at(
            subject.place("display"),
            "display is 0: the run prints no loss",
            "set display, to 20 for instance",
        )
