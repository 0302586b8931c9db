"""SSDH509 to 511: how long it takes to the first snapshot, the first step, through the first test.

The times are those of the multiply-adds of the nets at an assumed rate, which the messages state: a
current GPU, or the cores of this machine. Real runs take longer rather than shorter, so whatever
is reported is long.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ssdh_surgery.caffe.training.rate_schedule import policy_refusals, rate_changes
from ssdh_surgery.data.parallel import processors
from ssdh_surgery.findings import LATE_SNAPSHOT, LATE_STEP, LONG_FIRST_TEST, Finding
from ssdh_surgery.names import count_text
from ssdh_surgery.pipeline.check.subject import Subject

# Multiply-adds per second of a GPU, and of one core with a good BLAS; Caffe uses few cores well.
_GPU_RATE = 2_000_000_000_000
_CORE_RATE = 15_000_000_000
_MOST_CORES = 8
# A forward pass, and the gradients of the blobs and of the params.
_PASSES = 3
_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_LONG_TEST = 10 * _MINUTE
# The interval of snapshots to suggest.
_SNAPSHOT_TIME = 2 * _HOUR


@dataclass(frozen=True)
class _Pace:
    """The seconds of an iteration and of a whole test, and the rate in words."""

    iteration: float
    test: float
    rate: str

    def until(self, iteration: int, test_interval: int) -> float:
        """The seconds to an iteration, with the tests before it."""
        tests = iteration // test_interval if test_interval > 0 else 0
        return iteration * self.iteration + tests * self.test


def findings(subject: Subject) -> Iterator[Finding]:
    """A first snapshot, a first step and a first test that take long."""
    pace = _pace(subject)
    if pace is None:
        return
    yield from _late_snapshot(subject, pace)
    yield from _late_step(subject, pace)
    yield from _long_test(subject, pace)


def _pace(subject: Subject) -> _Pace | None:
    """The times of a run; None where the cost of a net is unknown."""
    costs = [shapes.macs for shapes in subject.shapes]
    param = subject.message
    if param is None or not costs or None in costs:
        return None
    train, *tests = (cost or 0 for cost in costs)
    # On a GPU unless it is certain that there is none: a time that is too short warns of nothing.
    is_cpu = not subject.asks_for_gpu and subject.solver.root.entry("solver_mode") is not None
    cores = min(_MOST_CORES, processors())
    rate = cores * _CORE_RATE if is_cpu or subject.target.gpu == "none" else _GPU_RATE
    unit = count_text(cores, "core") if rate != _GPU_RATE else "a GPU"
    test = sum(cost * count for cost, count in zip(tests, param.test_iter, strict=False))
    iteration = _PASSES * train * max(1, param.iter_size)
    words = f"at an assumed {rate // 10**9:,} billion multiply-adds a second ({unit})"
    return _Pace(iteration / rate, test / rate, words)


def _late_snapshot(subject: Subject, pace: _Pace) -> Iterator[Finding]:
    param = subject.message
    if param is None or not subject.solver.writes_snapshots:
        return
    first = min(filter(None, (param.snapshot, param.max_iter)), default=0)
    seconds = pace.until(first, param.test_interval)
    if first < 1 or seconds < _DAY:
        return
    interval = _round(max(1, int(first * _SNAPSHOT_TIME / seconds)))
    yield LATE_SNAPSHOT.at(
        subject.place("snapshot"),
        f"the first snapshot is written at iteration {first:,}, after about {_time(seconds)} "
        f"{pace.rate}",
        f"snapshot: {interval} (ssdh patch --set snapshot={interval}, or edit the solver) is "
        "about two hours",
    )


def _late_step(subject: Subject, pace: _Pace) -> Iterator[Finding]:
    fields = {"step": "stepsize", "multistep": "stepvalue"}
    param = subject.message
    if param is None or param.lr_policy not in fields or any(policy_refusals(param)):
        return
    changes = rate_changes(param)
    if len(changes) < 2:
        return
    step = changes[1].iteration
    seconds = pace.until(step, param.test_interval)
    if seconds >= _DAY:
        yield LATE_STEP.at(
            subject.solver.root.entries(fields[param.lr_policy])[0].location,
            f"the learning rate falls for the first time at iteration {step:,}, after about "
            f"{_time(seconds)} {pace.rate}",
        )


def _long_test(subject: Subject, pace: _Pace) -> Iterator[Finding]:
    solver = subject.solver
    if subject.is_resumed or not solver.flag("test_initialization", True):
        return
    if not solver.integer("test_interval") or pace.test < _LONG_TEST:
        return
    counts = [count_text(count, "batch", "batches") for count in solver.integers("test_iter")]
    yield LONG_FIRST_TEST.at(
        subject.place("test_iter"),
        f"before iteration 0 Caffe tests {' and '.join(counts)} without a word, for about "
        f"{_time(pace.test)} {pace.rate}",
        "test_initialization: false skips this test",
    )


def _round(value: int) -> int:
    """A number with one digit that is not 0."""
    unit = int(10 ** (len(str(value)) - 1))
    return value // unit * unit


def _time(seconds: float) -> str:
    """A rough time in one unit."""
    for unit, name in ((_DAY, "day"), (_HOUR, "hour")):
        if seconds >= 2 * unit:
            return count_text(round(seconds / unit), name)
    return count_text(round(seconds / _MINUTE), "minute")
