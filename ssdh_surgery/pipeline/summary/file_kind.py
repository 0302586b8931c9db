"""The kind of a file or a folder, by its content; its name counts for nothing."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import zipfile
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path

from ssdh_surgery import files
from ssdh_surgery.caffe.messages import wire
from ssdh_surgery.caffe.weights import hdf5
from ssdh_surgery.caffe.weights.content import Content, content_of, hdf5_content
from ssdh_surgery.data.leveldb.store import is_leveldb
from ssdh_surgery.engines.log_prefix import read_prefix
from ssdh_surgery.errors import DataError, FileError, file_errors
from ssdh_surgery.location import Location
from ssdh_surgery.names import name_text
from ssdh_surgery.pipeline.files.sources import is_binary
from ssdh_surgery.pipeline.nets.run_records import RECORD


class FileKind(StrEnum):
    """The kinds of files and folders that are shown, in the words of `show --json`."""

    PROTOTXT = "prototxt"
    SOLVER = "solver"
    WEIGHTS = "weights"
    STATE = "solverstate"
    MEAN = "mean"
    RECORDS = "records"
    HDF5 = "hdf5"
    CODES = "codes"
    INDEX = "index"
    ONNX = "onnx"
    LIST = "list"
    LOG = "log"
    RUN = "run"
    WORKSPACE = "workspace"


_KINDS = (
    "nets, solvers, weights, solverstates, mean files, LMDBs and LevelDBs, HDF5 files, codes, "
    "indexes, ONNX models, lists of images, logs, the folders of runs, and ssdh.toml"
)
# Bytes of a text in which a line of a log, or a table of TOML, is looked for.
_HEAD = 1 << 16
# Lines that tell a list of images from other texts.
_LIST_LINES = 20
_LIST_LINE = re.compile(r"[^\s:{}#][^:{}]*[ \t]-?\d+\s*")
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
# Fields of an ONNX model: its version, graph and operators, with their wire types.
_ONNX = {(1, wire.VARINT), (7, wire.LENGTH), (8, wire.LENGTH)}
# Of a damaged message, the fields before the damage count.
_MOST_FIELDS = 64
_OF_CAFFE = {
    Content.WEIGHTS: FileKind.WEIGHTS,
    Content.STATE: FileKind.STATE,
    Content.MEAN: FileKind.MEAN,
}


def kind_of_file(path: Path) -> FileKind:
    """The kind of a file or a folder.

    Raises:
        FileError: it is missing or cannot be read.
        DataError: it is of a kind that is not shown.
    """
    where = Location(str(path))
    if os.path.isdir(path):
        return _of_folder(path, where)
    with file_errors(path, "read"):
        files.refuse_device(path)
        with open(path, "rb") as file:
            head = file.read(_HEAD)
    if head.startswith(hdf5.MAGIC):
        return _of_hdf5(path)
    if head.startswith(b"PK\3\4"):
        return _of_archive(path, where)
    if head.startswith(b"PAR1"):
        return FileKind.CODES
    if head.startswith((b"\x93NUMPY", b"MATLAB ")):
        return FileKind.MEAN
    if not is_binary(head) or head.startswith(_UTF16):
        return _of_text(head)
    return _of_message(path, where)


def _of_folder(path: Path, where: Location) -> FileKind:
    if (path / "data.mdb").is_file() or is_leveldb(path):
        return FileKind.RECORDS
    if (path / RECORD).is_file():
        return FileKind.RUN
    raise FileError("cannot read: is a folder, not a file", location=where, hint=f"shown: {_KINDS}")


def _of_hdf5(path: Path) -> FileKind:
    with hdf5.open_file(path) as file:
        if "codes" in file and "bits" in file:
            return FileKind.CODES
        return _OF_CAFFE.get(hdf5_content(file), FileKind.HDF5)


def _of_archive(path: Path, where: Location) -> FileKind:
    try:
        with zipfile.ZipFile(path) as archive:
            names = {each.filename.removesuffix(".npy") for each in archive.infolist()}
    # RuntimeError: of a zip version that is not known.
    except (zipfile.BadZipFile, OSError, ValueError, RuntimeError) as error:
        raise DataError(f"is truncated or damaged: {error}", location=where) from error
    if "index" in names:
        return FileKind.INDEX
    if "codes" in names:
        return FileKind.CODES
    if "mean" in names or len(names) == 1:
        return FileKind.MEAN
    raise _unknown("an archive that has neither codes nor an index", where)


def _of_text(head: bytes) -> FileKind:
    # The shell of Windows writes logs in UTF-16.
    is_utf16 = head.startswith(_UTF16)
    lines = (head.decode("utf-16", "replace") if is_utf16 else name_text(head)).splitlines()
    if any(map(_is_logged, lines)):
        return FileKind.LOG
    if any(line.startswith(("[nets.", "[check]")) for line in lines):
        return FileKind.WORKSPACE
    return FileKind.LIST if _is_list(lines) else FileKind.PROTOTXT


def _is_list(lines: Sequence[str]) -> bool:
    """Whether lines are paths with labels; a prototxt has a colon or a brace in its first ones."""
    first = [line for line in lines if line.strip()][:_LIST_LINES]
    return bool(first) and all(_LIST_LINE.fullmatch(line) for line in first)


def _is_logged(line: str) -> bool:
    """Whether a line is one of a log, and not one that a comment quotes."""
    prefix = read_prefix(line)
    return prefix is not None and "#" not in prefix.tag


def _of_message(path: Path, where: Location) -> FileKind:
    """The kind of a protobuf message, by the fields that it begins with."""
    data = files.map_bytes(path)
    fields: set[tuple[int, int]] = set()
    # What is damaged, its reader reports with the place.
    with contextlib.suppress(wire.WireError):
        for number, kind, _, _ in itertools.islice(wire.fields(data, 0, len(data)), _MOST_FIELDS):
            fields.add((number, kind))
    if fields >= _ONNX:
        return FileKind.ONNX
    content = _OF_CAFFE.get(content_of(data))
    if content is None:
        raise _unknown("a binary file of an unknown kind", where)
    return content


def _unknown(what: str, where: Location) -> DataError:
    return DataError(what, location=where, hint=f"shown: {_KINDS}")
