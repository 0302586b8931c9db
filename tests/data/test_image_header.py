"""Headers of images against what OpenCV decodes of the same bytes."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from ssdh_surgery.data.image_header import read_image_header
from ssdh_surgery.errors import DataError

RANDOM = np.random.default_rng(3)
GRAY = RANDOM.integers(0, 256, (11, 17)).astype(np.uint8)
COLOR = RANDOM.integers(0, 256, (11, 17, 3)).astype(np.uint8)
ALPHA = RANDOM.integers(0, 256, (11, 17, 4)).astype(np.uint8)


def encoded(extension: str, image: np.ndarray, *flags: int) -> bytes:
    done, data = cv2.imencode(extension, image, flags)
    assert done
    return data.tobytes()


@pytest.mark.parametrize(
    "data",
    [
        encoded(".jpg", GRAY),
        encoded(".jpg", COLOR),
        encoded(".jpg", COLOR, cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
        encoded(".jpg", COLOR, cv2.IMWRITE_JPEG_RST_INTERVAL, 1),
        encoded(".png", GRAY),
        encoded(".png", COLOR),
        encoded(".png", ALPHA),
        encoded(".png", (GRAY > 99).astype(np.uint8) * 255, cv2.IMWRITE_PNG_BILEVEL, 1),
    ],
)
def test_the_size_is_that_of_the_decoded_image(data: bytes) -> None:
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    header = read_image_header(memoryview(data))
    assert header.shape == (image.shape[2] if image.ndim == 3 else 1, *image.shape[:2])
    assert not header.is_cut
    assert header.bits == 8
    assert read_image_header(data[:-20]).is_cut
    # Bytes behind the end do not matter, and neither does padding before a marker.
    assert not read_image_header(data + bytes(300)).is_cut


def test_sixteen_bits() -> None:
    header = read_image_header(encoded(".png", COLOR.astype(np.uint16) * 256))
    assert (header.shape, header.bits) == ((3, 11, 17), 16)


@pytest.mark.parametrize("extension", [".tiff", ".webp", ".jp2", ".ras"])
def test_other_formats_are_recognised(extension: str) -> None:
    assert read_image_header(encoded(extension, np.tile(GRAY, (8, 8)))).shape is None


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "it is empty"),
        (bytes(99), "it is all zeros"),
        (b"<html><body>404", "it is a web page"),
        (b"\x93NUMPY\x01\0", "it begins with 93 4e 55 4d"),
        (b"\xff\xd8\xff\xe0 cut", "the JPEG ends before its size"),
        (encoded(".png", GRAY)[:20], "the PNG ends before its size"),
    ],
)
def test_what_no_opencv_reads(data: bytes, reason: str) -> None:
    assert not data or cv2.imdecode(np.frombuffer(data, np.uint8), -1) is None
    with pytest.raises(DataError, match=reason):
        read_image_header(data)


def test_a_damaged_jpeg_never_fails_in_another_way(tmp_path: Path) -> None:
    data = encoded(".jpg", COLOR)
    for place in range(2, 200):
        changed = bytearray(data)
        changed[place] ^= 0xFF
        for cut in (len(data), place):
            try:
                read_image_header(bytes(changed[:cut]))
            except DataError:
                continue


@pytest.mark.parametrize("extension", ["bmp", "ppm", "pgm", "png", "jpg"])
@pytest.mark.parametrize("channels", [1, 3])
def test_sizes_are_those_that_opencv_decodes(extension: str, channels: int) -> None:
    if (extension, channels) in {("ppm", 1), ("pgm", 3)}:
        return
    image = np.zeros((5, 7, channels), np.uint8)
    data = cv2.imencode(f".{extension}", image)[1].tobytes()
    decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    header = read_image_header(data)
    assert (header.height, header.width) == decoded.shape[:2] == (5, 7)


def test_comments_in_a_pnm() -> None:
    assert read_image_header(b"P5 # made by hand\n 7 # wide\n5 255\n").shape == (1, 5, 7)
