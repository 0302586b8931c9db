"""SSDH1xx: data that is not there, is not what the net says, or has labels out of range."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ssdh_surgery.caffe.net.heads import heads
from ssdh_surgery.caffe.net.layer import Layer, integer
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.net.phase import State
from ssdh_surgery.data.lmdb_store import LmdbStore
from ssdh_surgery.errors import SsdhError
from ssdh_surgery.findings import Finding
from ssdh_surgery.location import Location
from ssdh_surgery.pipeline.check.subject import Subject
from ssdh_surgery.pipeline.workspace.paths import relative_to_cwd
from ssdh_surgery.prototxt.cst import Entry
from ssdh_surgery.surgery.verbs.data_layers import SOURCES


def findings(subject: Subject) -> Iterator[Finding]:
    """What is wrong with the data that each net reads."""
    for net, state in subject.nets:
        for layer in net.layers_in(state):
            yield from _mean(layer, subject.folder)
            if layer.type == "Data":
                yield from _database(net, layer, state, subject.folder)
            elif layer.type in SOURCES:
                yield from _file(layer, subject.folder)


def _entry(layer: Layer, message: str, name: str) -> Entry | None:
    found = layer.core.message(message)
    # V0 has these fields in the layer itself.
    return found.entry(name) if found else layer.core.entry(name)


def _path(entry: Entry, folder: Path) -> Path:
    return relative_to_cwd(folder / entry.field.parent.string(entry.field.name))


def _mean(layer: Layer, folder: Path) -> Iterator[Finding]:
    entry = _entry(layer, "transform_param", "mean_file") or layer.core.entry("meanfile")
    if entry and not _path(entry, folder).is_file():
        yield _missing("SSDH102", "no-mean-file", "mean file", entry, folder)


def _file(layer: Layer, folder: Path) -> Iterator[Finding]:
    entry = _entry(layer, SOURCES[layer.type], "source")
    if entry and not _path(entry, folder).is_file():
        yield _missing("SSDH103", "no-source", "list of the data", entry, folder)


def _missing(code: str, name: str, what: str, entry: Entry, folder: Path) -> Finding:
    return Finding(
        code,
        name,
        "error",
        f"the {what} is not there: {_path(entry, folder)}",
        None,
        entry.location,
    )


def _database(net: Net, layer: Layer, state: State, folder: Path) -> Iterator[Finding]:
    entry = _entry(layer, "data_param", "source")
    if entry is None:
        return
    path = _path(entry, folder)
    if not path.exists():
        yield _missing("SSDH104", "no-database", "database of the data", entry, folder)
        return
    is_leveldb = (path / "CURRENT").is_file()
    backend = _entry(layer, "data_param", "backend")
    said = backend.field.parent.string("backend") if backend else ""
    wants_lmdb = said in ("LMDB", "1")
    if is_leveldb == wants_lmdb:
        have, want = ("a LevelDB", "LMDB") if is_leveldb else ("an LMDB", said or "LEVELDB")
        yield Finding(
            "SSDH105",
            "wrong-backend",
            "error",
            f"{path} is {have}, and the layer '{layer.name}' reads it as {want}"
            + ("" if said else ", Caffe's default"),
            f"backend: {'LEVELDB' if is_leveldb else 'LMDB'} in its data_param",
            (backend or entry).location,
        )
    if not is_leveldb:
        yield from _records(net, layer, state, path, entry)


def _records(net: Net, layer: Layer, state: State, path: Path, entry: Entry) -> Iterator[Finding]:
    """Labels that no classifier has: Caffe reads out of bounds and trains on garbage."""
    legal = _legal_labels(net, layer, state)
    try:
        with LmdbStore(path) as store:
            scan = store.scan_labels() if legal else None
    except SsdhError as error:
        yield Finding(
            "SSDH106",
            "unreadable-database",
            "error",
            str(error.message),
            error.hint,
            error.location or Location(str(path)),
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
        yield Finding(
            "SSDH101",
            "labels-out-of-range",
            "error",
            f"{count} of {scan.records} records of {path} have labels from {wrong[0]} to "
            f"{wrong[-1]} (first: key '{key}'), and the classifier has {classes} outputs "
            f"(0 to {classes - 1})",
            f"ssdh patch --classes {max(wrong) + 1}, or correct the labels"
            if wrong[0] >= 0
            else "correct the labels",
            entry.location,
        )


def _legal_labels(net: Net, layer: Layer, state: State) -> set[tuple[int, int | None]]:
    """What each judge of labels from a layer takes: so many classes, and one label to ignore."""
    graph = net.graph(state)
    found = set()
    for head in heads(net):
        for judge in (*head.losses, *head.accuracies):
            # The targets of a multi-label loss are no labels.
            if not graph.takes_part(judge) or judge.type == "SigmoidCrossEntropyLoss":
                continue
            if head.classes and any(blob.writer is layer for blob in graph.origins(judge, 1)):
                param = judge.core.message("loss_param") or judge.core.message("accuracy_param")
                found.add((head.classes, integer(param, "ignore_label")))
    return found
