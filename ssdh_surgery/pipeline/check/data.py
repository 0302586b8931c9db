"""SSDH1xx: data files that do not exist or are of another kind, and labels out of range."""

from __future__ import annotations

import os
from collections.abc import Iterator
from glob import escape
from pathlib import Path

from ssdh_surgery.caffe.net.heads import heads
from ssdh_surgery.caffe.net.layer import Layer, integer
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.net.phase import State
from ssdh_surgery.data.lmdb_store import LabelScan, LmdbStore
from ssdh_surgery.errors import SsdhError
from ssdh_surgery.findings import (
    CLASSES_WITHOUT_RECORDS,
    LABELS_OUT_OF_RANGE,
    NO_DATABASE,
    NO_MEAN_FILE,
    NO_SOURCE,
    ONE_LABEL,
    UNREADABLE_DATABASE,
    WRONG_BACKEND,
    Finding,
    FindingRule,
)
from ssdh_surgery.location import Location, path_in_shell
from ssdh_surgery.names import count_text
from ssdh_surgery.pipeline.check.subject import Subject
from ssdh_surgery.pipeline.files.caffe_paths import working_folders
from ssdh_surgery.pipeline.workspace.paths import relative_to_cwd
from ssdh_surgery.prototxt.cst import Entry
from ssdh_surgery.surgery.verbs.data_layers import SOURCES

# Classes that a message names.
_NAMED = 5


def findings(subject: Subject) -> Iterator[Finding]:
    """The findings about the data that each net reads."""
    for net, state in subject.nets:
        for layer in net.layers_in(state):
            yield from _mean(layer, subject)
            if layer.type == "Data":
                yield from _database(net, layer, state, subject)
            elif layer.type in SOURCES:
                yield from _file(layer, subject)


def _entry(layer: Layer, message: str, name: str) -> Entry | None:
    param = layer.core.message(message)
    # V0 has these fields in the layer itself.
    return param.entry(name) if param else layer.core.entry(name)


def _text(entry: Entry) -> str:
    return entry.field.parent.string(entry.field.name)


def _path(entry: Entry, folder: Path) -> Path:
    return relative_to_cwd(folder / _text(entry))


def _mean(layer: Layer, subject: Subject) -> Iterator[Finding]:
    entry = _entry(layer, "transform_param", "mean_file") or layer.core.entry("meanfile")
    if entry and not _path(entry, subject.folder).is_file():
        yield _missing(NO_MEAN_FILE, "mean file", entry, subject)


def _file(layer: Layer, subject: Subject) -> Iterator[Finding]:
    entry = _entry(layer, SOURCES[layer.type], "source")
    if entry and not _path(entry, subject.folder).is_file():
        yield _missing(NO_SOURCE, "source", entry, subject)


def _missing(rule: FindingRule, what: str, entry: Entry, subject: Subject) -> Finding:
    name, folder = _text(entry), subject.folder
    hints = []
    if not Path(name).is_absolute():
        hints.append(f"paths in a net start at caffe's working directory: {folder}")
    if place := _elsewhere(name, subject):
        path = os.path.relpath(place, folder)
        hints.append(f"there is one at {_in_shell(place)}: write '{path}'")
    return rule.at(
        entry.location,
        f"the {what} does not exist: {_in_shell(_path(entry, folder))}",
        "; ".join(hints) or None,
    )


def _in_shell(path: Path) -> str:
    return path_in_shell(str(relative_to_cwd(path)))


def _elsewhere(name: str, subject: Subject) -> Path | None:
    """The place where a file or folder is that a net names, but not from caffe's directory.

    It is looked up from every directory that caffe may run in; and, by its last part only, in
    the folders next to the solver, the net and the user, and one level below.
    """
    files = [Path(subject.solver.file), *(Path(net.file) for net, _ in subject.nets)]
    folders = [folder for file in files for folder in working_folders(file)]
    near = [Path.cwd(), *(Path(os.path.abspath(file)).parent for file in files), subject.folder]
    last = Path(name.rstrip("/")).name
    candidates = [folder / name for folder in folders]
    candidates += [folder / last for folder in near]
    candidates += [path for folder in near for path in sorted(folder.glob(f"*/{escape(last)}"))]
    return next((path for path in candidates if last and path.exists()), None)


