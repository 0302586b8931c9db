"""The learning rate over a run: its steps in one line, and rates that teach nothing (SSDH3xx)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ssdh_surgery.caffe.training.rate_schedule import RateChange, policy_refusals, rate_changes
from ssdh_surgery.findings import CONSTANT_RATE, RISING_RATE, VANISHING_RATE, Finding
from ssdh_surgery.pipeline.check.subject import Subject

if TYPE_CHECKING:
    from ssdh_surgery.caffe.messages.ssdh_caffe_pb2 import SolverParameter

# A rate below this share of the first one changes nothing any more.
_VANISHING = 1e-4
# The fields that a policy reads, without which it does not lower the rate.
_FIELDS = {
    "step": ("gamma", "stepsize"),
    "multistep": ("gamma", "stepvalue"),
    "exp": ("gamma",),
    "inv": ("gamma", "power"),
    "poly": ("power",),
    "sigmoid": ("gamma", "stepsize"),
}
# Steps that the line names; the others are counted.
_NAMED = 6


def findings(subject: Subject) -> Iterator[Finding]:
    """The findings about the learning rate of a solver that Caffe can read."""
    param = _valid_message(subject)
    if param is not None:
        changes = rate_changes(param)
        yield from _vanishing(subject, param, changes)
        yield from _constant(subject, param, changes)
        yield from _rising(subject, param, changes)


def schedule_text(subject: Subject) -> str | None:
    """The learning rate over the run; None where the solver has none.

    It reads like `learning rate 0.001, 0.0001 from 25,000 of 60,000 iterations`.
    """
    param = _valid_message(subject)
    return None if param is None else _schedule_text(param, rate_changes(param))


def _valid_message(subject: Subject) -> SolverParameter | None:
    """The solver's message, if Caffe can compute a learning rate from it."""
    param = subject.message
    if param is None or param.max_iter < 1 or not param.base_lr or any(policy_refusals(param)):
        return None
    return param


def _schedule_text(param: SolverParameter, changes: Sequence[RateChange]) -> str:
    first, *others = changes
    total = f"of {param.max_iter:,} iterations"
    if not others:
        return f"learning rate {first.rate:g} in all {param.max_iter:,} iterations"
    if param.lr_policy not in ("step", "multistep"):
        middle, end = changes[len(changes) // 2], others[-1]
        return (
            f"learning rate {first.rate:g}, {middle.rate:.3g} at {middle.iteration:,} and "
            f"{end.rate:.3g} at the end {total} ({param.lr_policy})"
        )
    named = [f"{each.rate:g} from {each.iteration:,}" for each in others[:_NAMED]]
    if len(others) > _NAMED:
        named.append(f"and so on down to {others[-1].rate:g} from {others[-1].iteration:,}")
    return f"learning rate {', '.join([f'{first.rate:g}', *named])} {total}"


def _vanishing(
    subject: Subject, param: SolverParameter, changes: Sequence[RateChange]
) -> Iterator[Finding]:
    """A rate that is next to nothing for half of the run, or longer."""
    low = None
    for each in reversed(changes):
        if not abs(each.rate) < _VANISHING * param.base_lr:
            break
        low = each
    if low is None or 2 * low.iteration > param.max_iter:
        return
    is_unset = "gamma" in _FIELDS[param.lr_policy] and not param.HasField("gamma")
    cause = "gamma is not set: " if is_unset else ""
    rate = "0" if not low.rate else f"{low.rate:.2g}, next to nothing,"
    yield VANISHING_RATE.at(
        subject.place("gamma", "lr_policy"),
        f"{cause}the learning rate is {rate} from iteration {low.iteration:,} of "
        f"{param.max_iter:,} on",
        "set gamma: 0.1" if is_unset else "raise gamma or stepsize, or lower max_iter",
    )


def _constant(
    subject: Subject, param: SolverParameter, changes: Sequence[RateChange]
) -> Iterator[Finding]:
    """A policy that lowers the rate, but never does so within the run."""
    if param.lr_policy == "fixed" or len({each.rate for each in changes}) > 1:
        return
    field, reason = _reason_constant(param)
    yield CONSTANT_RATE.at(
        subject.place(field, "lr_policy"),
        f"lr_policy '{param.lr_policy}' never lowers the learning rate in this run: {reason}",
        f"set {field}" + (f" below {param.max_iter}" if field.startswith("step") else ""),
    )


def _rising(
    subject: Subject, param: SolverParameter, changes: Sequence[RateChange]
) -> Iterator[Finding]:
    """A policy that raises the rate; Caffe's sigmoid always does."""
    first, last = changes[0].rate, changes[-1].rate
    if param.lr_policy == "sigmoid" or not last > first > 0:
        return
    field = "power" if param.power < 0 else "gamma"
    value = getattr(param, field)
    yield RISING_RATE.at(
        subject.place(field),
        f"{field} is {value:g}: the learning rate rises from {first:g} to {last:.3g}",
        f"{field}: {-value if field == 'power' else 1 / value:.3g}",
    )


def _reason_constant(param: SolverParameter) -> tuple[str, str]:
    """The field that keeps a rate constant, and why."""
    policy = param.lr_policy
    for field in _FIELDS[policy]:
        if field == "stepvalue" and not param.stepvalue:
            return field, "stepvalue is not set"
        if field == "power" and not param.power:
            return field, "power is not set" if not param.HasField("power") else "power is 0"
    if policy == "step" and param.stepsize >= param.max_iter:
        return "stepsize", f"stepsize {param.stepsize:,} is not below max_iter {param.max_iter:,}"
    if policy == "multistep" and min(param.stepvalue) >= param.max_iter:
        return "stepvalue", f"no stepvalue is below max_iter {param.max_iter:,}"
    return "gamma", f"gamma is {param.gamma:g}"
