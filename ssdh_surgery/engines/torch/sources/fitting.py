"""Whether a picture goes into a batch that another picture has given its shape."""

from __future__ import annotations

from ssdh_surgery.data.transform import Transformer
from ssdh_surgery.engines.torch.layers.blob import Shape
from ssdh_surgery.errors import DataError
from ssdh_surgery.names import size_text


def refuse_other_shape(transformer: Transformer, picture: Shape, wanted: Shape) -> None:
    """Refuse a picture [C, H, W] that does not become what the batch holds.

    Raises:
        DataError: naming both shapes.
    """
    channels, height, width = picture
    becomes = transformer.shape((channels, height, width))
    if becomes != wanted:
        cropped = f" ({size_text(becomes)} when cropped)" if becomes != picture else ""
        raise DataError(
            f"is {size_text(picture)}{cropped}, the batch that it belongs to is of "
            f"{size_text(wanted)} (channels x height x width)",
            hint="all pictures of a batch need one shape: resize them when the data are made, "
            "or set crop_size",
        )