def _database(net: Net, layer: Layer, state: State, subject: Subject) -> Iterator[Finding]:
    entry = _entry(layer, "data_param", "source")
    if entry is None:
        return
    path = _path(entry, subject.folder)
    if not path.exists():
        yield _missing(NO_DATABASE, "database", entry, subject)
        return
    is_leveldb = (path / "CURRENT").is_file()
    backend = _entry(layer, "data_param", "backend")
    stated = backend.field.parent.string("backend") if backend else ""
    if is_leveldb == (stated in ("LMDB", "1")):
        actual, expected = ("a LevelDB", "LMDB") if is_leveldb else ("an LMDB", stated or "LEVELDB")
        yield WRONG_BACKEND.at(
            (backend or entry).location,
            f"{path} is {actual}, but layer '{layer.name}' reads it as {expected}"
            + ("" if stated else ", Caffe's default"),
            f"write backend: {'LEVELDB' if is_leveldb else 'LMDB'} in its data_param",
        )
    if not is_leveldb:
        yield from _records(net, layer, state, path, entry)


def _records(net: Net, layer: Layer, state: State, path: Path, entry: Entry) -> Iterator[Finding]:
    """Labels for which a classifier has no output."""
    legal = _legal_labels(net, layer, state)
    try:
        with LmdbStore(path) as store:
            scan = store.scan_labels() if legal else None
    except SsdhError as error:
        yield UNREADABLE_DATABASE.at(
            error.location or Location(str(path)), error.message, error.hint
        )
        return
    if scan is None or not legal:
        return
    classes = min(count for count, _ in legal)
    wrong = sorted(
        label
        for label in scan.histogram
        if any(not 0 <= label < count and label != ignored for count, ignored in legal)
    )
    if wrong:
        key = scan.first_keys[wrong[0]].decode("utf-8", "replace")
        count = sum(scan.histogram[label] for label in wrong)
        yield LABELS_OUT_OF_RANGE.at(
            entry.location,
            f"{count} of {scan.records} records of {path} have labels from {wrong[0]} to "
            f"{wrong[-1]} (first: key '{key}'), but the classifier has {classes} outputs "
            f"(0 to {classes - 1})",
            f"run ssdh patch --classes {max(wrong) + 1}, or correct the labels"
            if wrong[0] >= 0
            else "correct the labels",
        )
    elif state.phase == "TRAIN":
        yield from _unlearned_classes(scan, classes, path, entry)


def _unlearned_classes(
    scan: LabelScan, classes: int, path: Path, entry: Entry
) -> Iterator[Finding]:
    """Training records that teach one class alone, or not all that the classifier has."""
    legal = [label for label in scan.histogram if 0 <= label < classes]
    missing = sorted(set(range(classes)) - set(legal))
    if len(scan.histogram) == 1 and scan.records > 1 and classes > 1:
        yield ONE_LABEL.at(
            entry.location,
            f"all {scan.records:,} records of {path} have the label {next(iter(scan.histogram))}, "
            f"but the classifier has {classes} outputs",
            "are the labels set? 'ssdh data build' makes them of folders or of a list",
        )
    elif missing and legal:
        named = ", ".join(map(str, missing[:_NAMED])) + (", ..." if missing[_NAMED:] else "")
        yield CLASSES_WITHOUT_RECORDS.at(
            entry.location,
            f"{count_text(len(missing), 'class', 'classes')} of {classes} without a record in "
            f"{path}: {named}",
            f"labels up to {max(legal)} need --classes {max(legal) + 1}"
            if missing[0] > max(legal)
            else None,
        )


def _legal_labels(net: Net, layer: Layer, state: State) -> set[tuple[int, int | None]]:
    """For each loss and accuracy on a layer's labels: the number of classes, the ignored label."""
    graph = net.graph(state)
    legal = set()
    for head in heads(net):
        for judge in (*head.losses, *head.accuracies):
            # The targets of a multi-label loss are not class numbers.
            if not graph.takes_part(judge) or judge.type == "SigmoidCrossEntropyLoss":
                continue
            if head.classes and any(blob.writer is layer for blob in graph.origins(judge, 1)):
                param = judge.core.message("loss_param") or judge.core.message("accuracy_param")
                legal.add((head.classes, integer(param, "ignore_label")))
    return legal
