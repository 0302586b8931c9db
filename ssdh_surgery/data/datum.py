"""Caffe's Datum, the record of an image and its label, converted between bytes and numpy.

A record is parsed in place. Its header (label and sizes) is read without touching the pixels, so
that scanning the labels of an LMDB reads only a small part of it from disk.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from ssdh_surgery.caffe.messages import wire
from ssdh_surgery.errors import DataError
from ssdh_surgery.names import count_text, size_text

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Shape = tuple[int, int, int]

# Tags (field number and wire type) of the fields in caffe.proto.
_CHANNELS, _HEIGHT, _WIDTH, _DATA, _LABEL = 0x08, 0x10, 0x18, 0x22, 0x28
_FLOAT, _PACKED_FLOATS, _ENCODED = 0x35, 0x32, 0x38
_NUMBERS = {_CHANNELS: "channels", _HEIGHT: "height", _WIDTH: "width", _LABEL: "label"}
# A float that is not packed: its tag and four bytes.
_FLOAT_SIZE = 5


@dataclass(slots=True)
class Header:
    """The header of a record, and the position of its content in the bytes.

    `data` is the span of the uint8 pixels or of the encoded image; `floats` are the spans
    (begin, stop, stride) of float32 values, if the record has any.
    """

    channels: int = 0
    height: int = 0
    width: int = 0
    label: int = 0
    encoded: bool = False
    data: tuple[int, int] = (0, 0)
    floats: list[tuple[int, int, int]] = field(default_factory=list)

    @property
    def shape(self) -> Shape:
        """(channels, height, width) as stated; zeros in most encoded records."""
        return self.channels, self.height, self.width


@dataclass(frozen=True, slots=True, eq=False)
class Datum:
    """One record. `data` is a flat uint8 array [C, H, W], or an encoded image.

    Caffe reads `floats` (a flat float32 array) only if `data` is empty.
    """

    channels: int
    height: int
    width: int
    label: int
    encoded: bool
    data: bytes
    floats: NDArray[np.float32] | None = None

    @property
    def shape(self) -> Shape:
        """(channels, height, width) as stated; zeros in most encoded records."""
        return self.channels, self.height, self.width

    def pixels(self, *, color: bool | None = None) -> NDArray[np.uint8] | NDArray[np.float32]:
        """The image as [C, H, W], uint8 or float32; an encoded one is decoded.

        `color` applies to encoded records only: True and False are Caffe's `force_color` and
        `force_gray`, None keeps the channels of the image.

        Raises:
            DataError: the content does not match the sizes, or cannot be decoded.
            MissingExtra: it is encoded and OpenCV is not installed.
        """
        if self.encoded:
            from ssdh_surgery.data.image import decode, planar

            return planar(decode(self.data, color=color))
        import numpy as np

        values: NDArray[np.uint8] | NDArray[np.float32]
        if self.data or self.floats is None:
            values = np.frombuffer(self.data, np.uint8)
        else:
            values = self.floats
        if reason := size_mismatch(self.shape, len(values)):
            raise DataError(reason)
        return values.reshape(self.shape)


def size_mismatch(shape: Shape, values: int) -> str | None:
    """Why a number of values does not match the sizes of a record; None if it does."""
    expected = shape[0] * shape[1] * shape[2]
    if min(shape) > 0 and values == expected:
        return None
    return (
        f"{count_text(values, 'value')}, but the sizes require {expected} ({size_text(shape)}: "
        "channels x height x width)"
    )


def read_header(record: bytes | memoryview) -> Header:
    """The label, sizes and layout of a record, without reading its pixels.

    Raises:
        DataError: the bytes are not a Datum.
    """
    try:
        return _walk(record)
    except wire.WireError as error:
        raise DataError(f"not a Datum: {error}") from error


def _walk(record: bytes | memoryview) -> Header:
    header = Header()
    buffer = cast(bytes, record)  # only indexing and len are used
    at, end = 0, len(record)
    while at < end:
        tag = buffer[at]
        if tag in _NUMBERS:
            value, at = wire.varint(buffer, at + 1, end)
            setattr(header, _NUMBERS[tag], _int32(value))
        elif tag == _FLOAT:
            stop = at + _FLOAT_SIZE * _run_length(record, at)
            if stop == at:
                raise wire.WireError(f"the field at byte {at} runs past the end")
            header.floats.append((at + 1, stop, _FLOAT_SIZE))
            at = stop
        else:
            number, kind, begin, stop = next(wire.fields(buffer, at, end))
            _place(header, number << 3 | kind, (begin, stop), buffer)
            at = stop
    return header


def _place(header: Header, tag: int, span: tuple[int, int], buffer: bytes) -> None:
    if tag == _DATA:
        header.data = span
    elif tag == _ENCODED:
        header.encoded = wire.varint(buffer, *span)[0] != 0
    elif tag == _PACKED_FLOATS:
        header.floats.append((*span, 4))


def _int32(value: int) -> int:
    """The low 32 bits as a signed number, which is how protobuf reads a longer one."""
    value &= 0xFFFFFFFF
    return value - (1 << 32) if value >> 31 else value


def _run_length(record: bytes | memoryview, at: int) -> int:
    """The number of complete unpacked floats in a row from an offset on."""
    import numpy as np

    rest = np.frombuffer(record, np.uint8)[at:]
    whole = len(rest) // _FLOAT_SIZE
    tags = rest[: whole * _FLOAT_SIZE : _FLOAT_SIZE] == _FLOAT
    return whole if tags.all() else int(tags.argmin())


def read_datum(record: bytes | memoryview) -> Datum:
    """The record in some bytes, copied.

    Raises:
        DataError: the bytes are not a Datum.
    """
    header = read_header(record)
    begin, stop = header.data
    return Datum(
        *header.shape,
        label=header.label,
        encoded=header.encoded,
        data=bytes(record[begin:stop]),
        floats=_floats(record, header.floats),
    )


def _floats(
    record: bytes | memoryview, spans: list[tuple[int, int, int]]
) -> NDArray[np.float32] | None:
    if not spans:
        return None
    import numpy as np

    parts = []
    for begin, stop, stride in spans:
        if stride == 4:  # packed values are contiguous
            parts.append(bytes(record[begin : stop - (stop - begin) % 4]))
        else:
            rows = np.frombuffer(record[begin - 1 : stop], np.uint8).reshape(-1, stride)
            parts.append(rows[:, 1:].tobytes())
    return np.frombuffer(b"".join(parts), "<f4").astype(np.float32)


def blank_raw(shape: Shape, label: int) -> tuple[bytearray, NDArray[np.uint8]]:
    """The record of a raw image with blank pixels, and those pixels as an array to fill.

    The array is [C, H, W], a view of the record. The bytes equal those of Caffe's
    `convert_imageset`, `encoded: false` included.
    """
    import numpy as np

    channels, height, width = shape
    size = channels * height * width
    sizes = (
        wire.encode_number(1, channels),
        wire.encode_number(2, height),
        wire.encode_number(3, width),
        wire.encode_varint(_DATA) + wire.encode_varint(size),
    )
    head = b"".join(sizes)
    tail = _encode_label(label) + bytes((_ENCODED, 0))
    record = bytearray(len(head) + size + len(tail))
    record[: len(head)] = head
    record[len(head) + size :] = tail
    return record, np.frombuffer(record, np.uint8, size, len(head)).reshape(shape)


def write_raw(pixels: NDArray[np.uint8], label: int) -> bytes:
    """The record of a raw image, uint8 [C, H, W]."""
    channels, height, width = pixels.shape
    record, blank = blank_raw((channels, height, width), label)
    blank[...] = pixels
    return bytes(record)


def write_floats(values: NDArray[np.float32]) -> bytes:
    """The record of float32 values [C, H, W], which Caffe uses unchanged; it has no label."""
    sizes = [wire.encode_number(number, size) for number, size in enumerate(values.shape, 1)]
    floats = wire.encode_field(_PACKED_FLOATS >> 3, values.astype("<f4").tobytes())
    return b"".join([*sizes, *floats])


def write_encoded(image: bytes, label: int) -> bytes:
    """The record of an encoded image, as `convert_imageset -encoded` writes it."""
    head = wire.encode_varint(_DATA) + wire.encode_varint(len(image))
    return b"".join((head, image, _encode_label(label), bytes((_ENCODED, 1))))


def _encode_label(label: int) -> bytes:
    # A negative int32 is written as a 64-bit number.
    return wire.encode_varint(_LABEL) + wire.encode_varint(label & 0xFFFFFFFFFFFFFFFF)
