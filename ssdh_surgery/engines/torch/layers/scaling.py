"""Scale and Bias: multiply and add a blob that is learned, or a second bottom, broadcast."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from ssdh_surgery.engines.torch.layers.base import Layer, count
from ssdh_surgery.engines.torch.layers.blob import Shape, shape_string


class _Broadcast(Layer):
    """What Scale and Bias share: a small blob laid along the bottom from an axis on."""

    min_bottoms = 1
    max_bottoms = 2
    exact_tops = 1
    noun: str

    def take_small(self, axis: int, bottom_shapes: Sequence[Shape]) -> None:
        """Find the axis that the small blob begins at, and check that the params still fit."""
        shape = bottom_shapes[0]
        small = bottom_shapes[1] if len(bottom_shapes) > 1 else self.params[0].shape
        self.start = self.axis(axis, shape) if small else 0
        for param, wanted in zip(self.params, self.param_shapes, strict=True):
            self.check(
                param.shape == wanted,
                f"dimension mismatch between bottom[0] ({shape_string(shape)}) and a {self.noun} "
                f"of {shape_string(param.shape)} from axis {self.start} on",
            )

    def laid(self, small: Tensor, bottom: Tensor) -> Tensor:
        """A blob with axes of one added, so that it multiplies or adds along the bottom."""
        after = bottom.dim() - self.start - small.dim()
        return small.reshape((*small.shape, *[1] * after))


class Bias(_Broadcast):
    """The bottom plus a bias, learned or a second bottom."""

    noun = "bias"

    def layer_setup(self, bottom_shapes: Sequence[Shape]) -> None:
        """Make the bias, if it is learned."""
        for shape in self.param_shapes:
            self.add_param(shape, self.param.bias_param.filler)

    def reshape(self, bottom_shapes: Sequence[Shape]) -> None:
        """Find where the bias is added."""
        self.take_small(self.param.bias_param.axis, bottom_shapes)

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The sums."""
        small = bottoms[1] if len(bottoms) > 1 else self.weight(0)
        return [bottoms[0] + self.laid(small, bottoms[0])]


class Scale(_Broadcast):
    """The bottom times a scale, learned or a second bottom; then plus a bias (`bias_term`)."""

    noun = "scale"

    def layer_setup(self, bottom_shapes: Sequence[Shape]) -> None:
        """Make the scale, if it is learned (1 where no filler is given), and the bias."""
        scale = self.param.scale_param
        filler = scale.filler
        if not scale.HasField("filler"):
            filler = type(filler)(type="constant", value=1)
        fillers = [scale.bias_filler] if len(bottom_shapes) > 1 else [filler, scale.bias_filler]
        for shape, each in zip(self.param_shapes, fillers, strict=False):
            self.add_param(shape, each)

    def reshape(self, bottom_shapes: Sequence[Shape]) -> None:
        """Find where it is multiplied and added."""
        self.take_small(self.param.scale_param.axis, bottom_shapes)

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The products, with the bias added."""
        top = bottoms[0] * self.laid(self._factors(bottoms), bottoms[0])
        if self.param.scale_param.bias_term:
            top = top + self.laid(self.weight(len(self.params) - 1), top)
        return [top]

    def _factors(self, bottoms: Sequence[Tensor]) -> Tensor:
        if len(bottoms) > 1:
            return bottoms[1]
        # With nothing before its axis, Caffe writes the diff of more than one factor.
        shape, factors = bottoms[0].shape, self.params[0].count
        is_alone = factors > 1 and count(shape, 0, self.start) == 1
        is_written = is_alone or factors == count(shape)
        return self.replacing_weight(0) if is_written else self.weight(0)
