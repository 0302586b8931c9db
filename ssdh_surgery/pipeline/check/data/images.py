"""The images that a data layer reads, as far as they are at hand: a list, and sizes to compare."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.data.datum import Shape
from ssdh_surgery.data.image_data_list import ImageDataList, ImageFiles
from ssdh_surgery.data.open_records import open_records
from ssdh_surgery.errors import SsdhError
from ssdh_surgery.names import printable
from ssdh_surgery.pipeline.check.subject import Subject
from ssdh_surgery.pipeline.workspace.paths import relative_to_cwd

# Of how many images of a list the header is read.
SIZED_IMAGES = 200
# Of how many records the pixels are read.
_SAMPLED = 8
_COLORS = 3


class SizedImages(NamedTuple):
    """Images of one size, (channels, height, width), and their name in a message."""

    shape: Shape
    name: str
    is_encoded: bool = False


def image_sizes(layer: Layer, subject: Subject) -> Iterator[SizedImages]:
    """The sizes of images that a layer reads, before its crop."""
    if layer.type == "Data":
        yield from _of_records(layer, subject)
    elif layer.type == "ImageData":
        yield from _of_list(layer, subject.folder)
    elif layer.type == "WindowData":
        # Caffe reads its images in color, and warps windows to the crop.
        crop = layer.parameter.transform_param.crop_size
        yield SizedImages((_COLORS, crop, crop), "the windows")


def listed_images(layer: Layer, folder: Path) -> ImageFiles | None:
    """The images of an ImageData layer; None if it names no list.

    Raises:
        SsdhError: the list cannot be read, or is empty.
    """
    param = layer.parameter.image_data_param
    if not param.source:
        return None
    path = relative_to_cwd(folder / param.source)
    status = path.stat() if path.is_file() else None
    images = _list(str(path), status and (status.st_size, status.st_mtime_ns, status.st_ino))
    return ImageFiles(images, param.root_folder, folder)


@lru_cache(maxsize=8)
def _list(path: str, _identity: tuple[int, int, int] | None) -> ImageDataList:
    return ImageDataList(path)


def spread(count: int, most: int) -> Sequence[int]:
    """At most so many indices below a number, evenly spread, the first and the last included."""
    if count <= most:
        return range(count)
    return [index * (count - 1) // (most - 1) for index in range(most)]


def _of_records(layer: Layer, subject: Subject) -> Iterator[SizedImages]:
    """The size of all records; where they differ, they are compared elsewhere."""
    param = layer.parameter
    source = param.data_param.source
    try:
        scan = subject.databases.scan(relative_to_cwd(subject.folder / source))
    except SsdhError:
        return
    transform, is_encoded = param.transform_param, scan.encoded is not None
    shapes = set(scan.sizes)
    if is_encoded and (transform.force_color or transform.force_gray):
        channels = _COLORS if transform.force_color else 1
        shapes = {(channels, height, width) for _, height, width in shapes}
    if len(shapes) == 1 and min(shape := shapes.pop()) > 0:
        yield SizedImages(shape, f"the records of {source}", is_encoded)


def _of_list(layer: Layer, folder: Path) -> Iterator[SizedImages]:
    param = layer.parameter.image_data_param
    channels = _COLORS if param.is_color else 1
    if param.new_height and param.new_width:
        shape = channels, param.new_height, param.new_width
        yield SizedImages(shape, f"the images of {param.source}")
        return
    try:
        files = listed_images(layer, folder)
    except SsdhError:
        return
    if files is None:
        return
    shapes: set[Shape] = set()
    for index in spread(len(files.images), SIZED_IMAGES):
        size = files.size(index)
        if size is None or (shape := (channels, *size)) in shapes:
            continue
        shapes.add(shape)
        image = files.images.image(index)
        name = f"'{printable(image.path)}' ({param.source}:{image.line})"
        yield SizedImages(shape, name)


class PixelSample(NamedTuple):
    """The pixels of the first images: whether they are floats, and the largest in magnitude."""

    is_float: bool
    largest: float


def pixel_sample(layer: Layer, folder: Path) -> PixelSample | None:
    """The pixels of the first images of a layer, None if they are not at hand."""
    if layer.type != "Data":
        return PixelSample(is_float=False, largest=255.0)
    source = layer.parameter.data_param.source
    largest, floats = 0.0, False
    try:
        with open_records(relative_to_cwd(folder / source)) as store:
            for _, datum in islice(store.records(), _SAMPLED):
                if datum.encoded:
                    return PixelSample(is_float=False, largest=255.0)
                pixels = datum.pixels()
                floats = floats or pixels.dtype.kind == "f"
                largest = max(largest, abs(float(pixels.max())), abs(float(pixels.min())))
    except SsdhError:
        return None
    return PixelSample(floats, largest)
