"""SSDH144 to SSDH150: the lists of HDF5Data layers, their files and datasets, and the labels."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.net.phase import State
from ssdh_surgery.caffe.shapes import NetShapes
from ssdh_surgery.data.hdf5_contents import Hdf5Contents, can_read, hdf5_contents
from ssdh_surgery.data.hdf5_source import listed_files, refusals
from ssdh_surgery.data.label_counts import LabelCounts
from ssdh_surgery.errors import MissingExtra, SsdhError
from ssdh_surgery.findings import (
    HDF5_UNCHECKED,
    UNREADABLE_HDF5,
    Finding,
)
from ssdh_surgery.location import Location
from ssdh_surgery.names import count_text, printable
from ssdh_surgery.pipeline.check import label_order, labels
from ssdh_surgery.pipeline.check.class_judges import class_judges
from ssdh_surgery.pipeline.check.hdf5_files import MOST_FILES, path_of_file
from ssdh_surgery.pipeline.check.images import spread
from ssdh_surgery.pipeline.check.layer_paths import path_of, setting_entry, text_of
from ssdh_surgery.pipeline.check.subject import Subject
from ssdh_surgery.pipeline.files.path_hints import path_hint
from ssdh_surgery.pipeline.workspace.paths import relative_to_cwd

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
    path = path_of(entry, folder) if entry else Path()
    if entry is None or not path.is_file():
        return
    try:
        names = listed_files(relative_to_cwd(folder), text_of(entry))
    except SsdhError as error:
        if "rule" in error.data:
            text = f"{error.location} {error.message}"
            yield error.data["rule"].at(entry.location, text, error.hint)
        return
    names = [names[index] for index in spread(len(names), MOST_FILES)]
    missing = [name for name in names if not path_of_file(name, folder).is_file()]
    if missing:
        yield _missing(missing, path, entry.location, folder)
    names = [name for name in names if name not in missing]
    if not can_read():
        extra = MissingExtra("codes", "reading HDF5 files")
        yield HDF5_UNCHECKED.at(
            entry.location, f"the files of {path} are not checked: {extra.message}", extra.hint
        )
        return
    judges = {top: class_judges(net, shapes, layer, index) for index, top in enumerate(layer.tops)}
    contents = _contents(names, [top for top in layer.tops if judges[top]], layer, folder)
    yield from _of_files(layer, contents, entry.location)
    for top in layer.tops:
        counts = _label_counts(path, top, contents)
        yield from labels.findings(counts, judges[top], state.phase, entry.location)
        runs = sum(each.labels[top].runs for each in contents.values() if top in each.labels)
        param = layer.parameter.hdf5_data_param
        if judges[top] and state.phase == "TRAIN" and counts.unit == "row" and not param.shuffle:
            batch = param.batch_size * max(1, subject.solver.integer("iter_size") or 1)
            hint = "write shuffle: true in hdf5_data_param"
            yield from label_order.findings(counts, runs, batch, entry.location, hint)


def _contents(
    names: Sequence[str], judged: Sequence[str], layer: Layer, folder: Path
) -> dict[str, Hdf5Contents]:
    """What is in the files; labels in long rows are only read where a loss takes them."""
    paths = [path_of_file(name, folder) for name in names]
    contents = hdf5_contents(paths, layer.tops)
    if any(top in each.datasets and top not in each.labels for each in contents for top in judged):
        contents = hdf5_contents(paths, layer.tops, judged)
    return dict(zip(names, contents, strict=True))


def _missing(names: Sequence[str], path: Path, place: Location, folder: Path) -> Finding:
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


def _label_counts(path: Path, top: str, contents: Mapping[str, Hdf5Contents]) -> LabelCounts:
    """The labels in a dataset of all files."""
    counts: Counter[int] = Counter()
    places: dict[int, str] = {}
    total = 0
    is_map = False
    for name, content in contents.items():
        if (values := content.labels.get(top)) is None:
            continue
        counts.update(values.counts)
        total += values.total
        shape = content.datasets[top].shape
        is_map = is_map or bool(shape and values.total > shape[0])
        for label, row in values.first_rows.items():
            places.setdefault(label, f"row {row} of {name}")
    unit = "label" if is_map else "row"
    return LabelCounts(path, unit, counts, places, total == counts.total())
