"""An exclusive lock of a folder, held while files in it are read, changed and replaced.

The lock is the system's (`flock` on the folder itself), so it needs no lock file, and that of a
killed process ends with it. File systems without locks, such as some network disks, lock nothing.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from ssdh_surgery.errors import FileError
from ssdh_surgery.location import Location

# Seconds to wait for another process, and those after which the wait is reported.
_PATIENCE = 600.0
_UNREPORTED = 1.0
_PAUSE = 0.02
_BUSY = {errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES}
# Folders that this process has locked, by device and inode: it may lock them again.
_held: set[tuple[int, int]] = set()

# Gets a sentence when a wait has taken more than a moment.
Report = Callable[[str], None]
_report: Report | None = None


def report_waits_with(report: Report | None) -> None:
    """Set how this program reports that it waits for another process."""
    global _report
    _report = report


@contextlib.contextmanager
def folder_lock(folder: Path | str, *, patience: float = _PATIENCE) -> Iterator[None]:
    """Lock a folder for the block, after waiting for other processes.

    A process may lock a folder that it has locked already. Threads of one process are not
    locked from each other.

    Raises:
        FileError: another process holds the lock for longer than `patience` seconds.
    """
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        # What is wrong with the folder is reported by the write itself.
        yield
        return
    if _identity(handle) in _held:
        os.close(handle)
        yield
        return
    try:
        _wait_for(handle, folder, patience)
    except BaseException:
        os.close(handle)
        raise
    try:
        yield
    finally:
        release(handle)


def _wait_for(handle: int, folder: Path | str, patience: float) -> None:
    start, is_reported = time.monotonic(), False
    while not claim(handle):
        waited = time.monotonic() - start
        if waited > patience:
            raise FileError(
                "another ssdh process is writing in this folder",
                location=Location(str(folder)),
                hint="run the command again when it has ended",
            )
        if waited > _UNREPORTED and not is_reported and _report is not None:
            _report(f"waiting for another ssdh process that is writing in {folder}")
            is_reported = True
        time.sleep(_PAUSE)


def claim(handle: int) -> bool:
    """Lock an open file or folder until `release`; False if it is locked already."""
    if try_lock(handle) is False:
        return False
    _held.add(_identity(handle))
    return True


def release(handle: int) -> None:
    """Unlock and close a file or folder."""
    _held.discard(_identity(handle))
    # Unlocked explicitly: a child that was forked in the meantime holds a copy of the handle.
    with contextlib.suppress(OSError):
        fcntl.flock(handle, fcntl.LOCK_UN)
    os.close(handle)


def _identity(handle: int) -> tuple[int, int]:
    status = os.fstat(handle)
    return status.st_dev, status.st_ino


def try_lock(handle: int) -> bool | None:
    """Lock an open file or folder: True if it is locked now, False if another process has it.

    None: the file system has no locks.
    """
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return False if error.errno in _BUSY else None
    return True
