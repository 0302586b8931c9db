"""Caffe's schema: its messages, fields and enum values, as protobuf's own classes.

The schema is a descriptor set in a private pool: one file serves every protobuf from 4.21 on, and
it cannot clash with the caffe.proto that pycaffe loads into the same process. Nothing is loaded
before the first use, not even protobuf.

Messages and enums are named as in the .proto file, without the package:
`InnerProductParameter`, `PoolingParameter.PoolMethod`.
"""

from __future__ import annotations

import functools
import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ssdh_surgery.caffe.messages import wire
from ssdh_surgery.errors import SchemaError, did_you_mean
from ssdh_surgery.location import Location

if TYPE_CHECKING:
    from google.protobuf import text_format
    from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
    from google.protobuf.descriptor_pool import DescriptorPool
    from google.protobuf.message import Message

    # At run time these come from __getattr__ below.
    from ssdh_surgery.caffe.messages.ssdh_caffe_pb2 import (
        BlobProto as BlobProto,
    )
    from ssdh_surgery.caffe.messages.ssdh_caffe_pb2 import (
        BlobProtoVector as BlobProtoVector,
    )
    from ssdh_surgery.caffe.messages.ssdh_caffe_pb2 import (
        BlobShape as BlobShape,
    )
    from ssdh_surgery.caffe.messages.ssdh_caffe_pb2 import (
        Datum as Datum,
    )
    from ssdh_surgery.caffe.messages.ssdh_caffe_pb2 import (
        LayerParameter as LayerParameter,
    )
    from ssdh_surgery.caffe.messages.ssdh_caffe_pb2 import (
        NetParameter as NetParameter,
    )
    from ssdh_surgery.caffe.messages.ssdh_caffe_pb2 import (
        SolverParameter as SolverParameter,
    )
    from ssdh_surgery.caffe.messages.ssdh_caffe_pb2 import (
        SolverState as SolverState,
    )
    from ssdh_surgery.caffe.messages.ssdh_caffe_pb2 import (
        V1LayerParameter as V1LayerParameter,
    )

_PACKAGE = "ssdh_caffe"
_DESCRIPTOR_SET = Path(__file__).with_name("ssdh_caffe.desc")


@functools.cache
def _pool() -> DescriptorPool:
    from google.protobuf.descriptor_pool import DescriptorPool

    pool = DescriptorPool()
    data = _DESCRIPTOR_SET.read_bytes()
    # A set is a sequence of files; descriptor_pb2, which could parse it, is slow to load.
    for _, _, begin, stop in wire.fields(data, 0, len(data)):
        pool.AddSerializedFile(data[begin:stop])
    return pool


@functools.cache
def _class_of(message: Descriptor) -> type[Message]:
    module: Any = importlib.import_module("google.protobuf.message_factory")
    # protobuf before 4.22 makes classes with a factory around the pool.
    if hasattr(module, "GetMessageClass"):
        cls: type[Message] = module.GetMessageClass(message)
    else:
        cls = _old_factory(module).GetPrototype(message)
    return cls


@functools.cache
def _old_factory(module: Any) -> Any:
    return module.MessageFactory(_pool())


