"""Bytes to text and back, and the places in it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssdh_surgery.location import Location
from ssdh_surgery.prototxt.source import Source
from support.strategies import searched


@searched
@given(st.binary(max_size=40))
def test_bytes_are_never_lost(data: bytes) -> None:
    assert bytes(Source.from_bytes(data)) == data


def test_bytes_that_are_not_utf8_are_one_character_each() -> None:
    source = Source.from_bytes("a\u4e2d".encode() + "\u4e2d".encode("gbk") + b"b")
    assert source.text == "a\u4e2d\udcd6\udcd0b"


@pytest.mark.parametrize(
    ("data", "offset", "line", "column", "text"),
    [
        pytest.param(b"", 0, 1, 1, "", id="empty"),
        pytest.param(b"ab\ncd", 1, 1, 2, "ab", id="first line"),
        pytest.param(b"ab\ncd", 2, 1, 3, "ab", id="newline ends its own line"),
        pytest.param(b"ab\ncd", 3, 2, 1, "cd", id="after newline"),
        pytest.param(b"ab\ncd", 5, 2, 3, "cd", id="end of file"),
        pytest.param(b"ab\n", 3, 2, 1, "", id="end after final newline"),
        pytest.param(b"ab\r\ncd\r\n", 4, 2, 1, "cd", id="crlf"),
        pytest.param(b"a\rb\x0b\x0c\xc2\x85c\nd", 6, 1, 7, "a\rb\x0b\x0c\x85c", id="other ends"),
        pytest.param(b"\tab", 1, 1, 2, "\tab", id="a tab is one column"),
        pytest.param("\u4e2d\u4e2da".encode(), 2, 1, 3, "\u4e2d\u4e2da", id="code points"),
        pytest.param(b"\xef\xbb\xbfab\ncd", 1, 1, 1, "ab", id="byte order mark"),
        pytest.param(b"\xef\xbb\xbfab\ncd", 0, 1, 1, "ab", id="on the byte order mark"),
        pytest.param(b"\xef\xbb\xbfab\ncd", 5, 2, 2, "cd", id="line after a byte order mark"),
    ],
)
def test_location(data: bytes, offset: int, line: int, column: int, text: str) -> None:
    source = Source.from_bytes(data, "net.prototxt")
    assert source.line(offset) == line
    assert source.location(offset, 3) == Location("net.prototxt", line, column, text, 3)


@searched
@given(st.text("a\r\n\u4e2d", max_size=12), st.integers(0, 12))
def test_a_location_counts_newlines(text: str, offset: int) -> None:
    offset = min(offset, len(text))
    before = text[:offset]
    location = Source(text).location(offset)
    assert location.line == before.count("\n") + 1
    assert location.column == len(before) - (before.rfind("\n") + 1) + 1
    assert location.text == text.split("\n")[before.count("\n")].removesuffix("\r")
