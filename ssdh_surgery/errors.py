"""The one error tree, where an error stands in a file, and how it is shown.

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
|- FileError             missing, read-only, disk full, changed under us
|- WorkspaceError        ssdh.toml
|- UsageError            the command line alone is wrong (exit code 2)
'- MissingExtra          an optional dependency is not installed
"""

from __future__ import annotations

import contextlib
import difflib
import importlib.util
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Severity = Literal["error", "warning", "info"]

# A longer line is cut to a window around the caret: a one-line net is legal.
_EXCERPT_WIDTH = 100


@dataclass(frozen=True)
class Location:
    """A place in a file: line and column count from 1, in code points.

    `text` is the line that the place is on and `width` the number of code points marked.
    """

    file: str
    line: int | None = None
    column: int | None = None
    text: str | None = None
    width: int = 1

    def __str__(self) -> str:
        parts = [self.file, self.line, self.column]
        return ":".join(str(part) for part in parts if part is not None)

    def excerpt(self) -> str:
        """The line with a caret below, or nothing when the line is not known."""
        if self.text is None or self.line is None or self.column is None:
            return ""
        start = self.column - 1
        width = max(1, min(self.width, len(self.text) - start))
        text, start, width = _window(self.text, start, width)
        # Tabs stay tabs, so that the caret stands below its place in any terminal.
        margin = "".join("\t" if char == "\t" else " " for char in text[:start])
        number = f"  {self.line} "
        return f"{number}| {_printable(text)}\n{' ' * len(number)}| {margin}{'^' * width}"


def _window(text: str, start: int, width: int) -> tuple[str, int, int]:
    """Cut a long line to what stands around its caret."""
    if len(text) <= _EXCERPT_WIDTH:
        return text, start, width
    width = min(width, _EXCERPT_WIDTH // 2)
    left = max(0, start - (_EXCERPT_WIDTH - width) // 2)
    right = left + _EXCERPT_WIDTH
    head = "..." if left else ""
    tail = "..." if right < len(text) else ""
    return head + text[left:right] + tail, start - left + len(head), width


def _printable(text: str) -> str:
    """The text with control characters and undecodable bytes as question marks."""
    return "".join(char if char == "\t" or char.isprintable() else "?" for char in text)


@dataclass(frozen=True)
class Finding:
    """Something that a check knows: a value, never raised by itself.

    `code` is stable (`SSDH101`), `name` its word (`labels-out-of-range`).
    """

    code: str
    name: str
    severity: Severity
    message: str
    hint: str | None = None
    location: Location | None = None

    def as_json(self) -> dict[str, str | None]:
        """The finding as commands have it that are not `check`, without its place."""
        names = ("code", "name", "severity", "message", "hint")
        return {name: getattr(self, name) for name in names}

    def __str__(self) -> str:
        label = f"{self.severity} {self.code} {self.name}: {self.message}"
        return _show(label, self.location, self.hint)


def _show(message: str, location: Location | None, hint: str | None) -> str:
    lines = [f"{location}: {message}" if location else message]
    if location and (excerpt := location.excerpt()):
        lines.append(excerpt)
    if hint:
        lines.append(f"hint: {hint}")
    return "\n".join(lines)


class SsdhError(Exception):
    """Anything that this package says is wrong; `str(error)` is what a user reads.

    `data` holds what a program may want to know: `layer=`, `blob=`, `command=`.
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
        shown = [_show(self.message, self.location, self.hint)]
        return "\n".join([*shown, *map(str, self.findings)])

    @property
    def layer(self) -> str | None:
        """The layer that the error is about, where there is one."""
        return self.data.get("layer")

    @property
    def blob(self) -> str | None:
        """The blob that the error is about, where there is one."""
        return self.data.get("blob")


class ParseError(SsdhError):
    """The text is not protobuf text format."""


class SurgeryError(SsdhError):
    """An edit cannot be made on this net or solver."""


class UnknownLayer(SurgeryError):
    """No layer (or blob) has that name."""


class AmbiguousLayer(SurgeryError):
    """More than one layer fits, and only the user can say which."""


class OverlappingEdits(SurgeryError):
    """Two edits touch the same text."""


class GateRefused(SurgeryError):
    """The edited text differs from the original by more or less than was promised."""


class SchemaError(SsdhError):
    """A field or value that Caffe's schema does not have."""


class DataError(SsdhError):
    """Records, images, lists or weights that are not what they should be."""


class EngineError(SsdhError):
    """The program that trains or runs a net failed, or cannot do what is asked."""


class FileError(SsdhError):
    """A file is missing, unreadable, read-only, changed under us, or the disk is full."""


class WorkspaceError(SsdhError):
    """`ssdh.toml` cannot be read or does not say what is needed."""


class UsageError(SsdhError):
    """The command line is wrong, whatever the files say."""

    exit_code = 2


class MissingExtra(SsdhError):
    """An optional dependency is not installed; `data["command"]` installs it."""

    def __init__(self, extra: str, purpose: str) -> None:
        command = f"pip install 'ssdh-surgery[{extra}]'"
        super().__init__(f"{purpose} needs the extra '{extra}'", hint=command, command=command)


@contextlib.contextmanager
def of_extra(extra: str, purpose: str) -> Iterator[None]:
    """What is imported inside belongs to an extra.

    Raises:
        MissingExtra: it is not installed.
    """
    try:
        yield
    except ImportError as error:
        raise MissingExtra(extra, purpose) from error


def require_extra(extra: str, purpose: str, *packages: str) -> None:
    """Refuse early what needs the packages of an extra, without importing them.

    Raises:
        MissingExtra: one of them is not installed.
    """
    if not is_installed(*packages):
        raise MissingExtra(extra, purpose)


def is_installed(*packages: str) -> bool:
    """Whether all of some packages can be imported."""
    return all(importlib.util.find_spec(each) is not None for each in packages)


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """A hint naming the nearest known word, or None when nothing is near."""
    near = difflib.get_close_matches(word, list(known), n=1)
    return f"did you mean '{near[0]}'?" if near else None
