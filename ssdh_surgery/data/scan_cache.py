"""Scans of databases that are remembered in the user's cache folder, until the database changes.

Nothing depends on it: a file that cannot be read or written there is passed over.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
from array import array
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from ssdh_surgery.data.record_scan import Damage, Occurrence, RecordScan
from ssdh_surgery.errors import SsdhError
from ssdh_surgery.files import write_bytes

# To be raised whenever a scan finds anything else than before.
_VERSION = 2
# The number of scans that are kept.
_KEPT = 200

# What identifies the content of a database: its path and the stamps of its files.
Identity = Sequence[str | int]


def identity_of(path: Path, files: Sequence[Path], *numbers: int) -> Identity:
    """The identity of a database by its files, and by numbers such as its last transaction."""
    values: list[str | int] = [_VERSION, os.path.realpath(path), *numbers]
    for file in files:
        stat = os.stat(file)
        values += [file.name, stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns]
    return values


def remembered(identity: Identity) -> RecordScan | None:
    """The scan of a database that has not changed since; None if there is none."""
    try:
        found = json.loads(_file(identity).read_bytes())
        return _scan(found["scan"]) if found["identity"] == list(identity) else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def remember(identity: Identity, scan: RecordScan) -> None:
    """Keep a scan."""
    file = _file(identity)
    text = json.dumps({"identity": list(identity), "scan": _values(scan)})
    with contextlib.suppress(OSError, SsdhError):
        file.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(file, text.encode())
        _remove_oldest(file.parent)


def _file(identity: Identity) -> Path:
    """One file for each path, so that a changed database replaces its scan."""
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    name = hashlib.blake2b(os.fsencode(str(identity[1])), digest_size=16).hexdigest()
    return Path(cache) / "ssdh-surgery" / "scans" / f"{name}.json"


def _remove_oldest(folder: Path) -> None:
    files = sorted(folder.glob("*.json"), key=lambda file: file.stat().st_mtime_ns)
    for file in files[:-_KEPT]:
        file.unlink()


def _values(scan: RecordScan) -> dict[str, Any]:
    """A scan as JSON can hold it."""
    values = {each.name: getattr(scan, each.name) for each in fields(scan)}
    for name in ("labels", "sizes"):
        values[name] = [(key, each.count, each.key) for key, each in values[name].items()]
    for name in ("encoded", "raw", "deep"):
        values[name] = asdict(values[name]) if values[name] else None
    values["damage"] = [asdict(each) for each in scan.damage]
    for name in ("fingerprints", "numbers"):
        values[name] = base64.b64encode(values[name].tobytes()).decode()
    return values


def _scan(values: dict[str, Any]) -> RecordScan:
    values["labels"] = {key: Occurrence(count, first) for key, count, first in values["labels"]}
    values["sizes"] = {
        tuple(key): Occurrence(count, first) for key, count, first in values["sizes"]
    }
    for name in ("encoded", "raw", "deep"):
        values[name] = Occurrence(**values[name]) if values[name] else None
    values["damage"] = tuple(Damage(**each) for each in values["damage"])
    for name in ("fingerprints", "numbers"):
        values[name] = array("Q", base64.b64decode(values[name]))
    return RecordScan(**values)
