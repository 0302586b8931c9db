"""What Caffe's DataTransformer refuses of a `transform_param`, alone and for images of a size.

`ssdh check` asks before a run, and the transformer itself for every image.
Source: data_transformer.cpp.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from ssdh_surgery.data.datum import Shape
from ssdh_surgery.names import count_text, size_text


class TransformRefusal(NamedTuple):
    """A field of a `transform_param` that is refused, and why."""

    field: str
    message: str
    hint: str | None = None


def conflicts(param: Any) -> Iterator[TransformRefusal]:
    """The fields that exclude each other.

    Caffe looks at `force_color` and `force_gray` only where records are encoded.
    """
    if param.HasField("mean_file") and len(param.mean_value):
        yield TransformRefusal("mean_value", "mean_file and mean_value cannot both be set")
    if param.force_color and param.force_gray:
        yield TransformRefusal("force_gray", "force_color and force_gray cannot both be set")


def misfits(
    param: Any,
    mean_shape: tuple[int, ...] | None,
    shape: Shape,
    *,
    images: str = "the image",
    mean: str = "the mean",
) -> Iterator[TransformRefusal]:
    """The fields that do not suit images of a shape; `images` and `mean` name both ends."""
    channels, height, width = shape
    if param.crop_size and min(height, width) < param.crop_size:
        yield TransformRefusal(
            "crop_size",
            f"crop_size {param.crop_size} is larger than {images} of {_size(shape)}",
            "resize the images when building the LMDB, or set a smaller crop_size",
        )
    if mean_shape is not None and mean_shape != shape:
        is_cropped = param.crop_size and mean_shape[1:] == (param.crop_size, param.crop_size)
        yield TransformRefusal(
            "mean_file",
            f"{mean} is {_size(mean_shape)}, {images} {size_text(shape)}",
            "a mean file has the size of the images before the crop"
            + ("; this one has the size of the crop" if is_cropped else ""),
        )
    if len(param.mean_value) not in (0, 1, channels):
        yield TransformRefusal(
            "mean_value",
            f"{count_text(len(param.mean_value), 'mean value')} for {images} with "
            f"{count_text(channels, 'channel')}",
            "give one mean_value, or one per channel",
        )


def _size(shape: tuple[int, ...]) -> str:
    return size_text(shape) + " (channels x height x width)"
