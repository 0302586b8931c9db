"""The file beside a solverstate (.ssdhstate): what Caffe's own files don't hold.

It says where each data layer stood, what the random generators were about to give, and what
was averaged, so that a resumed run goes on as if nothing had happened. It is JSON.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ssdh_surgery import files
from ssdh_surgery.engines.torch.sources.feed import Place
from ssdh_surgery.errors import DataError
from ssdh_surgery.location import Location

_VERSION = 1


@dataclass(frozen=True)
class NetPlace:
    """Where a net stands: its random generator in each process, and its sources by layer."""

    generators: Sequence[bytes]
    sources: Mapping[str, Place]


@dataclass(frozen=True)
class Sidecar:
    """What a solverstate lacks.

    `solverstate` is the SHA-256 of the file that it belongs to, `kind` the solver's type,
    `smoothing` the losses that are averaged for display; `nets` are the train net and the
    test nets.
    """

    solverstate: str
    kind: str
    smoothing: Mapping[str, Any]
    nets: Sequence[NetPlace]


def sidecar_path(state: Path) -> Path:
    """The sidecar's path for that of a solverstate in either form."""
    name = state.name.removesuffix(".h5").removesuffix(".solverstate")
    return state.with_name(f"{name}.ssdhstate")


def write_sidecar(path: Path, sidecar: Sidecar) -> None:
    """Write a sidecar.

    Raises:
        FileError: it cannot be written.
    """
    nets = [
        {
            "generators": [base64.b64encode(state).decode() for state in net.generators],
            "sources": {name: asdict(place) for name, place in net.sources.items()},
        }
        for net in sidecar.nets
    ]
    content = {
        "version": _VERSION,
        "solverstate": sidecar.solverstate,
        "type": sidecar.kind,
        "smoothing": dict(sidecar.smoothing),
        "nets": nets,
    }
    files.write_bytes(path, json.dumps(content, indent=1).encode())


def read_sidecar(path: Path) -> Sidecar:
    """Read a sidecar.

    Raises:
        FileError: it cannot be read.
        DataError: it is damaged, or of a later version.
    """
    data = files.read_bytes(path)
    where = Location(str(path))
    try:
        content = json.loads(data)
        if content["version"] != _VERSION:
            raise DataError(f"is of the unknown version {content['version']}", location=where)
        nets = [
            NetPlace(
                [base64.b64decode(state, validate=True) for state in net["generators"]],
                {name: Place(**place) for name, place in net["sources"].items()},
            )
            for net in content["nets"]
        ]
        smoothing = content["smoothing"]
        return Sidecar(content["solverstate"], content["type"], dict(smoothing), nets)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError("is damaged", location=where) from error
