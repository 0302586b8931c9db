"""Reading and writing whole files so that nothing is ever lost.

Every file is written beside its place and renamed; modes are kept; a symlink is followed
and stays a symlink.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ssdh_surgery.errors import FileError, Location

_REASONS = {
    errno.ENOENT: "no such file",
    errno.EISDIR: "is a folder, not a file",
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
    errno.EROFS: "the file system is read-only",
    errno.ENOSPC: "no space left on the disk",
    errno.EDQUOT: "the disk quota is used up",
    errno.ENOTDIR: "a part of the path is not a folder",
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
        raise FileError(
            f"cannot {doing}: {reason}", location=Location(str(path)), errno=error.errno
        ) from error


def read_bytes(path: Path | str) -> bytes:
    """The bytes of a file.

    Raises:
        FileError: it is missing, a folder, or cannot be read.
    """
    with explained(path, "read"):
        return Path(path).read_bytes()


def digest(data: bytes) -> str:
    """The SHA-256 of some bytes, in hex."""
    return hashlib.sha256(data).hexdigest()


def file_digest(path: Path | str) -> str:
    """The SHA-256 of a file, in hex, read in pieces (weights can be large)."""
    with explained(path, "read"), open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_bytes(path: Path | str, data: bytes, *, expected: bytes | None = None) -> None:
    """Write a whole file: to a temporary name in the same folder, then renamed into place.

    `expected` is what the file held when it was read: if it holds something else now,
    nothing is written. The mode of an existing file is kept, and a symlink is followed.

    Raises:
        FileError: read-only folder or file, full disk, or changed under us.
    """
    target = Path(os.path.realpath(path))
    with explained(path, "write"):
        mode = _mode(target)
        if mode is not None and not os.access(target, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        handle, temporary = tempfile.mkstemp(prefix=f".{target.name[:80]}.", dir=target.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(temporary, mode if mode is not None else 0o666 & ~_umask())
            if expected is not None and target.read_bytes() != expected:
                raise FileError(
                    "changed while we worked on it; nothing was written",
                    location=Location(str(path)),
                    hint="run the command again",
                )
            os.replace(temporary, target)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise


def _mode(path: Path) -> int | None:
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError:
        return None


def _umask() -> int:
    # The mask can only be read by setting it.
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
