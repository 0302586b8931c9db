"""Everything that can be known before the first iteration, family by family."""

from __future__ import annotations

from collections.abc import Iterator

from ssdh_surgery.findings import Finding
from ssdh_surgery.pipeline.check.subject import Subject


def findings(subject: Subject) -> list[Finding]:
    """All findings of a subject, in the order of the families; each said once."""
    return list(dict.fromkeys(_all(subject)))


def _all(subject: Subject) -> Iterator[Finding]:
    from ssdh_surgery.pipeline.check import data, net, solver, weights

    for family in (solver, net, data, weights):
        yield from family.findings(subject)
