"""The error tree of the package, and what turns other exceptions into it.

SsdhError
|- ParseError            the text is not protobuf text format
|- SurgeryError          an edit cannot be made
|  |- UnknownLayer
|  |- AmbiguousLayer
|  |- OverlappingEdits
|  '- GateRefused        an edit did more or less than it promised (our bug)
|- SchemaError           a field or value that Caffe does not have
|- DataError             records, images, lists, weights
|- EngineError           the program that trains or runs a net failed
|  |- Diverged           a run learned nothing: its loss or weights are nan (exit code 1)
|  '- RunStopped         a run was stopped on an alarm that the user named (exit code 1)
|- FileError             missing, read-only, disk full, changed in the meantime
|- WorkspaceError        ssdh.toml
|- UsageError            the command line alone is wrong (exit code 2)
'- MissingExtra          an optional dependency is not installed
"""

from __future__ import annotations

import contextlib
import difflib
import errno
import importlib.util
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from ssdh_surgery.findings import Finding
from ssdh_surgery.location import Location, describe

# Nobody reads a thousand findings of one net; the first ones tell what is wrong.
MOST_FINDINGS = 20


class SsdhError(Exception):
    """Any error that this package reports; `str(error)` is the text for the user.

    `data` holds details for programs: `layer=`, `blob=`, `command=`.
    """

    exit_code = 3

    def __init__(
        self,
        message: str,
        *,
        location: Location | None = None,
        hint: str | None = None,
        findings: Sequence[Finding] = (),
        **data: Any,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.location = location
        self.hint = hint
        self.findings = tuple(findings)
        self.data = data

    def __str__(self) -> str:
        lines = [describe(self.message, self.location, self.hint)]
        lines += map(str, self.findings[:MOST_FINDINGS])
        if len(self.findings) > MOST_FINDINGS:
            lines.append(f"and {len(self.findings) - MOST_FINDINGS} more")
        return "\n".join(lines)

    @property
    def layer(self) -> str | None:
        """The layer that the error is about, if any."""
        return self.data.get("layer")

    @property
    def blob(self) -> str | None:
        """The blob that the error is about, if any."""
        return self.data.get("blob")


class ParseError(SsdhError):
    """The text is not protobuf text format."""


class SurgeryError(SsdhError):
    """An edit cannot be made on this net or solver."""


class UnknownLayer(SurgeryError):
    """No layer (or blob) has that name."""


class AmbiguousLayer(SurgeryError):
    """Several layers match, and only the user can say which one is meant."""


class OverlappingEdits(SurgeryError):
    """Two edits touch the same text."""


class GateRefused(SurgeryError):
    """The edited text differs from the original by more or less than was promised."""


class SchemaError(SsdhError):
    """A field or value that Caffe's schema does not have."""


class DataError(SsdhError):
    """Records, images, lists or weights are malformed."""


class EngineError(SsdhError):
    """The program that trains or runs a net failed or cannot do what was requested."""


class Diverged(EngineError):
    """The loss or the weights of a run became nan or infinite.

    The engine worked, and the answer to "did the net learn?" is no: the exit code is that of
    findings, 1. Where caffe itself crashes on such numbers, it is an `EngineError`, with 3.
    """

    exit_code = 1


class RunStopped(EngineError):
    """A run was stopped on an alarm that `--stop-on` names: like `Diverged`, not a failure."""

    exit_code = 1


class FileError(SsdhError):
    """A file is missing, unreadable, read-only or changed in the meantime, or the disk is full."""


class WorkspaceError(SsdhError):
    """`ssdh.toml` cannot be read or lacks what is needed."""


class UsageError(SsdhError):
    """The command line itself is wrong."""

    exit_code = 2


# The packages that each extra of pyproject.toml installs, by the names that they are imported by.
EXTRA_PACKAGES = {
    "draw": ("graphviz",),
    "train": ("h5py", "torch"),
    "images": ("cv2",),
    "codes": ("h5py", "pyarrow"),
    "onnx": ("onnx", "onnxruntime"),
    "postgres": ("psycopg",),
    "search": ("faiss", "numba"),
    "plot": ("jinja2", "matplotlib", "plotext"),
    "tensorboard": ("tensorboardX",),
}


def install_command(extra: str, *, again: bool = False) -> str:
    """The command that installs an extra, or installs it `again` where it is broken."""
    return f"pip install {'--force-reinstall ' if again else ''}'ssdh-surgery[{extra}]'"


class MissingExtra(SsdhError):
    """An optional dependency is not installed; `data["command"]` installs it."""

    def __init__(self, extra: str, purpose: str) -> None:
        command = install_command(extra)
        super().__init__(f"{purpose} needs the extra '{extra}'", hint=command, command=command)


class BrokenExtra(MissingExtra):
    """A package of an extra is installed, but cannot be imported; engines that need it are out."""

    def __init__(self, extra: str, purpose: str, error: Exception) -> None:
        command = install_command(extra, again=True)
        reason = str(error).strip().split("\n")[0] or type(error).__name__
        SsdhError.__init__(
            self,
            f"{purpose} needs the extra '{extra}', which is installed, but cannot be imported: "
            f"{reason}",
            hint=command,
            command=command,
        )


@contextlib.contextmanager
def of_extra(extra: str, purpose: str) -> Iterator[None]:
    """Report imports that fail inside the block as a missing extra, or as a broken one.

    Raises:
        MissingExtra: the extra is not installed.
        BrokenExtra: it is, but a library that it needs is missing or of another version.
    """
    try:
        yield
    except SsdhError:
        raise
    except Exception as error:  # of another NumPy: ValueError; without a library: OSError; ...
        name = (error.name or "") if isinstance(error, ModuleNotFoundError) else ""
        package = name.partition(".")[0]
        if package in EXTRA_PACKAGES[extra] and not is_installed(package):
            raise MissingExtra(extra, purpose) from error
        raise BrokenExtra(extra, purpose, error) from error


def require_extra(extra: str, purpose: str, *packages: str) -> None:
    """Check early that the packages of an extra are installed, without importing them.

    Raises:
        MissingExtra: one of them is not installed.
    """
    if not is_installed(*packages):
        raise MissingExtra(extra, purpose)


def is_installed(*packages: str) -> bool:
    """Whether all of these packages can be imported."""
    return all(importlib.util.find_spec(each) is not None for each in packages)


def did_you_mean(word: str, words: Iterable[str]) -> str | None:
    """A hint that names the closest of some words, whatever their case; None if none is close.

    >>> did_you_mean("FC8", ["fc7", "fc8", "prob"])
    "did you mean 'fc8'?"
    """
    near = closest(word, words)
    return None if near is None else f"did you mean '{near}'?"


def near_file(path: Path | str) -> str | None:
    """A hint that names the file whose name is closest to a path's, in the same folder."""
    path = Path(path)
    try:
        names = os.listdir(path.parent)
    except (OSError, ValueError):
        return None
    # Names are compared without their suffixes, which many files share. A file of another
    # kind is what was meant only if the rest of its name is the same.
    others = [
        Path(name)
        for name in names
        if not name.startswith(".") and name != path.name and _may_replace(Path(name), path)
    ]
    by_stem: dict[str, Path] = {}
    for each in sorted(others, key=lambda each: each.suffix != path.suffix):
        by_stem.setdefault(each.stem, each)
    near = closest(path.stem, by_stem)
    return None if near is None else f"did you mean '{path.with_name(by_stem[near].name)}'?"


def _may_replace(other: Path, path: Path) -> bool:
    """Whether a file may be the one that a path was meant to name, by its suffix."""
    if not path.suffix:
        return True
    if other.stem == path.stem:
        return bool(other.suffix)
    return closest(other.suffix, [path.suffix]) is not None


def closest(word: str, words: Iterable[str]) -> str | None:
    """The closest of some words, whatever their case and underscores; None if none is close.

    >>> closest("innerproduct", ["InnerProduct", "Input"])
    'InnerProduct'
    """
    by_plain: dict[str, str] = {}
    for each in words:
        by_plain.setdefault(plain(each), each)
    near = difflib.get_close_matches(plain(word), list(by_plain), n=1)
    return by_plain[near[0]] if near else None


def plain(word: str) -> str:
    """A word without what people mix up: case and underscores."""
    return word.replace("_", "").casefold()


@contextlib.contextmanager
def file_errors(path: Path | str, doing: str) -> Iterator[None]:
    """Turn an `OSError` on `path` into a `FileError`: `cannot {doing}: {reason}`."""
    try:
        yield
    except OSError as error:
        reason = _REASONS.get(error.errno or 0, error.strerror or str(error))
        if error.errno == errno.ENOENT and doing == "write":
            reason = "no such folder"
        is_missing = error.errno == errno.ENOENT and doing == "read"
        raise FileError(
            f"cannot {doing}: {reason}",
            location=Location(str(path)),
            hint=near_file(path) if is_missing else None,
            errno=error.errno,
            is_missing=is_missing,
        ) from error
    except ValueError as error:
        if _can_be_a_name(str(path)):
            raise
        raise FileError(
            f"cannot {doing}: not a valid file name", location=Location(str(path))
        ) from error


_REASONS = {
    errno.ENOENT: "no such file",
    errno.EISDIR: "is a folder, not a file",
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
    errno.EROFS: "the file system is read-only",
    errno.ENOSPC: "no space left on the disk",
    errno.EDQUOT: "the disk quota is used up",
    errno.ENOTDIR: "a part of the path is not a folder",
    errno.EEXIST: "a file of that name exists",
    errno.ENAMETOOLONG: "the name is too long",
    errno.ELOOP: "too many symbolic links",
}


def _can_be_a_name(path: str) -> bool:
    """Whether a file could have this name: it has no NUL and can be encoded."""
    try:
        return b"\0" not in os.fsencode(path)
    except UnicodeEncodeError:
        return False
