"""The files of a trained net: its deploy net, the data that it names, and its snapshots."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from ssdh_surgery.caffe.net.net import net_of
from ssdh_surgery.caffe.weights.snapshot_names import (
    snapshot_name,
    snapshots_on_disk,
    weights_beside,
)
from ssdh_surgery.errors import EngineError, FileError, SsdhError, UsageError
from ssdh_surgery.location import Location
from ssdh_surgery.pipeline.files.caffe_paths import working_folders
from ssdh_surgery.pipeline.files.sources import read_source
from ssdh_surgery.pipeline.workspace.net_record import NetRecord
from ssdh_surgery.pipeline.workspace.paths import NAME, relative_to_cwd
from ssdh_surgery.surgery.verbs.data_layers import data_sources


def recorded_deploy(record: NetRecord | None) -> Path:
    """The deploy net of a record.

    Raises:
        UsageError: none is recorded.
    """
    path = record.path("deploy") if record else None
    if path is None:
        raise UsageError(
            "no deploy net: ssdh.toml names none" if record else "no deploy net",
            hint="run ssdh deploy first, or name one: --deploy FILE",
        )
    return path


def locate_file(record: NetRecord, name: str, what: str) -> Path:
    """A file that the net names by a path relative to caffe's working directory.

    Raises:
        FileError: it does not exist.
    """
    for folder in working_folders(record.folder / NAME):
        if (folder / name).exists():
            return relative_to_cwd(folder / name)
    raise FileError(
        f"the {what} of the net does not exist",
        location=Location(name),
        hint="it was looked up from the current directory, the folder of ssdh.toml, the folders "
        "above them, and $CAFFE_ROOT",
    )


def train_sources(record: NetRecord) -> Iterator[Path]:
    """The sources of the data layers of the train net, as far as they exist.

    Raises:
        FileError, ParseError: the train net cannot be read.
    """
    train = record.path("train")
    if train is None or not train.is_file():
        return
    net = net_of(read_source(str(train)).document)
    for each in data_sources(net, ["TRAIN"]):
        with contextlib.suppress(FileError):
            if each.source:
                yield locate_file(record, each.source, "source")


def newest_weights(record: NetRecord | None) -> Path:
    """The weights of the last snapshot.

    Raises:
        UsageError: the record has no snapshot prefix.
        FileError: there is no snapshot yet.
    """
    prefix = record.get("snapshot_prefix") if record else None
    if record is None or prefix is None:
        raise UsageError("no weights", hint="name them: --weights FILE")
    for folder in working_folders(record.folder / NAME):
        if snapshots := snapshots_on_disk(folder / prefix, "caffemodel"):
            return relative_to_cwd(snapshots[-1][1])
    raise FileError(
        f"no snapshot {snapshot_name(prefix, 'N', 'caffemodel')} yet",
        location=Location(str(record.folder)),
        hint="train first (ssdh train), or name the weights: --weights FILE",
    )


def newest_whole_state(prefix: Path) -> Path:
    """The newest solverstate of a prefix that can be read, with weights that can be read.

    Raises:
        EngineError: there is none.
    """
    damaged = []
    for _, state in reversed(snapshots_on_disk(prefix, "solverstate")):
        weights = weights_beside(state)
        if not weights.is_file():
            continue
        if _is_whole(state, weights):
            return state
        damaged.append(state.name)
    note = f" (incomplete: {', '.join(damaged)})" if damaged else ""
    raise EngineError(
        "nothing to resume: no complete snapshot "
        f"{snapshot_name(prefix, 'N', 'solverstate')} with its weights{note}"
    )


def _is_whole(state: Path, weights: Path) -> bool:
    if state.suffix == ".h5":
        return state.stat().st_size > 0
    from google.protobuf.message import DecodeError

    from ssdh_surgery.caffe.messages import schema
    from ssdh_surgery.caffe.weights.binary_weights import read_weights

    try:
        message = schema.SolverState.FromString(state.read_bytes())
        read_weights(weights)
    except (DecodeError, OSError, SsdhError):
        return False
    return bool(message.HasField("iter"))
