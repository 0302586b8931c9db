"""Temporary files and folders with hidden, unpredictable names next to what they become.

Each is locked while its process uses it. The system unlocks those of a killed process; they are
removed when something is next written in the same folder.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ssdh_surgery.staging.folder_lock import claim, folder_lock, release, try_lock

_PREFIX, _SUFFIX = ".ssdh-", ".tmp"
# The pattern of their names for `glob`.
PATTERN = f"{_PREFIX}*{_SUFFIX}"
_NAME = re.compile(re.escape(_PREFIX) + r"[a-z0-9_]{8}" + re.escape(_SUFFIX))


class Temporary:
    """A new file, or folder, next to `target`; it is locked until it is released.

    Raises:
        OSError: it cannot be made there.
        FileError: another process keeps the folder locked.
    """

    def __init__(self, target: Path, *, is_folder: bool = False) -> None:
        folder = target.parent
        with folder_lock(folder):
            sweep(folder)
            if is_folder:
                self.path = Path(tempfile.mkdtemp(_SUFFIX, _PREFIX, folder))
                self._handle = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
            else:
                self._handle, name = tempfile.mkstemp(_SUFFIX, _PREFIX, folder)
                self.path = Path(name)
            claim(self._handle)

    def release(self) -> None:
        """Unlock it, once it has its final name."""
        release(self._handle)

    def remove(self) -> None:
        """Delete and unlock it."""
        remove(self.path)
        self.release()


def unused_name(target: Path) -> Path:
    """A temporary name next to `target` that nothing has."""
    return target.with_name(f"{_PREFIX}{secrets.token_hex(4)}{_SUFFIX}")


def is_temporary(name: str) -> bool:
    """Whether a file name is one of a temporary file or folder."""
    return _NAME.fullmatch(name) is not None


def remove(path: Path) -> None:
    """Delete a file, or a folder with its contents, as far as that is possible."""
    with contextlib.suppress(OSError):
        if stat.S_ISDIR(os.lstat(path).st_mode):
            shutil.rmtree(path, ignore_errors=True)
        else:
            os.unlink(path)


def sweep(folder: Path) -> None:
    """Remove the temporary files and folders of killed processes from a locked folder."""
    for path in _temporaries(folder):
        # A link is never followed, and a pipe never waited for.
        with contextlib.suppress(OSError):
            handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                if os.fstat(handle).st_uid == os.geteuid() and try_lock(handle):
                    remove(path)
            finally:
                os.close(handle)


def _temporaries(folder: Path) -> Iterator[Path]:
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if is_temporary(entry.name):
                yield Path(entry.path)
