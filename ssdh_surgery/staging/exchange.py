"""Two renames that POSIX lacks: exchange two paths, and rename without replacing.

Both are Linux's `renameat2`; elsewhere they are made of several steps.
"""

from __future__ import annotations

import ctypes
import errno
import os
from functools import cache
from pathlib import Path
from typing import Any

_AT_FDCWD = -100
_NOREPLACE, _EXCHANGE = 1, 2
_UNSUPPORTED = {errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP}


def exchange(one: Path, other: Path, spare: Path) -> None:
    """Exchange two files, or two folders.

    Where that is not atomic, `other` is moved to the unused name `spare` first.

    Raises:
        OSError: it failed.
    """
    if _renameat2(one, other, _EXCHANGE):
        return
    os.rename(other, spare)
    try:
        os.rename(one, other)
    except BaseException:
        os.rename(spare, other)
        raise
    os.rename(spare, one)


def rename_new(source: Path, target: Path) -> None:
    """Rename a file or folder to a path that must not exist.

    Raises:
        FileExistsError: it exists.
        OSError: it failed.
    """
    if _renameat2(source, target, _NOREPLACE):
        return
    if os.path.lexists(target):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))
    os.rename(source, target)


def _renameat2(source: Path, target: Path, flag: int) -> bool:
    """Rename as the flag says; False if the system or the file system cannot."""
    function = _function()
    if function is None:
        return False
    if function(_AT_FDCWD, os.fsencode(source), _AT_FDCWD, os.fsencode(target), flag) == 0:
        return True
    code = ctypes.get_errno()
    if code in _UNSUPPORTED:
        return False
    raise OSError(code, os.strerror(code), str(source), None, str(target))


@cache
def _function() -> Any:
    """`renameat2` of the C library; None if it has none."""
    return getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
