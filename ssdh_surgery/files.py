"""Reading and writing whole files so that nothing is ever lost.

Every file is written beside its place and renamed; modes are kept; a symlink is followed
and stays a symlink. Several files are written all or none.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import stat
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ssdh_surgery.errors import FileError
from ssdh_surgery.location import Location

# What messages call the standard input, which a command line calls `-`.
STDIN = "<stdin>"
_REASONS = {
    errno.ENOENT: "no such file",
    errno.EISDIR: "is a folder, not a file",
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
    errno.EROFS: "the file system is read-only",
    errno.ENOSPC: "no space left on the disk",
    errno.EDQUOT: "the disk quota is used up",
    errno.ENOTDIR: "a part of the path is not a folder",
    errno.EEXIST: "there is a file of that name",
    errno.ENAMETOOLONG: "the name is too long",
    errno.ELOOP: "too many symbolic links",
}


@contextlib.contextmanager
def explained(path: Path | str, doing: str) -> Iterator[None]:
    """Turn an `OSError` on `path` into a `FileError` that says what was being done."""
    try:
        yield
    except OSError as error:
        reason = _REASONS.get(error.errno or 0, error.strerror or str(error))
        if error.errno == errno.ENOENT and doing == "write":
            reason = "no such folder"
        raise FileError(
            f"cannot {doing}: {reason}", location=Location(str(path)), errno=error.errno
        ) from error
    except ValueError as error:
        if _can_be_a_name(str(path)):
            raise
        raise FileError(
            f"cannot {doing}: no file can be called that", location=Location(str(path))
        ) from error


def _can_be_a_name(path: str) -> bool:
    """Whether a file could be called that: no NUL, and nothing that has no bytes."""
    try:
        return b"\0" not in os.fsencode(path)
    except UnicodeEncodeError:
        return False


def read_bytes(path: Path | str) -> bytes:
    """The bytes of a file.

    Raises:
        FileError: it is missing, a folder, or cannot be read.
    """
    with explained(path, "read"):
        return Path(path).read_bytes()


def read_stdin() -> bytes:
    """All that comes from the standard input.

    Raises:
        FileError: it is closed or cannot be read.
    """
    if sys.stdin is None:
        raise FileError("cannot read: it is closed", location=Location(STDIN))
    with explained(STDIN, "read"):
        return sys.stdin.buffer.read()


def read_named(path: Path | str) -> tuple[str, bytes]:
    """What messages call a file, and its bytes; `-` is the standard input.

    Raises:
        FileError: it is missing, a folder, or cannot be read.
    """
    return (STDIN, read_stdin()) if str(path) == "-" else (str(path), read_bytes(path))


def digest(data: bytes) -> str:
    """The SHA-256 of some bytes, in hex."""
    return hashlib.sha256(data).hexdigest()


def file_digest(path: Path | str) -> str:
    """The SHA-256 of a file, in hex, read in pieces (weights can be large)."""
    with explained(path, "read"), open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def refuse_existing(
    path: Path | str,
    *,
    force: bool,
    hint: str = "--force replaces it",
    inputs: Iterable[Path | str | None] = (),
) -> None:
    """Refuse to replace an existing file, unless `force` allows it.

    A folder is never replaced, nor is one of the `inputs`, which are read to make the file.

    Raises:
        FileError: it exists.
    """
    path, where = Path(path), Location(str(path))
    if not path.exists():
        return
    if path.is_dir():
        raise FileError("cannot write: is a folder, not a file", location=where)
    if any(each is not None and Path(each).exists() and path.samefile(each) for each in inputs):
        raise FileError(
            "is read by this command; nothing was written",
            location=where,
            hint="choose another name for what is written",
        )
    if not force:
        raise FileError("the file exists; nothing was written", location=where, hint=hint)


@contextlib.contextmanager
def staged(path: Path | str) -> Iterator[Path]:
    """A new file's temporary name in its folder; in its place when the block is left well.

    For a file that is too large to be made in memory. Otherwise as `write_bytes`.

    Raises:
        FileError: it cannot be written; what was there is there still.
    """
    target = Path(os.path.realpath(path))
    with explained(path, "write"):
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


def claim(folder: Path, path: Path | str) -> int:
    """Claim a folder in which `path` is being made; closing the handle gives it up.

    The system gives it up for a process that is killed. Where it keeps no locks, as on some
    network disks, nothing is claimed.

    Raises:
        FileError: another process, or another part of this one, has it.
    """
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(handle)
        raise FileError(
            "is being written by another ssdh",
            location=Location(str(path)),
            hint="wait for it, or write to another place",
        ) from error
    except OSError:
        pass
    return handle


@dataclass(frozen=True)
class Write:
    """A whole file that is to be written.

    `expected` is what must still be there, None for whatever; `is_new` says that nothing may
    be there.
    """

    path: Path | str
    data: bytes
    expected: bytes | None = None
    is_new: bool = False


def write_bytes(path: Path | str, data: bytes, *, expected: bytes | None = None) -> None:
    """Write a whole file: to a temporary name in the same folder, then renamed into place.

    `expected` is what the file held when it was read: if it holds something else now,
    nothing is written. The mode of an existing file is kept, and a symlink is followed.

    Raises:
        FileError: read-only folder or file, full disk, or changed under us.
    """
    write_files([Write(path, data, expected)])


def write_files(writes: Sequence[Write]) -> None:
    """Write whole files, all of them or none: each as `write_bytes` does.

    Raises:
        FileError: one of them cannot be written; what was there before is there again.
    """
    staged: list[_Staged] = []
    try:
        for write in writes:
            staged.append(_Staged(write))
        for each in staged:
            each.refuse_changed()
        for each in staged:
            each.put(keep_old=len(staged) > 1)
    except BaseException:
        for each in reversed(staged):
            each.undo()
        raise


class _Staged:
    """A file under its temporary name, until it is put in its place."""

    def __init__(self, write: Write) -> None:
        self.write = write
        self.target = Path(os.path.realpath(write.path))
        self.temporary: str | None = None
        self.is_put = False
        self.old: bytes | None = None
        with explained(write.path, "write"):
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
        """Refuse a target that is not what it was when it was read."""
        with explained(self.write.path, "write"):
            expected = self.write.expected
            if expected is not None and self.target.read_bytes() != expected:
                raise changed_under_us(self.write.path)
            if self.write.is_new and self.target.exists():
                raise FileError(
                    "appeared while we worked; nothing was written",
                    location=Location(str(self.write.path)),
                    hint="run the command again",
                )

    def put(self, *, keep_old: bool) -> None:
        """Rename the file into its place; what was there is kept in mind where asked for."""
        with explained(self.write.path, "write"):
            if keep_old and self.mode is not None:
                self.old = self.target.read_bytes()
            assert self.temporary is not None
            os.replace(self.temporary, self.target)
        self.temporary, self.is_put = None, True

    def undo(self) -> None:
        """Leave the place as it was."""
        if self.temporary is not None:
            _unlink(self.temporary)
        elif self.is_put and self.old is not None:
            with contextlib.suppress(OSError):
                os.replace(self._stage(self.old), self.target)
        elif self.is_put and self.mode is None:
            _unlink(self.target)


# The inode of a file, its size and when it was changed.
Stamp = tuple[int, int, int]


def stamp_of(path: Path | str) -> Stamp | None:
    """What is another once a file is replaced or changed; None where there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def changed_under_us(path: Path | str) -> FileError:
    """The error for a file that is not what it was when it was read."""
    return FileError(
        "changed while we worked on it; nothing was written",
        location=Location(str(path)),
        hint="run the command again",
    )


def _new_beside(target: Path) -> tuple[int, str]:
    """A new file of a temporary name beside a target: its handle and its name."""
    import tempfile  # only where something is written

    return tempfile.mkstemp(prefix=".ssdh-", dir=target.parent)


def _unlink(path: Path | str) -> None:
    with contextlib.suppress(OSError):
        os.unlink(path)


def _mode(path: Path) -> int | None:
    """The permissions of a file, None where there is none yet.

    Raises:
        OSError: it is a folder, or a device or pipe, which a rename would replace.
    """
    try:
        found = path.stat().st_mode
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(found):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(found):
        raise OSError(errno.EINVAL, "not a regular file")
    return stat.S_IMODE(found)


def _may_write(path: Path) -> bool:
    effective = os.access in os.supports_effective_ids
    return os.access(path, os.W_OK, effective_ids=effective)


def _umask() -> int:
    # The mask can only be read by setting it.
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
