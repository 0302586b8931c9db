"""Pictures decoded whole or refused."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from ssdh_surgery.data import image as room
from ssdh_surgery.data.image import decode, encode, planar, read_image, resize
from ssdh_surgery.data.image_header import is_cut_jpeg
from ssdh_surgery.errors import DataError, FileError, MissingExtra

KINDS = {
    "jpg": ("jpg", []),
    "progressive": ("jpg", [cv2.IMWRITE_JPEG_PROGRESSIVE, 1]),
    "restarts": ("jpg", [cv2.IMWRITE_JPEG_RST_INTERVAL, 2]),
    "png": ("png", []),
    "bmp": ("bmp", []),
    "webp": ("webp", [cv2.IMWRITE_WEBP_QUALITY, 80]),
    "tiff": ("tiff", []),
    "ppm": ("ppm", []),
}
# An EXIF segment with a little JPEG in it, as cameras write them: it has an end of its own.
THUMBNAIL = b"\xff\xe1\x00\x0c" + b"\xff\xd8\xff\xdb\x00\x00\x00\x00\xff\xd9"


@pytest.fixture(scope="module")
def image(picture: Callable[..., NDArray]) -> NDArray:
    return picture(3, 24, 32)


@pytest.fixture(params=list(KINDS))
def data(request: pytest.FixtureRequest, image: NDArray) -> bytes:
    extension, options = KINDS[request.param]
    return bytes(cv2.imencode(f".{extension}", image, options)[1])


def test_a_truncated_picture_is_refused_wherever_it_ends(data: bytes) -> None:
    decode(data)
    for size in [*range(0, len(data), 7), *range(len(data) - 8, len(data))]:
        with pytest.raises(DataError):
            decode(data[:size])


def test_a_thumbnail_does_not_hide_that_the_picture_is_cut(image: NDArray) -> None:
    data = encode(image, "jpg")
    photograph = data[:2] + THUMBNAIL + data[2:]
    np.testing.assert_array_equal(decode(photograph), decode(data))
    with pytest.raises(DataError) as caught:
        decode(photograph[:-200])
    assert str(caught.value) == "the JPEG is truncated: it has no end marker"


@pytest.mark.parametrize(
    ("before", "after"),
    [(b"", b"\0" * 100), (b"", b"trailing words"), (b"\xff\xff\xff", b""), (b"\xff\x01", b"")],
    ids=["zeros-behind", "text-behind", "fill-bytes", "bare-marker"],
)
def test_what_decoders_pass_over_is_passed_over(
    image: NDArray, before: bytes, after: bytes
) -> None:
    data = encode(image, "jpg")
    assert not is_cut_jpeg(data[:2] + before + data[2:] + after)


def test_colours_are_asked_for_as_caffe_does(image: NDArray) -> None:
    opaque = np.dstack([image, np.full(image.shape[:2], 255, np.uint8)])
    data = encode(opaque, "png")
    np.testing.assert_array_equal(decode(data), image)
    np.testing.assert_array_equal(decode(data, color=None), opaque)
    assert decode(data, color=False).shape == (24, 32)
    gray = encode(image[:, :, 0], "png")
    np.testing.assert_array_equal(decode(gray, color=True), np.dstack([image[:, :, 0]] * 3))
    assert decode(gray, color=None).shape == (24, 32)


def test_a_planar_picture_shares_its_pixels(image: NDArray) -> None:
    assert planar(image).shape == (3, 24, 32)
    assert planar(image[:, :, 0]).shape == (1, 24, 32)
    assert np.shares_memory(planar(image), image)


def test_the_size_is_width_and_height(image: NDArray, tmp_path: Path) -> None:
    file = tmp_path / "a b.png"
    file.write_bytes(encode(image, "png"))
    assert read_image(file, size=(10, 20)).shape == (20, 10, 3)
    assert read_image(file, size=(10, 20), gray=True).shape == (20, 10)
    np.testing.assert_array_equal(read_image(file), image)
    np.testing.assert_array_equal(read_image(file, size=(10, 20)), resize(image, (10, 20)))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "cannot be decoded: the file is empty"),
        (b" <!DOCTYPE html><html>", "cannot be decoded: it is a web page"),
        (bytes(5000), "cannot be decoded: it is all zeros"),
        (
            b"what is this",
            "cannot be decoded: damaged, or not an image format that OpenCV reads (first bytes: "
            "77 68 61 74 20 69 73 20)",
        ),
        (b"\x89PNG\r\n\x1a\n" + bytes(90), "cannot be decoded: the PNG is truncated"),
        (b"\xff\xd8\xff\xda\x00\x02\xff\xd9", "cannot be decoded: the image is damaged"),
        (b"\xff\xd8\xff", "the JPEG is truncated: it has no end marker"),
    ],
    ids=["empty", "html", "zeros", "text", "png", "jpeg", "jpeg-cut"],
)
def test_what_is_no_picture_is_refused_with_its_reason(
    data: bytes, message: str, tmp_path: Path
) -> None:
    (tmp_path / "x.jpg").write_bytes(data)
    with pytest.raises(DataError) as caught:
        read_image(tmp_path / "x.jpg")
    assert str(caught.value) == f"{tmp_path / 'x.jpg'}: {message}"


def test_a_damaged_png_is_refused(image: NDArray) -> None:
    data = bytearray(encode(image, "png"))
    data[len(data) // 2] ^= 1
    with pytest.raises(DataError, match=r"^cannot be decoded: the image is damaged$"):
        decode(bytes(data))


def test_more_than_8_bits_per_channel_are_refused_where_caffe_keeps_them(image: NDArray) -> None:
    data = encode(image.astype(np.uint16) * 256, "png")
    np.testing.assert_array_equal(decode(data, color=True), image)
    with pytest.raises(DataError) as caught:
        decode(data, color=None)
    assert str(caught.value) == "has uint16 values; Caffe reads 8 bits per channel"


def test_a_missing_file_is_a_file_error(tmp_path: Path) -> None:
    with pytest.raises(FileError) as caught:
        read_image(tmp_path / "x.jpg")
    assert str(caught.value) == f"{tmp_path / 'x.jpg'}: cannot read: no such file"


def test_a_kind_that_opencv_cannot_write_is_refused(image: NDArray) -> None:
    with pytest.raises(DataError) as caught:
        encode(image, "xyz")
    assert str(caught.value) == "OpenCV cannot write images in the format '.xyz'"


def test_without_opencv_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    room.opencv.cache_clear()
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(MissingExtra) as caught:
        decode(b"")
    room.opencv.cache_clear()
    assert str(caught.value) == (
        "reading images needs the extra 'images'\nhint: pip install 'ssdh-surgery[images]'"
    )


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def test_a_png_chunk_longer_than_the_file_is_refused_before_it_is_decoded(image: NDArray) -> None:
    """libpng reserves the length that a chunk claims."""
    data = bytearray(encode(image, "png"))
    at = data.index(b"IDAT") - 4
    data[at : at + 4] = struct.pack(">I", 0x7FFFFFFF)
    with pytest.raises(DataError) as caught:
        decode(bytes(data))
    assert str(caught.value) == "the PNG is truncated: a chunk is longer than the file"


def test_an_image_of_too_many_pixels_is_refused(tmp_path: Path) -> None:
    header = struct.pack(">IIBBBBB", 20_000, 20_000, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(bytes(100))), (b"IEND", b"")]
    data = b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*each) for each in chunks)
    (tmp_path / "x.png").write_bytes(data)
    # OpenCV reads its bound once, when it is imported.
    program = "from ssdh_surgery.data.image import read_image; read_image('x.png')"
    ran = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.stderr.endswith(
        "DataError: x.png: has more than 268,435,456 pixels\n"
        "hint: to read it, set --max-pixels, or OPENCV_IO_MAX_IMAGE_PIXELS, to a larger number\n"
    )
