"""A solver for a train net that had none: each value with the reason for it beside it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from ssdh_surgery.prototxt import render
from ssdh_surgery.prototxt.render import Word
from ssdh_surgery.prototxt.style import Style
from ssdh_surgery.surgery.hashing.recipe import SolverRecipe

# The rate that published nets of this size were trained with from the start.
_FIRST_RATE = Decimal("0.01")
# The authors' own fine-tuning of AlexNet on CIFAR-10: 50,000 iterations of 32 pictures are 32
# passes over its 50,000.
_PASSES = 32
_MOST_ITERATIONS = 50_000
# Fewer are too few for new layers, whatever the size of the data.
_FEWEST_ITERATIONS = 1_000
_LONGEST_INTERVAL = 1_000
_STEPS = 3
_SNAPSHOTS = 10


@dataclass(frozen=True)
class DataSize:
    """How many records there are to train and to test with, and how many make a batch."""

    train: int
    train_batch: int
    test: int
    test_batch: int

    @property
    def iterations_per_pass(self) -> int:
        """The iterations in which every training record is seen once."""
        return _ceil(self.train, self.train_batch)


def solver_text(net: str, prefix: str, size: DataSize, recipe: SolverRecipe) -> str:
    r"""A solver with sane values for the size of the data, each explained.

    Args:
        net: the train net as Caffe is to find it.
        prefix: where snapshots go.
        size: the records and batches.
        recipe: the rate's divisor, weight decay and gamma.

    >>> text = solver_text("train_val.prototxt", "net", DataSize(50000, 32, 10000, 50),
    ...                    SolverRecipe())
    >>> print(*[line for line in text.splitlines() if line.startswith(("max", "step"))], sep="\n")
    max_iter: 50000  # 31 passes over 50,000 records, 1,563 iterations of 32 each
    stepsize: 16667  # three steps in all
    """
    passes = size.iterations_per_pass
    wanted = min(_PASSES * passes, _MOST_ITERATIONS)
    iterations = max(wanted, _FEWEST_ITERATIONS)
    rate = _FIRST_RATE / recipe.lr_divide
    rows: list[tuple[str, object, str]] = [
        ("net", net, ""),
        (
            "test_iter",
            _ceil(size.test, size.test_batch),
            f"batches of {size.test_batch} for all {size.test:,} test records",
        ),
        ("test_interval", min(passes, _LONGEST_INTERVAL), _interval_said(passes)),
        ("test_initialization", False, "before the first iteration the classifier is random"),
        (
            "base_lr",
            rate,
            f"{_FIRST_RATE} divided by {recipe.lr_divide}: the features are trained already",
        ),
        ("lr_policy", "step", "the rate times gamma every stepsize iterations"),
        ("gamma", Decimal("0.1") if recipe.gamma is None else recipe.gamma, ""),
        (
            "max_iter",
            iterations,
            f"{iterations // passes:,} passes over {size.train:,} records, {passes:,} iterations "
            f"of {size.train_batch} each",
        ),
        ("stepsize", _ceil(iterations, _STEPS), "three steps in all"),
        ("momentum", Decimal("0.9"), "as in most published solvers"),
        ("weight_decay", recipe.weight_decay, ""),
        ("display", 20, "iterations between two lines of the log"),
        ("average_loss", 20, "the loss shown is the mean of so many"),
        ("snapshot", _ceil(iterations, _SNAPSHOTS), "ten in all"),
        ("snapshot_prefix", prefix, ""),
        ("solver_mode", Word("GPU"), "ssdh train --gpu none trains on the CPU"),
    ]
    return "".join(_row(*row) for row in rows)


def _interval_said(passes: int) -> str:
    if passes > _LONGEST_INTERVAL:
        return f"more often than once a pass of {passes:,} iterations"
    return "once a pass over the training records"


def _row(name: str, value: object, why: str) -> str:
    (line,) = render.field_lines(name, value, Style())
    return f"{line}  # {why}\n" if why else f"{line}\n"


def _ceil(count: int, size: int) -> int:
    return -(-count // size)
