"""Writing what a command made: where it goes, what stands in its way, how it is shown."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from ssdh_surgery import files
from ssdh_surgery.errors import FileError, Location


class Mode(Enum):
    """What is done with the files that a command made."""

    WRITE = "write"
    DRY_RUN = "dry-run"
    DIFF = "diff"
    CHECK = "check"


@dataclass(frozen=True)
class WritePlan:
    """The writing options of a command line."""

    mode: Mode = Mode.WRITE
    out: Path | None = None
    in_place: bool = False
    force: bool = False
    suffix: str = "_ssdh"

    def target(self, source: Path, stem: str | None = None) -> Path:
        """Where the result of a source file goes."""
        if self.in_place:
            return source
        folder = source.parent if self.out is None else self.out
        return folder / f"{stem or source.stem}{self.suffix}{source.suffix or '.prototxt'}"


@dataclass(frozen=True)
class Output:
    """A file that was made: its place, its bytes, and the source that it came from.

    `old` is what the source held; `source` is None for what has none.
    """

    path: Path
    data: bytes
    source: Path | None
    old: bytes = b""

    @property
    def is_written(self) -> bool:
        """Whether the place already holds these very bytes."""
        try:
            return self.path.read_bytes() == self.data
        except OSError:
            return False


def write_all(outputs: Sequence[Output], plan: WritePlan) -> list[Path]:
    """Write the files, all or none where one stands in the way; what is there already stays.

    Returns:
        The paths that were written.

    Raises:
        FileError: a file exists and may not be replaced, or cannot be written.
    """
    pending = [output for output in outputs if not output.is_written]
    for output in pending:
        replaces_source = plan.in_place and output.source == output.path
        if output.path.exists() and not (plan.force or replaces_source):
            raise FileError(
                "the file exists and holds something else; nothing was written",
                location=Location(str(output.path)),
                hint="--force replaces it, --suffix or --out choose another place",
            )
    for output in pending:
        with files.explained(output.path.parent, "make the folder"):
            output.path.parent.mkdir(parents=True, exist_ok=True)
        expected = output.old if output.source == output.path else None
        files.write_bytes(output.path, output.data, expected=expected)
    return [output.path for output in pending]


def unified_diff(output: Output) -> str:
    """The difference from source to result as `diff -u` shows it; empty where there is none."""
    before, after = (
        data.decode("utf-8", "surrogateescape").splitlines(keepends=True)
        for data in (output.old, output.data)
    )
    rows = difflib.unified_diff(before, after, str(output.source or "/dev/null"), str(output.path))
    return "".join(
        row if row.endswith("\n") else f"{row}\n\\ No newline at end of file\n" for row in rows
    )
