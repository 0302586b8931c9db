"""Whether the labels of training data come class by class, in an order that no batch mixes."""

from __future__ import annotations

from collections import Counter

# The order of fewer records does not matter much.
_ORDERED = 50
# Records come class by class where each label has at most so many runs, and shuffled ones would
# have so many times as many.
_RUNS, _FEWER = 4, 5


def is_class_by_class(counts: Counter[int], runs: int, batch: int) -> bool:
    """Whether labels with these counts, in so many runs of one label, come class by class."""
    total = counts.total()
    if len(counts) < 2 or total < _ORDERED or total < 2 * batch:
        return False
    # Two neighbors of shuffled records have the same label by chance only.
    shuffled = 1 + (total - 1) * (1 - sum((count / total) ** 2 for count in counts.values()))
    is_sorted = runs <= _RUNS * len(counts) and runs * _FEWER <= shuffled
    return is_sorted and total / runs >= batch / 4


def order_text(counts: Counter[int], runs: int, batch: int) -> str:
    """The order in words."""
    return (
        f"{counts.total():,} of {len(counts)} labels are {runs} runs of one label, and a batch "
        f"has {batch}"
    )
