"""Protobuf's wire format as far as weights need it: parsing fields in place, and writing them.

A .caffemodel consists almost entirely of packed floats. Walking its messages and viewing the
floats in the file is faster than letting protobuf build every message.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ssdh_surgery.files import FileBytes

VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5
_SIZES = {FIXED64: 8, FIXED32: 4}
# A varint has at most ten bytes of seven bits.
_VARINT_BITS = 70


class WireError(ValueError):
    """The bytes are not a complete message; the text gives the reason, without the file."""


class EarlyEnd(WireError):
    """The bytes end before a field does."""


def fields(data: FileBytes, start: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """The fields of the message in `data[start:end]`: (number, wire type, begin, stop).

    `data[begin:stop]` is the content of the field; for a varint, its encoded bytes.

    Raises:
        EarlyEnd: a field extends past the end.
        WireError: it has an unknown wire type.
    """
    at = start
    while at < end:
        tag, begin = varint(data, at, end)
        number, kind = tag >> 3, tag & 7
        if kind == LENGTH:
            size, begin = varint(data, begin, end)
            stop = begin + size
        elif kind == VARINT:
            _, stop = varint(data, begin, end)
        elif kind in _SIZES:
            stop = begin + _SIZES[kind]
        else:
            raise WireError(f"no field begins at byte {at}")
        if number == 0:
            raise WireError(f"no field begins at byte {at}")
        if stop > end:
            raise EarlyEnd(f"the field at byte {at} needs {stop - end} more bytes")
        yield number, kind, begin, stop
        at = stop


def varint(data: FileBytes, at: int, end: int) -> tuple[int, int]:
    """The unsigned number at an offset, and the offset after it.

    Raises:
        WireError: it extends past the end, or past ten bytes.
    """
    if at < end and data[at] < 0x80:  # the most common case
        return data[at], at + 1
    value = shift = 0
    for place in range(at, end):
        byte = data[place]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place + 1
        shift += 7
        if shift == _VARINT_BITS:
            break
    raise WireError(f"the number at byte {at} has no end")


def signed(value: int) -> int:
    """An unsigned number as an int64, which is also the wire form of an int32."""
    value &= (1 << 64) - 1
    return value - (1 << 64) if value >> 63 else value


def encode_varint(value: int) -> bytes:
    """A non-negative number as a varint."""
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def encode_number(number: int, value: int) -> bytes:
    """A field with a non-negative number."""
    return encode_varint(number << 3 | VARINT) + encode_varint(value)


def encode_field(number: int, *parts: bytes) -> list[bytes]:
    """A string, message or packed field, with its content in parts.

    The parts are not joined: the content of large messages is copied once, at the end.
    """
    size = sum(map(len, parts))
    return [encode_varint(number << 3 | LENGTH) + encode_varint(size), *parts]
