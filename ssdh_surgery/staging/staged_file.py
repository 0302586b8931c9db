"""One file written atomically: under a temporary name in its folder, then renamed into place.

The mode of an existing file is kept; a symlink is followed and stays a symlink.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ssdh_surgery.errors import FileError, file_errors
from ssdh_surgery.location import Location
from ssdh_surgery.staging.folder_lock import folder_lock
from ssdh_surgery.staging.renames import Rename, finish_renames, folder_locks, rename_all
from ssdh_surgery.staging.temporary import Temporary, sweep


@dataclass(frozen=True)
class Write:
    """A whole file to write.

    `expected` is the content that must still be there, None for any; `is_new` requires that no
    file exists.
    """

    path: Path | str
    data: bytes
    expected: bytes | None = None
    is_new: bool = False


class StagedFile:
    """A file under its temporary name, for a block that writes it and puts it in place.

    Args:
        path: the file that it becomes.
        is_new: refuse a file that exists when it is put in place.

    Raises:
        FileError: nothing can be written there.
    """

    def __init__(self, path: Path | str, *, is_new: bool = False) -> None:
        self.path = path
        self._is_new = is_new
        self.target = Path(os.path.realpath(path))
        with file_errors(path, "write"):
            finish_renames(self.target.parent)
            self._mode = _mode(self.target)
        refuse_read_only(path)
        with file_errors(path, "write"):
            self._temporary = Temporary(self.target)

    @property
    def temporary(self) -> Path:
        """Its temporary path."""
        return self._temporary.path

    @property
    def rename(self) -> Rename:
        """The rename that puts it in place."""
        return Rename(self.temporary, self.target, self.path, self._is_new)

    def write(self, data: bytes) -> None:
        """Write its content.

        Raises:
            FileError: the disk is full or failing.
        """
        with file_errors(self.path, "write"):
            self.temporary.write_bytes(data)

    def sync(self) -> None:
        """Sync the content to disk, and set the mode of the file that it becomes.

        Raises:
            FileError: the disk is full or failing.
        """
        with file_errors(self.path, "write"), open(self.temporary, "rb") as file:
            os.fsync(file.fileno())
            os.fchmod(file.fileno(), 0o666 & ~_umask() if self._mode is None else self._mode)

    def __enter__(self) -> StagedFile:
        return self

    def __exit__(self, *_: object) -> None:
        """Remove what was not put in place, and unlock it."""
        self._temporary.remove()


@contextlib.contextmanager
def new_file(path: Path | str, *, is_new: bool = False) -> Iterator[Path]:
    """The temporary path of a new file, which is renamed into place if the block succeeds.

    For files that are too large to build in memory; otherwise use `files.write_bytes`.

    Args:
        path: the file that it becomes.
        is_new: refuse a file that exists by then.

    Raises:
        FileError: it cannot be written; an existing file is untouched.
    """
    with StagedFile(path, is_new=is_new) as staged:
        with file_errors(path, "write"):
            yield staged.temporary
        staged.sync()
        rename_all([staged.rename])


def clean_folders(folders: Iterable[Path]) -> None:
    """Finish what killed processes began in some folders, and remove their temporary files.

    Every write does that in its folder; a command that finds nothing to write does it with this.

    Raises:
        FileError: a rename cannot be done, or another process keeps a folder locked.
    """
    for folder in {Path(os.path.realpath(each)) for each in folders}:
        finish_renames(folder)
        with folder_lock(folder):
            sweep(folder)


def write_files(writes: Sequence[Write]) -> None:
    """Write several files, all or none.

    Raises:
        FileError: one of them cannot be written; all are as they were.
    """
    with staged_files(writes) as renames:
        rename_all(renames)


@contextlib.contextmanager
def staged_files(writes: Sequence[Write]) -> Iterator[list[Rename]]:
    """The renames that put complete, synced files in place, for a block that does them.

    Their folders are locked, and what was expected of the existing files holds.

    Raises:
        FileError: one of them cannot be written; all are as they were.
    """
    with contextlib.ExitStack() as stack:
        staged = []
        for write in writes:
            staged.append(stack.enter_context(StagedFile(write.path, is_new=write.is_new)))
            staged[-1].write(write.data)
            staged[-1].sync()
        stack.enter_context(folder_locks(each.target.parent for each in staged))
        for write in writes:
            _refuse_changed(write)
        yield [each.rename for each in staged]


def _refuse_changed(write: Write) -> None:
    """Refuse a file that has changed since it was read.

    Raises:
        FileError: it has changed, or cannot be read.
    """
    if write.expected is None:
        return
    with file_errors(write.path, "write"):
        if Path(write.path).read_bytes() != write.expected:
            raise changed_under_us(write.path)


def refuse_read_only(path: Path | str) -> None:
    """Refuse to replace a file that may not be written, though its folder may.

    Raises:
        FileError: it may not be written.
    """
    with file_errors(path, "write"):
        if os.path.exists(path) and not _may_write(path):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def changed_under_us(path: Path | str) -> FileError:
    """The error for a file that has changed since it was read."""
    return FileError(
        "changed in the meantime; nothing was written",
        location=Location(str(path)),
        hint="run the command again",
    )


def _mode(path: Path) -> int | None:
    """The permissions of a file, None if it does not exist.

    Raises:
        OSError: it is a folder, or a device or pipe, which renaming would replace.
    """
    try:
        bits = path.stat().st_mode
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(bits):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(bits):
        raise OSError(errno.EINVAL, "not a regular file")
    return stat.S_IMODE(bits)


def _may_write(path: Path | str) -> bool:
    effective = os.access in os.supports_effective_ids
    return os.access(path, os.W_OK, effective_ids=effective)


def _umask() -> int:
    # The mask can only be read by setting it.
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
