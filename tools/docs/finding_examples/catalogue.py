"""All examples, in the order of their rules."""

from __future__ import annotations

from finding_examples import encoding, lists, nets, records, runs, solvers, training_data, weights

EXAMPLES = tuple(
    sorted(
        (
            example
            for family in (training_data, records, nets, solvers, weights, runs, lists, encoding)
            for example in family.EXAMPLES
        ),
        key=lambda example: example.rule.code,
    )
)
