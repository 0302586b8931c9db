"""All findings about a solver, its nets, their data and the weights that they start from."""

from __future__ import annotations

from pathlib import Path

from ssdh_surgery.caffe.net.solver import Solver
from ssdh_surgery.errors import SsdhError
from ssdh_surgery.findings import UNREADABLE_NET, Finding
from ssdh_surgery.pipeline.check import data, net, solver, weights
from ssdh_surgery.pipeline.check.subject import Subject, subject_of

_FAMILIES = (solver, net, data, weights)


def check(subject: Subject) -> list[Finding]:
    """All findings about a subject, family by family, without duplicates."""
    return list(
        dict.fromkeys(finding for family in _FAMILIES for finding in family.findings(subject))
    )


def check_solver(
    view: Solver,
    folder: Path,
    prefix: Path,
    weights: tuple[str, ...] = (),
    *,
    is_resumed: bool = False,
) -> list[Finding]:
    """All findings about a solver and what it names; a net that cannot be read is one, too.

    The arguments are those of `subject_of`.
    """
    try:
        subject = subject_of(view, folder, prefix, weights, is_resumed=is_resumed)
    except SsdhError as error:
        return [UNREADABLE_NET.at(error.location, error.message, error.hint)]
    return check(subject)
