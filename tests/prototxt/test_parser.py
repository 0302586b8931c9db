"""Whatever the text, it is parsed in one pass: no size and no depth is too much.

What is accepted stands in test_acceptance.py, what errors say in tests/invalid. Sizes are
such that anything but linear time would be noticed at once.
"""

from __future__ import annotations

import gc

import pytest
from hypothesis import given

import ssdh_surgery
from ssdh_surgery.errors import ParseError
from ssdh_surgery.prototxt.parser import parse, parse_source
from ssdh_surgery.prototxt.source import Source
from support.strategies import searched, soups

SIZE = 100_000
DEPTH = 20_000


def error_of(data: bytes) -> ParseError | None:
    try:
        parse(data, "net.prototxt")
    except ParseError as error:
        return error
    return None


def test_parse_is_public() -> None:
    assert ssdh_surgery.parse is parse
    assert isinstance(parse(b""), ssdh_surgery.Document)


def test_text_that_is_decoded_already() -> None:
    document = parse_source(Source('name: "\u4e2d"', "net.prototxt"))
    assert document.root.string("name") == "\u4e2d"
    assert document.location(0).file == "net.prototxt"


@pytest.mark.parametrize("data", [b"a: 1", b"a: ?"])
def test_the_garbage_collector_is_left_as_it_was(data: bytes) -> None:
    assert gc.isenabled()
    error_of(data)
    assert gc.isenabled()
    gc.disable()
    try:
        error_of(data)
        assert not gc.isenabled()
    finally:
        gc.enable()


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"a:" + b'"' * SIZE, id="empty strings"),
        pytest.param(b"a:'" + b"\\'" * SIZE + b"'", id="escaped quotes"),
        pytest.param(b'a:"' + b"\\" * SIZE + b'"', id="backslashes"),
        pytest.param(b'a:"' + b"\\777" * SIZE + b'"', id="escapes of C++"),
        pytest.param(b'a:"' + b"\\x1" * SIZE + b'"', id="escapes with one digit"),
        pytest.param(b"a:" + b"1" * SIZE, id="digits"),
        pytest.param(b"a: - " + b"1" * SIZE, id="digits after a sign"),
        pytest.param(b"a:[" + b"1," * SIZE + b"1]", id="a long list"),
        pytest.param(b"a:[" + b"{}," * SIZE + b"{}]", id="a long list of messages"),
        pytest.param(b"[" + b"a." * SIZE + b"a]:1", id="a long name"),
        pytest.param(b"\n" * SIZE + b"#\n" * SIZE, id="trivia"),
    ],
)
def test_much_of_one_thing(data: bytes) -> None:
    assert bytes(parse(data)) == data


@pytest.mark.parametrize(
    ("data", "message", "column"),
    [
        pytest.param(b'"' * SIZE, 'expected the name of a field, found ""', 1, id='"'),
        pytest.param(b"'\\'\\'" * SIZE, r"expected the name of a field, found '\'\''", 1, id="'"),
        pytest.param(b"[" * SIZE, "expected a name in brackets, found '['", 2, id="["),
        pytest.param(b"a:" + b"[" * SIZE, "expected a value for 'a', found '['", 4, id="a:["),
        pytest.param(b"{" * SIZE, "expected the name of a field, found '{'", 1, id="{"),
        pytest.param(b"a{" * DEPTH, "the '{' of 'a' is never closed", 2 * DEPTH, id="a{"),
        pytest.param(b"a:[{" * DEPTH, "the '{' of 'a' is never closed", 4 * DEPTH, id="a:[{"),
        pytest.param(
            b"l{" + b"a:1 " * SIZE, "the '{' of 'l' is never closed", 2, id="an open message"
        ),
        pytest.param(
            b'a:"' + b"\\q" * SIZE + b'\\777"',
            "no parser reads all escapes of this string",
            3,
            id="escapes of both",
        ),
        pytest.param(
            b'a:"' + b"\\N{" * SIZE + b'"', "this escape is not valid", 4, id="named characters"
        ),
        pytest.param(
            b"a: - " + b"1" * SIZE + b"x",
            f"expected a number after '-', found '{'1' * 40}...'",
            6,
            id="digits",
        ),
    ],
)
def test_too_much_of_one_thing(data: bytes, message: str, column: int) -> None:
    with pytest.raises(ParseError) as caught:
        parse(data)
    assert caught.value.message == message
    assert caught.value.location is not None
    assert caught.value.location.column == column
    assert max(map(len, str(caught.value).splitlines())) < 200


@pytest.mark.parametrize(
    ("opening", "closing"), [(b"a{", b"}"), (b"a<", b">"), (b"a:[{", b"}]"), (b"a{b:1 c:<", b">}")]
)
def test_any_depth(opening: bytes, closing: bytes) -> None:
    data = opening * DEPTH + closing * DEPTH
    document = parse(data)
    assert bytes(document) == data
    depth = DEPTH * sum(opening.count(brace) for brace in (b"{", b"<"))
    assert document.depth == depth
    assert sum(1 for _ in document.walk_messages()) == depth
    # Taking it apart must not recurse either.
    del document
    gc.collect()


@searched
@given(soups())
def test_an_error_can_be_shown_and_has_its_place(data: bytes) -> None:
    error = error_of(data)
    if error is None:
        return
    location = error.location
    assert location is not None
    assert location.line is not None
    line = data.decode("utf-8", "surrogateescape").split("\n")[location.line - 1]
    line = line.removesuffix("\r")
    if location.line == 1:
        line = line.removeprefix("\ufeff")
    assert location.text == line
    assert location.column is not None
    assert 1 <= location.column <= len(line) + 1
    assert all(shown.replace("\t", "").isprintable() for shown in str(error).split("\n"))
