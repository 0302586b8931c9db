"""SSDH1xx: LevelDBs that more than one reader opens."""

from __future__ import annotations

import os
from collections.abc import Iterator

from ssdh_surgery.data.leveldb.store import is_leveldb
from ssdh_surgery.findings import LEVELDB_OPENED_TWICE, Finding
from ssdh_surgery.pipeline.check.data.database_readers import DatabaseReader, database_readers
from ssdh_surgery.pipeline.check.subject import Subject

_HINT = "an LMDB has no such lock: convert_imageset --backend=lmdb, or ssdh data build"


def findings(subject: Subject) -> Iterator[Finding]:
    """The LevelDBs that two layers of a run read at once, or one layer on several GPUs."""
    first: dict[str, DatabaseReader] = {}
    for reader in database_readers(subject):
        if not is_leveldb(reader.path):
            continue
        other = first.setdefault(os.path.realpath(reader.path), reader)
        is_other = other.layer is not reader.layer or other.shapes.state != reader.shapes.state
        if len(subject.gpus) > 1 and reader.phase == "TRAIN":
            yield LEVELDB_OPENED_TWICE.at(
                reader.place,
                f"the LevelDB {reader.path} is opened for each of {len(subject.gpus)} GPUs: it can "
                "be open once",
                _HINT,
            )
        elif is_other:
            yield LEVELDB_OPENED_TWICE.at(
                reader.place,
                f"the LevelDB {reader.path} is opened for layer '{other.layer.name}' in "
                f"{other.phase} and for '{reader.layer.name}' in {reader.phase}: it can be open "
                "once",
                _HINT,
            )
