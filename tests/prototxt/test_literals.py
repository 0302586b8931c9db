"""Literals mean what protobuf reads, and are written so that it reads them back."""

from __future__ import annotations

import math
import warnings
from decimal import Decimal
from typing import Any

import pytest
from google.protobuf import text_encoding, text_format, wrappers_pb2
from hypothesis import given
from hypothesis import strategies as st

from ssdh_surgery.prototxt import literals
from ssdh_surgery.prototxt.tokens import tokenize
from support.strategies import bodies, searched


def read(kind: Any, text: str) -> Any:
    """The value that text_format reads into a message with the field `value`, or None."""
    try:
        return text_format.Parse(f"value: {text}", kind()).value
    except text_format.ParseError:
        return None


def unescaped(body: str) -> bytes | None:
    """What Python's protobuf makes of a string's inside, or None."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            body.encode()
            return text_encoding.CUnescape(body)
        except ValueError:
            return None


NUMBERS = st.one_of(
    st.builds(
        "".join,
        st.tuples(
            st.sampled_from(["", "-", "+"]),
            st.text("0123456789_.xXbofFeEaniINTy+-", min_size=1, max_size=7),
        ),
    ),
    st.builds(
        "{}{}{}".format,
        st.sampled_from(["", "-", "+", "--"]),
        st.sampled_from(["inf", "infinity", "nan", "INF", "1", "1.", "00.5", "017", "0", "1e5"]),
        st.sampled_from(["", "f", "F", "ff", "_", "_1", ".", "e", "e5", "9"]),
    ),
    st.integers(-(1 << 65), 1 << 65).map(str),
    st.integers(-(1 << 65), 1 << 65).map(hex),
    st.floats().map(repr),
)


def in_range(value: int | None, low: int, high: int) -> int | None:
    return value if value is not None and low <= value < high else None


@searched
@given(NUMBERS)
def test_numbers_are_the_ones_of_protobuf(text: str) -> None:
    # A dot that begins a token begins a number only before a digit.
    if len(tokenize(text.lstrip("+-"))) != 1:
        return
    number = literals.real(text)
    expected = read(wrappers_pb2.DoubleValue, text)
    assert number == expected or (math.isnan(number or 0) and math.isnan(expected))
    whole = literals.integer(text)
    signed = in_range(whole, -(1 << 63), 1 << 63)
    assert signed == read(wrappers_pb2.Int64Value, text)
    assert in_range(whole, 0, 1 << 64) == read(wrappers_pb2.UInt64Value, text)
    is_number = number is not None or in_range(whole, -(1 << 63), 1 << 64) is not None
    assert literals.is_number(text) == is_number


@pytest.mark.parametrize(
    ("text", "integer", "real"),
    [
        ("10", 10, 10.0),
        ("0x1F", 31, None),
        ("-0x1f", -31, None),
        ("017", 15, None),
        ("-017", -15, None),
        ("09", None, None),
        ("1f", None, 1.0),
        ("-1.5F", None, -1.5),
        ("inff", None, math.inf),
        ("-INFINITY", None, -math.inf),
        ("1_000", 1000, 1000.0),
        ("true", None, None),
        ("", None, None),
    ],
)
def test_numbers(text: str, integer: int | None, real: float | None) -> None:
    assert (literals.integer(text), literals.real(text)) == (integer, real)


@searched
@given(bodies)
def test_strings_are_the_ones_of_python_where_it_reads_them(body: str) -> None:
    expected = unescaped(body)
    found = literals.unescape([body])
    if expected is not None:
        assert found == expected
    elif found is not None:
        # Only Caffe's parser: see cxx_verdicts.tsv, and nothing that it does not know.
        assert "\0" not in body
        assert literals.bad_escape(body) is None


@searched
@given(st.lists(bodies, max_size=3))
def test_adjacent_strings_are_read_by_one_parser(parts: list[str]) -> None:
    found = literals.unescape(parts)
    in_python = [unescaped(part) for part in parts]
    if None not in in_python:
        assert found == b"".join(map(literals.unescape, ([part] for part in parts)))
    elif any(part is None for part in map(literals.unescape, ([part] for part in parts))):
        assert found is None


@pytest.mark.parametrize(
    ("parts", "data"),
    [
        ([], b""),
        ([r"\xe9", r"\q"], b"\xe9\\q"),
        ([r"\777", r"\xe9"], b"\xff\xe9"),
        ([r"\777", r"\q"], None),
        (["\udcff", r"\q"], None),
        (["\udcff", "\0"], None),
        (["\udcff", "\u4e2d"], b"\xff\xe4\xb8\xad"),
        (["\\\u4e2d"], b"\\u4e2d"),
        ([r"\x4"], b"\x04"),
        ([r"\\x4"], b"\\x4"),
        ([r"\\\x4"], b"\\\x04"),
        ([r"\u005cn"], b"\n"),
        ([r"\N{DEGREE SIGN}"], b"\xb0"),
    ],
)
def test_unescape(parts: list[str], data: bytes | None) -> None:
    assert literals.unescape(parts) == data


@pytest.mark.parametrize(
    ("body", "span"),
    [
        ("plain", None),
        (r"\\x\n\q\777", None),
        (r"a\x", (1, 3)),
        (r"\\\xg", (2, 4)),
        (r"\n\u12", (2, 4)),
        (r"\u12ab\U0020000", (6, 8)),
        (r"\U0010ffff\N", (10, 12)),
    ],
)
def test_where_an_escape_is_wrong(body: str, span: tuple[int, int] | None) -> None:
    assert literals.bad_escape(body) == span


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("data", '"data"'),
        ("", '""'),
        ("a \"b\" 'c'", '"a \\"b\\" \'c\'"'),
        ("C:\\dir\\", r'"C:\\dir\\"'),
        ("a\tb\r\n", r'"a\tb\r\n"'),
        ("\0\x01\x1f1", r'"\000\001\0371"'),
        ("\u4e2d\U0001f600", '"\u4e2d\U0001f600"'),
        ("\udcd6\udcd0", r'"\326\320"'),
    ],
)
def test_quote(text: str, written: str) -> None:
    assert literals.quote(text) == written


@searched
@given(
    st.text(
        st.one_of(st.characters(codec="utf-8"), st.sampled_from("\\\"'\n\0\udc80\udcff")),
        max_size=12,
    ),
    st.sampled_from("\"'"),
)
def test_quoted_text_is_read_back(text: str, mark: str) -> None:
    written = literals.quote(text, mark)
    assert tokenize(written) == [written]
    data = text.encode("utf-8", "surrogateescape")
    assert unescaped(written[1:-1]) == data
    assert literals.unescape([written[1:-1]]) == data


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (10, "10"),
        (-3, "-3"),
        (10.0, "10"),
        (0.005, "0.005"),
        (-0.1, "-0.1"),
        (0.0, "0"),
        (1e-6, "0.000001"),
        (5e-7, "5e-07"),
        (123456789.0, "123456789"),
        (1e15, "1000000000000000"),
        (1e16, "1e+16"),
        (1e300, "1e+300"),
        (math.inf, "inf"),
        (-math.inf, "-inf"),
        (math.nan, "nan"),
    ],
)
def test_number_text(value: float, written: str) -> None:
    assert literals.number_text(value) == written


@searched
@given(st.floats(allow_nan=False))
def test_a_written_number_is_read_back(value: float) -> None:
    written = literals.number_text(value)
    assert literals.real(written) == value
    assert not written.endswith(".0")


@searched
@given(st.decimals(-(10**9), 10**9, allow_nan=False, allow_infinity=False, places=6))
def test_a_written_decimal_is_exact(value: Decimal) -> None:
    assert Decimal(literals.decimal_text(value)) == value


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (Decimal("0.01") / 10, "0.001"),
        (Decimal("0.10"), "0.1"),
        (Decimal("1E+3"), "1000"),
        (Decimal("0"), "0"),
        (Decimal("1e-9"), "1e-09"),
        (Decimal("3e20"), "3e+20"),
    ],
)
def test_decimal_text(value: Decimal, written: str) -> None:
    assert literals.decimal_text(value) == written
