"""The size and channels of an encoded image from its first bytes, and whether its end is missing.

Nothing is decoded, and OpenCV is not imported. Sizes are those of JPEG, PNG, BMP and PNM; of the
other formats that OpenCV reads, only the signature is looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, cast

from ssdh_surgery.errors import DataError

JPEG, PNG = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"
# How files of the other formats that some OpenCV reads begin: BMP, TIFF, WebP and AVI, PNM, PFM,
# JPEG 2000, OpenEXR, Radiance, Sun raster and GIF.
_OTHERS = (
    *(b"BM", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+", b"RIFF", b"Pf", b"PF", b"#?"),
    *(b"\0\0\0\x0cjP", b"\xff\x4f\xff\x51", b"\x76\x2f\x31\x01", b"\x59\xa6\x6a\x95", b"GIF8"),
    *(b"P%d" % number for number in range(1, 8)),
)
_AVIF = b"ftyp"
_BMP, _BMP_HEADER = b"BM", 30
# PBM, PGM and PPM with their width and height; comments may stand between.
_PNM = re.compile(rb"P([1-6])(?:\s+|#[^\n]*\n)+(\d+)(?:\s+|#[^\n]*\n)+(\d+)\s", re.ASCII)
_PNM_HEADER = 512
_EXIF, _EXIF_MARKER, _ORIENTATION = b"Exif\0\0", 0xE1, 0x0112
_MARKER, _START_OF_SCAN, _END_OF_JPEG = 0xFF, 0xDA, 0xD9
# Markers without a segment: restarts, the start of the image, TEM.
_BARE_MARKERS = {*range(0xD0, 0xD9), 0x01}
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
# PNG's color types, and the channels that OpenCV gives them where nothing is forced.
_PNG_CHANNELS = {0: 1, 2: 3, 3: 3, 4: 4, 6: 4}
# Most JPEGs have nothing behind their end marker.
_TAIL = 64


@dataclass(frozen=True, slots=True)
class ImageHeader:
    """What an encoded image says of itself; None where that is not looked into.

    `channels` are those that OpenCV keeps unless gray or color is forced, `bits` those of a
    channel. `is_cut` tells that its end is missing.
    """

    channels: int | None = None
    height: int | None = None
    width: int | None = None
    bits: int = 8
    is_cut: bool = False

    @property
    def shape(self) -> tuple[int, int, int] | None:
        """(channels, height, width), None if a part is unknown."""
        if self.channels and self.height and self.width:
            return self.channels, self.height, self.width
        return None


def read_image_header(data: bytes | memoryview) -> ImageHeader:
    """The header of an image.

    Raises:
        DataError: it is no image of a format that OpenCV reads, or ends before its size.
    """
    start = bytes(data[:12])
    if start.startswith(JPEG):
        return _jpeg(data)
    if start.startswith(PNG):
        return _png(data)
    if start.startswith(_BMP):
        return _bmp(bytes(data[:_BMP_HEADER]))
    if match := _PNM.match(bytes(data[:_PNM_HEADER])):
        kind, width, height = map(int, match.groups())
        return ImageHeader(3 if kind in (3, 6) else 1, height, width)
    if start.startswith(_OTHERS) or start[4:8] == _AVIF:
        return ImageHeader()
    raise DataError(f"no image that OpenCV reads: {_content(data)}")


def _jpeg(data: bytes | memoryview) -> ImageHeader:
    size = None
    for marker, at in _segments(data):
        if marker in _FRAMES and at + 10 <= len(data):
            frame = bytes(data[at + 4 : at + 10])
            channels = 1 if frame[5] == 1 else 3
            size = channels, int.from_bytes(frame[1:3], "big"), int.from_bytes(frame[3:5], "big")
        elif marker == _START_OF_SCAN and size is not None:
            return ImageHeader(*size, is_cut=not _has_end(data, at))
    if size is None:
        raise DataError("the JPEG ends before its size")
    return ImageHeader(*size, is_cut=True)


def _segments(data: bytes | memoryview) -> Iterator[tuple[int, int]]:
    """The markers of a JPEG with their offsets, up to the first scan."""
    buffer, at, end = cast(bytes, data), 2, len(data)  # only indexed
    while at + 4 <= end:
        marker = buffer[at + 1]
        if buffer[at] != _MARKER or marker in (0, _MARKER):
            at += 1  # padding, or bytes that decoders skip
        elif marker in _BARE_MARKERS:
            at += 2
        else:
            yield marker, at
            if marker == _START_OF_SCAN:
                return
            at += 2 + (buffer[at + 2] << 8 | buffer[at + 3])


def _has_end(data: bytes | memoryview, scan: int) -> bool:
    """Whether the end marker of a JPEG follows its first scan.

    Within a scan, 0xFF is followed by zero or a restart marker, so no other bytes look like it.
    """
    end = bytes((_MARKER, _END_OF_JPEG))
    return end in bytes(data[-_TAIL:]) or bytes(data).rfind(end) > scan


def is_cut_jpeg(data: bytes) -> bool:
    """Whether this is a truncated JPEG, which decoders fill up without an error."""
    if not data.startswith(JPEG):
        return False
    scans = (at for marker, at in _segments(data) if marker == _START_OF_SCAN)
    scan = next(scans, None)
    return scan is None or not _has_end(data, scan)


def _png(data: bytes | memoryview) -> ImageHeader:
    head = bytes(data[:33])
    if len(head) < 33 or head[12:16] != b"IHDR":
        raise DataError("the PNG ends before its size")
    width, height = int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")
    channels = _PNG_CHANNELS.get(head[25])
    # A palette with transparency is read with an alpha channel.
    if head[25] == 3 and b"tRNS" in bytes(data[:2048]):
        channels = 4
    is_cut = b"IEND" not in bytes(data[-_TAIL:]) and is_cut_png(bytes(data))
    return ImageHeader(channels, height, width, 16 if head[24] == 16 else 8, is_cut)


def is_cut_png(data: bytes) -> bool:
    """Whether this is a PNG with a chunk that ends beyond its own end."""
    if not data.startswith(PNG):
        return False
    at = len(PNG)
    while at + 8 <= len(data):
        length, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        if kind == b"IEND":
            return False
        at += 12 + length  # length, kind and checksum are 4 bytes each
    return at > len(data)


def _content(data: bytes | memoryview) -> str:
    """What the bytes appear to be."""
    start = bytes(data[:512])
    if not start:
        return "it is empty"
    if start.lstrip().lower().startswith((b"<!doctype", b"<html")):
        return "it is a web page"
    if not start.strip(b"\0"):
        return "it is all zeros"
    return f"it begins with {start[:8].hex(' ')}"


def _bmp(head: bytes) -> ImageHeader:
    if len(head) < _BMP_HEADER or int.from_bytes(head[14:18], "little") < 40:
        return ImageHeader()  # the form of OS/2
    width = int.from_bytes(head[18:22], "little", signed=True)
    # A negative height means that the rows begin at the top.
    height = abs(int.from_bytes(head[22:26], "little", signed=True))
    # One with a palette may be read in gray or in color.
    return ImageHeader({24: 3, 32: 4}.get(head[28]), height, width)


def has_size(data: bytes) -> bool:
    """Whether the first bytes of a JPEG reach to its size."""
    return any(marker in _FRAMES and at + 10 <= len(data) for marker, at in _segments(data))


def is_turned(data: bytes) -> bool:
    """Whether the EXIF data of a JPEG ask for an exchange of height and width.

    Some versions of OpenCV follow them where gray or color is forced, others never do.
    """
    for marker, at in _segments(data) if data.startswith(JPEG) else ():
        start = at + 4
        if marker == _EXIF_MARKER and data.startswith(_EXIF, start):
            length = int.from_bytes(data[at + 2 : at + 4], "big")
            return _orientation(data[start + len(_EXIF) : at + 2 + length]) >= 5
    return False


def _orientation(tiff: bytes) -> int:
    """The orientation that a TIFF directory states, 1 if it states none."""
    order: Literal["big", "little"] = "big" if tiff.startswith(b"MM") else "little"

    def number(at: int, size: int) -> int:
        return int.from_bytes(tiff[at : at + size], order)

    first = number(4, 4)
    for at in range(first + 2, min(len(tiff), first + 2 + 12 * number(first, 2)), 12):
        if number(at, 2) == _ORIENTATION:
            return number(at + 8, 2)
    return 1
