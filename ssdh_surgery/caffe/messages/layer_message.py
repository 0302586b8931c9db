"""A layer of any dialect as a message of the current one, equal to that of Caffe's own upgrade.

It serves engines and shapes; `surgery.upgrade` upgrades the text of a user's file.
Source: Caffe's upgrade_proto.cpp.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from ssdh_surgery.caffe.messages import schema
from ssdh_surgery.caffe.messages.dialect import (
    TRANSFORM_FIELDS,
    V1_TRANSFORMS,
    Dialect,
    current_type,
)
from ssdh_surgery.caffe.messages.message import fill
from ssdh_surgery.caffe.messages.v0_fields import OUTER_FIELDS, place_in_v1
from ssdh_surgery.prototxt.cst import Message

if TYPE_CHECKING:
    from ssdh_surgery.caffe.messages.schema import LayerParameter, V1LayerParameter

_V1_OWN_FIELDS = frozenset(
    ["blob_share_mode", "blobs_lr", "layer", "param", "type", "weight_decay"]
)


def layer_parameter(tree: Message, dialect: Dialect) -> LayerParameter:
    """A layer as a message of the current dialect; V0's padding layers are not folded."""
    if dialect is Dialect.CURRENT:
        layer = schema.LayerParameter()
        fill(layer, tree)
    else:
        old = schema.V1LayerParameter()
        fill(old, tree)
        if dialect is Dialect.V0:
            clear_except(old, OUTER_FIELDS)
        layer = _from_v1(old, _v1_type(tree, dialect))
        _upgrade_transform(layer)
    # The three statistics of BatchNorm are never learned, even if an old file says so.
    if layer.type == "BatchNorm" and len(layer.param) == 3:
        for param in layer.param:
            param.lr_mult = param.decay_mult = 0
    return layer


def clear_except(message: Any, kept: Collection[str]) -> None:
    """Clear all fields of a message except those in `kept`."""
    for field, _ in message.ListFields():
        if field.name not in kept:
            message.ClearField(field.name)


def _v1_type(tree: Message, dialect: Dialect) -> str:
    core = (tree.message("layer") if dialect is Dialect.V0 else None) or tree
    return current_type(dialect, core.string("type"))


def _from_v1(old: V1LayerParameter, kind: str) -> LayerParameter:
    layer = schema.LayerParameter()
    if old.HasField("layer"):
        _lift_v0(old)
    # protobuf strings hold only valid UTF-8.
    layer.type = kind.encode("utf-8", "replace").decode()
    for field, value in old.ListFields():
        if field.name in _V1_OWN_FIELDS:
            continue
        if schema.is_repeated(field):
            getattr(layer, field.name).extend(_matching(layer, field.name, value))
        elif field.message_type is not None:
            getattr(layer, field.name).MergeFromString(value.SerializeToString())
        else:
            setattr(layer, field.name, value)
    for index in range(max(len(old.blobs_lr), len(old.weight_decay), len(old.param))):
        param = layer.param.add()
        if index < len(old.param) and old.param[index]:
            param.name = old.param[index]
        if index < len(old.blob_share_mode):
            param.share_mode = int(old.blob_share_mode[index])  # type: ignore[assignment]
        if index < len(old.blobs_lr):
            param.lr_mult = old.blobs_lr[index]
        if index < len(old.weight_decay):
            param.decay_mult = old.weight_decay[index]
    return layer


def _matching(layer: LayerParameter, name: str, values: Any) -> Any:
    """Repeated values for the field of the same name; empty if there is none."""
    return values if name in layer.DESCRIPTOR.fields_by_name else []


def _lift_v0(old: V1LayerParameter) -> None:
    """Move the fields of the inner V0 layer to the V1 layer around it."""
    inner = old.layer
    for field, value in inner.ListFields():
        place = place_in_v1(inner.type, field.name)
        if place is not None and field.name != "type":
            message, name = place
            _put(getattr(old, message) if message else old, name, value)


def _put(target: Any, name: str, value: Any) -> None:
    field = target.DESCRIPTOR.fields_by_name[name]
    if schema.is_repeated(field):
        repeated = getattr(target, name)
        # A single value in V0 may be a repeated field later.
        repeated.extend([value] if isinstance(value, int) else value)
    elif field.message_type is not None:
        getattr(target, name).CopyFrom(value)
    else:
        setattr(target, name, value)


def _upgrade_transform(layer: LayerParameter) -> None:
    name = V1_TRANSFORMS.get(layer.type)
    if name is None or not layer.HasField(name):
        return
    param: Any = getattr(layer, name)
    for field in TRANSFORM_FIELDS:
        if param.HasField(field):
            setattr(layer.transform_param, field, getattr(param, field))
            param.ClearField(field)
