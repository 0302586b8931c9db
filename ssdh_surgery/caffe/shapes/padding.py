"""V0's padding layers, which Caffe's upgrade folds into the layer above them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ssdh_surgery.caffe.net.layer import Layer, integer
from ssdh_surgery.caffe.shapes.net_shapes import LayerShapes
from ssdh_surgery.caffe.shapes.subject import Shape

if TYPE_CHECKING:
    from ssdh_surgery.caffe.messages.schema import LayerParameter


class Padding:
    """The padding layers so far."""

    def __init__(self) -> None:
        # Top -> bottom, pad.
        self._padded: dict[str, tuple[str, int]] = {}

    def layer_shapes(self, layer: Layer, blobs: Mapping[str, Shape | None]) -> LayerShapes:
        """What a padding layer makes of its bottom, which no blob of Caffe is."""
        pad = integer(layer.core, "pad", 0) or 0
        bottom = layer.bottoms[0] if layer.bottoms else ""
        self._padded.update((top, (bottom, pad)) for top in layer.tops)
        shape = blobs.get(bottom)
        padded = shape
        if shape is not None and len(shape) == 4:
            padded = (*shape[:2], shape[2] + 2 * pad, shape[3] + 2 * pad)
        return LayerShapes(layer, (shape,), (padded,) * len(layer.tops), (), 0, 0)

    def folded(self, layer: Layer) -> tuple[LayerParameter, tuple[str, ...]]:
        """A layer's message and bottoms with the padding below it as its own."""
        if not self._padded or not any(name in self._padded for name in layer.bottoms):
            return layer.parameter, layer.bottoms
        param: LayerParameter = type(layer.parameter)()
        param.CopyFrom(layer.parameter)
        bottoms = list(layer.bottoms)
        for index, name in enumerate(layer.bottoms):
            if name not in self._padded:
                continue
            bottoms[index], pad = self._padded[name]
            if layer.type == "Convolution":
                param.convolution_param.pad[:] = [pad]
            elif layer.type == "Pooling":
                param.pooling_param.pad = pad
        return param, tuple(bottoms)
