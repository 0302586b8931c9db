"""The content of every file in a folder, as digests that can be compared."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

import lmdb

# What a killed process leaves, and the next one removes.
_HIDDEN = (".ssdh-", ".partial")
_RANDOM = re.compile(r"\.ssdh-\w{8}\.")
# A log grows while it is written.
_LOGS = "runs"


def contents(folder: Path) -> dict[str, str]:
    """The digest of each file and LMDB, by its path in the folder; hidden files are left out."""
    return {str(path.relative_to(folder)): _digest(path) for path in _files(folder)}


def leftovers(folder: Path) -> list[str]:
    """The temporary files and folders."""
    paths = (path.relative_to(folder) for path in folder.rglob("*"))
    return sorted(str(path) for path in paths if _is_hidden(path))


def state(folder: Path) -> tuple[tuple[str, str], ...]:
    """What can make a difference to the next command: contents, and the leftovers by size."""
    hidden = sorted(
        (_RANDOM.sub("", str(path.relative_to(folder))), str(path.lstat().st_size))
        for path in folder.rglob("*")
        if path.relative_to(folder).parts[0] == _LOGS or _is_hidden(path.relative_to(folder))
    )
    return (*contents(folder).items(), *hidden)


def _is_hidden(path: Path) -> bool:
    return any(
        part.startswith(".") and any(word in part for word in _HIDDEN) for part in path.parts
    )


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if _is_hidden(inside) or inside.parts[0] == _LOGS or (path.parent / "data.mdb").exists():
            continue
        if (path / "data.mdb").exists() or not path.is_dir():
            yield path


def _digest(path: Path) -> str:
    """That of a file's bytes, or of an LMDB's records: unused bytes of its pages vary."""
    if not path.is_dir():
        return hashlib.sha256(path.read_bytes()).hexdigest()
    digest = hashlib.sha256()
    try:
        with (
            lmdb.open(str(path), readonly=True, lock=False) as env,
            env.begin() as transaction,
        ):
            for key, value in transaction.cursor():
                digest.update(b"%d %d " % (len(key), len(value)) + key + value)
    except lmdb.Error as error:
        return f"not readable: {error}"
    return digest.hexdigest()
