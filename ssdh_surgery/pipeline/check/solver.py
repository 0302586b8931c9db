"""SSDH3xx: a solver that Caffe would refuse, that learns nothing, or cannot write snapshots."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator

from ssdh_surgery.caffe.net.text_findings import syntax_findings
from ssdh_surgery.errors import SchemaError
from ssdh_surgery.findings import (
    NO_BASE_LR,
    NO_MAX_ITER,
    NO_NET,
    NO_SNAPSHOT_FOLDER,
    NO_SNAPSHOTS,
    NO_TEST_INTERVAL,
    SNAPSHOT_FOLDER_READ_ONLY,
    TEST_ITER_COUNT,
    UNREADABLE_SOLVER,
    Finding,
)
from ssdh_surgery.location import Location, path_in_shell
from ssdh_surgery.pipeline.check.subject import Subject
from ssdh_surgery.pipeline.workspace.paths import relative_to_cwd
from ssdh_surgery.prototxt.cst import Document
from ssdh_surgery.surgery.core.judge import protobuf_message


def findings(subject: Subject) -> Iterator[Finding]:
    """The findings about the solver itself."""
    file = Location(subject.solver.file)
    yield from syntax_findings(subject.solver.document)
    yield from _schema(subject.solver.document)
    if not subject.nets:
        yield NO_NET.at(
            file, "the solver names no net to train", "add net: with the path of the train net"
        )
    if not subject.solver.integer("max_iter"):
        yield NO_MAX_ITER.at(
            file, "max_iter is not set, or 0: Caffe would not train at all", "set max_iter"
        )
    if subject.solver.decimal("base_lr") is None:
        yield NO_BASE_LR.at(file, "base_lr is not set: nothing would be learned", "set base_lr")
    yield from _tests(subject)
    yield from _snapshots(subject)


def _schema(document: Document) -> Iterator[Finding]:
    """A field or value that Caffe's schema does not have."""
    try:
        protobuf_message(document, "SolverParameter")
    except SchemaError as error:
        yield UNREADABLE_SOLVER.at(
            error.location, f"Caffe cannot read this solver: {error.message}", error.hint
        )


def _tests(subject: Subject) -> Iterator[Finding]:
    """Caffe needs one `test_iter` for each test net, and a `test_interval`."""
    solver = subject.solver
    iterations = solver.root.entries("test_iter")
    if not solver.has_matching_test_iter:
        count = len(solver.own_test_nets)
        nets = f"{count} test net{'' if count == 1 else 's'}"
        yield TEST_ITER_COUNT.at(
            iterations[0].location if iterations else Location(solver.file),
            f"{len(iterations)} test_iter for {nets}; Caffe needs one for each",
            "repeat test_iter, in the order of the test nets",
        )
    if iterations and not solver.integer("test_interval"):
        yield NO_TEST_INTERVAL.at(
            iterations[0].location,
            "test_iter is set, but test_interval is not",
            "set test_interval, or remove test_iter to train without tests",
        )


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
            f"create it: mkdir -p {shlex.quote(name)}",
        )
    elif not os.access(folder, os.W_OK):
        yield SNAPSHOT_FOLDER_READ_ONLY.at(
            place,
            f"the folder for the snapshots is not writable: {name}",
            "change its permissions, or set snapshot_prefix to another folder",
        )
