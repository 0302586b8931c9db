"""The journal of renames that belong together: a hidden file in each folder that they change.

It is written before the first rename and removed after the last, so that what a killed process
began can be finished. Paths in it are absolute; each folder's journal lists all renames, under
one random identity.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ssdh_surgery.staging.temporary import Temporary, is_temporary

NAME = ".ssdh-journal"
# A journal of a thousand long paths is smaller.
_MAX_BYTES = 1 << 22


@dataclass(frozen=True)
class Entry:
    """One rename: a file or folder under its hidden name, next to the path that it becomes.

    Attributes:
        source: the hidden path.
        target: the path that it becomes.
        inode: the inode of what is renamed: once it is elsewhere, the rename is done.
    """

    source: Path
    target: Path
    inode: int

    @property
    def is_done(self) -> bool:
        """Whether what was at the hidden path is there no longer."""
        try:
            return os.lstat(self.source).st_ino != self.inode
        except OSError:
            return True


@dataclass(frozen=True)
class Journal:
    """Renames that are all done or none."""

    identity: str
    entries: tuple[Entry, ...]

    @property
    def folders(self) -> list[Path]:
        """The folders that the renames change, in the order in which they are locked."""
        return sorted({entry.target.parent for entry in self.entries})

    def write(self) -> None:
        """Write the journal in each of its folders, which are locked.

        Raises:
            OSError: it cannot be written; none of its files remains.
        """
        try:
            for folder in self.folders:
                self._write_in(folder)
        except BaseException:
            self.remove()
            raise

    def _write_in(self, folder: Path) -> None:
        values = [(str(each.source), str(each.target), each.inode) for each in self.entries]
        temporary = Temporary(folder / NAME)
        try:
            with open(temporary.path, "w", encoding="ascii") as file:
                json.dump({"identity": self.identity, "renames": values}, file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary.path, folder / NAME)
        except BaseException:
            temporary.remove()
            raise
        temporary.release()

    def remove(self) -> None:
        """Remove the journal from its folders, as far as that is possible.

        Once its renames are done, or what they rename is removed, a journal has no effect.
        """
        for folder in self.folders:
            if self.is_in(folder):
                with contextlib.suppress(OSError):
                    (folder / NAME).unlink()

    def is_in(self, folder: Path) -> bool:
        """Whether the folder has this journal."""
        other = read_journal(folder)
        return other is not None and other.identity == self.identity


def new_journal(renames: Sequence[tuple[Path, Path]]) -> Journal:
    """The journal of renames from hidden paths to targets.

    Raises:
        OSError: a hidden path does not exist.
    """
    entries = (Entry(one, other, os.lstat(one).st_ino) for one, other in renames)
    return Journal(secrets.token_hex(16), tuple(entries))


def read_journal(folder: Path) -> Journal | None:
    """The journal in a folder; None if it has none of this user's.

    A journal names only hidden paths next to their targets; any other is not one of ours.
    """
    try:
        handle = os.open(folder / NAME, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    with open(handle, "rb") as file:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid():
            return None
        return _parse(file.read(_MAX_BYTES))


def _parse(data: bytes) -> Journal | None:
    try:
        values: Any = json.loads(data)
        entries = tuple(
            Entry(Path(source), Path(target), int(inode))
            for source, target, inode in values["renames"]
        )
        journal = Journal(str(values["identity"]), entries)
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return journal if all(map(_is_ours, entries)) else None


def _is_ours(entry: Entry) -> bool:
    """Whether the source is hidden next to its target, or in a temporary folder there."""
    source, target = entry.source, entry.target
    if is_temporary(source.parent.name):
        source = source.parent
    elif not is_temporary(source.name) and source.name != partial_name(target.name):
        return False
    return target.is_absolute() and source.parent == target.parent


def partial_name(name: str) -> str:
    """The hidden name of the unfinished folder of a file or folder."""
    return f".{name}.partial"
