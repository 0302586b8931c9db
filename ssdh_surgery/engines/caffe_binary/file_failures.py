"""Failures that need a look at the disk: files that caffe cannot open or parse, databases."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace
from pathlib import Path

from ssdh_surgery.engines.caffe_binary.diagnosis import Diagnosis, LogSpan
from ssdh_surgery.engines.caffe_binary.evidence import Evidence
from ssdh_surgery.engines.caffe_binary.user_files import UserFiles
from ssdh_surgery.errors import DataError, SsdhError
from ssdh_surgery.location import Location
from ssdh_surgery.names import printable
from ssdh_surgery.prototxt import literals
from ssdh_surgery.prototxt.cst import Scalar

PARSE_FAILURE = re.compile(
    r"Check failed: ReadProtoFrom(?P<how>Text|Binary)File\(.*?\)(?: Failed to parse \w+ file: "
    r"(?P<file>.*))?"
)
MISSING_FILE = re.compile(
    r"(?:File not found: |Couldn't open (?!.* to save )(?:solver state file )?)(?P<file>.*)"
)
_DATABASE_KINDS = ("missing-lmdb", "leveldb", "unknown-backend")
# Records that are decoded to find a broken one: a second or two.
_SEARCHED_RECORDS = 2000
_SUFFIXES = {".caffemodel": "weights file", ".solverstate": "snapshot", ".binaryproto": "mean file"}


def missing_file(evidence: Evidence, cwd: Path, span: LogSpan, match: re.Match[str]) -> Diagnosis:
    """A file that caffe could not open; `cwd` is the folder that it ran in."""
    file = match["file"]
    sentence = f"the {_role(evidence, file)} '{file}' does not exist"
    hint = f"relative paths start at {cwd}, the folder that caffe runs in"
    if file not in evidence.roles and "snapshot" in evidence.roles.values():
        sentence = f"the weights file '{file}', named by the snapshot, does not exist"
    if (cwd / file).exists():
        sentence = sentence.replace("does not exist", "cannot be opened")
        hint = "check its permissions"
    return Diagnosis("missing-file", sentence, hint, span, file=file)


def unreadable_file(
    evidence: Evidence, cwd: Path, span: LogSpan, match: re.Match[str]
) -> Diagnosis:
    """A file that protobuf could not parse; the place is in the file itself if it is text."""
    # If the line names no file, it is the last one that the log announced.
    file = match["file"] or next(reversed(evidence.roles), "")
    role = _role(evidence, file)
    if match["how"] == "Binary" or not evidence.parse_error:
        sentence = f"the {role} '{file}' cannot be read"
        hint = "it is damaged or of another type: an incomplete download, or a web page"
        return Diagnosis("damaged-file", sentence, hint, span, file=file)
    line, error = evidence.parse_error
    sentence = f"caffe cannot parse this {role}: {error['reason'].rstrip('.')}"
    hint = "a field that this Caffe lacks comes from another version or fork of Caffe"
    return Diagnosis(
        "parse",
        sentence,
        hint if "no field" in sentence else None,
        location=_location(cwd, file, int(error["line"]), int(error["column"]), sentence),
        lines=(line, span.text),
    )


def missing_image(diagnosis: Diagnosis, evidence: Evidence, cwd: Path, name: str) -> Diagnosis:
    """An image of a list that is not there, or is there and cannot be decoded."""
    # Caffe names the line of the list, OpenCV's reader the path.
    file = evidence.unopened if evidence.unopened.endswith(name.strip()) else name
    if not (cwd / file).is_file():
        return diagnosis
    return replace(
        diagnosis,
        kind="broken-image",
        sentence=diagnosis.sentence.replace("cannot be read", "cannot be decoded"),
        hint="replace it, or take its line out of the list",
    )


def missing_module(diagnosis: Diagnosis, cwd: Path, module: str) -> Diagnosis:
    """A module of a Python layer that is on the disk, in a folder that Python does not look in."""
    file = f"{module.partition('.')[0]}.py"
    place = next(
        (path.parent for path in (cwd / file, *cwd.glob(f"*/{file}")) if path.is_file()), ""
    )
    hint = f"there is one in {place}: export PYTHONPATH={shlex.quote(str(place))}:$PYTHONPATH"
    return replace(diagnosis, hint=hint) if place else diagnosis


def batch_per_gpu(diagnosis: Diagnosis, files: UserFiles, gpus: int) -> Diagnosis:
    """A batch that cannot be divided among the GPUs; the first one of the nets."""
    for layer, entry in files.batches() if gpus else ():
        size = literals.integer(entry.value.text) if isinstance(entry.value, Scalar) else None
        if size is not None and size % gpus:
            return replace(
                diagnosis,
                sentence=f"batch_size is {size}, which is not a multiple of the {gpus} GPUs that "
                f"this Caffe divides it among (layer '{layer.name}')",
                location=entry.location,
                layer=layer.name,
            )
    return diagnosis


def broken_record(diagnosis: Diagnosis, files: UserFiles, cwd: Path) -> Diagnosis:
    """A record that cannot be decoded; the databases are searched for it as far as time allows."""
    from ssdh_surgery.data.lmdb_store import LmdbStore

    for source in files.databases():
        try:
            with LmdbStore(cwd / source) as store:
                store.scan_shapes(_SEARCHED_RECORDS)
        except DataError as error:
            if "key" not in error.data:
                continue
            key = printable(error.data["key"])
            return replace(
                diagnosis,
                sentence=f"record '{key}' of '{source}' cannot be decoded",
                hint=f"ssdh data show {source} --verify names all of them; build the data again",
                location=files.layer_place(("data_param.source",), {"source": source}, "", None),
            )
        except SsdhError:
            continue
    return diagnosis


def check_database(diagnosis: Diagnosis, evidence: Evidence, cwd: Path) -> Diagnosis:
    """The diagnosis of a database that caffe cannot open, corrected by what is on the disk."""
    layer, kind = evidence.layer, diagnosis.kind
    source = evidence.sources.get(layer)
    if source is None or kind not in _DATABASE_KINDS:
        return diagnosis
    folder = cwd / source
    if kind == "missing-lmdb" and (folder / "CURRENT").is_file():
        kind, problem, backend = "leveldb-as-lmdb", "is a LevelDB, not an LMDB", "LEVELDB"
    elif kind != "missing-lmdb" and (folder / "data.mdb").is_file():
        kind, problem, backend = "lmdb-as-leveldb", "is an LMDB, but read as a LevelDB", "LMDB"
    elif kind == "missing-lmdb" and folder.is_dir():
        sentence = f"'{source}' is not an LMDB: it contains no data.mdb (layer '{layer}')"
        return replace(diagnosis, sentence=sentence)
    else:
        return diagnosis
    sentence, hint = f"'{source}' {problem} (layer '{layer}')", f"set backend: {backend}"
    return replace(diagnosis, kind=kind, sentence=sentence, hint=f"{hint} in the layer")


def _role(evidence: Evidence, file: str) -> str:
    """What caffe reads a file as: net, solver, weights file ..."""
    if role := evidence.roles.get(file):
        return role
    if file.endswith(".prototxt"):
        return "net" if evidence.roles else "solver"
    return _SUFFIXES.get(Path(file).suffix, "file")


def _location(cwd: Path, file: str, line: int, column: int, sentence: str) -> Location:
    """The place of a parse error: protobuf counts columns in bytes, with tabs to 8."""
    path = cwd / file
    name = file if cwd.resolve() == Path.cwd() else str(path)
    try:
        raw = path.read_bytes().split(b"\n")[line - 1]
    except (OSError, IndexError):
        return Location(name, line, column)
    position, count = 0, 0
    while count < len(raw) and position < column - 1:
        position = position - position % 8 + 8 if raw[count : count + 1] == b"\t" else position + 1
        count += 1
    prefix = raw[:count].decode("utf-8", "replace")
    text = raw.decode("utf-8", "replace").rstrip("\r")
    # For an unknown name, protobuf reports the place after it.
    word = re.search(r'"([\w./]+)"$', sentence)
    start = prefix.rfind(word[1]) if word else -1
    if word and start >= 0:
        return Location(name, line, start + 1, text, len(word[1]))
    return Location(name, line, len(prefix) + 1, text)
