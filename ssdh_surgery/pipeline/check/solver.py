"""SSDH3xx: a solver that Caffe would refuse, or that cannot write its snapshots."""

from __future__ import annotations

import os
from collections.abc import Iterator

from ssdh_surgery.errors import SchemaError
from ssdh_surgery.findings import Finding
from ssdh_surgery.location import Location
from ssdh_surgery.pipeline.check.subject import Subject
from ssdh_surgery.pipeline.workspace.paths import relative_to_cwd
from ssdh_surgery.prototxt.cst import Document
from ssdh_surgery.surgery.core.judge import judged


def findings(subject: Subject) -> Iterator[Finding]:
    """What is wrong with the solver itself."""
    yield from _unread(subject.solver.document)
    if not subject.nets:
        yield _of(subject, "SSDH301", "no-net", "the solver names no net to train")
    if not subject.solver.integer("max_iter"):
        yield _of(subject, "SSDH302", "no-max-iter", "max_iter is not set: nothing is trained")
    if subject.solver.decimal("base_lr") is None:
        yield _of(subject, "SSDH303", "no-base-lr", "base_lr is not set: nothing is learned")
    yield from _tests(subject)
    yield from _snapshots(subject)


def _unread(document: Document) -> Iterator[Finding]:
    """A field or value that Caffe's schema does not have."""
    try:
        judged(document, "SolverParameter")
    except SchemaError as error:
        yield Finding(
            "SSDH304",
            "unreadable-solver",
            "error",
            f"Caffe cannot read this solver: {error.message}",
            None,
            error.location,
        )


def _of(subject: Subject, code: str, name: str, message: str) -> Finding:
    return Finding(code, name, "error", message, None, Location(subject.solver.file))


def _tests(subject: Subject) -> Iterator[Finding]:
    """Caffe wants one `test_iter` for each test net, and a `test_interval`."""
    solver = subject.solver
    iterations = solver.root.entries("test_iter")
    if not solver.has_matching_test_iter:
        place = iterations[0].location if iterations else Location(solver.file)
        yield Finding(
            "SSDH305",
            "test-iter-count",
            "error",
            f"{len(iterations)} test_iter for {len(solver.own_test_nets)} test nets; Caffe wants "
            "one for each",
            None,
            place,
        )
    if iterations and not solver.integer("test_interval"):
        yield Finding(
            "SSDH306",
            "no-test-interval",
            "error",
            "test_iter is set and test_interval is not",
            None,
            iterations[0].location,
        )


def _snapshots(subject: Subject) -> Iterator[Finding]:
    """The folder of the snapshots: Caffe finds out only when it writes the first."""
    solver = subject.solver
    if not solver.integer("snapshot") and not solver.flag("snapshot_after_train", True):
        return
    folder = subject.prefix.parent
    entry = subject.solver.root.entry("snapshot_prefix")
    place = entry.location if entry else Location(subject.solver.file)
    shown = relative_to_cwd(folder)
    if not folder.is_dir():
        yield Finding(
            "SSDH307",
            "no-snapshot-folder",
            "error",
            f"the snapshots go to a folder that is not there: {shown}",
            f"mkdir -p {shown}",
            place,
        )
    elif not os.access(folder, os.W_OK):
        yield Finding(
            "SSDH308",
            "snapshot-folder-read-only",
            "error",
            f"the snapshots go to a folder that cannot be written: {shown}",
            None,
            place,
        )
