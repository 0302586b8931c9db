"""Snapshots on disk: which of a prefix is the newest whole one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ssdh_surgery.errors import EngineError, SsdhError

_STATE = re.compile(r"_iter_(\d+)\.solverstate(\.h5)?$")


@dataclass(frozen=True)
class SavedState:
    """A solverstate with its weights beside it."""

    iteration: int
    state: Path
    weights: Path


def saved_states(prefix: Path) -> list[SavedState]:
    """All states of a prefix that have their weights beside them, the newest first."""
    found = []
    for path in prefix.parent.glob(f"{_escaped(prefix.name)}_iter_*.solverstate*"):
        match = _STATE.search(path.name)
        if match is None or path.name[: match.start()] != prefix.name:
            continue
        name = path.name.replace(".solverstate", ".caffemodel")
        weights = path.with_name(name)
        if weights.is_file():
            found.append(SavedState(int(match[1]), path, weights))
    return sorted(found, key=lambda saved: saved.iteration, reverse=True)


def _escaped(name: str) -> str:
    return re.sub(r"([*?\[])", r"[\1]", name)


def newest_whole(prefix: Path) -> SavedState:
    """The newest state of a prefix that can be read, with weights that can be read.

    Raises:
        EngineError: there is none.
    """
    passed_over = []
    for saved in saved_states(prefix):
        if _is_whole(saved):
            return saved
        passed_over.append(saved.state.name)
    said = f" ({', '.join(passed_over)}: cut short)" if passed_over else ""
    raise EngineError(
        f"nothing to resume: no whole snapshot {prefix}_iter_N.solverstate with its weights{said}"
    )


def _is_whole(saved: SavedState) -> bool:
    if saved.state.suffix == ".h5":
        return saved.state.stat().st_size > 0
    from google.protobuf.message import DecodeError

    from ssdh_surgery.caffe.messages import schema
    from ssdh_surgery.caffe.weights.binary_weights import read_weights

    try:
        state = schema.SolverState.FromString(saved.state.read_bytes())
        read_weights(saved.weights)
    except (DecodeError, OSError, SsdhError):
        return False
    return bool(state.HasField("iter"))
