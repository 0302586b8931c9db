"""All examples, in the order of their rules."""

from __future__ import annotations

from finding_examples import (
    encoding,
    learning,
    lists,
    nets,
    records,
    runs,
    snapshots,
    solvers,
    sources,
    training_data,
    weights,
)

_FAMILIES = (
    training_data,
    records,
    sources,
    nets,
    learning,
    solvers,
    weights,
    snapshots,
    runs,
    lists,
    encoding,
)

EXAMPLES = tuple(
    sorted(
        (example for family in _FAMILIES for example in family.EXAMPLES),
        key=lambda example: example.rule.code,
    )
)
