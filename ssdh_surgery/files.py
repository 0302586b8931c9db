"""Reading and writing whole files so that nothing is ever lost.

Every file is written beside its place and renamed; modes are kept; a symlink is followed
and stays a symlink. Several files are written all or none.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from ssdh_surgery.errors import FileError, file_errors
from ssdh_surgery.location import Location
from ssdh_surgery.staging import StagedFile, Write

# What messages call the standard input, which a command line calls `-`.
STDIN = "<stdin>"


def read_bytes(path: Path | str) -> bytes:
    """The bytes of a file.

    Raises:
        FileError: it is missing, a folder, or cannot be read.
    """
    with file_errors(path, "read"):
        return Path(path).read_bytes()


def read_stdin() -> bytes:
    """All that comes from the standard input.

    Raises:
        FileError: it is closed or cannot be read.
    """
    if sys.stdin is None:
        raise FileError("cannot read: it is closed", location=Location(STDIN))
    with file_errors(STDIN, "read"):
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
    with file_errors(path, "read"), open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


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
    new_file: list[StagedFile] = []
    try:
        for write in writes:
            new_file.append(StagedFile(write))
        for each in new_file:
            each.refuse_changed()
        for each in new_file:
            each.put(keep_old=len(new_file) > 1)
    except BaseException:
        for each in reversed(new_file):
            each.undo()
        raise


# The inode of a file, its size and when it was changed.
Stamp = tuple[int, int, int]


def stamp_of(path: Path | str) -> Stamp | None:
    """What is another once a file is replaced or changed; None where there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
