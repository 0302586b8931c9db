"""SSDH1xx: what is inside the databases of Data layers: damage, sizes, labels and their order."""

from __future__ import annotations

from collections.abc import Iterator

from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.data.record_scan import Damage, RecordScan
from ssdh_surgery.findings import (
    CUT_IMAGE,
    LONG_RECORD,
    MIXED_ENCODING,
    SHORT_RECORD,
    UNDECODABLE_RECORD,
    UNREADABLE_DATABASE,
    Finding,
)
from ssdh_surgery.location import Location
from ssdh_surgery.names import count_text
from ssdh_surgery.pipeline.check.data import label_order, labels, record_sizes
from ssdh_surgery.pipeline.check.data.database_readers import (
    DatabaseReader,
    database_readers,
    unreadable_databases,
)
from ssdh_surgery.pipeline.check.data.layer_paths import shell_text
from ssdh_surgery.pipeline.check.subject import Subject


def findings(subject: Subject) -> Iterator[Finding]:
    """The findings about the records that each net reads."""
    for path, error in unreadable_databases(subject).items():
        yield UNREADABLE_DATABASE.at(
            error.location or Location(str(path)), error.message, error.hint
        )
    for reader in database_readers(subject):
        yield from _damage(reader)
        yield from record_sizes.findings(reader.layer, reader.path, reader.scan, reader.place)
        yield from _mixed_encoding(reader)
        yield from labels.findings(reader.labels, reader.judges, reader.phase, reader.place)
        if reader.phase == "TRAIN":
            yield from _order(reader, subject)


def _damage(reader: DatabaseReader) -> Iterator[Finding]:
    """The findings about damaged records, one for each kind of damage."""
    verify = f"'ssdh data show {shell_text(reader.path)} --verify' names all that cannot be read"
    for damage in reader.scan.damage:
        record = f"record '{damage.key}' of {reader.path}"
        more = _more(damage, reader.scan)
        if damage.kind == "not-a-datum":
            text = f"{record} is {damage.reason}"
            yield UNDECODABLE_RECORD.at(reader.place, text + more, verify)
        elif damage.kind == "not-an-image":
            text = f"{record} cannot be decoded: {damage.reason}"
            yield UNDECODABLE_RECORD.at(reader.place, text + more, verify)
        elif damage.kind == "too-long":
            text = f"{record} has {damage.reason}: Caffe reads the first of them alone"
            yield LONG_RECORD.at(reader.place, text + more, verify)
        elif damage.kind == "cut":
            text = f"{record} is cut off: {damage.reason}"
            yield CUT_IMAGE.at(reader.place, text + more, verify)
        else:
            text = f"{record} has {damage.reason}"
            yield SHORT_RECORD.at(reader.place, text + more, verify)


def _more(damage: Damage, scan: RecordScan) -> str:
    """How many records have the same damage, if there are several."""
    if damage.count == 1:
        return ""
    return f"; {damage.count:,} of {count_text(scan.records, 'record')} are like this"


def _mixed_encoding(reader: DatabaseReader) -> Iterator[Finding]:
    encoded, raw = reader.scan.encoded, reader.scan.raw
    if encoded is not None and raw is not None:
        yield MIXED_ENCODING.at(
            reader.place,
            f"{encoded.count:,} of {count_text(reader.scan.records, 'record')} of {reader.path} "
            f"are encoded images (first: key '{encoded.key}'), the others are raw (first: key "
            f"'{raw.key}')",
        )


def _order(reader: DatabaseReader, subject: Subject) -> Iterator[Finding]:
    """Training records that come class by class."""
    if reader.judges and not _is_shuffled(reader.layer):
        batch = reader.batch * max(1, subject.solver.integer("iter_size") or 1)
        hint = "build it again in random order: ssdh data build LIST FOLDER --shuffle"
        runs = reader.scan.label_runs
        yield from label_order.findings(reader.labels, runs, batch, reader.place, hint)


def _is_shuffled(layer: Layer) -> bool:
    """Whether the layer shuffles its records, which those of forks can."""
    return layer.setting("data_param", "shuffle") in ("true", "1", "t", "True")
