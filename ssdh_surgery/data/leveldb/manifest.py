"""LevelDB's manifest: which tables and logs belong to the database."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from ssdh_surgery.caffe.messages.wire import WireError, varint
from ssdh_surgery.data.leveldb.log import log_records, read_spans
from ssdh_surgery.errors import DataError, file_errors
from ssdh_surgery.location import Location
from ssdh_surgery.names import printable

_COMPARATOR = b"leveldb.BytewiseComparator"
# The tags of an edit.
_ORDER, _LOG, _NEXT, _SEQUENCE, _POINTER, _DELETED, _NEW, _PREVIOUS_LOG = 1, 2, 3, 4, 5, 6, 7, 9
_SUFFIXES = (".ldb", ".sst")
# The sequence number and kind at the end of a key.
TRAILER = 8


@dataclass(frozen=True)
class TableFile:
    """A table with the first and last key in it."""

    path: Path
    smallest: bytes
    largest: bytes


@dataclass
class _Version:
    """What the edits of a manifest add up to."""

    tables: dict[tuple[int, int], tuple[bytes, bytes]] = field(default_factory=dict)
    log: int = 0
    previous_log: int = 0


def live_files(folder: Path) -> tuple[list[TableFile], list[Path]]:
    """The tables and the logs of a database; logs are newer than all tables.

    Raises:
        DataError: a file is missing or damaged, or keys are not in the order of their bytes.
        FileError: a file cannot be read.
    """
    with file_errors(folder / "CURRENT", "read"):
        name = (folder / "CURRENT").read_bytes().strip().decode("utf-8", "replace")
    manifest = folder / name
    if not name.startswith("MANIFEST-") or "/" in name or not manifest.is_file():
        raise DataError(f"damaged LevelDB: CURRENT names '{name}'", location=Location(str(folder)))
    version = _Version()
    try:
        with file_errors(manifest, "read"), open(manifest, "rb") as file:
            edits = [list(spans) for spans in log_records(file)]
            for spans in edits:
                _apply(version, read_spans(file, spans))
    except WireError as error:
        raise DataError(
            f"damaged LevelDB: {name}: {error}", location=Location(str(folder))
        ) from error
    if not edits:
        raise DataError(f"damaged LevelDB: {name} is empty", location=Location(str(folder)))
    names = _numbered_files(folder)
    tables = []
    for (_, number), (smallest, largest) in version.tables.items():
        if number not in names:
            raise DataError(
                f"damaged LevelDB: the table {number:06}.ldb is missing",
                location=Location(str(folder)),
                hint="copy all of its files, and while no program writes to it",
            )
        tables.append(TableFile(names[number], smallest[:-TRAILER], largest[:-TRAILER]))
    logs = sorted((int(path.stem), path) for path in folder.glob("*.log") if path.stem.isdecimal())
    live = [
        path for number, path in logs if number >= version.log or number == version.previous_log
    ]
    return tables, live


def _numbered_files(folder: Path) -> dict[int, Path]:
    """The tables in a folder by their numbers."""
    return {
        int(path.stem): path
        for path in folder.iterdir()
        if path.suffix in _SUFFIXES and path.stem.isdecimal()
    }


def _apply(version: _Version, edit: bytes) -> None:
    """Apply one edit, a sequence of tagged fields."""
    fields = _Fields(edit)
    while not fields.is_at_end:
        tag = fields.number()
        if tag == _ORDER:
            if (order := fields.text()) != _COMPARATOR:
                raise WireError(f"its keys are in the order of {printable(order)}")
        elif tag == _LOG:
            version.log = fields.number()
        elif tag == _PREVIOUS_LOG:
            version.previous_log = fields.number()
        elif tag == _DELETED:
            version.tables.pop((fields.number(), fields.number()), None)
        elif tag == _NEW:
            level, file, _ = fields.number(), fields.number(), fields.number()
            version.tables[level, file] = fields.text(), fields.text()
        else:
            fields.skip(tag)


class _Fields:
    """The numbers and keys of an edit, one after the other."""

    def __init__(self, edit: bytes) -> None:
        self._edit, self._at = edit, 0

    @property
    def is_at_end(self) -> bool:
        """Whether nothing is left."""
        return self._at >= len(self._edit)

    def number(self) -> int:
        """The next number."""
        value, self._at = varint(self._edit, self._at, len(self._edit))
        return value

    def text(self) -> bytes:
        """The next key."""
        size = self.number()
        self._at += size
        if self._at > len(self._edit):
            raise WireError("a key runs past the end")
        return self._edit[self._at - size : self._at]

    def skip(self, tag: int) -> None:
        """Pass over a field that does not say which files are live."""
        if tag not in (_NEXT, _SEQUENCE, _POINTER):
            raise WireError(f"no edit begins before byte {self._at}")
        self.number()
        if tag == _POINTER:
            self.text()
