"""What every layer of the embedded engine is: set up from shapes, run forward on tensors.

What Caffe's LayerSetUp and Reshape check, the rules in `caffe.shapes` check, in Caffe's words;
a layer refuses only what these cannot know. Its backward pass is what autograd makes of its
forward pass; where Caffe's gradient is another, the layer says so with `with_gradient` or a
function of its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, Protocol

import torch
from torch import Tensor

from ssdh_surgery.caffe.shapes.layer_setup import LayerSetup, Refusal
from ssdh_surgery.caffe.shapes.rules import layer_shapes
from ssdh_surgery.engines.torch.layers.blob import Param, Shape, shape_string
from ssdh_surgery.engines.torch.layers.fillers import fill
from ssdh_surgery.errors import EngineError
from ssdh_surgery.location import Location

if TYPE_CHECKING:
    import numpy as np
    from google.protobuf.message import Message
    from numpy.typing import NDArray

    from ssdh_surgery.caffe.messages.ssdh_caffe_pb2 import FillerParameter, LayerParameter
    from ssdh_surgery.caffe.net.layer import Layer as LayerView


class Source(Protocol):
    """Where a data layer's batches come from.

    `shapes` are those of the tops, known before the first batch; a batch may have others.
    """

    shapes: Sequence[Shape]

    def next(self) -> Sequence[NDArray[np.float32]]:
        """The next batch, one float32 array for each top."""
        ...


@dataclass(frozen=True)
class Setting:
    """What a net gives to its layers: phase, device, randomness, and its data.

    `open_source` opens the source of a data layer from its LayerParameter.
    """

    phase: str
    device: torch.device
    generator: torch.Generator
    open_source: Callable[[LayerParameter, Setting], Source] | None = None


class Layer:
    """One layer of a net: the class attributes say how many blobs it takes and gives.

    Args:
        param: the layer's message in the current dialect.
        setting: what the net gives to its layers.
        view: the layer's text, where it has some.
    """

    exact_bottoms: ClassVar[int | None] = None
    min_bottoms: ClassVar[int] = 0
    max_bottoms: ClassVar[int | None] = None
    exact_tops: ClassVar[int | None] = None
    min_tops: ClassVar[int] = 0
    max_tops: ClassVar[int | None] = None
    has_equal_counts: ClassVar[bool] = False
    # Whether the net adds tops that the prototxt leaves out (Caffe's AutoTopBlobs).
    has_automatic_tops: ClassVar[bool] = False
    allows_in_place: ClassVar[bool] = True
    # The bottoms that never take a gradient, and Caffe's words for it.
    blind_bottoms: ClassVar[frozenset[int]] = frozenset()
    has_gradient: ClassVar[bool] = True
    # Whether Caffe's backward pass reads the bottom's or the top's values again: then the
    # layer has a method `gradient(top_diff, bottom, top)` for values that were overwritten.
    rereads_bottom: ClassVar[bool] = False
    rereads_top: ClassVar[bool] = False
    # Whether Caffe's gradient in place has nothing to do with the top's diff: ours is right.
    is_wrong_in_place: ClassVar[bool] = False

    def __init__(
        self, param: LayerParameter, setting: Setting, view: LayerView | None = None
    ) -> None:
        # A copy: some layers complete their settings.
        self.param: LayerParameter = type(param)()
        self.param.CopyFrom(param)
        self.name = param.name
        self.type = param.type
        self.setting = setting
        self.view = view
        self.location: Location | None = view.location if view else None
        self.phase = setting.phase
        if param.HasField("phase"):
            self.phase = self.choice(param, "phase")
        self.num_tops = len(param.top)
        self.params: list[Param] = []
        # Whether the gradient of each param is wanted here.
        self.param_propagate_down: list[bool] = []
        self.loss_weights: list[float] = list(param.loss_weight)
        self.top_shapes: list[Shape] = []
        self.param_shapes: list[Shape] = []

    @property
    def blobs(self) -> list[Param]:
        """The params, by pycaffe's name."""
        return self.params

    # What a layer defines.

    @property
    def is_exact_in_place(self) -> bool:
        """Whether it finds the same gradient when it reads its own top in place of the bottom."""
        return False

    def layer_setup(self, bottom_shapes: Sequence[Shape]) -> None:
        """Read the settings and make the params; runs once."""

    def reshape(self, bottom_shapes: Sequence[Shape]) -> None:
        """Read what depends on the bottoms' shapes; `top_shapes` has what the rule says."""

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor | None]:
        """The tops; None for one whose blob stays as it is."""
        raise NotImplementedError

    def first_tops(self) -> Sequence[Tensor | None]:
        """What tops hold from the start on, by their order; None for one that does not."""
        return []

    def takes_gradient(self, bottom: int) -> bool:
        """Whether `force_backward` reaches a bottom (Caffe's AllowForceBackward)."""
        return bottom not in self.blind_bottoms

    def refuse_backward(self, propagate_down: Sequence[bool]) -> None:
        """Stop at a gradient that Caffe does not compute.

        Raises:
            EngineError: a bottom that takes no gradient is asked for one.
        """
        if not self.has_gradient and any(propagate_down):
            self.fail("has no gradient: nothing below it can be trained through it")
        if any(wanted and i in self.blind_bottoms for i, wanted in enumerate(propagate_down)):
            self.fail(f"{self.type} Layer cannot backpropagate to label inputs.")

    # What it is built with.

    def setup(self, bottom_shapes: Sequence[Shape]) -> list[Shape]:
        """Check the number of blobs, set the layer up, and give the shapes of its tops."""
        self._check_counts(len(bottom_shapes))
        self._ask_rule(bottom_shapes)
        self.layer_setup(bottom_shapes)
        self.reshape(bottom_shapes)
        self.param_propagate_down = [True] * len(self.params)
        if self.loss_weights and len(self.loss_weights) != self.num_tops:
            self.fail("loss_weight must be unspecified or specified once per top blob.")
        return self.top_shapes

    def shape_tops(self, bottom_shapes: Sequence[Shape]) -> list[Shape]:
        """The shapes of the tops for other bottoms than it was set up with."""
        self._ask_rule(bottom_shapes)
        self.reshape(bottom_shapes)
        return self.top_shapes

    def _ask_rule(self, bottom_shapes: Sequence[Shape]) -> None:
        """Take the shapes that Caffe would give to tops and params, or stop where it would."""
        try:
            shaped = layer_shapes(LayerSetup(self.param, bottom_shapes, self.num_tops))
        except Refusal as refusal:
            error = self.error(refusal.message, refusal.hint)
            if self.view:
                error.location = refusal.place(self.view)
            raise error from None
        # A scalar stands for what only data or a user can tell.
        self.top_shapes = [() if shape is None else shape for shape in shaped.tops]
        self.param_shapes = list(shaped.params)
        self._refuse_empty_tops(bottom_shapes)

    def _refuse_empty_tops(self, bottom_shapes: Sequence[Shape]) -> None:
        """Stop where nothing is made of something: Caffe sets that up, and stops when it runs."""
        if not bottom_shapes or not all(map(count, bottom_shapes)):
            return
        for shape in self.top_shapes:
            if not count(shape):
                self.fail(
                    "Check failed: data_",
                    f"a top would be empty ({shape_string(shape)}), the bottom is "
                    f"{shape_string(bottom_shapes[0])}",
                )

    def weight(self, index: int) -> Tensor:
        """A param's tensor, cut from the graph when its gradient is not wanted."""
        tensor = self.params[index].tensor
        return tensor if self.param_propagate_down[index] else tensor.detach()

    def replacing_weight(self, index: int) -> Tensor:
        """A param's tensor whose gradient takes the place of the one before.

        In a few cases Caffe writes a param's diff where it should add to it.
        """
        weight, leaf = self.weight(index), self.params[index].leaf
        if not (torch.is_grad_enabled() and weight.requires_grad):
            return weight

        def replace(diff: Tensor) -> Tensor:
            return diff if leaf.grad is None else diff - leaf.grad.view(diff.shape)

        hooked: Any = weight.view_as(weight)
        hooked.register_hook(replace)
        return torch.as_tensor(hooked)

    def add_param(self, shape: Shape, filler: FillerParameter | None = None) -> None:
        """Make a param; without a filler it is zeros."""
        param = Param(shape, self.setting.device)
        if filler is not None:
            self.fill(param.leaf, filler)
        self.params.append(param)

    def fill(self, tensor: Tensor, filler: FillerParameter) -> None:
        """Fill a tensor in place.

        Raises:
            EngineError: the filler is no good, naming the layer.
        """
        try:
            fill(tensor, filler, self.setting.generator)
        except EngineError as error:
            raise self.error(error.message, hint=error.hint) from None

    def choice(self, message: Message, field: str) -> str:
        """The value of an enum field by its name."""
        kind = message.DESCRIPTOR.fields_by_name[field].enum_type
        assert kind is not None
        return str(kind.values_by_number[getattr(message, field)].name)

    def axis(self, axis: int, shape: Shape) -> int:
        """An axis counted from the front, one that may be counted from the end."""
        return axis % len(shape)

    def check(self, holds: bool, message: str) -> None:
        """Stop unless something holds.

        Raises:
            EngineError: it does not; `message` says what should.
        """
        if not holds:
            self.fail(message)

    def fail(self, message: str, hint: str | None = None) -> NoReturn:
        """Stop, naming the layer and its place."""
        raise self.error(message, hint)

    def error(self, message: str, hint: str | None = None, **data: Any) -> EngineError:
        """An error that names the layer and its place."""
        return EngineError(
            f"layer '{self.name}' ({self.type}): {message}",
            location=self.location,
            hint=hint,
            layer=self.name,
            **data,
        )

    def _check_counts(self, bottoms: int) -> None:
        exact, least, most = self.exact_bottoms, self.min_bottoms, self.max_bottoms
        self.check(
            exact in (None, bottoms),
            f"{self.type} Layer takes {exact} bottom blob(s) as input, not {bottoms}.",
        )
        self.check(
            bottoms >= least,
            f"{self.type} Layer takes at least {least} bottom blob(s) as input, not {bottoms}.",
        )
        self.check(
            most is None or bottoms <= most,
            f"{self.type} Layer takes at most {most} bottom blob(s) as input, not {bottoms}.",
        )
        tops, exact, least, most = self.num_tops, self.exact_tops, self.min_tops, self.max_tops
        self.check(
            exact in (None, tops),
            f"{self.type} Layer produces {exact} top blob(s) as output, not {tops}.",
        )
        self.check(
            tops >= least,
            f"{self.type} Layer produces at least {least} top blob(s) as output, not {tops}.",
        )
        self.check(
            most is None or tops <= most,
            f"{self.type} Layer produces at most {most} top blob(s) as output, not {tops}.",
        )
        self.check(
            not self.has_equal_counts or bottoms == tops,
            f"{self.type} Layer produces one top blob as output for each bottom blob input.",
        )


