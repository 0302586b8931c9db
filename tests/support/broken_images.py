"""Thirty-five ways in which a good picture is broken, made from good ones."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from ssdh_surgery.data.image import encode

Good = dict[str, bytes]


def marker(data: bytes, code: int) -> int:
    """Where a marker of a JPEG's header stands."""
    at = 2
    while data[at + 1] != code:
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return at


def without_segment(data: bytes, code: int) -> bytes:
    at = marker(data, code)
    return data[:at] + data[at + 2 + int.from_bytes(data[at + 2 : at + 4], "big") :]


def with_png_size(data: bytes, width: int, height: int) -> bytes:
    head = b"IHDR" + struct.pack(">II", width, height) + data[24:29]
    return data[:12] + head + struct.pack(">I", zlib.crc32(head)) + data[33:]


def changed(data: bytes, at: int, new: bytes) -> bytes:
    return data[:at] + new + data[at + len(new) :]


def as_text(data: bytes) -> bytes:
    """What comes of a transfer that takes a picture for text."""
    return data.decode("latin-1").encode("utf-8")


SOI_ONLY = b"\xff\xd8"
BROKEN: dict[str, Callable[[Good], bytes]] = {
    "empty": lambda good: b"",
    "one byte": lambda good: b"\xff",
    "zeros": lambda good: bytes(len(good["jpg"])),
    "ones": lambda good: b"\xff" * 5000,
    "text": lambda good: b"a picture of a cat\n" * 20,
    "web page": lambda good: b"<html><body>404 Not Found</body></html>",
    "xml": lambda good: b"<?xml version='1.0'?><Error>AccessDenied</Error>",
    "jpeg cut in its header": lambda good: good["jpg"][:100],
    "jpeg cut in its scan": lambda good: good["jpg"][: len(good["jpg"]) // 2],
    "jpeg without its last byte": lambda good: good["jpg"][:-1],
    "jpeg without its end": lambda good: good["jpg"][:-2],
    "jpeg with zeros for its second half": lambda good: good["jpg"][:900] + bytes(3000),
    "progressive jpeg cut": lambda good: good["progressive"][:-400],
    "jpeg without a scan": lambda good: good["jpg"][: marker(good["jpg"], 0xDA)] + b"\xff\xd9",
    "jpeg without a frame": lambda good: without_segment(good["jpg"], 0xC0),
    "jpeg without its quantisation": lambda good: without_segment(
        without_segment(good["jpg"], 0xDB), 0xDB
    ),
    "jpeg of size zero": lambda good: changed(good["jpg"], marker(good["jpg"], 0xC0) + 5, bytes(4)),
    "jpeg without its start": lambda good: good["jpg"][2:],
    "jpeg sent as text": lambda good: as_text(good["jpg"]),
    "two bytes of a jpeg": lambda good: SOI_ONLY,
    "png cut in its header": lambda good: good["png"][:20],
    "png cut in its pixels": lambda good: good["png"][: len(good["png"]) // 2],
    "png without its end": lambda good: good["png"][:-12],
    "png with a changed byte": lambda good: changed(good["png"], 900, b"\x00\xff\x00"),
    "png of size zero": lambda good: with_png_size(good["png"], 0, 0),
    "png that says it is huge": lambda good: with_png_size(good["png"], 1 << 20, 1 << 20),
    "png larger than its pixels": lambda good: with_png_size(good["png"], 64, 400),
    "png sent as text": lambda good: as_text(good["png"]),
    "png with line ends of Windows": lambda good: good["png"].replace(b"\n", b"\r\n"),
    "bmp cut": lambda good: good["bmp"][:-2000],
    "webp cut": lambda good: good["webp"][:-200],
    "tiff cut": lambda good: good["tiff"][:-200],
    "tiff whose directory lies nowhere": lambda good: changed(good["tiff"], 4, b"\xff\xff\xff\x7f"),
    "ppm cut": lambda good: good["ppm"][:-1000],
    "another kind's name and start": lambda good: b"GIF89a" + good["png"][6:],
}


def good_images(image: NDArray[np.uint8]) -> Good:
    """A picture in each kind of file, and a JPEG that comes in several scans."""
    kinds = {kind: encode(image, kind) for kind in ("jpg", "png", "bmp", "webp", "tiff", "ppm")}
    progressive = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])[1]
    return {**kinds, "progressive": progressive.tobytes()}
