"""Scale and Bias: multiply by or add a broadcast blob, which is learned or a second bottom."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from ssdh_surgery.caffe.shapes.layer_setup import Shape, count, shape_string
from ssdh_surgery.engines.torch.layers.layer import TorchLayer


class _Broadcast(TorchLayer):
    """The base of Scale and Bias: a small blob broadcast along the bottom from an axis on."""

    noun: str

    def align(self, axis: int, bottom_shapes: Sequence[Shape]) -> None:
        """Set the axis where the small blob starts, and check that the params still fit."""
        shape = bottom_shapes[0]
        small = bottom_shapes[1] if len(bottom_shapes) > 1 else self.params[0].shape
        self.start = self.axis(axis, shape) if small else 0
        for param, expected in zip(self.params, self.param_shapes, strict=True):
            self.check(
                param.shape == expected,
                f"dimension mismatch between bottom[0] ({shape_string(shape)}) and a {self.noun} "
                f"of {shape_string(param.shape)} from axis {self.start} on",
            )

    def expand(self, small: Tensor, bottom: Tensor) -> Tensor:
        """The small blob with trailing axes of size 1, to broadcast along the bottom."""
        trailing = bottom.dim() - self.start - small.dim()
        return small.reshape((*small.shape, *[1] * trailing))


class Bias(_Broadcast):
    """The bottom plus a bias, which is learned or a second bottom."""

    noun = "bias"

    def layer_setup(self, bottom_shapes: Sequence[Shape]) -> None:
        """Create the bias, if it is learned."""
        for shape in self.param_shapes:
            self.add_param(shape, self.param.bias_param.filler)

    def reshape(self, bottom_shapes: Sequence[Shape]) -> None:
        """Set the axis of the bias."""
        self.align(self.param.bias_param.axis, bottom_shapes)

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The sums."""
        small = bottoms[1] if len(bottoms) > 1 else self.weight(0)
        return [bottoms[0] + self.expand(small, bottoms[0])]


class Scale(_Broadcast):
    """The bottom times a scale, which is learned or a second bottom, plus a bias (`bias_term`)."""

    noun = "scale"

    def layer_setup(self, bottom_shapes: Sequence[Shape]) -> None:
        """Create the scale, if it is learned (1 by default), and the bias."""
        scale = self.param.scale_param
        filler = scale.filler
        if not scale.HasField("filler"):
            filler = type(filler)(type="constant", value=1)
        fillers = [scale.bias_filler] if len(bottom_shapes) > 1 else [filler, scale.bias_filler]
        for shape, param_filler in zip(self.param_shapes, fillers, strict=False):
            self.add_param(shape, param_filler)

    def reshape(self, bottom_shapes: Sequence[Shape]) -> None:
        """Set the axis of scale and bias."""
        self.align(self.param.scale_param.axis, bottom_shapes)

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The products plus the bias."""
        top = bottoms[0] * self.expand(self._factors(bottoms), bottoms[0])
        if self.param.scale_param.bias_term:
            top = top + self.expand(self.weight(len(self.params) - 1), top)
        return [top]

    def _factors(self, bottoms: Sequence[Tensor]) -> Tensor:
        if len(bottoms) > 1:
            return bottoms[1]
        # Caffe overwrites the diff of several factors if there is nothing before their axis.
        shape, factors = bottoms[0].shape, self.params[0].count
        covers_all_items = factors > 1 and count(shape, 0, self.start) == 1
        is_overwritten = covers_all_items or factors == count(shape)
        return self.replacing_weight(0) if is_overwritten else self.weight(0)
