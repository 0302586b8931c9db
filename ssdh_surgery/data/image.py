"""Images decoded and resized by OpenCV as in Caffe; bad ones are refused, never zeros.

Images are uint8 [H, W] or [H, W, channels] in the channel order of OpenCV and Caffe, blue first.
A truncated JPEG, which decoders fill up with grey, is an error here, and so is a PNG with a chunk
that is longer than the file, for which decoders reserve gigabytes. Damage that a JPEG decoder
cannot detect, such as a changed byte in the middle, goes unnoticed.
"""

from __future__ import annotations

import functools
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ssdh_surgery.data.image_header import JPEG, PNG, is_cut_jpeg, is_cut_png
from ssdh_surgery.errors import DataError, of_extra
from ssdh_surgery.files import read_regular
from ssdh_surgery.location import Location

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Image = NDArray[np.uint8]

# The suffixes of images that OpenCV reads.
_EXTENSIONS = {
    *(".jpg", ".jpeg", ".jpe", ".jp2", ".png", ".bmp", ".dib", ".webp", ".tif", ".tiff"),
    *(".pbm", ".pgm", ".ppm", ".pnm", ".sr", ".ras", ".gif", ".avif"),
}

# IMREAD_UNCHANGED, IMREAD_GRAYSCALE and IMREAD_COLOR, the flags that Caffe passes. All but
# the first rotate a photograph according to its EXIF data.
_FLAGS = {None: -1, False: 0, True: 1}

# OpenCV refuses larger images; its own default is four times as many, 3 GB for one image.
MAX_PIXELS_VARIABLE = "OPENCV_IO_MAX_IMAGE_PIXELS"
_DEFAULT_MAX_PIXELS = 1 << 28


@functools.cache
def opencv() -> Any:
    """The module cv2, with its error log silenced; failures are reported here.

    Raises:
        MissingExtra: it is not installed.
    """
    os.environ.setdefault(MAX_PIXELS_VARIABLE, str(_DEFAULT_MAX_PIXELS))
    with of_extra("images", "reading images"):
        import cv2
    import numpy as np

    # glibc returns large freed arrays to the system, and fetching the next one takes a third of
    # the time of decoding; after 32 MB have been freed once, it keeps that much.
    np.empty((32 << 20) - (1 << 16), np.uint8)
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    return cv2


def is_image_name(name: str) -> bool:
    """Whether a file name has the extension of an image format that OpenCV reads."""
    return os.path.splitext(name)[1].lower() in _EXTENSIONS


def decode(data: bytes, *, color: bool | None = True) -> Image:
    """The image in some bytes: [H, W, 3], or [H, W] in grey; None keeps its channels.

    Raises:
        DataError: it cannot be decoded completely, or has more than 8 bits per channel.
        MissingExtra: OpenCV is not installed.
    """
    import numpy as np

    if is_cut_jpeg(data):
        raise DataError("the JPEG is truncated: it has no end marker")
    if is_cut_png(data):
        raise DataError("the PNG is truncated: a chunk is longer than the file")
    cv2 = opencv()
    try:
        # From memory: OpenCV reads a truncated JPEG file without an error.
        image: Image | None = cv2.imdecode(np.frombuffer(data, np.uint8), _FLAGS[color])
    except cv2.error as error:
        if "MAX_IMAGE_PIXELS" in str(error):
            raise DataError(
                f"has more than {int(os.environ[MAX_PIXELS_VARIABLE]):,} pixels",
                hint=f"to read it, set --max-pixels, or {MAX_PIXELS_VARIABLE}, to a larger number",
            ) from error
        image = None
    if image is None:
        raise DataError(f"cannot be decoded: {_why(data)}")
    if image.dtype != np.uint8:
        raise DataError(f"has {image.dtype} values; Caffe reads 8 bits per channel")
    return image


def _why(data: bytes) -> str:
    """What the bytes appear to be, as the reason for an error."""
    start = data[:512].lstrip().lower()
    if not data:
        return "the file is empty"
    if start.startswith((b"<!doctype", b"<html")):
        return "it is a web page"
    if not data.strip(b"\0"):
        return "it is all zeros"
    if data.startswith(PNG) and b"IEND" not in data[-64:]:
        return "the PNG is truncated"
    if data.startswith((JPEG, PNG)):
        return "the image is damaged"
    return f"damaged, or not an image format that OpenCV reads (first bytes: {data[:8].hex(' ')})"


def read_image(
    path: Path | str, *, size: tuple[int, int] | None = None, gray: bool = False
) -> Image:
    """An image file as Caffe's `ReadImageToCVMat` reads it; `size` is (width, height).

    Raises:
        FileError: the file is missing or cannot be read.
        DataError: it cannot be decoded completely; the location is the file.
        MissingExtra: OpenCV is not installed.
    """
    data = read_regular(path)
    try:
        return resize(decode(data, color=not gray), size)
    except DataError as error:
        raise DataError(error.message, location=Location(str(path)), hint=error.hint) from error


def resize(image: Image, size: tuple[int, int] | None) -> Image:
    """The image warped to (width, height) with OpenCV's bilinear filter; unchanged for None.

    Raises:
        DataError: there is not enough memory for an image of that size.
    """
    if size is None:
        return image
    cv2 = opencv()
    try:
        resized: Image = cv2.resize(image, size)
    except cv2.error as error:
        width, height = size
        raise DataError(f"cannot be warped to {width}x{height}: not enough memory") from error
    return resized


def encode(image: Image, extension: str) -> bytes:
    """An image encoded in the format of a file extension (`jpg`, `png`).

    Raises:
        DataError: OpenCV cannot write that format.
        MissingExtra: OpenCV is not installed.
    """
    cv2 = opencv()
    try:
        is_written, data = cv2.imencode(f".{extension}", image)
    except cv2.error:
        is_written = False
    if not is_written:
        raise DataError(f"OpenCV cannot write images in the format '.{extension}'")
    return bytes(data)


def planar(image: Image) -> Image:
    """An image as [C, H, W], the layout of a Datum and of a blob; a view, not a copy."""
    return image[None] if image.ndim == 2 else image.transpose(2, 0, 1)


def fill_planar(image: Image, planes: Image) -> None:
    """Copy an image into an array [C, H, W], several times faster than numpy."""
    if image.ndim == 2:
        planes[0] = image
    else:
        opencv().split(image, list(planes))