class NeuronLayer(Layer):
    """A layer that makes one top of one bottom, of the same shape."""

    exact_bottoms = 1
    exact_tops = 1


class _WithGradient(torch.autograd.Function):
    @staticmethod
    def forward(
        context: Any, value: Tensor, gradients: Sequence[Tensor], *inputs: Tensor
    ) -> Tensor:
        context.save_for_backward(*gradients)
        return value.clone()

    @staticmethod
    def backward(context: Any, top_diff: Tensor) -> tuple[Tensor | None, ...]:
        wanted = zip(context.saved_tensors, context.needs_input_grad[2:], strict=True)
        return None, None, *(top_diff * gradient if need else None for gradient, need in wanted)


def with_gradient(
    value: Tensor, inputs: Sequence[Tensor], gradients: Callable[[], Sequence[Tensor]]
) -> Tensor:
    """A value whose gradient is given: the top's times `gradients()`, one for each input.

    They are called for only where a gradient can be asked for. `value` needs no graph.
    """
    if not (torch.is_grad_enabled() and any(tensor.requires_grad for tensor in inputs)):
        return value.detach()
    with torch.no_grad():
        given = gradients()
    apply: Any = _WithGradient.apply
    result: Tensor = apply(value.detach(), given, *inputs)
    return result


def count(shape: Shape, start: int = 0, end: int | None = None) -> int:
    """The number of values of an array whose axes are those from `start` to before `end`."""
    return math.prod(shape[start:end])
