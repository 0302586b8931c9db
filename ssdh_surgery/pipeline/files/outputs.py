"""Writing results: where they go, which existing files may be replaced, how a diff is shown."""

from __future__ import annotations

import contextlib
import difflib
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from ssdh_surgery import errors, files
from ssdh_surgery.errors import FileError, UsageError
from ssdh_surgery.location import Location
from ssdh_surgery.staging.renames import folder_locks, real_folders
from ssdh_surgery.staging.staged_file import Write, changed_under_us, clean_folders, write_files

_LINE = re.compile(r"[^\n]*\n|[^\n]+")


class Mode(Enum):
    """What is done with the results of a command."""

    WRITE = "write"
    DRY_RUN = "dry-run"
    DIFF = "diff"
    CHECK = "check"


@dataclass(frozen=True)
class WritePlan:
    """The writing options of a command line.

    Raises:
        UsageError: two of them exclude each other.
    """

    mode: Mode = Mode.WRITE
    out: Path | None = None
    in_place: bool = False
    force: bool = False
    suffix: str = "_ssdh"

    def __post_init__(self) -> None:
        if self.in_place and self.out is not None:
            raise UsageError("--in-place and --out exclude each other")

    def add_suffix(self, stem: str) -> str:
        """A name with the suffix, which is never added twice."""
        return stem if self.suffix and stem.endswith(self.suffix) else stem + self.suffix

    def target(self, source: Path) -> Path:
        """Where the result of a source file goes."""
        if self.in_place:
            return source
        folder = source.parent if self.out is None else self.out
        return folder / f"{self.add_suffix(source.stem)}{source.suffix or '.prototxt'}"

    def unwritten(self, outputs: Iterable[Path]) -> tuple[Path, ...]:
        """The paths of results that are shown and not written."""
        return () if self.mode is Mode.WRITE else tuple(outputs)


@contextlib.contextmanager
def locked_for(
    plan: WritePlan, sources: Iterable[Path], also: Iterable[Path] = ()
) -> Iterator[None]:
    """Lock the folders of results for a block that reads the sources and writes the results.

    Args:
        plan: the writing options; where nothing is written, nothing is locked.
        sources: the files that the results are made from.
        also: further files that are read and written.
    """
    files = [*map(plan.target, sources), *also] if plan.mode is Mode.WRITE else []
    with folder_locks(real_folders(files)):
        yield


@dataclass(frozen=True)
class Output:
    """A result: its path, its bytes, and the source file that it was made from.

    `old` is what the source held; `source` is None for standard input and the zoo.
    """

    path: Path
    data: bytes
    source: Path | None
    old: bytes = b""

    @property
    def is_written(self) -> bool:
        """Whether the file already holds these very bytes."""
        return _holds(self.path, self.data)

    def is_blocked(self, plan: WritePlan) -> bool:
        """Whether another file is in the way that may not be replaced."""
        replaces_source = plan.in_place and self.source == self.path
        return not (plan.force or replaces_source or self.is_written) and self.path.exists()

    def write(self, plan: WritePlan) -> Write:
        """The file to write."""
        if self.source == self.path:
            return Write(self.path, self.data, self.old)
        return Write(self.path, self.data, is_new=not plan.force)


def write_all(outputs: Sequence[Output], plan: WritePlan, also: Sequence[Write] = ()) -> list[Path]:
    """Write results, all or none; files that hold the very bytes already are left alone.

    Args:
        outputs: the results.
        plan: the writing options.
        also: further files to write with them, regardless of the options.

    Returns:
        The paths of the outputs that were written.

    Raises:
        FileError: a file exists and may not be replaced, two results have the same path, a
            source changed since it was read, or a file cannot be written.
    """
    clean_folders(output.path.parent for output in outputs)
    pending = _distinct([output for output in outputs if not output.is_written])
    for output in pending:
        if output.is_blocked(plan):
            how = "--in-place changes it" if output.source == output.path else "--force replaces it"
            raise _holds_something_else(
                output.path, f"{how}, --suffix or --out choose another place"
            )
    for output in outputs:
        _refuse_changed(output)
    new_folders = [folder for output in pending for folder in _make_folder(output.path.parent)]
    try:
        write_files([*(output.write(plan) for output in pending), *also])
    except BaseException:
        with contextlib.suppress(OSError):
            for folder in reversed(new_folders):
                folder.rmdir()
        raise
    return [output.path for output in pending]


def write_new(contents: Mapping[Path, bytes], *, force: bool) -> list[Path]:
    """Write files, all or none, as `write_all` does for a command with `--force` alone.

    Returns:
        The paths that were written.

    Raises:
        FileError: a file exists and holds something else, or cannot be written.
    """
    clean_folders(path.parent for path in contents)
    new = {path: data for path, data in contents.items() if not _holds(path, data)}
    for path in new:
        if path.exists() and not force:
            raise _holds_something_else(path, "--force replaces it")
    write_files([Write(path, data, is_new=not force) for path, data in new.items()])
    return list(new)


def _holds(path: Path, data: bytes) -> bool:
    try:
        return path.is_file() and path.read_bytes() == data
    except (OSError, ValueError):
        return False


def _holds_something_else(path: Path, hint: str) -> FileError:
    return FileError(
        "the file exists and holds something else; nothing was written",
        location=Location(str(path)),
        hint=hint,
    )


def _distinct(outputs: Sequence[Output]) -> list[Output]:
    """The outputs, each path once.

    Raises:
        FileError: two that differ have the same path.
    """
    distinct: dict[str, Output] = {}
    for output in outputs:
        other = distinct.setdefault(os.path.realpath(output.path), output)
        if other.data != output.data:
            raise FileError(
                f"the results of {other.source} and {output.source} would both go here; "
                "nothing was written",
                location=Location(str(output.path)),
                hint="patch them one by one, with another --out or --suffix",
            )
    return list(distinct.values())


def _refuse_changed(output: Output) -> None:
    if output.source is not None and files.read_bytes(output.source) != output.old:
        raise changed_under_us(output.source)


def _make_folder(folder: Path) -> list[Path]:
    """Make a folder and its parents; returns those that did not exist."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    with errors.file_errors(folder, "make the folder"):
        folder.mkdir(parents=True, exist_ok=True)
    return missing[::-1]


def unified_diff(output: Output, old: str | None = None, new: str | None = None) -> str:
    """The difference from source to result as `diff -u` shows it; empty where there is none.

    `old` and `new` name the two where they are not files.
    """
    # A line ends at "\n" alone: a lone "\r" or a form feed is part of it.
    before, after = (
        _LINE.findall(data.decode("utf-8", "surrogateescape")) for data in (output.old, output.data)
    )
    names = (old or str(output.source or "/dev/null"), new or str(output.path))
    rows = difflib.unified_diff(before, after, *names)
    return "".join(
        row if row.endswith("\n") else f"{row}\n\\ No newline at end of file\n" for row in rows
    )


def refuse_derived_in_place(plan: WritePlan, what: str) -> None:
    """Refuse `--in-place` where the result is derived from another kind of net.

    Raises:
        UsageError: `--in-place` was given.
    """
    if plan.in_place:
        raise UsageError(
            f"--in-place would replace the {what} net by one that is derived from it",
            hint="--out and --suffix choose another place",
        )
