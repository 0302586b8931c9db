"""V0's padding layers, which Caffe's upgrade folds into the convolution or pooling after them.

Source: UpgradeV0PaddingLayers in Caffe's upgrade_proto.cpp.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ssdh_surgery.caffe.net.layer import Layer, integer

if TYPE_CHECKING:
    from ssdh_surgery.caffe.messages.schema import LayerParameter

# The only layers that Caffe lets read a padding layer.
READERS = ("Convolution", "Pooling")


class Padding:
    """The padding layers seen so far in a walk over a net."""

    def __init__(self) -> None:
        # By top: the padding layer's bottom, and its pad.
        self._pads: dict[str, tuple[str, int]] = {}

    def add(self, layer: Layer) -> None:
        """Record a padding layer."""
        bottom = layer.bottoms[0] if layer.bottoms else ""
        self._pads.update((top, (bottom, pad_of(layer))) for top in layer.tops)

    def fold(self, layer: Layer) -> tuple[LayerParameter, tuple[str, ...]]:
        """A layer's message and bottoms, with the padding layers that it reads folded into it."""
        if not any(name in self._pads for name in layer.bottoms):
            return layer.parameter, layer.bottoms
        param: LayerParameter = type(layer.parameter)()
        param.CopyFrom(layer.parameter)
        for index, name in enumerate(param.bottom):
            if name not in self._pads:
                continue
            param.bottom[index], pad = self._pads[name]
            if layer.type == "Convolution":
                param.convolution_param.pad[:] = [pad]
            elif layer.type == "Pooling":
                param.pooling_param.pad = pad
        return param, tuple(self._pads.get(name, (name, 0))[0] for name in layer.bottoms)


def pad_of(layer: Layer) -> int:
    """The pad of a padding layer; 0 by default, as in Caffe."""
    return integer(layer.core, "pad", 0) or 0
