"""Pictures decoded and resized as Caffe does, by OpenCV, or refused: never zeros.

Pictures are uint8 [H, W] or [H, W, channels] in OpenCV's channel order (blue first), which
is Caffe's. What a decoder would fill up with grey (a JPEG cut short) is an error here. What
a JPEG decoder can't know to be wrong (a changed byte in the middle) is not seen.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ssdh_surgery.errors import DataError, of_extra
from ssdh_surgery.files import read_bytes
from ssdh_surgery.location import Location

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Image = NDArray[np.uint8]

# IMREAD_UNCHANGED, IMREAD_GRAYSCALE and IMREAD_COLOR, the flags that Caffe passes. All but
# the first turn a photograph the way its EXIF data says.
_FLAGS = {None: -1, False: 0, True: 1}

_JPEG, _PNG = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"
_MARKER, _START_OF_SCAN, _END_OF_JPEG = 0xFF, 0xDA, 0xD9
# Markers that stand alone: a restart, the start of the image, TEM.
_BARE_MARKERS = {*range(0xD0, 0xD9), 0x01}


@functools.cache
def opencv() -> Any:
    """The module cv2, with its own error log silenced: what fails is reported here.

    Raises:
        MissingExtra: it is not installed.
    """
    with of_extra("images", "reading pictures"):
        import cv2
    import numpy as np

    # glibc gives a large array back to the system when it is freed, and takes a third of the
    # time of decoding to fetch the next; once 32 MB have been freed it keeps that much.
    np.empty((32 << 20) - (1 << 16), np.uint8)
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    return cv2


def decode(data: bytes, *, color: bool | None = True) -> Image:
    """The picture in some bytes: [H, W, 3], [H, W] in grey, its own channels for None.

    Raises:
        DataError: it cannot be decoded whole, or has more than 8 bits per channel.
        MissingExtra: OpenCV is not installed.
    """
    import numpy as np

    if jpeg_is_cut(data):
        raise DataError("the JPEG ends early: it has no end marker")
    cv2 = opencv()
    try:
        # Never from the file: OpenCV reads a truncated JPEG file without an error.
        image: Image | None = cv2.imdecode(np.frombuffer(data, np.uint8), _FLAGS[color])
    except cv2.error:
        image = None
    if image is None:
        raise DataError(f"cannot be decoded: {_why(data)}")
    if image.dtype != np.uint8:
        raise DataError(f"has {image.dtype} values, Caffe takes 8 bits per channel")
    return image


def jpeg_is_cut(data: bytes) -> bool:
    """Whether this is a JPEG without an end, which decoders fill up and take for whole."""
    if not data.startswith(_JPEG):
        return False
    at = 2
    while at + 4 <= len(data):
        marker = data[at + 1]
        if data[at] != _MARKER or marker in (0, _MARKER):
            at += 1  # padding, or bytes that decoders pass over
        elif marker == _START_OF_SCAN:
            # In a scan a 0xFF is followed by a zero or a restart marker: this is the end.
            return data.rfind(bytes((_MARKER, _END_OF_JPEG))) < at
        elif marker in _BARE_MARKERS:
            at += 2
        else:
            at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return True


def _why(data: bytes) -> str:
    """What the bytes look like, for a person who wonders what is wrong with the file."""
    start = data[:512].lstrip().lower()
    if not data:
        return "the file is empty"
    if start.startswith((b"<!doctype", b"<html")):
        return "it is a web page"
    if not data.strip(b"\0"):
        return "it is all zeros"
    if data.startswith(_PNG) and b"IEND" not in data[-64:]:
        return "the PNG ends early"
    if data.startswith((_JPEG, _PNG)):
        return "the picture is damaged"
    return f"damaged, or not a kind of picture that OpenCV reads (it begins {data[:8].hex(' ')})"


def read_image(
    path: Path | str, *, size: tuple[int, int] | None = None, gray: bool = False
) -> Image:
    """A picture file as Caffe's `ReadImageToCVMat` reads it; `size` is (width, height).

    Raises:
        FileError: the file is missing or cannot be read.
        DataError: it cannot be decoded whole; the file is its location.
        MissingExtra: OpenCV is not installed.
    """
    data = read_bytes(path)
    try:
        return resize(decode(data, color=not gray), size)
    except DataError as error:
        raise DataError(error.message, location=Location(str(path))) from error


def resize(image: Image, size: tuple[int, int] | None) -> Image:
    """The picture warped to (width, height) with OpenCV's bilinear filter, or as it is.

    Raises:
        DataError: there is no memory for so large a picture.
    """
    if size is None:
        return image
    cv2 = opencv()
    try:
        resized: Image = cv2.resize(image, size)
    except cv2.error as error:
        wide, high = size
        raise DataError(f"cannot be warped to {wide}x{high}: the memory is too small") from error
    return resized


def encode(image: Image, extension: str) -> bytes:
    """A picture as a file of the kind that an extension names (`jpg`, `png`).

    Raises:
        DataError: OpenCV cannot write that kind of picture.
        MissingExtra: OpenCV is not installed.
    """
    cv2 = opencv()
    try:
        done, data = cv2.imencode(f".{extension}", image)
    except cv2.error:
        done = False
    if not done:
        raise DataError(f"OpenCV cannot write pictures of the kind '.{extension}'")
    return bytes(data)


def planar(image: Image) -> Image:
    """A picture as [C, H, W], the order of a Datum and of a blob; no pixel is copied."""
    return image[None] if image.ndim == 2 else image.transpose(2, 0, 1)


def fill_planar(image: Image, planes: Image) -> None:
    """Copy a picture into an array [C, H, W]; several times as fast as numpy would."""
    if image.ndim == 2:
        planes[0] = image
    else:
        opencv().split(image, list(planes))
