"""Whole files: read them, write them atomically, detect changes by others."""

from __future__ import annotations

import hashlib
import mmap
import os
import stat
import sys
from collections.abc import Iterable
from pathlib import Path

from ssdh_surgery import mapped_files
from ssdh_surgery.errors import FileError, file_errors
from ssdh_surgery.location import Location
from ssdh_surgery.staging.staged_file import Write, write_files

# The name of standard input in messages; on the command line it is `-`.
STDIN = "<stdin>"

# The bytes of a file, in memory or mapped into it.
FileBytes = bytes | mmap.mmap


def read_bytes(path: Path | str) -> bytes:
    """The bytes of a file.

    Raises:
        FileError: it is missing, is a folder or a device, or cannot be read.
    """
    with file_errors(path, "read"):
        refuse_device(path)
        return Path(path).read_bytes()


def map_bytes(path: Path | str) -> FileBytes:
    """The bytes of a file to look into without holding them; those of a pipe are read.

    Raises:
        FileError: as in `read_bytes`.
    """
    with file_errors(path, "read"):
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode) or not status.st_size:
            return read_bytes(path)
        mapped_files.guard()
        with open(path, "rb") as file:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def read_regular(path: Path | str) -> bytes:
    """The bytes of a file that another file names, which is no pipe: nobody may write to it.

    Raises:
        FileError: it is missing, is not a regular file, or cannot be read.
    """
    with file_errors(path, "read"):
        if stat.S_ISFIFO(os.stat(path).st_mode):
            raise FileError("cannot read: is a pipe, not a file", location=Location(str(path)))
    return read_bytes(path)


def refuse_device(path: Path | str) -> None:
    """Refuse a device, which may have no end: a file may name one in place of a mean or an image.

    Raises:
        FileError: it is a device other than the empty one.
        OSError: there is no such file.
    """
    mode = os.stat(path).st_mode
    if (stat.S_ISCHR(mode) or stat.S_ISBLK(mode)) and str(path) != os.devnull:
        raise FileError("cannot read: is a device, not a file", location=Location(str(path)))


def absence(path: Path | str) -> str:
    """Why there is no file at a path, in words."""
    return "is a folder, not a file" if os.path.isdir(path) else "no such file"


def read_stdin() -> bytes:
    """Everything on standard input.

    Raises:
        FileError: it is closed or cannot be read.
    """
    if sys.stdin is None:
        raise FileError("cannot read: it is closed", location=Location(STDIN))
    with file_errors(STDIN, "read"):
        return sys.stdin.buffer.read()


def read_named(path: Path | str) -> tuple[str, bytes]:
    """The name of a file for messages, and its bytes; `-` is standard input.

    Raises:
        FileError: it is missing, is a folder, or cannot be read.
    """
    return (STDIN, read_stdin()) if str(path) == "-" else (str(path), read_bytes(path))


def digest(data: bytes) -> str:
    """The SHA-256 of some bytes, in hex."""
    return hashlib.sha256(data).hexdigest()


def file_digest(path: Path | str) -> str:
    """The SHA-256 of a file, in hex; the file is read in pieces, since weights can be large."""
    with file_errors(path, "read"), open(path, "rb") as file:
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
            hint="choose another name for the result",
        )
    if not force:
        raise FileError("the file exists; nothing was written", location=where, hint=hint)


def write_bytes(path: Path | str, data: bytes, *, expected: bytes | None = None) -> None:
    """Write a whole file under a temporary name in its folder, then rename it into place.

    `expected` is the content that the file had when it was read: if it has changed since,
    nothing is written. The mode of an existing file is kept, and a symlink is followed.

    Raises:
        FileError: the folder or file is read-only, the disk is full, or the file has changed.
    """
    write_files([Write(path, data, expected)])


# Inode, size and time of the last change.
Stamp = tuple[int, int, int]


def stamp_of(path: Path | str) -> Stamp | None:
    """A value that differs after a file was replaced or changed; None if there is no file."""
    try:
        stat = os.stat(path)
    except OSError:
        return None
    return stat.st_ino, stat.st_size, stat.st_mtime_ns