def __getattr__(name: str) -> type[Message]:
    """Message classes by name: `schema.NetParameter()`."""
    if not name.startswith("_") and name in messages():
        return message_class(name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


@functools.cache
def messages() -> tuple[str, ...]:
    """The names of all messages, in the order of the .proto file."""
    file = _pool().FindFileByName("ssdh_caffe.proto")
    # Not the keys: protobuf 4.21 iterates over values.
    return tuple(message.name for message in file.message_types_by_name.values())


def descriptor(message_name: str) -> Descriptor:
    """The descriptor of a message.

    Raises:
        SchemaError: Caffe has no message of that name.
    """
    try:
        return _pool().FindMessageTypeByName(f"{_PACKAGE}.{message_name}")
    except KeyError:
        raise SchemaError(
            f"Caffe has no message '{message_name}'", hint=did_you_mean(message_name, messages())
        ) from None


def message_class(message_name: str) -> type[Message]:
    """The class of a message, the same object for every call.

    Raises:
        SchemaError: Caffe has no message of that name.
    """
    return _class_of(descriptor(message_name))


def field(message_name: str, path: str) -> FieldDescriptor:
    """The field at a dotted path from a message.

    >>> field("LayerParameter", "inner_product_param.weight_filler.std").name
    'std'

    Raises:
        SchemaError: a name on the path is not a field, or a scalar has no fields.
    """
    message = descriptor(message_name)
    names = path.split(".")
    for place, name in enumerate(names):
        result = message.fields_by_name.get(name)
        if result is None:
            raise SchemaError(
                f"{_short(message.full_name)} has no field '{name}'",
                hint=did_you_mean(name, [each.name for each in message.fields]),
            )
        if place == len(names) - 1:
            return result
        if result.message_type is None:
            raise SchemaError(
                f"'{name}' of {_short(message.full_name)} is a {field_type(result)}: "
                f"it has no field '{names[place + 1]}'"
            )
        message = result.message_type
    raise AssertionError("a split path has at least one name")


def is_repeated(field: FieldDescriptor) -> bool:
    """Whether a field is repeated."""
    # The oldest protobuf lacks `is_repeated`, the newest lacks `label`.
    untyped: Any = field
    if hasattr(untyped, "is_repeated"):
        return bool(untyped.is_repeated)
    return bool(untyped.label == untyped.LABEL_REPEATED)


def field_type(field: FieldDescriptor) -> str:
    """The type as in the .proto file: `float`, `string`, `FillerParameter`, ...

    Messages and enums have their own names, as `message_class` and `enum_values` take them.
    """
    if field.message_type is not None:
        return _short(field.message_type.full_name)
    if field.enum_type is not None:
        return _short(field.enum_type.full_name)
    return _scalar_names()[field.type]


@functools.cache
def _scalar_names() -> dict[int, str]:
    from google.protobuf.descriptor import FieldDescriptor

    prefix = "TYPE_"
    return {
        number: name.removeprefix(prefix).lower()
        for name, number in vars(FieldDescriptor).items()
        if name.startswith(prefix)
    }


def _short(full_name: str) -> str:
    return full_name.removeprefix(f"{_PACKAGE}.")


def _enum(enum_name: str) -> EnumDescriptor:
    try:
        return _pool().FindEnumTypeByName(f"{_PACKAGE}.{enum_name}")
    except KeyError:
        raise SchemaError(f"Caffe has no enum '{enum_name}'") from None


def enum_values(enum_name: str) -> dict[str, int]:
    """The values of an enum by name, in the order of the .proto file.

    Raises:
        SchemaError: Caffe has no enum of that name.
    """
    return {value.name: value.number for value in _enum(enum_name).values}


def default(field: FieldDescriptor) -> Any:
    """The default of a field in Caffe; an enum value by its name.

    None for a message, an empty tuple for a repeated field.
    """
    if is_repeated(field):
        return ()
    if field.message_type is not None:
        return None
    if field.enum_type is not None:
        return field.enum_type.values_by_number[field.default_value].name
    return field.default_value


def parse_text(
    text: str, message_name: str, *, allow_unknown: bool = False, file: str = "<text>"
) -> Message:
    """The message that protobuf's text format reads from a text.

    `allow_unknown` skips fields and extensions that Caffe's schema does not have; unknown values
    of known enums are still refused. `file` is the name for errors.

    Raises:
        SchemaError: protobuf refuses the text; with a `location` if protobuf reports one.
    """
    from google.protobuf import text_format

    message = message_class(message_name)()
    try:
        text_format.Parse(
            text,
            message,
            allow_unknown_field=allow_unknown,
            allow_unknown_extension=allow_unknown,
            descriptor_pool=_pool(),
        )
    except text_format.ParseError as error:
        raise _refusal(error, text, file) from error
    except RecursionError as error:
        raise SchemaError(
            "messages are nested too deeply for protobuf", location=Location(file)
        ) from error
    return message


def _refusal(error: text_format.ParseError, text: str, file: str) -> SchemaError:
    """The error of protobuf with our location, without the name of our package."""
    line, column = error.GetLine(), error.GetColumn()
    lines = text.split("\n")
    message = str(error).removeprefix(f"{line}:{column} : ")
    location = Location(file)
    if line is not None and line <= len(lines):
        excerpt = lines[line - 1].removesuffix("\r")
        message = message.removeprefix(f"'{lines[line - 1]}': ").removeprefix(f"'{excerpt}': ")
        location = Location(file, line, column, excerpt)
    message = "".join(char if char.isprintable() else "?" for char in message)
    return SchemaError(message.replace(f"{_PACKAGE}.", "").removesuffix("."), location=location)


def text(message: Message) -> str:
    """A message in protobuf's text format."""
    from google.protobuf import text_format

    return text_format.MessageToString(message)
