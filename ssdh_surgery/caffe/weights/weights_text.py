"""A weights file as the prototxt of its net without the values, and back to weights.

A .caffemodel contains the net that it was trained in, each layer with its blobs. Verbs that work
on the text of nets therefore work on weights, and never touch the values.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ssdh_surgery.caffe.messages import schema
from ssdh_surgery.caffe.weights.binary_weights import weights_of
from ssdh_surgery.errors import DataError, SchemaError
from ssdh_surgery.location import Location

if TYPE_CHECKING:
    from ssdh_surgery.caffe.messages.schema import BlobProto, NetParameter

_VALUES = ("data", "diff", "double_data", "double_diff")


def text_without_values(data: bytes, file: str) -> str:
    """The net of a weights file as text, with only the shapes of its blobs; `file` is for errors.

    Raises:
        DataError: it is not a weights file, or it is damaged.
    """
    weights_of(data, file)
    net = _net(data, file)
    for blob in _blobs(net):
        for name in _VALUES:
            blob.ClearField(name)
    return schema.text(net)


def with_values(text: str, data: bytes, file: str) -> bytes:
    """A weights file of the net in `text`, with the blobs of another one in their order.

    Raises:
        DataError: a name is not UTF-8, which Python's protobuf cannot write.
    """
    try:
        net: Any = schema.parse_text(text, "NetParameter", file=file)
    except SchemaError as error:
        message = "a name in it is not UTF-8: protobuf cannot write it"
        raise DataError(message, location=Location(file)) from error
    for new, old in zip(_blobs(net), _blobs(_net(data, file)), strict=True):
        new.CopyFrom(old)
    result: bytes = net.SerializeToString()
    return result


def _net(data: bytes, file: str) -> NetParameter:
    from google.protobuf.message import DecodeError

    try:
        return schema.NetParameter.FromString(data)
    except DecodeError as error:
        raise DataError(f"protobuf cannot read it: {error}", location=Location(file)) from error


def _blobs(net: NetParameter) -> Iterator[BlobProto]:
    """All blobs in the order of the layers; V0 has them in the inner layer."""
    for layer in net.layer:
        yield from layer.blobs
    for old in net.layers:
        yield from old.layer.blobs if old.HasField("layer") else old.blobs
