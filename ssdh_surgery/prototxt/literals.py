"""What the words, numbers and strings of the text mean, and how values are written.

A literal is accepted where Python's `text_format` or the C++ parser inside Caffe accepts it.
"""

from __future__ import annotations

import re
import warnings
from decimal import Decimal

_OCTAL = re.compile(r"(-?)0([0-9]+)")
_INFINITY = re.compile(r"-?inf(?:inity)?f?", re.IGNORECASE)
# Numbers as C++ reads them: only there may a sign stand apart from its number.
_CXX_NUMBER = re.compile(
    r"0[xX][0-9a-fA-F]+|(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?[fF]?"
    r"|(?i:inf|infinity|nan)"
)
_CXX_ESCAPE = re.compile(
    rb"\\(?:([abfnrtv\\?'\"])|([0-7]{1,3})|x([0-9a-fA-F]{1,2})"
    rb"|u([0-9a-fA-F]{4})|U(00[0-9a-fA-F]{6})|(.?))",
    re.DOTALL,
)
_CXX_NAMED = dict(zip(b"abfnrtv\\?'\"", b"\a\b\f\n\r\t\v\\?'\"", strict=True))


def integer(text: str) -> int | None:
    """The integer that a token (with its sign) stands for, or None.

    Decimal, `0x1F`, octal `017`, and what Python takes beyond that (`1_000`, `0b1`).
    """
    octal = _OCTAL.fullmatch(text)
    try:
        return int(f"{octal[1]}0o{octal[2]}" if octal else text, 0)
    except ValueError:
        return None


def real(text: str) -> float | None:
    """The floating-point number that a token (with its sign) stands for, or None."""
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


def is_number(text: str) -> bool:
    """Whether a token, with its sign directly before it, is a number."""
    value = integer(text)
    if value is not None and -(1 << 63) <= value < 1 << 64:
        return True
    return real(text) is not None


def is_cxx_number(text: str) -> bool:
    """Whether a token is a number for Caffe's own parser, which lets `-` stand apart."""
    return _CXX_NUMBER.fullmatch(text) is not None and is_number(text)


def unescape(body: str) -> bytes | None:
    r"""The bytes of a string's inside, or None where an escape is wrong for every parser.

    Python's protobuf is asked first; what only Caffe's parser reads (`\777`, bytes that are
    not UTF-8) comes second.
    """
    if "\\" not in body:
        return body.encode("utf-8", "surrogateescape")
    from google.protobuf import text_encoding

    try:
        with warnings.catch_warnings():
            # Python warns of escapes that it does not know, and keeps them as they stand.
            warnings.simplefilter("ignore")
            return text_encoding.CUnescape(body)
    except ValueError:
        return _cxx_unescape(body.encode("utf-8", "surrogateescape"))


def _cxx_unescape(body: bytes) -> bytes | None:
    wrong = False

    def replace(match: re.Match[bytes]) -> bytes:
        nonlocal wrong
        named, octal, hexadecimal, short, long, unknown = match.groups()
        if named is not None:
            return bytes([_CXX_NAMED[named[0]]])
        if octal is not None:
            return bytes([int(octal, 8) & 0xFF])
        if hexadecimal is not None:
            return bytes([int(hexadecimal, 16)])
        if unknown is not None or int(long or short, 16) > 0x10FFFF:
            wrong = True
            return b""
        return chr(int(long or short, 16)).encode("utf-8", "surrogatepass")

    result = _CXX_ESCAPE.sub(replace, body)
    return None if wrong else result


_QUOTED = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\\": "\\\\"}


def quote(text: str, mark: str = '"') -> str:
    r"""A string literal.

    >>> quote('say "hi"')
    '"say \\"hi\\""'
    """
    inside = "".join(
        "\\" + char
        if char == mark
        else _QUOTED.get(char) or (f"\\{ord(char):03o}" if char < " " else char)
        for char in text
    )
    return f"{mark}{inside}{mark}"


def decimal_text(value: Decimal) -> str:
    """A decimal number, short and without an exponent where that is readable.

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
    """A number as a person would write it: no `.0`, no binary noise.

    >>> number_text(10.0), number_text(0.005)
    ('10', '0.005')
    """
    if isinstance(value, int):
        return str(value)
    if value != value or value in (float("inf"), float("-inf")):
        return str(value)
    return decimal_text(Decimal(repr(value)))
