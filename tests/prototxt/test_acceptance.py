"""`parse` accepts what Python's text_format or Caffe's C++ parser takes, and nothing else."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format
from hypothesis import given

from ssdh_surgery import Document, parse
from ssdh_surgery.caffe.messages import schema
from ssdh_surgery.errors import ParseError
from ssdh_surgery.prototxt.cst import Message, Scalar
from ssdh_surgery.prototxt.tokens import is_comment
from support.strategies import Tree, documents, searched, soups


def _open_message() -> type:
    """A message without fields that takes any extension."""
    file = descriptor_pb2.FileDescriptorProto(name="open.proto", package="open")
    file.message_type.add(name="Open").extension_range.add(start=1, end=1000)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("open.Open"))


OPEN = _open_message()


def _recorded() -> list[tuple[str, bytes, bool, bytes]]:
    """What C++ says: see support/record_cxx_verdicts.py."""
    rows = []
    for line in Path(__file__).with_name("cxx_verdicts.tsv").read_text().splitlines()[1:]:
        shown, verdict, encoded = line.split("\t")
        text = shown.encode().decode("unicode_escape").encode("latin-1")
        rows.append((shown, text, verdict == "accepts", bytes.fromhex(encoded.strip("-"))))
    return rows


RECORDED = _recorded()


def python_accepts(data: bytes, *messages: Any) -> bool:
    """Whether text_format parses some bytes into one of the messages."""
    for message in messages:
        with warnings.catch_warnings():
            # Python warns of escapes that it does not know.
            warnings.simplefilter("ignore")
            try:
                text_format.Parse(
                    data, message(), allow_unknown_field=True, allow_unknown_extension=True
                )
            except (text_format.ParseError, UnicodeDecodeError):
                continue
            return True
    return False


def we_accept(data: bytes) -> Document | None:
    try:
        return parse(data)
    except ParseError:
        return None


def for_python(document: Document) -> bytes:
    """The text with what only Caffe's parser reads, and what only we read, in Python's words."""
    tokens = [" " if is_comment(token) else token for token in document.tokens]
    if tokens[:1] == ["\ufeff"]:
        tokens[0] = ""
    for field in document.root.walk():
        if field.is_list and field.colon < 0:
            tokens[field.open] = ":["
        for value in field.values:
            if isinstance(value, Scalar):
                octal = "".join(f"\\{byte:03o}" for byte in value.data)
                inside = [f'"{octal}"' if value.is_string else value.text]
                tokens[value.first : value.last + 1] = [
                    *inside,
                    *[""] * (value.last - value.first),
                ]
    return "".join(tokens).encode()


def tree(message: Message) -> Tree:
    """A syntax tree in the words of tests/strategies.py."""
    return [
        (
            field.name,
            field.is_list,
            [value.text if isinstance(value, Scalar) else tree(value) for value in field.values],
        )
        for field in message.fields
    ]


@searched
@given(documents())
def test_valid_text_is_taken_for_what_it_means(sample: tuple[bytes, Tree]) -> None:
    data, meant = sample
    document = parse(data)
    assert bytes(document) == data
    assert tree(document.root) == meant
    assert python_accepts(for_python(document), OPEN)


@searched
@given(soups())
def test_nearly_valid_text_is_judged_as_python_does(data: bytes) -> None:
    document = we_accept(data)
    if document is None:
        assert not python_accepts(data, OPEN, schema.NetParameter, schema.SolverParameter)
        return
    assert bytes(document) == data
    assert python_accepts(for_python(document), OPEN)


@pytest.mark.parametrize(
    ("text", "cxx_accepts"), [row[1:3] for row in RECORDED], ids=[row[0] for row in RECORDED]
)
def test_accepted_is_what_python_or_cxx_accepts(text: bytes, cxx_accepts: bool) -> None:
    expected = cxx_accepts or python_accepts(text, OPEN, schema.NetParameter)
    # A byte order mark that begins the file is ours.
    expected = expected or text.startswith(b"\xef\xbb\xbf")
    assert (we_accept(text) is not None) == expected


CXX_STRINGS = [
    row
    for row in RECORDED
    if row[1].startswith(b"y:") and row[2] and not python_accepts(row[1], OPEN)
]


@pytest.mark.parametrize(
    ("text", "encoded"), [row[1::2] for row in CXX_STRINGS], ids=[row[0] for row in CXX_STRINGS]
)
def test_string_that_only_cxx_reads_has_its_bytes(text: bytes, encoded: bytes) -> None:
    (value,) = parse(text).root.scalars("y")
    # protoc's bytes are the field's tag, the length, the string.
    assert bytes([0x2A, len(value.data)]) + value.data == encoded


def test_a_list_of_messages_needs_no_colon() -> None:
    text = b'layer [ { name: "a" }, < name: "b" > ] layer []'
    assert python_accepts(text, schema.NetParameter)
    assert tree(parse(text).root) == [
        ("layer", True, [[("name", False, ['"a"'])], [("name", False, ['"b"'])]]),
        ("layer", True, []),
    ]


@pytest.mark.parametrize("data", [b"a [1]", b'a ["b"]', b"a [{}, 1]", b"a [b]"])
def test_a_list_of_other_values_needs_a_colon(data: bytes) -> None:
    assert we_accept(data) is None
    assert not python_accepts(data, OPEN, schema.NetParameter)


def test_type_urls_stand_inside_messages_only() -> None:
    inside = b"a { [type.googleapis.com/b.C] { d: 1 } }"
    assert python_accepts(inside, OPEN)
    assert [field.name for field in parse(inside).root.walk()] == [
        "a",
        "[type.googleapis.com/b.C]",
        "d",
    ]
    for text in (b"[type.googleapis.com/b.C] { }", b"a { [b.c/d.E] {} }", b"a { [b/c/d.e.f] {} }"):
        assert we_accept(text) is None
        assert not python_accepts(text, OPEN, schema.NetParameter)
