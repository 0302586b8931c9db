"""SSDH3xx: a solver that Caffe would refuse, that learns nothing, or cannot write snapshots."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator

from ssdh_surgery.caffe.messages.forks import forks_text
from ssdh_surgery.caffe.net.text_findings import syntax_findings
from ssdh_surgery.caffe.training.refusals import refusals
from ssdh_surgery.errors import SchemaError
from ssdh_surgery.findings import (
    FOREIGN_SOLVER_VALUE,
    NO_BASE_LR,
    NO_MAX_ITER,
    NO_NET,
    NO_SNAPSHOT_FOLDER,
    NO_SNAPSHOTS,
    NO_TEST_INTERVAL,
    SNAPSHOT_FOLDER_READ_ONLY,
    SOLVER_REFUSED,
    TEST_ITER_COUNT,
    UNREADABLE_SOLVER,
    Finding,
)
from ssdh_surgery.location import Location, path_in_shell
from ssdh_surgery.pipeline.check.subject import Subject
from ssdh_surgery.pipeline.files.path_hints import path_hint
from ssdh_surgery.pipeline.workspace.paths import relative_to_cwd
from ssdh_surgery.surgery.core.judge import protobuf_message

# The rules of refused fields that have one of their own.
_RULES = {
    "net": NO_NET,
    "test_iter": TEST_ITER_COUNT,
    "test_interval": NO_TEST_INTERVAL,
}


def findings(subject: Subject) -> Iterator[Finding]:
    """The findings about the solver itself."""
    file = Location(subject.solver.file)
    yield from syntax_findings(subject.solver.document)
    yield from _schema(subject)
    if (subject.solver.integer("max_iter") or 0) <= 0:
        yield NO_MAX_ITER.at(
            file,
            "max_iter is not set, or 0: Caffe would not train at all",
            "set max_iter",
        )
    if subject.solver.root.entry("base_lr") is None:
        yield NO_BASE_LR.at(file, "base_lr is not set: nothing would be learned", "set base_lr")
    yield from _snapshots(subject)


def _schema(subject: Subject) -> Iterator[Finding]:
    """A value that Caffe cannot read, and values that it refuses."""
    param = subject.message
    if param is None:
        try:
            protobuf_message(subject.solver.document, "SolverParameter", allow_unknown=True)
        except SchemaError as error:
            yield UNREADABLE_SOLVER.at(
                error.location, f"Caffe cannot read this solver: {error.message}", error.hint
            )
        return
    for each in refusals(subject.solver, param):
        place = each.location(subject.solver)
        if each.forks and not subject.is_embedded:
            message = f"BVLC Caffe refuses this solver: {each.message}; {forks_text(each.forks)} it"
            yield FOREIGN_SOLVER_VALUE.at(place, message, each.hint)
            continue
        yield _RULES.get(each.field, SOLVER_REFUSED).at(place, each.message, each.hint)


def _snapshots(subject: Subject) -> Iterator[Finding]:
    """Whether snapshots are written, and can be written into their folder."""
    solver = subject.solver
    if not solver.writes_snapshots:
        entry = solver.root.entry("snapshot_after_train")
        yield NO_SNAPSHOTS.at(
            entry.location if entry else Location(solver.file),
            "no snapshot is written, not even at the end: what the net learns is lost",
            "remove snapshot_after_train: false, or set snapshot to a number of iterations",
        )
        return
    folder = subject.prefix.parent
    entry = solver.root.entry("snapshot_prefix")
    place = entry.location if entry else Location(solver.file)
    name = path_in_shell(str(relative_to_cwd(folder)))
    if not folder.is_dir():
        yield NO_SNAPSHOT_FOLDER.at(
            place,
            f"the folder for the snapshots does not exist: {name}",
            path_hint(solver.root.string("snapshot_prefix"), subject.folder)
            or f"create it: mkdir -p {shlex.quote(name)}",
        )
    elif not os.access(folder, os.W_OK):
        yield SNAPSHOT_FOLDER_READ_ONLY.at(
            place,
            f"the folder for the snapshots is not writable: {name}",
            "change its permissions, or set snapshot_prefix to another folder",
        )
