"""The record that `convert_imageset` makes from one image file."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal

from ssdh_surgery.data.datum import Shape, blank_raw, write_encoded
from ssdh_surgery.data.image import decode, encode, fill_planar, planar, resize
from ssdh_surgery.errors import DataError
from ssdh_surgery.files import read_regular

Side = Literal["train", "test"]


@dataclass(frozen=True)
class RecordOptions:
    """The options of `convert_imageset`, and the split.

    `size` is the (width, height) to warp to. `encoded` stores the image file unchanged, or the
    warped image encoded in the same format. `split` is the share of the training side; the side
    of an image depends on its content and on `seed`, so that identical files stay together.
    """

    size: tuple[int, int] | None = None
    gray: bool = False
    encoded: bool = False
    shuffle: bool = False
    seed: int = 0
    split: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Record:
    """The bytes of a Datum, the size of its image and its side of the split."""

    data: bytes | bytearray
    shape: Shape
    side: Side


def make_record(file: str, label: int, options: RecordOptions) -> Record:
    """Read an image file and make its record.

    Raises:
        FileError: the file cannot be read.
        DataError: it cannot be decoded completely, or not be encoded in its format.
        MissingExtra: OpenCV is not installed.
    """
    content = read_regular(file)
    image = resize(decode(content, color=not options.gray), options.size)
    channels, height, width = planar(image).shape
    shape = channels, height, width
    side = _side(content, options)
    if not options.encoded:
        record, pixels = blank_raw(shape, label)
        fill_planar(image, pixels)
        return Record(record, shape, side)
    if options.size is not None:
        content = encode(image, _extension(file))
    return Record(write_encoded(content, label), shape, side)


def record_key(number: int, path: bytes) -> bytes:
    """The key of a record: its number with eight digits, and the path as listed."""
    return b"%08d_%s" % (number, path)


def _extension(file: str) -> str:
    name, dot, extension = file.rpartition(".")
    if not name or not dot or "/" in extension:
        raise DataError("its name has no extension, so its image format is unknown")
    return extension.lower()


def _side(content: bytes, options: RecordOptions) -> Side:
    if options.split is None:
        return "train"
    salt = str(options.seed).encode()
    digest = hashlib.blake2b(content, digest_size=8, key=salt).digest()
    return "train" if int.from_bytes(digest, "big") < options.split * 2**64 else "test"
