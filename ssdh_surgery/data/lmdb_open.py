"""Open an LMDB for reading, or explain why it cannot be opened.

Python's lmdb must not open a file twice in one process, yet a train and a test layer may read the
same LMDB. Open environments are therefore shared, and closed with their last reader, including
readers that were garbage-collected without being closed.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import threading
from collections import deque
from pathlib import Path
from typing import Any

from ssdh_surgery import mapped_files
from ssdh_surgery.data.image import is_image_name
from ssdh_surgery.errors import DataError, file_errors, near_file
from ssdh_surgery.location import Location
from ssdh_surgery.staging.renames import settle

_FileId = tuple[int, int]  # device and inode: two paths may name one file

_lock = threading.Lock()
_open: dict[_FileId, Any] = {}
_readers: dict[int, int] = {}
_forgotten: deque[Any] = deque()

# Touches the first and last page of each value, which is contiguous, and all pages of keys.
_READ_ALL = """
import lmdb, sys
env = lmdb.open(sys.argv[1], readonly=True, lock=False)
for _, value in env.begin(buffers=True).cursor():
    value[:1].tobytes(), value[-1:].tobytes()
"""

_REBUILD = (
    "only LMDB is supported; build one from the same list with "
    "'ssdh data build LIST FOLDER' or 'convert_imageset --backend=lmdb'"
)


def acquire(path: Path) -> Any:
    """The open environment of an LMDB, read-only and without a lock; call `release` later.

    Raises:
        DataError: it is missing, a LevelDB, truncated, or not an LMDB at all.
        FileError: it cannot be read.
    """
    settle(path)
    file = data_file(path)
    with file_errors(file, "read"):
        stat = os.stat(file)
        os.close(os.open(file, os.O_RDONLY))
    with _lock:
        _release_forgotten()
        env = _open.get((stat.st_dev, stat.st_ino))
        if env is None:
            env = _open_whole(path, stat.st_size)
            _open[stat.st_dev, stat.st_ino] = env
        _readers[id(env)] = _readers.get(id(env), 0) + 1
        return env


def release(env: Any) -> None:
    """Drop one reader; the last one closes the file."""
    with _lock:
        _release(env)


def forget(env: Any) -> None:
    """`release` for a finalizer, which may run anywhere: deferred while the lock is held."""
    _forgotten.append(env)
    if _lock.acquire(blocking=False):
        try:
            _release_forgotten()
        finally:
            _lock.release()


def _release_forgotten() -> None:
    while _forgotten:
        _release(_forgotten.popleft())


def _release(env: Any) -> None:
    _readers[id(env)] -= 1
    if _readers[id(env)]:
        return
    del _readers[id(env)]
    for file_id in [key for key, value in _open.items() if value is env]:
        del _open[file_id]
    env.close()


def _open_whole(path: Path, size: int) -> Any:
    import lmdb

    where = Location(str(path))
    if not size:
        raise DataError("cannot be opened as an LMDB: data.mdb is empty", location=where)
    mapped_files.guard()
    try:
        env = lmdb.open(str(path), readonly=True, lock=False, create=False)
    except lmdb.Error as error:
        reason = str(error).removeprefix(f"{path}: ")
        raise DataError(f"cannot be opened as an LMDB: {reason}", location=where) from error
    page, pages = env.stat()["psize"], env.info()["last_pgno"] + 1
    if size < page * pages and (size % page or not _can_be_read(path)):
        env.close()
        raise DataError(
            f"the LMDB is truncated: data.mdb has {size:,} of {page * pages:,} bytes",
            location=where,
            hint="copy it again; 'mdb_copy' can copy an LMDB that is in use",
        )
    return env


def _can_be_read(path: Path) -> bool:
    """Whether a file that ends before its last page still holds all pages in use.

    The last page may be free and never written. If it is in use, reading it kills the process,
    since the mapping extends beyond the end of the file; a child process tries it.
    """
    command = [sys.executable, "-c", _READ_ALL, str(path)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def data_file(path: Path) -> Path:
    """The file with the records of an LMDB.

    Raises:
        FileError: the folder cannot be read.
        DataError: it is not an LMDB.
    """
    where = Location(str(path))
    with file_errors(path, "read"):
        missing = not os.path.lexists(path)
    if missing:
        raise DataError("no such LMDB", location=where, hint=near_file(path), is_missing=True)
    if path.is_file():
        hint = f"use the folder: {path.parent}" if path.name == "data.mdb" else None
        raise DataError("is a file; an LMDB is a folder", location=where, hint=hint)
    with file_errors(path, "read"):
        names = set(os.listdir(path))
    if "data.mdb" in names:
        return path / "data.mdb"
    if "CURRENT" in names and any(name.startswith("MANIFEST-") for name in names):
        raise DataError("is a LevelDB, not an LMDB", location=where, hint=_REBUILD)
    inside = sorted(name for name in names if (path / name / "data.mdb").is_file())
    if inside:
        hint = f"it contains LMDBs: {', '.join(inside[:5])}"
    else:
        hint = _build_hint(path) if _has_images(path) else None
    raise DataError(
        "not an LMDB: the folder has no data.mdb", location=where, hint=hint, is_missing=True
    )


def _has_images(folder: Path) -> bool:
    """Whether a folder, or one in it, has images."""
    return any(is_image_name(each.name) for each in (*folder.glob("*"), *folder.glob("*/*")))


def _build_hint(folder: Path) -> str:
    source, lmdb = shlex.quote(str(folder)), shlex.quote(f"{folder}_lmdb")
    return f"'ssdh data build {source} {lmdb}' makes an LMDB of a folder of images"
