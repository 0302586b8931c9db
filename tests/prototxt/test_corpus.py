"""Real files: no byte is lost, and every value is the one that protobuf reads."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format

from ssdh_surgery import parse
from ssdh_surgery.caffe.messages import schema
from ssdh_surgery.prototxt import literals
from ssdh_surgery.prototxt.cst import Message, Scalar
from support.paths import corpus_files


def _label_map() -> type:
    """The message of SSD's files that name the labels."""
    file = descriptor_pb2.FileDescriptorProto(name="labels.proto")
    item = file.message_type.add(name="Item")
    item.field.add(name="name", number=1, type="TYPE_STRING")
    item.field.add(name="label", number=2, type="TYPE_INT32")
    item.field.add(name="display_name", number=3, type="TYPE_STRING")
    field = file.message_type.add(name="LabelMap").field.add(name="item", number=1)
    field.type, field.label, field.type_name = field.TYPE_MESSAGE, field.LABEL_REPEATED, ".Item"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("LabelMap"))


KINDS = [schema.NetParameter, schema.SolverParameter, _label_map()]


def kind_of(root: Message) -> Any:
    """The message that knows most of a file's fields."""
    names = {field.name for field in root.fields}
    return max(KINDS, key=lambda kind: len(names & set(kind.DESCRIPTOR.fields_by_name)))


def typed(value: Scalar, field: Any) -> Any:
    """A value as a protobuf message of the field's type would hold it."""
    if field.type == field.TYPE_STRING:
        return value.string
    if field.type == field.TYPE_BOOL:
        return {"true": True, "false": False}[value.text]
    if field.type == field.TYPE_ENUM:
        known = field.enum_type.values_by_name
        return known[value.text].number if value.is_word else literals.integer(value.text)
    if field.type == field.TYPE_FLOAT:
        return struct.unpack("f", struct.pack("f", literals.real(value.text)))[0]
    if field.type == field.TYPE_DOUBLE:
        return literals.real(value.text)
    return literals.integer(value.text)


def compare(tree: Message, message: Any) -> int:
    """Assert that tree and message hold the same known values; how many they are."""
    known = message.DESCRIPTOR.fields_by_name
    names = {field.name for field in tree.fields if field.values and field.name in known}
    assert names == {field.name for field, _ in message.ListFields()}
    count = 0
    for name in names:
        field = known[name]
        values = [entry.value for entry in tree.entries(name)]
        held = getattr(message, name)
        held = list(held) if schema.is_repeated(field) else [held]
        if field.message_type is None:
            assert [typed(value, field) for value in values] == held
            count += len(held)
            continue
        assert len(values) == len(held)
        count += sum(compare(value, inner) for value, inner in zip(values, held, strict=True))
    return count


@pytest.mark.corpus
def test_no_byte_is_lost(corpus_file: Path) -> None:
    data = corpus_file.read_bytes()
    document = parse(data, str(corpus_file))
    assert bytes(document) == data
    assert "".join(document.tokens) == document.text


@pytest.mark.corpus
def test_values_are_those_of_protobuf(corpus_file: Path) -> None:
    data = corpus_file.read_bytes()
    root = parse(data, str(corpus_file)).root
    message = kind_of(root)()
    # Forks have fields of their own; none of these files has an unknown value.
    text_format.Parse(data, message, allow_unknown_field=True)
    assert compare(root, message) > 0


@pytest.mark.corpus
def test_the_corpus_is_whole() -> None:
    assert len(corpus_files()) == 125
