"""Values that fit: files by their endings, networks of the zoo, nets of the workspace."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ssdh_surgery.errors import SsdhError

if TYPE_CHECKING:
    from ssdh_surgery.caffe.weights.snapshot_names import SnapshotFile
    from ssdh_surgery.pipeline.workspace.net_record import NetRecord

PROTOTXTS = (".prototxt", ".pbtxt", ".prototxt.txt")
WEIGHTS = (".caffemodel", ".caffemodel.h5")
STATES = (".solverstate", ".solverstate.h5")
CODES = (".npz", ".h5", ".parquet")
INDEXES = (".index",)
MEANS = (".binaryproto", ".npy")


def files(incomplete: str, endings: tuple[str, ...] = ()) -> list[str]:
    """Files with one of some endings, and folders; all files where a name fits no such file."""
    paths = list(_listed(incomplete))
    some = [path for path in paths if path.endswith(("/", *endings))]
    is_named = bool(incomplete.rpartition("/")[2])
    has_files = any(not path.endswith("/") for path in some)
    return some if endings and (has_files or (some and not is_named)) else paths


def folders(incomplete: str) -> list[str]:
    """Folders; an LMDB, which is one, without the slash at its end."""
    return [
        path.removesuffix("/") if os.path.isfile(os.path.expanduser(f"{path}data.mdb")) else path
        for path in _listed(incomplete)
        if path.endswith("/")
    ]


def _listed(incomplete: str) -> Iterator[str]:
    """The files and folders that a path may become, as the user began to write it."""
    start, name = incomplete[: incomplete.rfind("/") + 1], incomplete.rpartition("/")[2]
    try:
        entries = sorted(os.scandir(os.path.expanduser(start) or "."), key=lambda each: each.name)
    except OSError:
        return
    for entry in entries:
        if entry.name.startswith(name) and (name or not entry.name.startswith(".")):
            yield f"{start}{entry.name}{'/' if entry.is_dir() else ''}"


def net_files(incomplete: str, endings: tuple[str, ...] = PROTOTXTS) -> list[str]:
    """Files of nets, and `zoo:NAME[/KIND]`."""
    from ssdh_surgery.zoo.catalogue import KINDS, PREFIX, names

    if not incomplete.startswith(PREFIX):
        prefix = [PREFIX] if PREFIX.startswith(incomplete) else []
        return [*files(incomplete, endings), *prefix]
    networks = [f"{PREFIX}{name}" for name in names()]
    if "/" not in incomplete and incomplete not in networks:
        return networks
    return [*networks, *(f"{name}/{kind}" for name in networks for kind in KINDS)]


def snapshots(incomplete: str, kind: SnapshotFile) -> list[str]:
    """Files of snapshots: those of the nets of the workspace, and those in the folder.

    Weights may be a list that commas separate.
    """
    from ssdh_surgery.caffe.weights.snapshot_names import snapshots_on_disk
    from ssdh_surgery.pipeline.files.caffe_paths import working_folders
    from ssdh_surgery.pipeline.workspace.paths import NAME, relative_to_cwd

    is_weights = kind == "caffemodel"
    start = incomplete[: incomplete.rfind(",") + 1] if is_weights else ""
    recorded = []
    for record in records():
        prefix = str(record.get("snapshot_prefix", ""))
        for folder in working_folders(record.folder / NAME) if prefix else []:
            found = snapshots_on_disk(folder / prefix, kind)
            recorded += [str(relative_to_cwd(path)) for _, path in reversed(found)]
    listed = files(incomplete.removeprefix(start), WEIGHTS if is_weights else STATES)
    return [start + path for path in dict.fromkeys([*recorded, *listed])]


def records() -> list[NetRecord]:
    """The nets of the workspace."""
    from ssdh_surgery.pipeline.workspace.workspace import Workspace

    with contextlib.suppress(SsdhError):
        workspace = Workspace.find()
        return list(workspace.nets.values()) if workspace else []
    return []


def stems(_: str) -> list[str]:
    """The names of the nets of the workspace."""
    return [record.stem for record in records()]


def network_names(_: str) -> list[str]:
    """The names of the zoo's networks."""
    from ssdh_surgery.zoo.catalogue import names

    return list(names())


def finding_codes(_: str) -> list[str]:
    """The codes of findings."""
    from ssdh_surgery.findings import RULES

    return list(RULES)


def run_names(_: str) -> list[str]:
    """The names of the runs of the workspace, or of the folder."""
    from ssdh_surgery.pipeline.nets.run_records import all_records
    from ssdh_surgery.pipeline.workspace.workspace import Workspace

    with contextlib.suppress(SsdhError):
        workspace = Workspace.find()
        folder = workspace.folder if workspace else Path()
        return [record.name for record in all_records(folder)]
    return []
