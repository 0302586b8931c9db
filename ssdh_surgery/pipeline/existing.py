"""Files that stand where a new one should go are replaced only when that was asked for."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ssdh_surgery.errors import FileError, Location


def refuse_existing(
    path: Path,
    *,
    force: bool,
    hint: str = "--force replaces it",
    inputs: Iterable[Path | str | None] = (),
) -> None:
    """Refuse to replace what is at `path`, unless `force` says so.

    A folder is never replaced, nor one of the `inputs`, which are read to make the new file.

    Raises:
        FileError: there is something.
    """
    where = Location(str(path))
    if not path.exists():
        return
    if path.is_dir():
        raise FileError("cannot write: is a folder, not a file", location=where)
    if any(each is not None and Path(each).exists() and path.samefile(each) for each in inputs):
        raise FileError(
            "is read by this command; nothing was written",
            location=where,
            hint="choose another name for what is written",
        )
    if not force:
        raise FileError("the file exists; nothing was written", location=where, hint=hint)
