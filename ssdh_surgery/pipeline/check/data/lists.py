"""SSDH601 to SSDH611, SSDH140 to SSDH142: the lists of ImageData layers, and their images."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.net.phase import State
from ssdh_surgery.data import list_problems
from ssdh_surgery.data.image_data_list import ImageDataList, ImageFiles
from ssdh_surgery.errors import SsdhError
from ssdh_surgery.findings import (
    PICTURE_OF_TWO_LABELS,
    SIZES_IN_A_BATCH,
    UNREADABLE_LIST,
    Finding,
)
from ssdh_surgery.location import Location
from ssdh_surgery.names import printable, size_text
from ssdh_surgery.pipeline.check.data import label_order, labels
from ssdh_surgery.pipeline.check.data.class_judges import class_judges
from ssdh_surgery.pipeline.check.data.images import SIZED_IMAGES, listed_images, spread
from ssdh_surgery.pipeline.check.data.layer_paths import setting_entry
from ssdh_surgery.pipeline.check.subject import Subject

# Longer lists are not compared line by line.
_COMPARED = 200_000
# Images and labels.
_TOPS = 2
# Height and width.
Size = tuple[int, int]
# Of how many images it is looked up whether they exist.
_LOOKED_UP = 10_000


def findings(subject: Subject) -> Iterator[Finding]:
    """The findings about the list of each ImageData layer."""
    for (net, state), shapes in zip(subject.nets, subject.shapes, strict=True):
        for layer in net.layers_in(state):
            entry = setting_entry(layer, "image_data_param", "source")
            if layer.type != "ImageData" or entry is None or _is_of_fork(layer):
                continue
            try:
                files = listed_images(layer, subject.folder)
            except SsdhError as error:
                if error.location and Path(error.location.file).is_file():
                    yield UNREADABLE_LIST.at(entry.location, f"{error.location}: {error.message}")
                continue
            if files is None:
                continue
            judges = class_judges(net, shapes, layer)
            yield from _lines(files, has_labels=_reads_labels(net, layer, state))
            yield from labels.findings(files.images.labels, judges, state.phase, entry.location)
            if judges and state.phase == "TRAIN":
                yield from _contradictions(files.images, entry.location)
                yield from _order(layer, files.images, subject, entry.location)
            yield from _sizes(layer, files)


def _is_of_fork(layer: Layer) -> bool:
    """Whether a fork's layer reads the list, which may have lines of another form."""
    message = layer.core.message("image_data_param")
    fields = layer.parameter.image_data_param.DESCRIPTOR.fields_by_name
    has_own = message is not None and any(field.name not in fields for field in message.fields)
    return has_own or len(layer.tops) > _TOPS


def _reads_labels(net: Net, layer: Layer, state: State) -> bool:
    """Whether a layer of the net does anything with the labels."""
    graph = net.graph(state)
    return any(
        reader.type != "Silence"
        for blob in graph.writes(layer)[1:]
        for reader, _ in graph.consumers(blob)
    )


def _lines(files: ImageFiles, *, has_labels: bool) -> Iterator[Finding]:
    """Lines that Caffe misreads, and images that do not exist."""
    images = files.images
    problems = images.problems(has_labels=has_labels)
    lines = {problem.line for problem in problems}
    indices = [index for index in spread(len(images), _LOOKED_UP) if index + 1 not in lines]
    problems += files.missing(indices)
    problems += files.unreadable(
        [index for index in spread(len(images), SIZED_IMAGES) if index + 1 not in lines]
    )
    yield from list_problems.findings(problems, images.source)


def _contradictions(images: ImageDataList, place: Location) -> Iterator[Finding]:
    """An image with two labels, in lists of good lines that are short enough for a quick look."""
    if images.problems() or len(images) > _COMPARED:
        return
    pair = images.contradiction()
    if pair is not None:
        first, second = pair
        yield PICTURE_OF_TWO_LABELS.at(
            place,
            f"'{printable(first.path)}' has label {first.label} in line {first.line} of "
            f"{images.source}, and label {second.label} in line {second.line}",
            "keep the line with the right label; for several labels per image there is 'ssdh data "
            "build --multi-label'",
        )


def _order(
    layer: Layer, images: ImageDataList, subject: Subject, place: Location
) -> Iterator[Finding]:
    """Training images that come class by class."""
    param = layer.parameter.image_data_param
    batch = param.batch_size * max(1, subject.solver.integer("iter_size") or 1)
    if not param.shuffle:
        hint = "write shuffle: true in image_data_param"
        yield from label_order.findings(images.labels, images.label_runs, batch, place, hint)


def _sizes(layer: Layer, files: ImageFiles) -> Iterator[Finding]:
    """Images of several sizes where nothing makes them equal."""
    param = layer.parameter.image_data_param
    is_made_equal = param.new_height or param.new_width or layer.parameter.transform_param.crop_size
    if is_made_equal or param.batch_size < 2:
        return
    pair = _neighbours_of_two_sizes(files)
    if pair is None:
        return
    index, sizes = pair
    is_in_order = not (param.shuffle or param.rand_skip)
    if (
        is_in_order
        and not (index + 1) % param.batch_size
        and not len(files.images) % param.batch_size
    ):
        return  # a batch ends between them, in every pass
    images = [files.images.image(each) for each in (index, index + 1)]
    yield SIZES_IN_A_BATCH.at(
        layer.location,
        " and ".join(
            f"'{printable(image.path)}' ({files.images.source}:{image.line}) is {size_text(size)}"
            for image, size in zip(images, sizes, strict=True)
        )
        + " (height x width): a batch of "
        + f"{param.batch_size} needs one size",
        "set new_height and new_width in image_data_param, or crop_size in transform_param",
    )


def _neighbours_of_two_sizes(files: ImageFiles) -> tuple[int, tuple[Size, Size]] | None:
    """The index of an image whose size differs from that of the next one."""
    before: tuple[int, Size] | None = None
    for index in spread(len(files.images), SIZED_IMAGES):
        size = files.size(index)
        if size is None:
            continue
        if before is not None and before[1] != size:
            return _between(files, before, (index, size))
        before = index, size
    return None


def _between(
    files: ImageFiles, first: tuple[int, Size], last: tuple[int, Size]
) -> tuple[int, tuple[Size, Size]] | None:
    """The neighbours of two sizes between two images, found by halving."""
    while last[0] - first[0] > 1:
        middle = (first[0] + last[0]) // 2
        size = files.size(middle)
        if size is None:
            return None
        if size == first[1]:
            first = middle, size
        else:
            last = middle, size
    return first[0], (first[1], last[1])
