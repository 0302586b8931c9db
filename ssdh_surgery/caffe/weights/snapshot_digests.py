"""The files of a snapshot that belong together: their digests, which the sidecar records."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from ssdh_surgery import files


@dataclass(frozen=True)
class SnapshotDigests:
    """The SHA-256 of the other two files of a snapshot; None if it was not recorded."""

    solverstate: str
    weights: str | None

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> Self:
        """Those in the content of a sidecar.

        Raises:
            KeyError: it has none.
        """
        return cls(str(content["solverstate"]), content.get("weights"))


def sidecar_path(state: Path) -> Path:
    """The sidecar's path, from that of a solverstate in either format."""
    name = state.name.removesuffix(".h5").removesuffix(".solverstate")
    return state.with_name(f"{name}.ssdhstate")


def mixed_file(state: Path, weights: Path) -> Path | None:
    """The one of the two files that another snapshot replaced; None if both belong together.

    A sidecar that belongs to neither tells nothing: Caffe replaces the other two and leaves it.

    Raises:
        FileError: a file cannot be read.
    """
    sidecar = sidecar_path(state)
    if not sidecar.is_file():
        return None
    try:
        digests = SnapshotDigests.of(json.loads(files.read_bytes(sidecar)))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None  # it is damaged: whoever resumes says so
    has_state = digests.solverstate == files.file_digest(state)
    has_weights = digests.weights is None or digests.weights == files.file_digest(weights)
    if has_state == has_weights or digests.weights is None:
        return None
    return weights if has_state else state
