"""Images of a batch: their shape, and their pixels written into the batch's array."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ssdh_surgery.data.transform import Chance, DataTransformer, Pixels
from ssdh_surgery.errors import DataError
from ssdh_surgery.names import size_text

if TYPE_CHECKING:
    from ssdh_surgery.engines.torch.sources.prefetch import Array


def write_image(transformer: DataTransformer, pixels: Pixels, chance: Chance, array: Array) -> None:
    """Transform an image [C, H, W] and write it to its place [C, H, W] in a batch.

    Raises:
        DataError: its shape, after the transform, is not that of the batch.
    """
    channels, height, width = image_shape = pixels.shape
    shape = transformer.shape((channels, height, width))
    if shape != array.shape:
        cropped = f" ({size_text(shape)} when cropped)" if shape != image_shape else ""
        raise DataError(
            f"is {size_text(image_shape)}{cropped}, but its batch is {size_text(array.shape)} "
            "(channels x height x width)",
            hint="all images of a batch need one shape: resize them when building the data, or "
            "set crop_size",
        )
    transformer(pixels, chance, out=array)
