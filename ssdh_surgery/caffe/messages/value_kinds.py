"""The kinds of value that Caffe's parser reads for each field of the schema."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from ssdh_surgery.errors import plain
from ssdh_surgery.prototxt import literals
from ssdh_surgery.prototxt.cst import Scalar

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor

# The smallest and the largest value of each integer type.
INTEGERS: Mapping[str, tuple[int, int]] = {
    "int32": (-(1 << 31), (1 << 31) - 1),
    "int64": (-(1 << 63), (1 << 63) - 1),
    "uint32": (0, (1 << 32) - 1),
    "uint64": (0, (1 << 64) - 1),
}
# The types of scalars that are not enums.
SCALARS = frozenset(["string", "bytes", "bool", "float", "double", *INTEGERS])


@dataclass(frozen=True)
class FieldKind:
    """What a field of the schema takes.

    Attributes:
        type: the type as in the .proto file.
        is_repeated: whether it takes several values.
        inner: the kinds of the fields of a message, by name; None for a scalar.
        accepts: whether Caffe reads a scalar.
    """

    type: str
    is_repeated: bool
    inner: Callable[[], Mapping[str, FieldKind]] | None
    accepts: Callable[[Scalar], bool]


def field_kinds(message_name: str) -> Mapping[str, FieldKind]:
    """The kinds of the fields of a message, by name."""
    from ssdh_surgery.caffe.messages import schema

    return _kinds(schema.descriptor(message_name))


@cache
def _kinds(descriptor: Descriptor) -> Mapping[str, FieldKind]:
    return {field.name: _kind(field) for field in descriptor.fields}


def _kind(field: Any) -> FieldKind:
    from ssdh_surgery.caffe.messages import schema

    kind, inner = schema.field_type(field), field.message_type
    if inner is not None:
        return FieldKind(kind, schema.is_repeated(field), lambda: _kinds(inner), _is_never)
    enum = field.enum_type
    accepts = _ACCEPTS[kind] if enum is None else _is_enum_value(schema.enum_values(kind))
    return FieldKind(kind, schema.is_repeated(field), None, accepts)


def _is_never(value: Scalar) -> bool:
    return False


def _is_string(value: Scalar) -> bool:
    return value.is_string


def _is_enum_value(names: Collection[str]) -> Callable[[Scalar], bool]:
    """An enum's values: a word that is none of them is a fork's, unless it differs in case only."""
    misspelt = {plain(name) for name in names}

    def accepts(value: Scalar) -> bool:
        if value.is_word:
            return value.text in names or plain(value.text) not in misspelt
        return _is_enum_number(value)

    return accepts


def _is_boolean(value: Scalar) -> bool:
    if value.is_string:
        return False
    return literals.boolean(value.text) is not None or literals.integer(value.text) in (0, 1)


def _is_real(value: Scalar) -> bool:
    if value.is_string:
        return False
    return literals.real(value.text) is not None or literals.integer(value.text) is not None


def _is_integer(low: int, high: int) -> Callable[[Scalar], bool]:
    def accepts(value: Scalar) -> bool:
        number = None if value.is_string else literals.integer(value.text)
        return number is not None and low <= number <= high

    return accepts


_is_enum_number = _is_integer(*INTEGERS["int32"])
_ACCEPTS: Mapping[str, Callable[[Scalar], bool]] = {
    "string": _is_string,
    "bytes": _is_string,
    "bool": _is_boolean,
    "float": _is_real,
    "double": _is_real,
    **{name: _is_integer(*limits) for name, limits in INTEGERS.items()},
}
