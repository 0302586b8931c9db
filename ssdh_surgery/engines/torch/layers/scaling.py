"""Scale and Bias: multiply and add a blob that is learned, or a second bottom, broadcast."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from torch import Tensor

from ssdh_surgery.engines.torch.blob import Shape
from ssdh_surgery.engines.torch.layers.base import Layer

if TYPE_CHECKING:
    from ssdh_surgery.caffe.ssdh_caffe_pb2 import BiasParameter, FillerParameter, ScaleParameter


class _Broadcast(Layer):
    """What Scale and Bias share: a small blob laid along the bottom from an axis on."""

    min_bottoms = 1
    max_bottoms = 2
    exact_tops = 1
    noun: str

    def add_broadcast_param(
        self,
        settings: ScaleParameter | BiasParameter,
        filler: FillerParameter,
        shape: Shape,
        num_axes: int,
    ) -> None:
        """Make a blob of the bottom's axes that the settings name."""
        axis = self.axis(settings.axis, shape)
        self.check(
            num_axes >= -1,
            "num_axes must be non-negative, or -1 to extend to the end of bottom[0]",
        )
        self.check(
            len(shape) >= axis + num_axes,
            f"{self.noun} blob's shape extends past bottom[0]'s shape when applied starting "
            f"with bottom[0] axis = {axis}",
        )
        self.add_param(shape[axis:] if num_axes == -1 else shape[axis : axis + num_axes], filler)

    def check_broadcast(self, axis: int, shape: Shape, small: Shape) -> None:
        """Check that a blob lies along the bottom's axes, and remember where."""
        self.start = self.axis(axis, shape) if small else 0
        self.check(
            len(shape) >= self.start + len(small),
            f"{self.noun} blob's shape extends past bottom[0]'s shape when applied starting "
            f"with bottom[0] axis = {self.start}",
        )
        for i, size in enumerate(small):
            self.check(
                shape[self.start + i] == size,
                f"dimension mismatch between bottom[0]->shape({self.start + i}) and "
                f"{self.noun}->shape({i})",
            )

    def laid(self, small: Tensor, bottom: Tensor) -> Tensor:
        """A blob with axes of one added, so that it multiplies or adds along the bottom."""
        after = bottom.dim() - self.start - small.dim()
        return small.reshape(*small.shape, *[1] * after)


class Bias(_Broadcast):
    """The bottom plus a bias, learned or a second bottom."""

    noun = "bias"

    def layer_setup(self, bottom_shapes: Sequence[Shape]) -> None:
        """Make the bias, if it is learned."""
        bias = self.param.bias_param
        if len(bottom_shapes) == 1:
            self.add_broadcast_param(bias, bias.filler, bottom_shapes[0], bias.num_axes)

    def reshape(self, bottom_shapes: Sequence[Shape]) -> list[Shape]:
        """The first bottom's shape."""
        small = bottom_shapes[1] if len(bottom_shapes) > 1 else self.params[0].shape
        self.check_broadcast(self.param.bias_param.axis, bottom_shapes[0], small)
        return [bottom_shapes[0]]

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The sums."""
        small = bottoms[1] if len(bottoms) > 1 else self.weight(0)
        return [bottoms[0] + self.laid(small, bottoms[0])]


class Scale(_Broadcast):
    """The bottom times a scale, learned or a second bottom; then plus a bias (`bias_term`)."""

    noun = "scale"

    def layer_setup(self, bottom_shapes: Sequence[Shape]) -> None:
        """Make the scale, if it is learned (1 where no filler is given), and the bias."""
        scale, shape = self.param.scale_param, bottom_shapes[0]
        if len(bottom_shapes) == 1:
            filler = scale.filler
            if not scale.HasField("filler"):
                filler = type(filler)(type="constant", value=1)
            self.add_broadcast_param(scale, filler, shape, scale.num_axes)
        if scale.bias_term:
            axes = scale.num_axes if len(bottom_shapes) == 1 else len(bottom_shapes[1])
            self.add_broadcast_param(scale, scale.bias_filler, shape, axes)

    def reshape(self, bottom_shapes: Sequence[Shape]) -> list[Shape]:
        """The first bottom's shape."""
        small = bottom_shapes[1] if len(bottom_shapes) > 1 else self.params[0].shape
        self.check_broadcast(self.param.scale_param.axis, bottom_shapes[0], small)
        return [bottom_shapes[0]]

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The products, with the bias added."""
        small = bottoms[1] if len(bottoms) > 1 else self.weight(0)
        top = bottoms[0] * self.laid(small, bottoms[0])
        if self.param.scale_param.bias_term:
            top = top + self.laid(self.weight(len(self.params) - 1), top)
        return [top]
