"""What the user names: a prototxt or weights on disk, on standard input, or in the zoo."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

from ssdh_surgery import files, zoo
from ssdh_surgery.caffe.net.kind import Kind, kind_of
from ssdh_surgery.caffe.net.net import net_of
from ssdh_surgery.caffe.net.solver import Solver
from ssdh_surgery.caffe.net.text_findings import net_text_findings, syntax_findings
from ssdh_surgery.errors import DataError, SsdhError, SurgeryError, UsageError
from ssdh_surgery.findings import Finding
from ssdh_surgery.location import Location
from ssdh_surgery.prototxt.cst import Document
from ssdh_surgery.prototxt.parser import parse
from ssdh_surgery.staging.renames import settle

_TEXT_CONTROLS = frozenset(b"\t\n\r\f\v")
NETS = (Kind.TRAIN, Kind.DEPLOY)
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True)
class SourceFile:
    """A prototxt: its bytes, its document, and its kind.

    `path` is None for standard input and the zoo. The document of a weights file is its net
    without values. `notes` name the changes of the document since it was read.
    """

    name: str
    path: Path | None
    data: bytes
    document: Document
    kind: Kind
    notes: tuple[str, ...] = ()

    @property
    def is_stdin(self) -> bool:
        """Whether it came from standard input."""
        return self.name == files.STDIN

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """What Caffe's parser refuses in the text, and types that look misspelt."""
        if self.kind not in (*NETS, Kind.SOLVER):
            return ()
        if self.kind is Kind.SOLVER:
            nets = [net_of(self.document, root) for _, root in Solver(self.document).inner_nets]
        else:
            nets = [net_of(self.document)]
        of_nets = (finding for net in nets for finding in net_text_findings(net))
        return (*syntax_findings(self.document), *of_nets)

    @property
    def is_zoo(self) -> bool:
        """Whether it is a built-in network's."""
        return self.path is None and not self.is_stdin

    @property
    def place(self) -> Path:
        """Its path; without one, the path that it would have in the current directory."""
        return self.path or _place_without_path(self.name)

    @property
    def stem(self) -> str:
        """The name of the file without folder and suffix."""
        return self.place.stem

    @property
    def folder(self) -> Path:
        """The folder that it is in."""
        return self.place.parent


def _place_without_path(name: str) -> Path:
    name = name.removeprefix(zoo.PREFIX).removesuffix("/train_val")
    return Path(name.replace("/", "_").strip("<>") + ".prototxt")


def places(names: Iterable[str]) -> list[Path]:
    """The places of what the user named, see `SourceFile.place`; standard input has none."""
    return [
        _place_without_path(name) if zoo.is_zoo_name(name) else Path(name)
        for name in names
        if name != "-"
    ]


def need(source: SourceFile, *kinds: Kind) -> None:
    """Refuse a file of another kind than the ones that a command works on.

    Raises:
        SurgeryError: naming what is needed and what the file is.
    """
    if source.kind in kinds:
        return
    takes_nets = set(NETS) <= set(kinds)
    names = ["net"] if takes_nets else [str(kind) for kind in NETS if kind in kinds]
    names += [str(Kind.SOLVER)] if Kind.SOLVER in kinds else []
    needed = " or ".join(f"a {name}" for name in names)
    actual = str(source.kind) if source.kind in (Kind.UNKNOWN, Kind.WEIGHTS) else f"a {source.kind}"
    if source.kind is Kind.UNKNOWN and takes_nets and Kind.SOLVER in kinds:
        actual = "neither"
    raise SurgeryError(f"{needed} is needed, but this is {actual}", location=Location(source.name))


def refuse_in_place(source: SourceFile) -> None:
    """Refuse to change a built-in network in place.

    Raises:
        UsageError: it is one.
    """
    if source.is_zoo:
        raise UsageError(f"--in-place cannot be used with {source.name}: it is not a file")


def read_source(name: str) -> SourceFile:
    """Read and parse what the user named.

    Args:
        name: a path, `-` for standard input, or `zoo:NAME[/deploy|/solver]`.

    Raises:
        FileError: it cannot be read.
        ParseError: it is not a prototxt.
        DataError: it is empty, or a binary file.
    """
    return _parse(*_read(name))


