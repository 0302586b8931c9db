"""The base class of the embedded engine's layers: set up from shapes, run forward on tensors.

The rules in `caffe.shapes` make the checks of Caffe's LayerSetUp and Reshape, in Caffe's words;
a layer only refuses what those rules cannot know. Its backward pass is what autograd derives
from the forward pass; where Caffe's gradient differs, the layer uses `with_gradient` or an
autograd function of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

import torch
from torch import Tensor

from ssdh_surgery.caffe.net.gradient_flow import gradient_refusal
from ssdh_surgery.caffe.net.layer_rules import LAYER_RULES
from ssdh_surgery.caffe.shapes.layer_setup import LayerSetup, Refusal, Shape, count, shape_string
from ssdh_surgery.caffe.shapes.rules import check_counts, layer_shapes
from ssdh_surgery.engines.torch.layers.fillers import fill
from ssdh_surgery.engines.torch.layers.layer_context import LayerContext
from ssdh_surgery.engines.torch.layers.tensor_blob import TensorParam
from ssdh_surgery.errors import EngineError
from ssdh_surgery.location import Location
from ssdh_surgery.names import printable

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from ssdh_surgery.caffe.messages.ssdh_caffe_pb2 import FillerParameter, LayerParameter
    from ssdh_surgery.caffe.net.layer import Layer


class TorchLayer:
    """One layer of a net; how many blobs its type takes is in `caffe.net.layer_rules`.

    Args:
        param: the layer's message in the current dialect.
        context: what the net gives its layers.
        view: the layer's text, if it has one.
    """

    # Bottoms that `force_backward` does not reach.
    blind_bottoms: ClassVar[frozenset[int]] = frozenset()
    # Whether Caffe's backward pass reads the values of the bottom or the top again. If so, the
    # layer has a method `gradient(top_diff, bottom, top)` for values that were overwritten.
    rereads_bottom: ClassVar[bool] = False
    rereads_top: ClassVar[bool] = False
    # Whether Caffe's in-place gradient is wrong (unrelated to the top's diff): ours is right.
    is_wrong_in_place: ClassVar[bool] = False

    def __init__(
        self, param: LayerParameter, context: LayerContext, view: Layer | None = None
    ) -> None:
        # A copy, since some layers complete their parameters.
        self.param: LayerParameter = type(param)()
        self.param.CopyFrom(param)
        self.name = param.name
        self.type = param.type
        self.context = context
        self.view = view
        self.location: Location | None = view.location if view else None
        self.phase = context.phase
        if param.HasField("phase"):
            self.phase = self.choice(param, "phase")
        self.num_tops = len(param.top) + self._automatic_tops
        self.params: list[TensorParam] = []
        # Whether each param needs a gradient from this layer.
        self.param_propagate_down: list[bool] = []
        self.loss_weights: list[float] = list(param.loss_weight)
        self.top_shapes: list[Shape] = []
        self.param_shapes: list[Shape] = []

    def __repr__(self) -> str:
        ends = f"{', '.join(self.param.bottom)} -> {', '.join(self.param.top)}".strip()
        return f"<{type(self).__name__} '{printable(self.name)}': {printable(ends)}>"

    @property
    def _automatic_tops(self) -> int:
        """The number of tops that the net adds because the prototxt omits them."""
        rule = LAYER_RULES[self.type]
        return max(0, rule.tops[0] - len(self.param.top)) if rule.has_automatic_tops else 0

    @property
    def blobs(self) -> list[TensorParam]:
        """The params, under pycaffe's name for them."""
        return self.params

    # What a layer defines.

    @property
    def is_exact_in_place(self) -> bool:
        """Whether the gradient is the same if computed from the top instead of the bottom."""
        return False

    def layer_setup(self, bottom_shapes: Sequence[Shape]) -> None:
        """Read the parameters and create the params; runs once."""

    def reshape(self, bottom_shapes: Sequence[Shape]) -> None:
        """Read what depends on the bottoms' shapes; the rule has set `top_shapes`."""

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor | None]:
        """The tops; None for one whose blob stays unchanged."""
        raise NotImplementedError

    def first_tops(self) -> Sequence[Tensor | None]:
        """The initial contents of the tops, in order; None for one without any."""
        return []

    def takes_gradient(self, bottom: int) -> bool:
        """Whether `force_backward` reaches a bottom (Caffe's AllowForceBackward)."""
        return bottom not in self.blind_bottoms

    def refuse_backward(self, propagate_down: Sequence[bool]) -> None:
        """Refuse a gradient that Caffe does not compute.

        Raises:
            EngineError: a gradient is needed for a bottom that takes none.
        """
        if reason := gradient_refusal(self.type, propagate_down):
            self.fail(reason)

    # How a net sets it up.

    def setup(self, bottom_shapes: Sequence[Shape]) -> list[Shape]:
        """Check the number of blobs, set up the layer, and return the shapes of its tops."""
        with self._refusals():
            check_counts(self.param, self.num_tops)
        self._apply_rule(bottom_shapes)
        self.layer_setup(bottom_shapes)
        self.reshape(bottom_shapes)
        self.param_propagate_down = [True] * len(self.params)
        if self.loss_weights and len(self.loss_weights) != self.num_tops:
            self.fail("loss_weight must be unspecified or specified once per top blob.")
        return self.top_shapes

    def shape_tops(self, bottom_shapes: Sequence[Shape]) -> list[Shape]:
        """The shapes of the tops for bottoms whose shapes have changed since setup."""
        self._apply_rule(bottom_shapes)
        self.reshape(bottom_shapes)
        return self.top_shapes

    def _apply_rule(self, bottom_shapes: Sequence[Shape]) -> None:
        """Take the shapes of tops and params from the rule, or stop where Caffe would."""
        with self._refusals():
            shaped = layer_shapes(LayerSetup(self.param, bottom_shapes, self.num_tops))
        # A scalar stands in for a shape that only the data or the user can supply.
        self.top_shapes = [() if shape is None else shape for shape in shaped.tops]
        self.param_shapes = list(shaped.params)
        # Caffe sets up a layer with empty tops, and stops when it runs.
        if not bottom_shapes or not all(map(count, bottom_shapes)):
            return
        for shape in self.top_shapes:
            if not count(shape):
                self.fail(
                    "Check failed: data_",
                    f"a top would be empty ({shape_string(shape)}); the bottom is "
                    f"{shape_string(bottom_shapes[0])}",
                )

    @contextmanager
    def _refusals(self) -> Iterator[None]:
        """Turn the refusal of a rule into an error at its place in the text."""
        try:
            yield
        except Refusal as refusal:
            error = self.error(refusal.message, refusal.hint)
            if self.view:
                error.location = refusal.place(self.view)
            raise error from None

    # What a layer is built with.

    def weight(self, index: int) -> Tensor:
        """A param's tensor, detached from the graph if it needs no gradient."""
        tensor = self.params[index].tensor
        return tensor if self.param_propagate_down[index] else tensor.detach()

    def replacing_weight(self, index: int) -> Tensor:
        """A param's tensor whose gradient replaces the previous one.

        In a few cases Caffe overwrites a param's diff where it should add to it.
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
        """Create a param; without a filler it is all zeros."""
        param = TensorParam(shape, self.context.device)
        if filler is not None:
            self.fill(param.leaf, filler)
        self.params.append(param)

    def fill(self, tensor: Tensor, filler: FillerParameter) -> None:
        """Fill a tensor in place.

        Raises:
            EngineError: the filler is invalid; names the layer.
        """
        try:
            fill(tensor, filler, self.context.generator)
        except EngineError as error:
            raise self.error(error.message, hint=error.hint) from None

    def choice(self, message: Message, field: str) -> str:
        """The name of the value of an enum field."""
        kind = message.DESCRIPTOR.fields_by_name[field].enum_type
        assert kind is not None
        return str(kind.values_by_number[getattr(message, field)].name)

    def axis(self, axis: int, shape: Shape) -> int:
        """An axis counted from the front; a negative one counts from the end."""
        return axis % len(shape)

    def check(self, holds: bool, message: str) -> None:
        """Stop unless a condition holds.

        Raises:
            EngineError: it does not; `message` states the requirement.
        """
        if not holds:
            self.fail(message)

    def fail(self, message: str, hint: str | None = None) -> NoReturn:
        """Stop with an error that names the layer and its place."""
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
