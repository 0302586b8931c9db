"""Weights files (.caffemodel) to numpy and back.

All three forms are read: the current one, V1 (`layers`) and V0 (a layer within a layer),
blobs with either kind of shape. The current form and V1 are written.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ssdh_surgery import files
from ssdh_surgery.caffe.messages import schema, wire
from ssdh_surgery.caffe.messages.dialect import Dialect, current_type
from ssdh_surgery.caffe.weights.blob_proto import blob_parts, read_blob
from ssdh_surgery.caffe.weights.content import Content, content_hint, content_of
from ssdh_surgery.caffe.weights.layer_weights import LayerWeights, Weights
from ssdh_surgery.errors import DataError
from ssdh_surgery.location import Location

if TYPE_CHECKING:
    from ssdh_surgery.files import FileBytes

# Field numbers as in ssdh_caffe.proto.
_NET_NAME, _NET_LAYERS, _NET_LAYER = 1, 2, 100


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
_LAYER_FORMS = {_NET_LAYER: _CURRENT, _NET_LAYERS: _V1}


def read_weights(path: Path | str) -> Weights:
    """The weights in a .caffemodel file.

    Raises:
        FileError: the file cannot be read.
        DataError: it is not a .caffemodel, is truncated, or the number of values of a blob
            does not match its shape.
    """
    return weights_of(files.read_bytes(path), str(path))


def weights_of(data: FileBytes, file: str) -> Weights:
    """The weights in the bytes of a .caffemodel; `file` is the name for errors.

    Raises:
        DataError: as in `read_weights`.
    """
    layers = tuple(stored_layers(data, file))
    return Weights(_net_name(data), layers)


def stored_layers(data: FileBytes, file: str, *, is_copied: bool = True) -> Iterator[LayerWeights]:
    """The layers of a .caffemodel one by one, in the order of the file.

    Args:
        data: its bytes.
        file: the name for errors.
        is_copied: whether the blobs are copies; otherwise they are views of the bytes.

    Raises:
        DataError: as in `read_weights`, once the layers before are read.
    """
    dialects = set()
    if content_of(data) is Content.STATE:
        # Its fields may read like those of a V1 net.
        raise _refusal(data, file, "")
    try:
        for number, kind, begin, stop in wire.fields(data, 0, len(data)):
            if kind == wire.LENGTH and number in _LAYER_FORMS:
                dialects.add(number)
                if len(dialects) > 1:
                    raise DataError("mixes 'layer' and 'layers', which Caffe refuses")
                yield _read_layer(data, begin, stop, _LAYER_FORMS[number], is_copied=is_copied)
    except wire.WireError as error:
        refusal = _refusal(data, file, f"is truncated or corrupt: {error}")
        if isinstance(error, wire.EarlyEnd) and refusal.hint is None:
            refusal.hint = "copy or download it again, and compare its size"
        raise refusal from error
    except DataError as error:
        raise _refusal(data, file, error.message) from error
    if not dialects:
        raise _refusal(data, file, "is not a .caffemodel: it contains no layers")


def _refusal(data: FileBytes, file: str, message: str) -> DataError:
    """The error, which names the actual kind of the file if it can be detected."""
    content = content_of(data)
    if content is Content.HDF5:
        message = f"{content.value}: only binary .caffemodel files can be read"
    elif content is Content.EMPTY:
        message = content.value
    elif content not in (Content.WEIGHTS, Content.UNKNOWN):
        message = f"{content.value}, not weights"
    hint = content_hint(file, data, content)
    return DataError(message, location=Location(file), hint=hint, content=content)


def _net_name(data: FileBytes) -> str:
    names = (
        _string(data, begin, stop)
        for number, kind, begin, stop in wire.fields(data, 0, len(data))
        if number == _NET_NAME and kind == wire.LENGTH
    )
    return next(names, "")


def _read_layer(
    data: FileBytes, start: int, end: int, form: _Form, *, is_copied: bool
) -> LayerWeights:
    name = layer_type = ""
    spans = []
    for number, kind, begin, stop in wire.fields(data, start, end):
        if number == form.nested and kind == wire.LENGTH:
            return _read_layer(data, begin, stop, _V0, is_copied=is_copied)
        if number == form.blobs and kind == wire.LENGTH:
            spans.append((begin, stop))
        elif number == form.name and kind == wire.LENGTH:
            name = _string(data, begin, stop)
        elif number == form.type and kind == form.type_kind:
            layer_type = _read_type(data, begin, stop, form)
    blobs, legacy = [], set()
    for index, (begin, stop) in enumerate(spans):
        label = f"blob {index} of layer '{name}'"
        blob, is_legacy = read_blob(data, begin, stop, label, is_copied=is_copied)
        blobs.append(blob)
        if is_legacy:
            legacy.add(index)
    return LayerWeights(name, layer_type, tuple(blobs), frozenset(legacy))


def _read_type(data: FileBytes, begin: int, stop: int, form: _Form) -> str:
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


def _string(data: FileBytes, begin: int, stop: int) -> str:
    # Decoded like the names in a prototxt, so that they can be compared.
    return data[begin:stop].decode("utf-8", "surrogateescape")


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
            for part in wire.encode_field(
                form.blobs, *blob_parts(blob, is_legacy=index in layer.legacy)
            )
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
