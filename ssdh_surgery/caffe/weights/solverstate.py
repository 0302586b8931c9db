"""Solver states (.solverstate, .solverstate.h5): what Caffe needs to resume training.

The form is detected from the content when reading; a name that ends in `.h5` writes HDF5.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ssdh_surgery import files
from ssdh_surgery.caffe.messages import schema, wire
from ssdh_surgery.caffe.weights import hdf5
from ssdh_surgery.errors import DataError
from ssdh_surgery.location import Location

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ssdh_surgery.caffe.messages.ssdh_caffe_pb2 import BlobProto

# Field numbers as in ssdh_caffe.proto.
_ITER, _LEARNED_NET, _HISTORY, _CURRENT_STEP = 1, 2, 3, 4
_BLOB_DATA, _BLOB_SHAPE, _SHAPE_DIM = 5, 7, 1
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
    data = files.read_bytes(path)
    if data.startswith(hdf5.MAGIC):
        return _read_hdf5(path)
    from google.protobuf.message import DecodeError

    try:
        state = schema.SolverState.FromString(data)
    except DecodeError as error:
        raise _refusal(path, "is truncated, or not a solverstate") from error
    if not state.HasField("iter"):
        raise _refusal(path, _NO_STATE if data else "is empty")
    history = [_array(blob, index, path) for index, blob in enumerate(state.history)]
    return SolverState(state.iter, state.learned_net, history, state.current_step)


def _refusal(path: Path | str, message: str) -> DataError:
    return DataError(message, location=Location(str(path)))


def _array(blob: BlobProto, index: int, path: Path | str) -> NDArray[np.float32]:
    import numpy as np

    values = np.array(blob.data, np.float32)
    shape = tuple(blob.shape.dim)
    # A scalar has neither kind of shape.
    if any(blob.HasField(name) for name in ("num", "channels", "height", "width")):
        shape = (blob.num, blob.channels, blob.height, blob.width)
    if min(shape, default=0) < 0 or np.prod(shape, dtype=np.int64) != len(values):
        raise _refusal(path, f"history blob {index} has the shape {shape} and {len(values)} values")
    return values.reshape(shape)


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
        shape = b"".join(map(wire.encode_varint, blob.shape))
        parts += wire.encode_field(
            _HISTORY,
            *wire.encode_field(_BLOB_DATA, blob.astype("<f4", copy=False).tobytes()),
            *wire.encode_field(_BLOB_SHAPE, *wire.encode_field(_SHAPE_DIM, shape)),
        )
    parts.append(wire.encode_number(_CURRENT_STEP, state.step))
    files.write_bytes(path, b"".join(parts))


def _read_hdf5(path: Path | str) -> SolverState:
    with hdf5.open_file(path) as file:
        if "iter" not in file or "history" not in file:
            raise _refusal(path, _NO_STATE)
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
