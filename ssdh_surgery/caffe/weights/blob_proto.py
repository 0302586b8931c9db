"""Blobs as Caffe's files hold them (BlobProto): read in place, and written.

NVCaffe's form is read as well: raw bytes of doubles, floats or half floats.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from ssdh_surgery.caffe.messages import schema, wire
from ssdh_surgery.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ssdh_surgery.files import FileBytes

# Field numbers as in ssdh_caffe.proto, and NVCaffe's raw data with its type.
_LEGACY_DIMS = (1, 2, 3, 4)  # num, channels, height, width
_DATA, _SHAPE, _DOUBLE_DATA, _RAW_TYPE, _RAW_DATA = 5, 7, 8, 10, 12
_SHAPE_DIM = 1
_LOOSE_VALUES = {(_DATA, wire.FIXED32), (_DOUBLE_DATA, wire.FIXED64)}
_RAW_TYPES = ("<f8", "<f4", "<f2")

# Caffe's kMaxBlobAxes.
_MAX_AXES = 32


def read_blob(
    data: FileBytes, start: int, end: int, label: str, *, is_copied: bool = True
) -> tuple[NDArray[np.float32], bool]:
    """The array of the BlobProto in `data[start:end]`, and whether its shape is a legacy one.

    Args:
        data: the bytes of a file.
        start: where the message begins.
        end: where it ends.
        label: the blob's name for errors.
        is_copied: whether the values are copied and so aligned; float32 is viewed otherwise.

    Raises:
        WireError: it is truncated.
        DataError: the number of values does not match the shape.
    """
    dims: list[int] = []
    legacy_dims: dict[int, int] = {}
    pieces: dict[int, list[NDArray[np.floating]]] = {_DATA: [], _DOUBLE_DATA: []}
    raw_type, raw_spans = 0, []
    for number, kind, begin, stop in wire.fields(data, start, end):
        if number in pieces and kind == wire.LENGTH:
            dtype = "<f4" if number == _DATA else "<f8"
            pieces[number].append(_values(data, begin, stop, dtype, label))
        elif (number, kind) in _LOOSE_VALUES:
            packed = _repacked(data[start:end])
            return read_blob(packed, 0, len(packed), label)
        elif number == _SHAPE and kind == wire.LENGTH:
            dims += _read_dims(data, begin, stop)
        elif number in _LEGACY_DIMS and kind == wire.VARINT:
            legacy_dims[number] = wire.signed(wire.varint(data, begin, stop)[0])
        elif number == _RAW_TYPE and kind == wire.VARINT:
            raw_type = wire.varint(data, begin, stop)[0]
        elif number == _RAW_DATA and kind == wire.LENGTH:
            raw_spans.append((begin, stop))
    if legacy_dims:
        dims = [legacy_dims.get(number, 0) for number in _LEGACY_DIMS]
    # Caffe reads the doubles if there are any.
    chosen = [*filter(len, pieces[_DOUBLE_DATA])] or pieces[_DATA]
    if not chosen and raw_type < len(_RAW_TYPES):
        chosen = [_values(data, *span, _RAW_TYPES[raw_type], label) for span in raw_spans[-1:]]
    values = _joined(chosen, is_copied=is_copied)
    _check_shape(dims, values.size, label)
    return values.reshape(dims), bool(legacy_dims)


def _values(data: FileBytes, begin: int, stop: int, dtype: str, label: str) -> NDArray[np.floating]:
    """A view of the values in a span of bytes."""
    import numpy as np

    count, rest = divmod(stop - begin, np.dtype(dtype).itemsize)
    if rest:
        raise wire.WireError(f"a value of {label} has no end")
    return np.frombuffer(data, dtype, count, begin)


def _repacked(blob: bytes) -> bytes:
    """A BlobProto with one field per value, packed by protobuf."""
    from google.protobuf.message import DecodeError

    try:
        return schema.BlobProto.FromString(blob).SerializeToString()
    except DecodeError as error:
        raise wire.WireError("protobuf cannot read a blob's values") from error


def _joined(pieces: Sequence[NDArray[np.floating]], *, is_copied: bool) -> NDArray[np.float32]:
    """The values as one array; a copy is aligned in memory, which those in the file may not be."""
    import numpy as np

    if len(pieces) == 1:
        return pieces[0].astype(np.float32, copy=is_copied)
    return np.concatenate([np.empty(0, np.float32), *pieces], dtype=np.float32)


def _read_dims(data: FileBytes, start: int, end: int) -> Iterable[int]:
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


def blob_parts(blob: NDArray[np.float32], *, is_legacy: bool = False) -> list[bytes]:
    """The fields of a BlobProto in parts; a legacy shape needs four axes."""
    data = wire.encode_field(_DATA, blob.astype("<f4", copy=False).tobytes())
    if is_legacy:
        dims = zip(_LEGACY_DIMS, blob.shape, strict=True)
        return [*(wire.encode_number(number, dim) for number, dim in dims), *data]
    shape = b"".join(map(wire.encode_varint, blob.shape))
    return [*data, *wire.encode_field(_SHAPE, *wire.encode_field(_SHAPE_DIM, shape))]
