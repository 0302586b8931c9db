"""A syntax tree as a message of the schema; unknown fields are ignored.

It reads files of forks of Caffe, too; edits are judged by protobuf's own parser. Of the fields
that only forks have, one has a counterpart in Caffe: Pooling's `ceil_mode` of the SSD lineage,
common in published nets, is Caffe's `round_mode`, under the same number in the schema.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ssdh_surgery.prototxt import literals
from ssdh_surgery.prototxt.cst import Field, Message, Scalar

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor, FieldDescriptor
    from google.protobuf.message import Message as Proto


def fill(target: Proto, tree: Message) -> None:
    """Set the fields of a protobuf message from a syntax tree.

    If a field is given twice, the last value counts (messages are merged), as on protobuf's
    wire. A value that does not fit its field is skipped. A field of `FORK_FIELDS` sets Caffe's
    counterpart.
    """
    from ssdh_surgery.caffe.messages import schema

    fields: Any = target.DESCRIPTOR.fields_by_name
    for field in tree.fields:
        descriptor = fields.get(field.name)
        if descriptor is None:
            _fill_of_fork(target, field)
            continue
        repeated = schema.is_repeated(descriptor)
        for value in field.values:
            if isinstance(value, Message):
                if descriptor.message_type is not None:
                    slot = getattr(target, descriptor.name)
                    inner = slot.add() if repeated else slot
                    inner.SetInParent()
                    fill(inner, value)
            elif (converted := _scalar(descriptor, value)) is not None:
                _set(target, descriptor.name, converted, repeated)


def _fill_of_fork(target: Proto, field: Field) -> None:
    same = FORK_FIELDS.get((target.DESCRIPTOR.name, field.name))
    for value in field.values:
        if same is not None and isinstance(value, Scalar):
            name, values = same
            enum: Any = target.DESCRIPTOR.fields_by_name[name].enum_type
            _set(
                target,
                name,
                enum.values_by_name[values[literals.boolean(value.text) is True]].number,
                False,
            )


def _set(target: Proto, name: str, value: Any, repeated: bool) -> None:
    try:
        if repeated:
            getattr(target, name).append(value)
        else:
            setattr(target, name, value)
    except (ValueError, TypeError):
        # Out of range or not UTF-8: checks report it, reading continues.
        return


def _scalar(field: FieldDescriptor, value: Scalar) -> Any:
    if field.message_type is not None:
        return None
    if field.enum_type is not None:
        enum_value = field.enum_type.values_by_name.get(value.text)
        return enum_value.number if enum_value else literals.integer(value.text)
    kind = field.cpp_type
    if kind == field.CPPTYPE_STRING:
        if not value.is_string:
            return None
        return value.data if field.type == field.TYPE_BYTES else value.string
    if kind == field.CPPTYPE_BOOL:
        return literals.boolean(value.text) is True
    if kind in (field.CPPTYPE_FLOAT, field.CPPTYPE_DOUBLE):
        real = literals.real(value.text)
        return literals.integer(value.text) if real is None else real
    return literals.integer(value.text)


# By message and field: Caffe's field, and its value for true and for false.
FORK_FIELDS: Mapping[tuple[str, str], tuple[str, Mapping[bool, str]]] = {
    ("PoolingParameter", "ceil_mode"): ("round_mode", {True: "CEIL", False: "FLOOR"}),
}


def fork_fields(tree: Message, descriptor: Descriptor) -> Iterator[Field]:
    """The fields of `FORK_FIELDS` in a message and in the messages inside it."""
    for field in tree.fields:
        caffe_field = descriptor.fields_by_name.get(field.name)
        if caffe_field is None:
            if (descriptor.name, field.name) in FORK_FIELDS:
                yield field
        elif caffe_field.message_type is not None:
            for value in field.values:
                if isinstance(value, Message):
                    yield from fork_fields(value, caffe_field.message_type)
