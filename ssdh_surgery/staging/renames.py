"""Renames of complete files and folders into place: all are done or none, even after a kill."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ssdh_surgery.errors import FileError, file_errors
from ssdh_surgery.location import Location
from ssdh_surgery.staging.exchange import exchange, rename_new
from ssdh_surgery.staging.folder_lock import folder_lock
from ssdh_surgery.staging.journal import Journal, new_journal, read_journal
from ssdh_surgery.staging.temporary import remove, unused_name


@dataclass(frozen=True)
class Rename:
    """A complete file or folder under a hidden name, and the path that it becomes.

    Attributes:
        source: its hidden path, next to the target.
        target: the path that it becomes; a file or folder that is there is replaced.
        place: the target as the user wrote it, for messages.
        is_new: refuse a target that exists.
    """

    source: Path
    target: Path
    place: Path | str
    is_new: bool = False


def rename_all(renames: Sequence[Rename]) -> None:
    """Do all renames, or none.

    If the process is killed, `finish_renames` does the rest.

    Raises:
        FileError: one of them cannot be done; all targets are as they were.
    """
    with folder_locks(each.target.parent for each in renames):
        journal = _write_journal(renames)
        done: list[tuple[Rename, bool]] = []
        try:
            for each in renames:
                done.append((each, _put_new(each)))
        except BaseException:
            for each, has_replaced in reversed(done):
                _put_back(each, has_replaced)
            raise
        finally:
            if journal is not None:
                journal.remove()
        for each in renames:
            remove(each.source)


def finish_renames(folder: Path | str) -> None:
    """Finish the renames in a folder that a killed process began.

    Raises:
        FileError: one of them cannot be done, or another process keeps a folder locked.
    """
    journal = read_journal(Path(os.path.realpath(folder)))
    if journal is None:
        return
    with folder_locks(journal.folders):
        # None was done unless the journal had been written in all folders.
        open_entries = [entry for entry in journal.entries if not entry.is_done]
        if all(journal.is_in(entry.target.parent) for entry in open_entries):
            for entry in open_entries:
                with file_errors(entry.target, "write"):
                    _put(entry.source, entry.target)
            for entry in journal.entries:
                remove(entry.source)
        with file_errors(folder, "write"):
            journal.remove()


def settle(path: Path | str) -> None:
    """Finish the renames in the folder of a file that a killed process began, before it is read.

    Where that is impossible, as in a folder that is read-only, all old files or all new ones can
    still be read.

    Raises:
        FileError: it is impossible, and some files are old and others are new.
    """
    for folder in real_folders([path]):
        _settle_folder(folder)


def _settle_folder(folder: Path) -> None:
    try:
        finish_renames(folder)
    except FileError as error:
        journal = read_journal(folder)
        if journal is None or len({entry.is_done for entry in journal.entries}) < 2:
            return
        raise FileError(
            "a command that was killed left some files old and others new, and this cannot be "
            f"finished: {error.message}",
            location=Location(str(folder)),
            hint="make the folder writable and run the command again",
        ) from error


def real_folders(paths: Iterable[Path | str]) -> set[Path]:
    """The folders that files are in, behind links.

    A name that no file can have is in none: whoever reads or writes it reports it.
    """
    folders = set()
    for path in paths:
        with contextlib.suppress(ValueError):
            folders.add(Path(os.path.realpath(path)).parent)
    return folders


@contextlib.contextmanager
def folder_locks(folders: Iterable[Path]) -> Iterator[None]:
    """Lock several folders, in the order in which all processes lock them."""
    with contextlib.ExitStack() as locks:
        for folder in sorted(set(folders)):
            locks.enter_context(folder_lock(folder))
        yield


def _write_journal(renames: Sequence[Rename]) -> Journal | None:
    """The journal, written if a kill could leave the renames half done."""
    if len(renames) < 2 and not any(each.target.is_dir() for each in renames):
        return None
    journal = new_journal([(each.source, each.target) for each in renames])
    with file_errors(renames[0].place, "write"):
        journal.write()
    return journal


def _put_new(rename: Rename) -> bool:
    """Rename into place; whether it replaced something."""
    with file_errors(rename.place, "write"):
        if rename.is_new and os.path.lexists(rename.target):
            raise FileError(
                "appeared in the meantime; nothing was written",
                location=Location(str(rename.place)),
                hint="run the command again",
            )
        return _put(rename.source, rename.target)


def _put(source: Path, target: Path) -> bool:
    """Rename into place; whether it replaced something, which is now at the source."""
    if os.path.lexists(target):
        exchange(source, target, unused_name(target))
        return True
    rename_new(source, target)
    return False


def _put_back(rename: Rename, has_replaced: bool) -> None:
    with contextlib.suppress(OSError):
        if has_replaced:
            exchange(rename.source, rename.target, unused_name(rename.target))
        else:
            os.rename(rename.target, rename.source)
