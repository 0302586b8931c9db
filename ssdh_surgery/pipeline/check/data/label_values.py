"""SSDH1xx: labels that are the values of records: class numbers of a second database, masks."""

from __future__ import annotations

from collections.abc import Iterator

from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.data.label_counts import LabelCounts
from ssdh_surgery.data.open_records import open_records
from ssdh_surgery.data.value_counts import count_values
from ssdh_surgery.errors import SsdhError
from ssdh_surgery.findings import Finding
from ssdh_surgery.pipeline.check.data import labels
from ssdh_surgery.pipeline.check.data.class_judges import ClassJudge, Columns, judges_of_columns
from ssdh_surgery.pipeline.check.data.database_readers import DatabaseReader, database_readers
from ssdh_surgery.pipeline.check.subject import Subject


def findings(subject: Subject) -> Iterator[Finding]:
    """The findings about the first tops of Data layers that losses and accuracies take."""
    for reader in database_readers(subject):
        if _changes_values(reader.layer):
            continue
        by_columns: dict[Columns, list[ClassJudge]] = {}
        for judge, columns in judges_of_columns(reader.net, reader.shapes, reader.layer, 0):
            by_columns.setdefault(columns, []).append(judge)
        for columns, judges in by_columns.items():
            counts = _label_counts(reader, columns)
            if counts is not None:
                yield from labels.findings(counts, judges, reader.phase, reader.place)


def _changes_values(layer: Layer) -> bool:
    """Whether the layer computes with what it reads, so that its values are no class numbers."""
    transform = layer.parameter.transform_param
    return transform.scale != 1 or bool(transform.mean_file or len(transform.mean_value))


def _label_counts(reader: DatabaseReader, columns: Columns) -> LabelCounts | None:
    try:
        with open_records(reader.path) as store:
            values = count_values(store.views(), columns)
    except SsdhError:
        return None
    if values is None:
        return None
    unit = "pixel" if values.are_pixels else "value"
    places = {value: f"key '{key}'" for value, key in values.first_keys.items()}
    return LabelCounts(reader.path, unit, values.counts, places, values.is_complete)
