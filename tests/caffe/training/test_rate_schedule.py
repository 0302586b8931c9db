"""Learning rates: each policy's formula, its resumed step, and what is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ssdh_surgery.caffe.messages import schema
from ssdh_surgery.caffe.training.rate_schedule import RateSchedule
from ssdh_surgery.errors import EngineError


def solver(text: str) -> schema.SolverParameter:
    message = schema.parse_text(text, "SolverParameter")
    assert isinstance(message, schema.SolverParameter)
    return message


def rates(text: str, iterations: range) -> list[float]:
    rate = RateSchedule(solver(text))
    return [rate.at(iteration) for iteration in iterations]


@pytest.mark.parametrize(
    ("text", "iteration", "expected"),
    [
        ("lr_policy: 'fixed' gamma: -1", 7, 0.5),
        ("lr_policy: 'step' gamma: 0.1 stepsize: 10", 9, 0.5),
        ("lr_policy: 'step' gamma: 0.1 stepsize: 10", 10, 0.05),
        ("lr_policy: 'step' gamma: 0.1 stepsize: 10", 25, 0.005),
        ("lr_policy: 'exp' gamma: 0.9", 3, 0.5 * 0.9**3),
        ("lr_policy: 'inv' gamma: 0.0001 power: 0.75", 10000, 0.5 * 2**-0.75),
        ("lr_policy: 'poly' power: 0.5 max_iter: 100", 75, 0.25),
        ("lr_policy: 'poly' power: 2 max_iter: 100", 100, 0.0),
        ("lr_policy: 'sigmoid' gamma: 0.3 stepsize: 10", 10, 0.25),
        ("lr_policy: 'sigmoid' gamma: -0.0 stepsize: 10", 3, 0.25),
        ("lr_policy: 'sigmoid' gamma: 0.3 stepsize: 10", 0, 0.5 / (1 + math.exp(3))),
        ("lr_policy: 'exp' gamma: 0", 0, 0.5),
        ("lr_policy: 'exp' gamma: 2", 5000, math.inf),
        ("lr_policy: 'sigmoid' gamma: 100 stepsize: 10000", 0, 0.0),
    ],
)
def test_formulas(text: str, iteration: int, expected: float) -> None:
    rate = RateSchedule(solver(f"base_lr: 0.5 {text}")).at(iteration)
    assert rate == pytest.approx(expected, rel=1e-6)
    assert math.isinf(rate) or rate == np.float32(rate)


def test_beyond_the_end_poly_is_nan_as_in_caffe() -> None:
    (rate,) = rates("base_lr: 1 lr_policy: 'poly' power: 0.5 max_iter: 10", range(11, 12))
    assert math.isnan(rate)


def test_multistep_counts_its_steps() -> None:
    text = "base_lr: 1 lr_policy: 'multistep' gamma: 0.5 stepvalue: 2 stepvalue: 5"
    assert rates(text, range(7)) == [1, 1, 0.5, 0.5, 0.5, 0.25, 0.25]


def test_multistep_takes_one_step_at_an_iteration() -> None:
    text = "base_lr: 1 lr_policy: 'multistep' gamma: 0.5 stepvalue: 2 stepvalue: 2"
    assert rates(text, range(5)) == [1, 1, 0.5, 0.25, 0.25]


def test_multistep_goes_on_from_a_step() -> None:
    param = solver("base_lr: 1 lr_policy: 'multistep' gamma: 0.5 stepvalue: 2 stepvalue: 5")
    rate = RateSchedule(param, step=1)
    assert [rate.at(iteration) for iteration in (3, 4, 5)] == [0.5, 0.5, 0.25]
    assert rate.step == 2


def test_step_states_its_step() -> None:
    rate = RateSchedule(solver("base_lr: 1 lr_policy: 'step' gamma: 0.5 stepsize: 4"))
    rate.at(9)
    assert rate.step == 2


@pytest.mark.parametrize(
    ("text", "field", "message"),
    [
        (
            "lr_policy: 'setp'",
            "lr_policy",
            "unknown learning rate policy 'setp'\nhint: did you mean 'step'?",
        ),
        (
            "base_lr: 1",
            "lr_policy",
            "lr_policy is not set\nhint: Caffe has fixed, step, exp, inv, multistep, poly, sigmoid",
        ),
        (
            "lr_policy: 'step' gamma: 0.1",
            "stepsize",
            "lr_policy 'step' needs a stepsize above 0, not 0\n"
            "hint: stepsize: 1 changes the rate after each third of max_iter",
        ),
        (
            "lr_policy: 'exp' gamma: -0.5",
            "gamma",
            "lr_policy 'exp' needs a gamma at least 0, not -0.5\nhint: gamma: 0.1",
        ),
    ],
    ids=["misspelt", "missing", "stepsize", "gamma"],
)
def test_refusals(text: str, field: str, message: str) -> None:
    with pytest.raises(EngineError) as caught:
        RateSchedule(solver(text))
    assert str(caught.value) == message
    assert caught.value.data["field"] == field
