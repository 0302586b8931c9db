"""The files of a trained net: its deploy net, the data that it names, and its snapshots."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from ssdh_surgery.caffe.net.net import net_of
from ssdh_surgery.caffe.weights.snapshot_names import newest_first, snapshot_name
from ssdh_surgery.errors import EngineError, FileError, UsageError
from ssdh_surgery.location import Location
from ssdh_surgery.pipeline.files.caffe_paths import working_folders
from ssdh_surgery.pipeline.files.sources import read_source
from ssdh_surgery.pipeline.nets.run_records import run_records
from ssdh_surgery.pipeline.nets.snapshots import (
    LayerParams,
    Misfit,
    Report,
    newest_fit,
    state_misfit,
)
from ssdh_surgery.pipeline.workspace.net_record import NetRecord
from ssdh_surgery.pipeline.workspace.paths import NAME, relative_to_cwd
from ssdh_surgery.surgery.verbs.data_layers import data_sources

_TRAIN_FIRST = "train first (ssdh train), or name the weights: --weights FILE"


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


def newest_weights(
    record: NetRecord | None, misfit: Misfit | None = None, report: Report | None = None
) -> Path:
    """The weights of the newest run: of its snapshots, the last one.

    Args:
        record: the net's record.
        misfit: says why weights are not to be taken; None takes any.
        report: gets a sentence for each file that is newer, but not to be taken.

    Raises:
        UsageError: the record has no snapshot prefix.
        FileError: there is no snapshot yet, or none that may be taken.
    """
    prefix = record.get("snapshot_prefix") if record else None
    if record is None or prefix is None:
        raise UsageError("no weights", hint="name them: --weights FILE")
    snapshots = _snapshots(record, str(prefix))
    reasons: list[str] = []
    path = newest_fit(snapshots, misfit or (lambda _: None), reasons.append)
    name = snapshot_name(prefix, "N", "caffemodel")
    if path is None and snapshots:
        raise FileError(
            f"no snapshot {name} is complete and of this net:\n  " + "\n  ".join(reasons),
            location=Location(str(record.folder)),
            hint=_TRAIN_FIRST,
        )
    if path is None:
        raise FileError(
            f"no snapshot {name} yet", location=Location(str(record.folder)), hint=_TRAIN_FIRST
        )
    _report_all(reasons, report)
    return relative_to_cwd(path)


def _report_all(sentences: Sequence[str], report: Report | None) -> None:
    if report is not None:
        for sentence in sentences:
            report(sentence)


def _snapshots(record: NetRecord, prefix: str) -> list[Path]:
    """The weights of the runs of a net, the newest first."""
    solver = record.path("solver")
    runs = run_records(record.folder, solver) if solver else []
    prefixes = [run.prefix for run in runs if run.prefix is not None]
    prefixes += [run.cwd / prefix for run in runs]
    if snapshots := newest_first(prefixes, "caffemodel"):
        return snapshots
    # Runs that caffe was started for without ssdh leave no record.
    for folder in working_folders(record.folder / NAME):
        if snapshots := newest_first([folder / prefix], "caffemodel"):
            return snapshots
    return []


def newest_whole_state(
    prefix: Path, params: LayerParams = (), net: str = "", report: Report | None = None
) -> Path:
    """The newest solverstate of a prefix that is complete, with complete weights of a net.

    Args:
        prefix: the path of the snapshots before `_iter_N`.
        params: the layers of the net that they must hold.
        net: the net's name for messages.
        report: gets a sentence for each solverstate that is newer, but not to be taken.

    Raises:
        EngineError: there is none.
    """
    reasons: list[str] = []
    states = newest_first([prefix], "solverstate")
    state = newest_fit(states, lambda path: state_misfit(params, net, path), reasons.append)
    if state is None:
        note = "".join(f"\n  {reason}" for reason in reasons)
        raise EngineError(
            "nothing to resume: no complete snapshot "
            f"{snapshot_name(relative_to_cwd(prefix), 'N', 'solverstate')} with its weights{note}"
        )
    _report_all(reasons, report)
    return state
