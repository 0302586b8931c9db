"""One file written atomically: under a temporary name in its folder, then renamed into place.

The mode of an existing file is kept; a symlink is followed and stays a symlink.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ssdh_surgery.errors import FileError, file_errors
from ssdh_surgery.location import Location


@contextlib.contextmanager
def new_file(path: Path | str) -> Iterator[Path]:
    """The temporary name of a new file, which is renamed into place if the block succeeds.

    For files that are too large to build in memory; otherwise use `files.write_bytes`.

    Raises:
        FileError: it cannot be written; an existing file is untouched.
    """
    target = Path(os.path.realpath(path))
    with file_errors(path, "write"):
        mode = _mode(target)
        handle, name = _new_beside(target)
        os.close(handle)
        try:
            yield Path(name)
            with open(name, "rb") as file:
                os.fsync(file.fileno())
            os.chmod(name, 0o666 & ~_umask() if mode is None else mode)
            os.replace(name, target)
        except BaseException:
            _unlink(name)
            raise


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
    """A file under its temporary name until it is put in place."""

    def __init__(self, write: Write) -> None:
        self.write = write
        self.target = Path(os.path.realpath(write.path))
        self.temporary: str | None = None
        self.is_put = False
        self.old: bytes | None = None
        with file_errors(write.path, "write"):
            self.mode = _mode(self.target)
            if self.mode is not None and not _may_write(self.target):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
            self.temporary = self._stage(write.data)

    def _stage(self, data: bytes) -> str:
        handle, temporary = _new_beside(self.target)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(temporary, 0o666 & ~_umask() if self.mode is None else self.mode)
        except BaseException:
            _unlink(temporary)
            raise
        return temporary

    def refuse_changed(self) -> None:
        """Refuse a target that has changed since it was read."""
        with file_errors(self.write.path, "write"):
            expected = self.write.expected
            if expected is not None and self.target.read_bytes() != expected:
                raise changed_under_us(self.write.path)
            if self.write.is_new and self.target.exists():
                raise FileError(
                    "appeared in the meantime; nothing was written",
                    location=Location(str(self.write.path)),
                    hint="run the command again",
                )

    def put(self, *, keep_old: bool) -> None:
        """Rename the file into place; `keep_old` remembers the old content for `undo`."""
        with file_errors(self.write.path, "write"):
            if keep_old and self.mode is not None:
                self.old = self.target.read_bytes()
            assert self.temporary is not None
            os.replace(self.temporary, self.target)
        self.temporary, self.is_put = None, True

    def undo(self) -> None:
        """Restore the target as it was."""
        if self.temporary is not None:
            _unlink(self.temporary)
        elif self.is_put and self.old is not None:
            with contextlib.suppress(OSError):
                os.replace(self._stage(self.old), self.target)
        elif self.is_put and self.mode is None:
            _unlink(self.target)


def changed_under_us(path: Path | str) -> FileError:
    """The error for a file that has changed since it was read."""
    return FileError(
        "changed in the meantime; nothing was written",
        location=Location(str(path)),
        hint="run the command again",
    )


def _new_beside(target: Path) -> tuple[int, str]:
    """A new file with a temporary name next to a target: its handle and its name."""
    import tempfile  # imported only when a file is written

    return tempfile.mkstemp(prefix=".ssdh-", dir=target.parent)


def _unlink(path: Path | str) -> None:
    with contextlib.suppress(OSError):
        os.unlink(path)


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


def _may_write(path: Path) -> bool:
    effective = os.access in os.supports_effective_ids
    return os.access(path, os.W_OK, effective_ids=effective)


def _umask() -> int:
    # The mask can only be read by setting it.
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
