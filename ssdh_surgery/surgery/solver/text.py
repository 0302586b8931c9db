"""The text of a new solver: each value with a comment that gives the reason for it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from ssdh_surgery.prototxt import render
from ssdh_surgery.prototxt.render import Word
from ssdh_surgery.prototxt.style import Style
from ssdh_surgery.surgery.hashing.recipe import SolverRecipe

# The initial rate with which published nets of this size were trained from scratch.
_FIRST_RATE = Decimal("0.01")
# The authors' fine-tuning of AlexNet on CIFAR-10: 50,000 iterations of 32 images are 32 passes
# over its 50,000 images.
_PASSES = 32
_MAX_ITERATIONS = 50_000
# New layers need at least as many, however large the data is.
_MIN_ITERATIONS = 1_000
_MAX_INTERVAL = 1_000
_STEPS = 3
_SNAPSHOTS = 10


@dataclass(frozen=True)
class DataSize:
    """The numbers of training and test records, and the batch sizes."""

    train: int
    train_batch: int
    test: int
    test_batch: int

    @property
    def iterations_per_pass(self) -> int:
        """The iterations of one pass over the training records."""
        return _ceil(self.train, self.train_batch)


def solver_text(net: str, prefix: str, size: DataSize, recipe: SolverRecipe) -> str:
    r"""A solver with values that suit the size of the data, each with its reason.

    Args:
        net: the path of the train net, as Caffe reads it.
        prefix: the snapshot prefix.
        size: the numbers of records and the batch sizes.
        recipe: the divisor of the rate, the weight decay and gamma.

    >>> text = solver_text("train_val.prototxt", "net", DataSize(50000, 32, 10000, 50),
    ...                    SolverRecipe())
    >>> print(*[line for line in text.splitlines() if line.startswith(("max", "step"))], sep="\n")
    max_iter: 50000  # 31 passes over 50,000 records, 1,563 iterations of 32 each
    stepsize: 16667  # three steps in all
    """
    passes = size.iterations_per_pass
    iterations = max(min(_PASSES * passes, _MAX_ITERATIONS), _MIN_ITERATIONS)
    rate = _FIRST_RATE / recipe.lr_divide
    rows: list[tuple[str, object, str]] = [
        ("net", net, ""),
        (
            "test_iter",
            _ceil(size.test, size.test_batch),
            f"batches of {size.test_batch} for all {size.test:,} test records",
        ),
        ("test_interval", min(passes, _MAX_INTERVAL), _interval_reason(passes)),
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


def _interval_reason(passes: int) -> str:
    if passes > _MAX_INTERVAL:
        return f"more often than once a pass of {passes:,} iterations"
    return "once a pass over the training records"


def _row(name: str, value: object, why: str) -> str:
    (line,) = render.field_lines(name, value, Style())
    return f"{line}  # {why}\n" if why else f"{line}\n"


def _ceil(count: int, size: int) -> int:
    return -(-count // size)
