"""Literals: the meaning of words, numbers and strings in the text, and how values are written.

A literal is accepted if Python's `text_format` or the C++ parser inside Caffe accepts it.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable
from decimal import Decimal

_OCTAL = re.compile(r"(-?)0([0-9]+)")
_INFINITY = re.compile(r"-?inf(?:inity)?f?", re.IGNORECASE)
# Numbers as C++ reads them: only C++ allows a sign apart from its number.
_CXX_NUMBER = re.compile(
    r"0[xX][0-9a-fA-F]++|(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)(?:[eE][+-]?[0-9]++)?[fF]?"
    r"|(?i:inf|infinity|nan)"
)
# `\x1` with a single digit, after an even number of backslashes.
_SHORT_HEX = re.compile(r"(?<!\\)((?:\\\\)*+\\x)([0-9a-fA-F])(?![0-9a-fA-F])")
_CXX_ESCAPE = re.compile(
    rb"\\(?:([abfnrtv\\?'\"])|([0-7]{1,3})|x([0-9a-fA-F]{1,2})"
    rb"|(?:u|U0000)([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})"
    rb"|u([0-9a-fA-F]{4})|U(00[01][0-9a-fA-F]{5})|(.?))",
    re.DOTALL,
)
_CXX_NAMED = dict(zip(b"abfnrtv\\?'\"", b"\a\b\f\n\r\t\v\\?'\"", strict=True))
# The group matches escapes that no parser reads (Python's reads `\N` for a few characters).
_BAD_ESCAPE = re.compile(
    r"\\(?:(x(?![0-9a-fA-F])|u(?![0-9a-fA-F]{4})|U(?!00[01][0-9a-fA-F]{5})|N)|.)"
)


def integer(text: str) -> int | None:
    """The integer value of a token (with its sign), or None.

    Decimal, `0x1F`, octal `017`, and the forms that Python accepts, too (`1_000`, `0b1`).
    """
    octal = _OCTAL.fullmatch(text)
    try:
        return int(f"{octal[1]}0o{octal[2]}" if octal else text, 0)
    except ValueError:
        return None


def real(text: str) -> float | None:
    """The floating-point value of a token (with its sign), or None."""
    if _OCTAL.match(text):
        return None
    try:
        return float(text)
    except ValueError:
        pass
    if _INFINITY.fullmatch(text):
        return float("-inf" if text[0] == "-" else "inf")
    try:
        return float(text.rstrip("fF"))
    except ValueError:
        return None


_BOOLEANS = {
    "true": True, "True": True, "t": True, "1": True,
    "false": False, "False": False, "f": False, "0": False,
}  # fmt: skip


def boolean(text: str) -> bool | None:
    """The boolean value of a token, in every spelling that protobuf reads, or None."""
    return _BOOLEANS.get(text)


def is_number(text: str) -> bool:
    """Whether a token, with its sign attached, is a number."""
    value = integer(text)
    if value is not None and -(1 << 63) <= value < 1 << 64:
        return True
    return real(text) is not None


def is_negatable(text: str) -> bool:
    """Whether a token is a number for Caffe's own parser, which allows a separate `-`."""
    return is_cxx_number(text) and is_number("-" + text)


def is_cxx_number(text: str) -> bool:
    """Whether a token without its sign is a number for Caffe's own parser."""
    return _CXX_NUMBER.fullmatch(text) is not None


def is_cxx_string(body: str) -> bool:
    """Whether Caffe's own parser reads a string, given without its quotes."""
    if "\\" not in body and "\0" not in body:
        return True
    try:
        _cxx_bytes(body)
    except ValueError:
        return False
    return True


def unescape(bodies: Iterable[str]) -> bytes | None:
    r"""The bytes of adjacent strings without their quotes; None if no parser reads them.

    Python's protobuf is tried first, then Caffe's, which alone reads `\777`, halves of surrogate
    pairs, and bytes that are not UTF-8.
    """
    bodies = list(bodies)
    for read in (_python_bytes, _cxx_bytes):
        try:
            return b"".join(map(read, bodies))
        except ValueError:
            continue
    return None


def _python_bytes(body: str) -> bytes:
    """As `text_encoding.CUnescape`, which takes quadratic time for many backslashes."""
    data = body.encode()
    if "\\" not in body:
        return data
    text = _SHORT_HEX.sub(r"\g<1>0\g<2>", body)
    text = text.encode("raw_unicode_escape").decode("raw_unicode_escape")
    with warnings.catch_warnings():
        # Python warns of unknown escapes and keeps them unchanged.
        warnings.simplefilter("ignore")
        return text.encode().decode("unicode_escape").encode("latin-1")


def _cxx_bytes(body: str) -> bytes:
    data = body.encode("utf-8", "surrogateescape")
    if b"\0" in data:
        raise ValueError("C++ ends a string at NUL")
    return _CXX_ESCAPE.sub(_cxx_escape, data)


def _cxx_escape(match: re.Match[bytes]) -> bytes:
    named, octal, hexadecimal, high, low, short, long, unknown = match.groups()
    if named is not None:
        return bytes([_CXX_NAMED[named[0]]])
    if octal is not None:
        return bytes([int(octal, 8) & 0xFF])
    if hexadecimal is not None:
        return bytes([int(hexadecimal, 16)])
    if high is not None:
        return bytes.fromhex((high + low).decode()).decode("utf-16-be").encode()
    if unknown is not None:
        raise ValueError("C++ knows no such escape")
    point = int(short or long, 16)
    if point > 0x10FFFF:
        return f"\\U{point:08x}".encode()
    return chr(point).encode("utf-8", "surrogatepass")


def bad_escape(body: str) -> tuple[int, int] | None:
    """The span of an escape in a string (without quotes) that no parser reads, or None."""
    bad = next((match for match in _BAD_ESCAPE.finditer(body) if match[1]), None)
    return bad.span() if bad else None


_QUOTED = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\\": "\\\\"}


def quote(text: str, mark: str = '"') -> str:
    r"""A string literal; control characters and bytes that are not UTF-8 become octal escapes.

    >>> quote('say "hi"')
    '"say \\"hi\\""'
    """
    inside = "".join("\\" + char if char == mark else _escaped_char(char) for char in text)
    return f"{mark}{inside}{mark}"


def _escaped_char(char: str) -> str:
    if char < " " or "\udc80" <= char <= "\udcff":
        return _QUOTED.get(char) or f"\\{ord(char) & 0xFF:03o}"
    return _QUOTED.get(char, char)


def decimal_text(value: Decimal) -> str:
    """A decimal number as short text, without an exponent if that is readable.

    >>> decimal_text(Decimal("0.01") / 10)
    '0.001'
    >>> decimal_text(Decimal("1e-9"))
    '1e-09'
    """
    value = value.normalize()
    if value and not -7 < value.adjusted() < 16:
        return repr(float(value)).removesuffix(".0")
    return f"{value:f}"


def number_text(value: float) -> str:
    """A number in its usual form: no `.0`, no binary rounding noise.

    >>> number_text(10.0), number_text(0.005)
    ('10', '0.005')
    """
    if isinstance(value, int):
        return str(value)
    if value != value or value in (float("inf"), float("-inf")):
        return str(value)
    return decimal_text(Decimal(repr(value)))
