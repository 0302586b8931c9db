"""A solver for data of any size: Caffe reads it, and every count follows from the records."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from ssdh_surgery import parse
from ssdh_surgery.surgery.core.judge import protobuf_message
from ssdh_surgery.surgery.hashing.recipe import SolverRecipe
from ssdh_surgery.surgery.solver.text import DataSize, solver_text

CIFAR = """net: "train_val_ssdh.prototxt"
test_iter: 200  # batches of 50 for all 10,000 test records
test_interval: 1000  # more often than once a pass of 1,563 iterations
test_initialization: false  # before the first iteration the classifier is random
base_lr: 0.001  # 0.01 divided by 10: the features are trained already
lr_policy: "step"  # the rate times gamma every stepsize iterations
gamma: 0.1
max_iter: 50000  # 31 passes over 50,000 records, 1,563 iterations of 32 each
stepsize: 16667  # three steps in all
momentum: 0.9  # as in most published solvers
weight_decay: 0.0005
display: 20  # iterations between two lines of the log
average_loss: 20  # the loss shown is the mean of so many
snapshot: 5000  # ten in all
snapshot_prefix: "net_ssdh"
solver_mode: GPU  # ssdh train --gpu none trains on the CPU
"""


def read(size: DataSize, recipe: SolverRecipe) -> Any:
    text = solver_text("train_val_ssdh.prototxt", "net_ssdh", size, recipe)
    return protobuf_message(parse(text.encode(), "solver.prototxt"), "SolverParameter")


def test_every_value_says_why() -> None:
    size = DataSize(50_000, 32, 10_000, 50)
    assert solver_text("train_val_ssdh.prototxt", "net_ssdh", size, SolverRecipe()) == CIFAR


@pytest.mark.parametrize(
    ("size", "test_iter", "interval", "iterations", "step"),
    [
        pytest.param(DataSize(10, 10, 3, 2), 2, 1, 1000, 334, id="tiny"),
        pytest.param(DataSize(6400, 32, 101, 50), 3, 200, 6400, 2134, id="small"),
        pytest.param(
            DataSize(1_281_167, 64, 50_000, 50), 1000, 1000, 50_000, 16_667, id="imagenet"
        ),
    ],
)
def test_counts_follow_from_the_records(
    size: DataSize, test_iter: int, interval: int, iterations: int, step: int
) -> None:
    solver = read(size, SolverRecipe())
    assert list(solver.test_iter) == [test_iter]
    assert solver.test_interval == interval
    assert (solver.max_iter, solver.stepsize) == (iterations, step)


def test_the_recipe_has_its_say() -> None:
    recipe = SolverRecipe(lr_divide=Decimal(4), weight_decay=Decimal("0.002"), gamma=Decimal("0.5"))
    solver = read(DataSize(10, 10, 3, 2), recipe)
    found = [solver.base_lr, solver.weight_decay, solver.gamma]
    assert found == pytest.approx([0.0025, 0.002, 0.5])
