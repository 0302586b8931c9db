"""SSDH144 to SSDH150: the lists of HDF5Data layers, their files and datasets, and the labels."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.net.phase import State
from ssdh_surgery.caffe.shapes import NetShapes
from ssdh_surgery.data.hdf5_contents import Hdf5Contents, can_read
from ssdh_surgery.data.hdf5_source import refusals
from ssdh_surgery.errors import MissingExtra, SsdhError
from ssdh_surgery.findings import (
    HDF5_UNCHECKED,
    UNREADABLE_HDF5,
    Finding,
)
from ssdh_surgery.location import Location
from ssdh_surgery.names import count_text, printable
from ssdh_surgery.pipeline.check.data import label_order, labels
from ssdh_surgery.pipeline.check.data.class_judges import class_judges
from ssdh_surgery.pipeline.check.data.hdf5_files import Hdf5Files, hdf5_files, path_of_file
from ssdh_surgery.pipeline.check.data.layer_paths import path_of, setting_entry
from ssdh_surgery.pipeline.check.subject import Subject
from ssdh_surgery.pipeline.files.path_hints import path_hint

_NAMED = 3


def findings(subject: Subject) -> Iterator[Finding]:
    """The findings about the files of each HDF5Data layer."""
    for (net, state), shapes in zip(subject.nets, subject.shapes, strict=True):
        for layer in net.layers_in(state):
            if layer.type == "HDF5Data":
                yield from _of_layer(net, layer, state, shapes, subject)


def _of_layer(
    net: Net, layer: Layer, state: State, shapes: NetShapes, subject: Subject
) -> Iterator[Finding]:
    folder = subject.folder
    entry = setting_entry(layer, "hdf5_data_param", "source")
    if entry is None or not path_of(entry, folder).is_file():
        return
    try:
        files = hdf5_files(layer, folder)
    except SsdhError as error:
        if "rule" in error.data:
            text = f"{error.location} {error.message}"
            yield error.data["rule"].at(entry.location, text, error.hint)
        return
    if files.missing:
        yield _missing(files, entry.location)
    if not can_read():
        extra = MissingExtra("codes", "reading HDF5 files")
        yield HDF5_UNCHECKED.at(
            entry.location,
            f"the files of {files.path} are not checked: {extra.message}",
            extra.hint,
        )
        return
    judges = {top: class_judges(net, shapes, layer, index) for index, top in enumerate(layer.tops)}
    contents = files.contents([top for top in layer.tops if judges[top]])
    yield from _of_files(layer, contents, entry.location)
    for top in layer.tops:
        counts = files.labels(top, contents)
        yield from labels.findings(counts, judges[top], state.phase, entry.location)
        runs = sum(each.labels[top].runs for each in contents.values() if top in each.labels)
        param = layer.parameter.hdf5_data_param
        if judges[top] and state.phase == "TRAIN" and counts.unit == "row" and not param.shuffle:
            batch = param.batch_size * max(1, subject.solver.integer("iter_size") or 1)
            hint = "write shuffle: true in hdf5_data_param"
            yield from label_order.findings(counts, runs, batch, entry.location, hint)


def _missing(files: Hdf5Files, place: Location) -> Finding:
    names, path, folder = files.missing, files.path, files.folder
    listed = ", ".join(f"'{printable(name)}'" for name in names[:_NAMED])
    more = f" and {len(names) - _NAMED:,} more" if names[_NAMED:] else ""
    verb = "does" if len(names) == 1 else "do"
    beside = path.parent / names[0]
    hint = f"caffe opens the paths of the list from its working directory: {folder}"
    if any(path_of_file(line, folder).is_file() for line in _lines(path)):
        hint = "Caffe splits the list at white space: paths with spaces cannot be listed"
    elif spelling := path_hint(names[0], folder):
        hint = spelling
    elif beside.is_file():
        hint += f"; there is one beside the list: write '{os.path.relpath(beside, folder)}'"
    return UNREADABLE_HDF5.at(
        place, f"{count_text(len(names), 'file')} of {path} {verb} not exist: {listed}{more}", hint
    )


def _lines(path: Path) -> list[str]:
    """The lines of a list with white space inside."""
    lines = path.read_text("utf-8", "surrogateescape").splitlines()
    return [line for line in map(str.strip, lines) if len(line.split()) > 1]


def _of_files(
    layer: Layer, contents: Mapping[str, Hdf5Contents], place: Location
) -> Iterator[Finding]:
    """What Caffe refuses of the files, the first one for each kind of finding."""
    reported = set()
    first: Hdf5Contents | None = None
    for name, content in contents.items():
        if content.error is not None:
            if UNREADABLE_HDF5 not in reported:
                reported.add(UNREADABLE_HDF5)
                yield UNREADABLE_HDF5.at(place, f"{name} {content.error}")
            continue
        problems = list(refusals(layer.tops, content.datasets, first.datasets if first else None))
        if first is None and not problems:
            first = content
        for refusal in problems:
            if refusal.rule not in reported:
                yield refusal.rule.at(place, f"{name}: {refusal.message}", refusal.hint)
        reported |= {refusal.rule for refusal in problems}
