"""Means and crops that do not suit the images: SSDH130 to SSDH134, SSDH143."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.data.datum import Shape
from ssdh_surgery.data.transform_rules import TransformRefusal, conflicts, misfits
from ssdh_surgery.errors import SsdhError
from ssdh_surgery.findings import (
    COLOR_AND_GRAY,
    CROP_TOO_LARGE,
    MEAN_FILE_AND_VALUES,
    MEAN_OF_ANOTHER_SIZE,
    MEAN_VALUE_COUNT,
    UNREADABLE_MEAN,
    Finding,
    FindingRule,
)
from ssdh_surgery.location import Location
from ssdh_surgery.pipeline.check.data.images import image_sizes
from ssdh_surgery.pipeline.check.data.means import mean_of
from ssdh_surgery.pipeline.check.subject import Subject

# The layers whose images have a mean and a crop.
_TRANSFORMED = frozenset(["Data", "ImageData", "WindowData"])
_CONFLICTS = {"mean_value": MEAN_FILE_AND_VALUES, "force_gray": COLOR_AND_GRAY}
_MISFITS = {
    "crop_size": CROP_TOO_LARGE,
    "mean_file": MEAN_OF_ANOTHER_SIZE,
    "mean_value": MEAN_VALUE_COUNT,
}


def findings(subject: Subject) -> Iterator[Finding]:
    """The findings about the mean and the crop of each data layer."""
    for net, state in subject.nets:
        for layer in net.layers_in(state):
            if layer.type in _TRANSFORMED:
                yield from _of_mean(layer, subject)
                yield from _of_images(layer, subject)


def _of_mean(layer: Layer, subject: Subject) -> Iterator[Finding]:
    """A mean file that holds no mean."""
    try:
        mean_of(layer, subject.folder)
    except SsdhError as error:
        name = layer.parameter.transform_param.mean_file
        yield UNREADABLE_MEAN.at(
            setting_location(layer, "mean_file"), f"{name}: {error.message}", error.hint
        )


def _mean_shape(layer: Layer, folder: Path) -> Shape | None:
    """(channels, height, width) of the mean of a layer, None if it has none."""
    try:
        mean = mean_of(layer, folder)
    except SsdhError:
        return None
    if mean is None:
        return None
    channels, height, width = mean.shape
    return channels, height, width


def _of_images(layer: Layer, subject: Subject) -> Iterator[Finding]:
    param = layer.parameter.transform_param
    sizes = list(image_sizes(layer, subject))
    for refusal in conflicts(param):
        if refusal.field != "force_gray" or any(each.is_encoded for each in sizes):
            yield _finding(_CONFLICTS[refusal.field], layer, refusal)
    # The mean of windows has rules of its own.
    mean = None if layer.type == "WindowData" else _mean_shape(layer, subject.folder)
    fields = set()
    for shape, images, _ in sizes:
        for refusal in misfits(param, mean, shape, images=images, mean=param.mean_file):
            if refusal.field not in fields and not _is_of_layer_setup(layer, refusal):
                fields.add(refusal.field)
                yield _finding(_MISFITS[refusal.field], layer, refusal)


def _is_of_layer_setup(layer: Layer, refusal: TransformRefusal) -> bool:
    """Whether the net alone tells it: the family of nets reports that."""
    param = layer.parameter.image_data_param
    return refusal.field == "crop_size" and bool(layer.type == "ImageData" and param.new_height)


def _finding(rule: FindingRule, layer: Layer, refusal: TransformRefusal) -> Finding:
    return rule.at(setting_location(layer, refusal.field), refusal.message, refusal.hint)


def setting_location(layer: Layer, field: str) -> Location:
    """The place of a field of a layer's `transform_param`, else of the layer."""
    entries = layer.settings("transform_param", field)
    return entries[-1].location if entries else layer.location
