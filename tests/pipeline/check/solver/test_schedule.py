"""The learning rate over a run: its line, and rates that teach nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from ssdh_surgery.caffe.net.solver import Solver
from ssdh_surgery.pipeline.check.solver import schedule
from ssdh_surgery.pipeline.check.subject import Subject
from ssdh_surgery.prototxt.parser import parse


def subject(text: str) -> Subject:
    solver = Solver(parse(f"base_lr: 0.01 {text}".encode(), "solver.prototxt"))
    return Subject(solver, (), Path(), Path("snap"))


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('lr_policy: "fixed" max_iter: 5000', "learning rate 0.01 in all 5,000 iterations"),
        (
            'lr_policy: "step" gamma: 0.1 stepsize: 25000 max_iter: 60000',
            "learning rate 0.01, 0.001 from 25,000, 0.0001 from 50,000 of 60,000 iterations",
        ),
        (
            'lr_policy: "multistep" gamma: 0.5 stepvalue: [30, 10] max_iter: 40',
            "learning rate 0.01, 0.005 from 30, 0.0025 from 31 of 40 iterations",
        ),
        (
            'lr_policy: "multistep" gamma: 0.5 stepvalue: [10, 30, 90] max_iter: 40',
            "learning rate 0.01, 0.005 from 10, 0.0025 from 30 of 40 iterations",
        ),
        (
            'lr_policy: "poly" power: 1 max_iter: 1001',
            "learning rate 0.01, 0.005 at 500 and 9.99e-06 at the end of 1,001 iterations (poly)",
        ),
        (
            'lr_policy: "step" gamma: 0.9 stepsize: 1 max_iter: 10',
            "learning rate 0.01, 0.009 from 1, 0.0081 from 2, 0.00729 from 3, 0.006561 from 4, "
            "0.0059049 from 5, 0.00531441 from 6, and so on down to 0.0038742 from 9 of "
            "10 iterations",
        ),
    ],
)
def test_the_schedule_is_one_line(text: str, line: str) -> None:
    assert schedule.schedule_text(subject(text)) == line


@pytest.mark.parametrize("text", ['lr_policy: "stepp" max_iter: 9', 'lr_policy: "fixed"'])
def test_a_solver_that_caffe_refuses_has_no_schedule(text: str) -> None:
    assert schedule.schedule_text(subject(text)) is None
    assert list(schedule.findings(subject(text))) == []


@pytest.mark.parametrize(
    ("text", "code", "message", "hint"),
    [
        (
            'lr_policy: "step" stepsize: 10 max_iter: 100',
            "SSDH311",
            "gamma is not set: the learning rate is 0 from iteration 10 of 100 on",
            "set gamma: 0.1",
        ),
        (
            'lr_policy: "exp" gamma: 0.5 max_iter: 100',
            "SSDH311",
            "the learning rate is 6.1e-07, next to nothing, from iteration 14 of 100 on",
            "raise gamma or stepsize, or lower max_iter",
        ),
        (
            'lr_policy: "poly" max_iter: 100',
            "SSDH312",
            "lr_policy 'poly' never lowers the learning rate in this run: power is not set",
            "set power",
        ),
        (
            'lr_policy: "step" gamma: 0.1 stepsize: 500 max_iter: 100',
            "SSDH312",
            "lr_policy 'step' never lowers the learning rate in this run: stepsize 500 is not "
            "below max_iter 100",
            "set stepsize below 100",
        ),
        (
            'lr_policy: "multistep" gamma: 0.1 max_iter: 100',
            "SSDH312",
            "lr_policy 'multistep' never lowers the learning rate in this run: stepvalue is not "
            "set",
            "set stepvalue below 100",
        ),
        (
            'lr_policy: "step" gamma: 1 stepsize: 5 max_iter: 100',
            "SSDH312",
            "lr_policy 'step' never lowers the learning rate in this run: gamma is 1",
            "set gamma",
        ),
    ],
)
def test_a_rate_that_teaches_nothing_or_never_falls(
    text: str, code: str, message: str, hint: str
) -> None:
    (finding,) = schedule.findings(subject(text))
    assert (finding.code, finding.message, finding.hint) == (code, message, hint)
    assert finding.severity == "warning"


@pytest.mark.parametrize(
    "text",
    [
        'lr_policy: "fixed" max_iter: 100',
        'lr_policy: "step" gamma: 0.1 stepsize: 30 max_iter: 100',
        'lr_policy: "inv" gamma: 0.0001 power: 0.75 max_iter: 10000',
        'lr_policy: "poly" power: 1 max_iter: 100',
        'lr_policy: "sigmoid" gamma: 0.1 stepsize: 50 max_iter: 100',
    ],
)
def test_usual_schedules_have_no_finding(text: str) -> None:
    assert list(schedule.findings(subject(text))) == []
