"""The sidecar of a solverstate (.ssdhstate): state that Caffe's own files do not contain.

It has the position of each data layer, the states of the random generators, and the losses being
averaged, so that a resumed run continues as if it had not been interrupted. It is JSON.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ssdh_surgery import files
from ssdh_surgery.caffe.weights.snapshot_digests import SnapshotDigests
from ssdh_surgery.engines.torch.sources.feed import SourcePosition
from ssdh_surgery.errors import DataError
from ssdh_surgery.location import Location

_VERSION = 1


@dataclass(frozen=True)
class NetPosition:
    """The position of a net: its random generator in each process, and its sources by layer."""

    generators: Sequence[bytes]
    sources: Mapping[str, SourcePosition]


@dataclass(frozen=True)
class Sidecar:
    """The state that a solverstate lacks.

    `digests` tell the files that belong to it; `kind` is the solver's type, `smoothing` the
    state of the displayed loss; `nets` are the train net and the test nets.
    """

    digests: SnapshotDigests
    kind: str
    smoothing: Mapping[str, Any]
    nets: Sequence[NetPosition]


def write_sidecar(path: Path, sidecar: Sidecar) -> None:
    """Write a sidecar.

    Raises:
        FileError: it cannot be written.
    """
    nets = [
        {
            "generators": [base64.b64encode(state).decode() for state in net.generators],
            "sources": {name: asdict(position) for name, position in net.sources.items()},
        }
        for net in sidecar.nets
    ]
    content = {
        "version": _VERSION,
        "solverstate": sidecar.digests.solverstate,
        "weights": sidecar.digests.weights,
        "type": sidecar.kind,
        "smoothing": dict(sidecar.smoothing),
        "nets": nets,
    }
    files.write_bytes(path, json.dumps(content, indent=1).encode())


def read_sidecar(path: Path) -> Sidecar:
    """Read a sidecar.

    Raises:
        FileError: it cannot be read.
        DataError: it is damaged, or of a newer version.
    """
    data = files.read_bytes(path)
    location = Location(str(path))
    try:
        content = json.loads(data)
        if content["version"] != _VERSION:
            raise DataError(f"has an unknown version: {content['version']}", location=location)
        nets = [
            NetPosition(
                [base64.b64decode(state, validate=True) for state in net["generators"]],
                {name: SourcePosition(**fields) for name, fields in net["sources"].items()},
            )
            for net in content["nets"]
        ]
        smoothing = content["smoothing"]
        return Sidecar(SnapshotDigests.of(content), content["type"], dict(smoothing), nets)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError("is damaged", location=location) from error
