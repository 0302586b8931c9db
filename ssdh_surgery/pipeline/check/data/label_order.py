"""SSDH117: labels of training data that come class by class, in an order that no batch mixes."""

from __future__ import annotations

from collections.abc import Iterator

from ssdh_surgery.data.label_counts import LabelCounts
from ssdh_surgery.findings import RECORDS_CLASS_BY_CLASS, Finding
from ssdh_surgery.location import Location

# The order of fewer records does not matter much.
_ORDERED = 50
# Records come class by class where each label has at most so many runs, and shuffled ones would
# have so many times as many.
_RUNS, _FEWER = 4, 5


def findings(
    labels: LabelCounts, runs: int, batch: int, place: Location, hint: str
) -> Iterator[Finding]:
    """The finding about labels that come in so many runs of one label, if they are sorted."""
    counts = labels.counts
    total = counts.total()
    if len(counts) < 2 or total < _ORDERED or total < 2 * batch:
        return
    # Two neighbors of shuffled records have the same label by chance only.
    shuffled = 1 + (total - 1) * (1 - sum((count / total) ** 2 for count in counts.values()))
    is_sorted = runs <= _RUNS * len(counts) and runs * _FEWER <= shuffled
    if is_sorted and total / runs >= batch / 4:
        yield RECORDS_CLASS_BY_CLASS.at(
            place,
            f"the {labels.unit}s of {labels.path} come class by class: {total:,} {labels.unit}s of "
            f"{len(counts)} labels are {runs} runs of one label, and a batch has {batch}",
            hint,
        )