def read_source_or_weights(name: str) -> SourceFile:
    """Read what the user named, a prototxt or a .caffemodel.

    Raises:
        FileError: it cannot be read.
        ParseError: it is text, but not a prototxt.
        DataError: it is empty or damaged, or a binary file other than weights.
    """
    name, path, data = _read(name)
    if not is_binary(data) or data.startswith(_UTF16):
        return _parse(name, path, data)
    from ssdh_surgery.caffe.weights.weights_text import text_without_values

    text = text_without_values(data, name)
    return SourceFile(name, path, data, parse(text.encode(), name), Kind.WEIGHTS)


def _read(name: str) -> tuple[str, Path | None, bytes]:
    """The name for messages, the path, the bytes."""
    if name == "-":
        return files.STDIN, None, files.read_stdin()
    if zoo.is_zoo_name(name):
        return name, None, zoo.text(*zoo.parse_name(name)).encode()
    path = Path(name)
    settle(path)
    if os.path.isfile(path / "data.mdb"):  # False, too, for impossible file names
        raise DataError(
            "an LMDB, not a prototxt",
            location=Location(name),
            hint=f"ssdh data show {shlex.quote(name)}",
        )
    return name, path, files.read_bytes(path)


# A command may need a file several times: next to a net, in a solver, in the workspace.
@lru_cache(maxsize=16)
def _parse(name: str, path: Path | None, data: bytes) -> SourceFile:
    if not data.strip():
        raise DataError("the file is empty", location=Location(name))
    refuse_binary(name, data)
    document = parse(data, name)
    return SourceFile(name, path, data, document, kind_of(document))


def refuse_binary(name: str, data: bytes) -> None:
    """Refuse bytes that are not text.

    Raises:
        DataError: naming what the file seems to be.
    """
    if data.startswith(_UTF16):
        raise DataError(
            "the file is UTF-16, not a prototxt", location=Location(name), hint="save it as UTF-8"
        )
    if not is_binary(data):
        return
    what, hint = "a binary file", None
    if data.startswith(b"\x89HDF"):
        what = "an HDF5 file"
    elif data.startswith(b"PK\3\4"):
        what = "an archive of arrays (.npz)"
    elif _is_weights(data):
        what, hint = "a .caffemodel", "give weights with --weights"
    raise DataError(f"{what}, not a prototxt", location=Location(name), hint=hint)


def is_binary(data: bytes) -> bool:
    """Whether there are control characters that text does not have."""
    return any(byte < 32 and byte not in _TEXT_CONTROLS for byte in data[:4096])


def _is_weights(data: bytes) -> bool:
    from google.protobuf.message import DecodeError

    from ssdh_surgery.caffe.messages import schema

    try:
        net = schema.NetParameter.FromString(data)
    except DecodeError:
        return False
    return bool(net.layer or net.layers)


def neighbours(folder: Path, holding: re.Pattern[bytes] | None = None) -> list[SourceFile]:
    """The readable prototxt files of a folder, by name; others are skipped.

    Only files that match `holding` are parsed.
    """
    sources = []
    for path in _prototxts(folder):
        try:
            data = files.read_bytes(path)
            if holding is None or holding.search(data):
                sources.append(_parse(str(path), path, data))
        except SsdhError:
            continue
    return sources


def unreadable_neighbours(folder: Path, like: re.Pattern[bytes]) -> dict[Path, SsdhError]:
    """The prototxt files of a folder that cannot be read or parsed, with the reasons.

    Only those of which the name or the text matches `like`; unknown text matches, an empty file
    does not.
    """
    errors: dict[Path, SsdhError] = {}
    for path in _prototxts(folder):
        try:
            data = files.read_bytes(path)
        except SsdhError as error:
            errors[path] = error
            continue
        if not data.strip():
            continue
        try:
            # Text in UTF-16 has zeros between its letters.
            if like.search(os.fsencode(path.name)) or like.search(data.replace(b"\0", b"")):
                _parse(str(path), path, data)
        except SsdhError as error:
            errors[path] = error
    return errors


def _prototxts(folder: Path) -> list[Path]:
    settle(folder / "*.prototxt")
    # Reading a pipe would wait for it.
    return [path for path in sorted(folder.glob("*.prototxt")) if path.is_file()]
