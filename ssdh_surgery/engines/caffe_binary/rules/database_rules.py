"""Failures to open or read a database: LMDB, LevelDB."""

from __future__ import annotations

from ssdh_surgery.engines.caffe_binary.rules.failure_rule import of_mdb, rule

_RELATIVE = "relative paths start at {cwd}, the folder that caffe runs in"
_SOURCE = "data_param.source"
_AS_LMDB = "a data layer without a backend reads a LevelDB; for an LMDB, set backend: LMDB"

DATABASE_RULES = (
    rule(
        "missing-lmdb",
        of_mdb(2, 3, 20),
        "{lmdb} does not exist{of_layer}",
        _RELATIVE,
        fields=_SOURCE,
    ),
    rule(
        "lmdb-permission",
        of_mdb(13, 1, 30),
        "{lmdb} cannot be opened: permission denied{of_layer}",
        "LMDB writes lock.mdb even for reading: you need write permission for the folder",
        fields=_SOURCE,
    ),
    rule(
        "lmdb-lock",
        of_mdb(11, 35, -30790),
        "{lmdb} is locked: {reason}{of_layer}",
        "another program has it open, or it is on a network file system without locking",
        fields=_SOURCE,
    ),
    rule(
        "lmdb-map",
        of_mdb(12, -30785),
        "{lmdb} cannot be mapped into memory: {reason}{of_layer}",
        "check the memory limit of the process (ulimit -v)",
        fields=_SOURCE,
    ),
    rule(
        "not-lmdb",
        of_mdb(-30793, -30794, -30796, -30797, -30784),
        "{lmdb} is damaged or incomplete: {reason}{of_layer}",
        "build or copy it again: an interrupted copy, or the format of another architecture",
        fields=_SOURCE,
    ),
    rule(
        "empty-database",
        of_mdb(-30798),
        "{lmdb} has no record{of_layer}",
        "build it again: convert_imageset or ssdh data build was interrupted, or read an empty "
        "list",
        fields=_SOURCE,
    ),
    rule(
        "lmdb",
        of_mdb(),
        "{lmdb} cannot be read: {reason}{of_layer}",
        fields=_SOURCE,
    ),
    rule(
        "leveldb-in-use",
        r"Failed to open leveldb (?P<source>.*)\n.*(?:already held|temporarily unavailable)",
        "the LevelDB '{source}' is open already{of_layer}: another process, layer or GPU has it, "
        "and "
        "a LevelDB opens once",
        "end the other process; where two layers or GPUs read it, build an LMDB: "
        "convert_imageset -backend lmdb",
        fields=_SOURCE,
    ),
    rule(
        "damaged-leveldb",
        r"Failed to open leveldb (?P<source>.*)\nCorruption: (?P<reason>.*)",
        "the LevelDB '{source}' is damaged: {reason}{of_layer}",
        "build or copy it again",
        fields=_SOURCE,
    ),
    rule(
        "leveldb-permission",
        r"Failed to open leveldb (?P<source>.*)\n.*(?:Permission denied|Read-only file system)",
        "the LevelDB '{source}' cannot be opened: permission denied{of_layer}",
        "LevelDB writes a lock and a log even for reading: you need write permission for the "
        "folder",
        fields=_SOURCE,
    ),
    rule(
        "leveldb",
        r"Failed to open leveldb (?P<source>.*)",
        "'{source}' cannot be opened as a LevelDB{of_layer}",
        _AS_LMDB,
        fields="data_param.backend data_param.source",
    ),
    rule(
        "damaged-leveldb",
        r"iter_->status\(\)\.ok\(\) (?P<reason>.*)",
        "the LevelDB of a data layer is damaged: {reason}{of_layer}",
        "build or copy it again",
        fields=_SOURCE,
    ),
    rule(
        "leveldb-once",
        r"LevelDB doesn't support (?P<what>multiple connections|shuffle)",
        "a data layer reads a LevelDB, which this Caffe cannot read with {what}{of_layer}",
        "set threads: 1 and parser_threads: 1, remove shuffle, or build an LMDB",
        fields="data_param.parser_threads data_param.shuffle data_param.backend",
    ),
    rule(
        "two-caches",
        r"Caching of two DB sources is not supported",
        "two data layers have cache: true with different databases{of_layer}",
        "set cache in one of them only",
        fields="data_param.cache",
    ),
    rule(
        "unknown-backend",
        r"Unknown database backend",
        "this Caffe was built without the database backend of a data layer{of_layer}",
        _AS_LMDB,
        fields="data_param.backend data_param.source",
    ),
)
