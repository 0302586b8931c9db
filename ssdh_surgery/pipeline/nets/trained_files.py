"""Where a trained net's files are: what `ssdh.toml` records of them, found on the disk."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from ssdh_surgery.errors import FileError, UsageError
from ssdh_surgery.location import Location
from ssdh_surgery.pipeline.workspace.net_record import NetRecord
from ssdh_surgery.pipeline.workspace.paths import relative_to_cwd


def recorded_deploy(known: NetRecord | None) -> Path:
    """The deploy net.

    Raises:
        UsageError: none is recorded.
    """
    path = known.path("deploy") if known else None
    if path is None:
        raise UsageError(
            "no deploy net: ssdh.toml names none" if known else "no deploy net",
            hint="run ssdh deploy first, or name one: --deploy FILE",
        )
    return path


def newest_weights(known: NetRecord | None) -> Path:
    """The weights that training saved last.

    Raises:
        UsageError: it is not recorded where training saves.
        FileError: nothing was saved yet.
    """
    prefix = known.get("snapshot_prefix") if known else None
    if known is None or prefix is None:
        raise UsageError("no weights", hint="name them: --weights FILE")
    for folder in _folders(known):
        if found := _saved_weights(folder / prefix):
            return relative_to_cwd(found[-1])
    raise FileError(
        f"no snapshot {prefix}_iter_N.caffemodel yet",
        location=Location(str(known.folder)),
        hint="train first (ssdh train), or name the weights: --weights FILE",
    )


def located(known: NetRecord, name: str, what: str) -> Path:
    """A file that the net names by a path relative to caffe's working directory.

    Raises:
        FileError: it is not there.
    """
    for folder in _folders(known):
        if (folder / name).exists():
            return relative_to_cwd(folder / name)
    raise FileError(
        f"the {what} of the net is not there",
        location=Location(name),
        hint="it is looked up from here, from the folder of ssdh.toml, and from above",
    )


def _saved_weights(prefix: Path) -> list[Path]:
    """The weights that were saved with a prefix, in the order of their iterations."""
    pattern = re.compile(re.escape(prefix.name) + r"_iter_([0-9]+)\.caffemodel(\.h5)?")
    try:
        names = os.listdir(prefix.parent)
    except OSError:
        return []
    matches = [match for name in names if (match := pattern.fullmatch(name))]
    return [prefix.with_name(each[0]) for each in sorted(matches, key=lambda each: int(each[1]))]


def _folders(known: NetRecord) -> Iterator[Path]:
    """Where a path of the net may start: here and above, the workspace's folder and above."""
    for folder in (Path.cwd(), known.folder.absolute()):
        yield from (folder, *folder.parents)
