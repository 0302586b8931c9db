"""Files that stand where a new one should go are replaced only when that was asked for."""

from __future__ import annotations

from pathlib import Path

from ssdh_surgery.errors import FileError, Location


def refuse_existing(path: Path, *, force: bool, hint: str = "--force replaces it") -> None:
    """Refuse to replace what is at `path`, unless `force` says so.

    Raises:
        FileError: there is something.
    """
    if path.exists() and not force:
        raise FileError(
            "the file exists; nothing was written", location=Location(str(path)), hint=hint
        )
