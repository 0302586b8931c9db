"""Solver states (.solverstate, .solverstate.h5): what Caffe needs to resume training.

The form is detected from the content when reading; a name that ends in `.h5` writes HDF5.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ssdh_surgery import files
from ssdh_surgery.caffe.messages import wire
from ssdh_surgery.caffe.weights import hdf5
from ssdh_surgery.caffe.weights.blob_proto import blob_parts, read_blob
from ssdh_surgery.caffe.weights.content import (
    Content,
    content_hint,
    content_of,
    hdf5_content,
)
from ssdh_surgery.errors import DataError
from ssdh_surgery.location import Location

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ssdh_surgery.files import FileBytes

# Field numbers as in ssdh_caffe.proto.
_ITER, _LEARNED_NET, _HISTORY, _CURRENT_STEP = 1, 2, 3, 4
_NO_STATE = "is not a solverstate: it has no iteration"


@dataclass(frozen=True, eq=False)
class SolverState:
    """The state of a solver.

    `iteration` is the number of updates so far, `step` the current step of a `multistep` policy,
    `learned_net` the weights file of the snapshot (relative to caffe's working directory), and
    `history` the float32 blobs of the update rule.
    """

    iteration: int
    learned_net: str
    history: Sequence[NDArray[np.float32]]
    step: int = 0


def read_solver_state(path: Path | str) -> SolverState:
    """The state in a file of either form.

    Raises:
        FileError: the file cannot be read.
        DataError: it is not a solverstate, or it is truncated.
        MissingExtra: it is HDF5 and h5py is not installed.
    """
    data = files.map_bytes(path)
    content = content_of(data)
    if content is Content.HDF5:
        return _read_hdf5(path)
    if content not in (Content.STATE, Content.UNKNOWN):
        raise _refusal(path, content, _NO_STATE, data)
    try:
        return _read_binary(data)
    except wire.WireError as error:
        raise _refusal(path, content, "is truncated, or not a solverstate", data) from error
    except DataError as error:
        raise _refusal(path, content, error.message, data) from error


def _read_binary(data: FileBytes) -> SolverState:
    iteration, step, learned_net = None, 0, ""
    history: list[NDArray[np.float32]] = []
    for number, kind, begin, stop in wire.fields(data, 0, len(data)):
        if number == _ITER and kind == wire.VARINT:
            iteration = wire.signed(wire.varint(data, begin, stop)[0])
        elif number == _LEARNED_NET and kind == wire.LENGTH:
            learned_net = data[begin:stop].decode("utf-8", "surrogateescape")
        elif number == _HISTORY and kind == wire.LENGTH:
            history.append(read_blob(data, begin, stop, f"history blob {len(history)}")[0])
        elif number == _CURRENT_STEP and kind == wire.VARINT:
            step = wire.signed(wire.varint(data, begin, stop)[0])
    if iteration is None:
        raise DataError(_NO_STATE)
    return SolverState(iteration, learned_net, history, step)


def _refusal(path: Path | str, content: Content, message: str, data: FileBytes = b"") -> DataError:
    """The error, which names the actual kind of the file if it can be detected."""
    if content is Content.EMPTY:
        message = content.value
    elif content not in (Content.STATE, Content.UNKNOWN, Content.HDF5):
        message = f"{content.value}, not a solver's state"
    hint = content_hint(path, data, content)
    return DataError(message, location=Location(str(path)), hint=hint, content=content)


def write_solver_state(path: Path | str, state: SolverState) -> None:
    """Write a state that Caffe can restore; as HDF5 if the name ends in `.h5`.

    Raises:
        FileError: the file cannot be written.
        MissingExtra: the file is HDF5 and h5py is not installed.
    """
    if str(path).endswith(".h5"):
        _write_hdf5(path, state)
        return
    parts = [
        wire.encode_number(_ITER, state.iteration),
        *wire.encode_field(_LEARNED_NET, state.learned_net.encode("utf-8", "surrogateescape")),
    ]
    for blob in state.history:
        parts += wire.encode_field(_HISTORY, *blob_parts(blob))
    parts.append(wire.encode_number(_CURRENT_STEP, state.step))
    files.write_bytes(path, b"".join(parts))


def _read_hdf5(path: Path | str) -> SolverState:
    with hdf5.open_file(path) as file:
        if "iter" not in file or "history" not in file:
            raise _refusal(path, hdf5_content(file), _NO_STATE)
        group = file["history"]
        names = [str(index) for index in range(len(group))]
        history = [hdf5.floats(group, name, path) for name in names]
        learned_net = hdf5.string(file, "learned_net")
        return SolverState(
            hdf5.number(file, "iter"), learned_net, history, hdf5.number(file, "current_step")
        )


def _write_hdf5(path: Path | str, state: SolverState) -> None:
    with hdf5.new_file(path) as file:
        hdf5.put_number(file, "iter", state.iteration)
        hdf5.put_string(file, "learned_net", state.learned_net)
        hdf5.put_number(file, "current_step", state.step)
        history = file.create_group("history")
        for index, blob in enumerate(state.history):
            history.create_dataset(str(index), data=blob.astype("<f4", copy=False))
