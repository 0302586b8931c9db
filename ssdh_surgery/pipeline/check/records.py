"""SSDH1xx: what is inside the databases of Data layers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ssdh_surgery.data.label_counts import LabelCounts
from ssdh_surgery.data.lmdb_store import LmdbStore
from ssdh_surgery.errors import SsdhError
from ssdh_surgery.findings import UNREADABLE_DATABASE, Finding
from ssdh_surgery.location import Location
from ssdh_surgery.names import printable
from ssdh_surgery.pipeline.check import labels
from ssdh_surgery.pipeline.check.class_judges import class_judges
from ssdh_surgery.pipeline.check.layer_paths import path_of, setting_entry
from ssdh_surgery.pipeline.check.subject import Subject


def findings(subject: Subject) -> Iterator[Finding]:
    """The findings about the records that each net reads."""
    for (net, state), shapes in zip(subject.nets, subject.shapes, strict=True):
        for layer in net.layers_in(state):
            entry = setting_entry(layer, "data_param", "source") if layer.type == "Data" else None
            path = path_of(entry, subject.folder) if entry else Path()
            if entry is None or not path.exists() or (path / "CURRENT").is_file():
                continue
            judges = class_judges(net, shapes, layer)
            try:
                with LmdbStore(path) as store:
                    counts = _label_counts(store) if judges else None
            except SsdhError as error:
                yield UNREADABLE_DATABASE.at(
                    error.location or Location(str(path)), error.message, error.hint
                )
                continue
            if counts is not None:
                yield from labels.findings(counts, judges, state.phase, entry.location)


def _label_counts(store: LmdbStore) -> LabelCounts:
    scan = store.scan_labels()
    places = {label: f"key '{printable(key)}'" for label, key in scan.first_keys.items()}
    return LabelCounts(store.path, "record", scan.histogram, places)
