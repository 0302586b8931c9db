"""Weights files (.caffemodel) to numpy and back.

All three forms are read: the current one, V1 (`layers`) and V0 (a layer within a layer),
blobs with either kind of shape. The current form and V1 are written.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ssdh_surgery import files
from ssdh_surgery.caffe.messages import schema, wire
from ssdh_surgery.caffe.messages.dialect import Dialect, current_type
from ssdh_surgery.caffe.weights.layer_weights import LayerWeights, Weights
from ssdh_surgery.errors import DataError
from ssdh_surgery.location import Location

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


# Field numbers as in ssdh_caffe.proto.
_NET_NAME, _NET_LAYERS, _NET_LAYER = 1, 2, 100
_BLOB_LEGACY_DIMS = (1, 2, 3, 4)  # num, channels, height, width
_BLOB_DATA, _BLOB_SHAPE, _BLOB_DOUBLE_DATA = 5, 7, 8
_SHAPE_DIM = 1
_LOOSE_VALUES = {(_BLOB_DATA, wire.FIXED32), (_BLOB_DOUBLE_DATA, wire.FIXED64)}

# Caffe's kMaxBlobAxes.
_MAX_AXES = 32


@dataclass(frozen=True)
class _Form:
    """The field numbers of one of the three layer messages."""

    dialect: Dialect
    name: int
    type: int
    blobs: int
    type_kind: int = wire.LENGTH
    nested: int | None = None


_V0 = _Form(Dialect.V0, name=1, type=2, blobs=50)
_V1 = _Form(Dialect.V1, name=4, type=5, blobs=6, type_kind=wire.VARINT, nested=1)
_CURRENT = _Form(Dialect.CURRENT, name=1, type=2, blobs=7)


def read_weights(path: Path | str) -> Weights:
    """The weights in a .caffemodel file.

    Raises:
        FileError: the file cannot be read.
        DataError: it is not a .caffemodel, is truncated, or the number of values of a blob
            does not match its shape.
    """
    return weights_of(files.read_bytes(path), str(path))


def weights_of(data: bytes, file: str) -> Weights:
    """The weights in the bytes of a .caffemodel; `file` is the name for errors.

    Raises:
        DataError: as in `read_weights`.
    """
    try:
        weights = _read_net(data)
    except wire.WireError as error:
        raise _refusal(data, file, f"is truncated or corrupt: {error}") from error
    except DataError as error:
        raise _refusal(data, file, error.message) from error
    if not weights.layers:
        raise _refusal(data, file, "is not a .caffemodel: it contains no layers")
    return weights


# Zip files, such as .npz and .pth, and pickles, such as old .pth files.
_ARCHIVES = (b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04")


def _refusal(data: bytes, file: str, message: str) -> DataError:
    """The error, which names the actual kind of the file if it can be detected."""
    hint = None
    if not data:
        message = "is empty"
    elif data.startswith(b"\x89HDF\r\n\x1a\n"):
        message = "is an HDF5 file: only binary .caffemodel files can be read"
    elif data.startswith(_ARCHIVES):
        message = "is an archive of NumPy or PyTorch, not a .caffemodel"
    elif _is_text(data):
        is_net = re.search(rb"(?m)^\s*layers?\s*:?\s*[{<\[]", data)
        message = "is a prototxt, not weights" if is_net else "is text, not weights"
    elif data[0] == wire.encode_number(1, 0)[0]:
        hint = "solverstates and mean files begin like this one"
    return DataError(message, location=Location(file), hint=hint)


def _is_text(data: bytes) -> bool:
    """Whether there are no control characters, which every layer of a .caffemodel has."""
    return re.search(rb"[\x00-\x08\x0e-\x1f]", data) is None


def _read_net(data: bytes) -> Weights:
    name = ""
    layers: dict[int, list[LayerWeights]] = {_NET_LAYER: [], _NET_LAYERS: []}
    for number, kind, begin, stop in wire.fields(data, 0, len(data)):
        if kind != wire.LENGTH:
            continue
        if number == _NET_NAME:
            name = _string(data, begin, stop)
        elif number == _NET_LAYER:
            layers[number].append(_read_layer(data, begin, stop, _CURRENT))
        elif number == _NET_LAYERS:
            layers[number].append(_read_layer(data, begin, stop, _V1))
    if all(layers.values()):
        raise DataError("mixes 'layer' and 'layers', which Caffe refuses")
    return Weights(name, (*layers[_NET_LAYER], *layers[_NET_LAYERS]))


def _read_layer(data: bytes, start: int, end: int, form: _Form) -> LayerWeights:
    name = layer_type = ""
    spans = []
    for number, kind, begin, stop in wire.fields(data, start, end):
        if number == form.nested and kind == wire.LENGTH:
            return _read_layer(data, begin, stop, _V0)
        if number == form.blobs and kind == wire.LENGTH:
            spans.append((begin, stop))
        elif number == form.name and kind == wire.LENGTH:
            name = _string(data, begin, stop)
        elif number == form.type and kind == form.type_kind:
            layer_type = _read_type(data, begin, stop, form)
    blobs, legacy = [], set()
    for index, (begin, stop) in enumerate(spans):
        blob, is_legacy = _read_blob(data, begin, stop, f"blob {index} of layer '{name}'")
        blobs.append(blob)
        if is_legacy:
            legacy.add(index)
    return LayerWeights(name, layer_type, tuple(blobs), frozenset(legacy))


def _read_type(data: bytes, begin: int, stop: int, form: _Form) -> str:
    """The current name of a type; empty for a number that V1 does not have."""
    if form is _V1:
        name = _v1_names().get(wire.varint(data, begin, stop)[0], "")
    else:
        name = _string(data, begin, stop)
    return current_type(form.dialect, name)


@functools.cache
def _v1_names() -> dict[int, str]:
    values = schema.enum_values("V1LayerParameter.LayerType")
    return {number: name for name, number in values.items()}


def _string(data: bytes, begin: int, stop: int) -> str:
    # Decoded like the names in a prototxt, so that they can be compared.
    return data[begin:stop].decode("utf-8", "surrogateescape")


def _read_blob(data: bytes, start: int, end: int, label: str) -> tuple[NDArray[np.float32], bool]:
    """A BlobProto as an array, and whether its shape is a legacy one; `label` is for errors."""
    import numpy as np

    dims: list[int] = []
    legacy_dims: dict[int, int] = {}
    pieces: dict[int, list[NDArray[np.floating]]] = {_BLOB_DATA: [], _BLOB_DOUBLE_DATA: []}
    for number, kind, begin, stop in wire.fields(data, start, end):
        if number in pieces and kind == wire.LENGTH:
            dtype = np.dtype("<f4" if number == _BLOB_DATA else "<f8")
            count, rest = divmod(stop - begin, dtype.itemsize)
            if rest:
                raise wire.WireError(f"a value of {label} has no end")
            pieces[number].append(np.frombuffer(data, dtype, count, begin))
        elif (number, kind) in _LOOSE_VALUES:
            packed = _repacked(data[start:end])
            return _read_blob(packed, 0, len(packed), label)
        elif number == _BLOB_SHAPE and kind == wire.LENGTH:
            dims += _read_dims(data, begin, stop)
        elif number in _BLOB_LEGACY_DIMS and kind == wire.VARINT:
            legacy_dims[number] = wire.signed(wire.varint(data, begin, stop)[0])
    if legacy_dims:
        dims = [legacy_dims.get(number, 0) for number in _BLOB_LEGACY_DIMS]
    # Caffe reads the doubles if there are any.
    values = _joined([*filter(len, pieces[_BLOB_DOUBLE_DATA])] or pieces[_BLOB_DATA])
    _check_shape(dims, values.size, label)
    return values.reshape(dims), bool(legacy_dims)


def _repacked(blob: bytes) -> bytes:
    """A BlobProto with one field per value, packed by protobuf."""
    from google.protobuf.message import DecodeError

    try:
        return schema.BlobProto.FromString(blob).SerializeToString()
    except DecodeError as error:
        raise wire.WireError("protobuf cannot read a blob's values") from error


def _joined(pieces: Sequence[NDArray[np.floating]]) -> NDArray[np.float32]:
    """A copy of the values, aligned in memory, which those in the file may not be."""
    import numpy as np

    if len(pieces) == 1:
        return np.array(pieces[0], np.float32)
    return np.concatenate([np.empty(0, np.float32), *pieces], dtype=np.float32)


def _read_dims(data: bytes, start: int, end: int) -> Iterable[int]:
    for number, kind, begin, stop in wire.fields(data, start, end):
        if number != _SHAPE_DIM or kind not in (wire.LENGTH, wire.VARINT):
            continue
        while begin < stop:
            dim, begin = wire.varint(data, begin, stop)
            yield wire.signed(dim)


def _check_shape(dims: Sequence[int], count: int, label: str) -> None:
    if len(dims) > _MAX_AXES:
        raise DataError(f"{label} has {len(dims)} axes, and Caffe allows {_MAX_AXES}")
    if any(dim < 0 for dim in dims) or math.prod(dims) != count:
        raise DataError(f"{label} has the shape {tuple(dims)} and {count} values")


def write_weights(
    path: Path | str,
    layers: Iterable[LayerWeights],
    *,
    name: str = "",
    dialect: Dialect = Dialect.CURRENT,
) -> None:
    """Write a .caffemodel, which Caffe loads by layer names.

    Blobs are written as float32; those in `legacy`, of four axes, keep a legacy shape.

    Args:
        path: the file.
        layers: the layers to write.
        name: the name of the net.
        dialect: the current one, or V1 for a Caffe of 2014.

    Raises:
        DataError: V1 does not have the type of a layer.
        FileError: the file cannot be written.
    """
    form, number = {
        Dialect.CURRENT: (_CURRENT, _NET_LAYER),
        Dialect.V1: (_V1, _NET_LAYERS),
    }[dialect]
    net = wire.encode_field(_NET_NAME, _encoded(name)) if name else []
    for layer in layers:
        blobs = [
            part
            for index, blob in enumerate(layer.blobs)
            for part in wire.encode_field(form.blobs, *_blob_parts(blob, index in layer.legacy))
        ]
        net += wire.encode_field(
            number,
            *wire.encode_field(form.name, _encoded(layer.name)),
            *_type_parts(layer, form),
            *blobs,
        )
    files.write_bytes(path, b"".join(net))


def _type_parts(layer: LayerWeights, form: _Form) -> list[bytes]:
    if form is _CURRENT:
        return wire.encode_field(form.type, _encoded(layer.type))
    numbers = {current_type(form.dialect, name): number for number, name in _v1_names().items()}
    if layer.type not in numbers:
        raise DataError(f"layer '{layer.name}' is a {layer.type}, which V1 does not have")
    return [wire.encode_number(form.type, numbers[layer.type])]


def _encoded(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")


def _blob_parts(blob: NDArray[np.float32], legacy: bool) -> list[bytes]:
    data = wire.encode_field(_BLOB_DATA, blob.astype("<f4", copy=False).tobytes())
    if legacy:
        dims = zip(_BLOB_LEGACY_DIMS, blob.shape, strict=True)
        return [*(wire.encode_number(number, dim) for number, dim in dims), *data]
    shape = b"".join(map(wire.encode_varint, blob.shape))
    return [*data, *wire.encode_field(_BLOB_SHAPE, *wire.encode_field(_SHAPE_DIM, shape))]
