"""A net on PyTorch: its plan run forward and backward, in one graph or layer by layer.

`run` is for training and encoding: one pass, with one graph over the whole net.
`forward_steps` and `backward_steps` keep every blob and diff, to be read and written between
layers as in Caffe.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ssdh_surgery.caffe.messages.schema import LayerParameter
from ssdh_surgery.caffe.net.net import Net as NetView
from ssdh_surgery.caffe.net.phase import State
from ssdh_surgery.caffe.shapes.layer_setup import shape_string
from ssdh_surgery.engines.layer_specs import read_specs
from ssdh_surgery.engines.runner import unknown_blob
from ssdh_surgery.engines.torch.layers.layer import TorchLayer
from ssdh_surgery.engines.torch.layers.layer_context import BatchSource, LayerContext
from ssdh_surgery.engines.torch.net.gradient_flow import set_gradient_flow
from ssdh_surgery.engines.torch.net.in_place_gradients import find_overwritten, forward
from ssdh_surgery.engines.torch.net.params import LearnableParam, learnable_params
from ssdh_surgery.engines.torch.net.plan import LayerStep, device_of, plan, update_shapes
from ssdh_surgery.engines.torch.net.registry import refuse_unsupported
from ssdh_surgery.errors import EngineError
from ssdh_surgery.prototxt import literals

OpenSource = Callable[[LayerParameter, LayerContext], BatchSource]


@dataclass(frozen=True)
class Pass:
    """The result of a forward pass: the weighted loss, with its graph, and the net's outputs."""

    loss: Tensor
    outputs: dict[str, Tensor]


@dataclass
class _StepGraph:
    """A step's own graph, from leaves for its bottoms to its tops."""

    bottoms: list[Tensor] = field(default_factory=list)
    tops: list[Tensor | None] = field(default_factory=list)


class GraphNet:
    """A net of the layers that are part of it in a state.

    Args:
        view: the net's text.
        state: phase, level and stages.
        device: torch's name for the device.
        seed: the seed for fillers, dropout and everything else random; None draws one.
        open_source: opens the batch source of a data layer.

    Raises:
        EngineError: a layer type that this engine lacks, or an error of a layer.
        SchemaError: a field or value that Caffe does not have.
    """

    def __init__(
        self,
        view: NetView,
        state: State,
        *,
        device: str = "cpu",
        seed: int | None = None,
        open_source: OpenSource | None = None,
    ) -> None:
        specs = read_specs(view, state, refuse_unsupported)
        self.name = view.name
        self.phase = state.phase
        self.device = device_of(device)
        generator = torch.Generator(self.device if self.device.type == "cuda" else "cpu")
        if seed is None:
            generator.seed()
        else:
            generator.manual_seed(seed)
        self.generator = generator
        self.plan = plan(specs, LayerContext(state.phase, self.device, generator, open_source))
        self.learnable_params: list[LearnableParam] = learnable_params(
            step.layer for step in self.steps
        )
        force = literals.boolean(view.root.string("force_backward")) is True
        set_gradient_flow(self.steps, len(self.plan.blobs), force)
        self._contents = find_overwritten(self.steps)
        self._graphs: dict[int, _StepGraph] = {}
        self.run_by(self.steps)

    @property
    def steps(self) -> list[LayerStep]:
        """The layers in order, including those that the net inserted."""
        return self.plan.steps

    @property
    def layers(self) -> list[TorchLayer]:
        """The layers from the prototxt, in order."""
        return [step.layer for step in self.steps if not step.is_inserted]

    # The whole net at once.

    def run_by(self, steps: Sequence[LayerStep]) -> None:
        """Let `run` use other steps than those of the plan; they must write the same blobs."""
        self._run_steps = list(steps)
        self._last_use = self._find_last_use()
        tops = {number for step in self._run_steps for number in step.tops}
        self._outputs = [number for number in self.plan.outputs if number in tops]

    def run_to(self, *numbers: int) -> None:
        """Let `run` skip all steps that no blob of these numbers depends on."""
        needed, steps = set(numbers), []
        for step in reversed(self._run_steps):
            if needed.intersection(step.tops):
                needed.update(step.bottoms)
                steps.append(step)
        self.run_by(steps[::-1])

    def run(self, blobs: Sequence[str] = ()) -> Pass:
        """Run one forward pass; `loss.backward()` then adds to the params' gradients.

        The result holds the net's outputs and the blobs named in `blobs`; no others are kept.
        Data layers advance to their next batch. Under `torch.no_grad()` there is no graph.

        Raises:
            EngineError: a layer refuses its bottoms, or a blob's name is unknown.
        """
        results = [*self._outputs, *(self._number(name) for name in blobs)]
        with_graph = torch.is_grad_enabled()
        values: dict[int, Tensor] = {}
        loss = torch.zeros((), device=self.device)
        for place, step in enumerate(self._run_steps):
            has_graph = with_graph and step.needs_backward
            if has_graph:
                step.layer.refuse_backward(step.propagate_down)
            bottoms = [
                self._value(values, number, has_graph and needed)
                for number, needed in zip(step.bottoms, step.propagate_down, strict=True)
            ]
            update_shapes(step, tuple(tuple(bottom.shape) for bottom in bottoms))
            with torch.set_grad_enabled(has_graph):
                tops = self._tops(step, forward(step, bottoms))
            for number, top, weight in zip(step.tops, tops, step.loss_weights, strict=True):
                values[number] = top
                if number in self._contents:
                    self._contents[number].tensor = top.detach()
                if weight:
                    loss = loss + weight * top.sum()
            for number in self._last_use[place]:
                if number not in results:
                    del values[number]
        outputs = {self.plan.blobs[number].name: values[number].detach() for number in results}
        return Pass(loss, outputs)

    def _number(self, name: str) -> int:
        """The number of a blob by its name."""
        if name not in self.plan.names:
            raise unknown_blob(name, self.plan.names)
        return self.plan.names[name]

    def _value(self, values: dict[int, Tensor], number: int, with_graph: bool) -> Tensor:
        value = values[number]
        return value if with_graph else value.detach()

    def _tops(self, step: LayerStep, tops: Sequence[Tensor | None]) -> list[Tensor]:
        return [
            self.plan.blobs[number].tensor if top is None else top
            for number, top in zip(step.tops, tops, strict=True)
        ]

    def _find_last_use(self) -> list[list[int]]:
        """For each step, the blobs that no later step reads."""
        places = list(enumerate(self._run_steps))
        last = {number: place for place, step in places for number in step.tops}
        last |= {number: place for place, step in places for number in step.bottoms}
        ends: list[list[int]] = [[] for _ in places]
        for number, place in last.items():
            ends[place].append(number)
        return ends

    # Layer by layer.

    def forward_steps(self, start: int, end: int) -> float:
        """Run the steps from `start` to `end`, inclusive, and return their weighted loss."""
        # Splits above `start` pass on what the user wrote to their blobs.
        for place in range(start):
            if self.steps[place].is_inserted:
                self._forward_step(place)
        return sum(self._forward_step(place) for place in range(start, end + 1))

    def _forward_step(self, place: int) -> float:
        step, blobs = self.steps[place], self.plan.blobs
        has_graph = step.needs_backward and torch.is_grad_enabled()
        graph = _StepGraph()
        for number, needed in zip(step.bottoms, step.propagate_down, strict=True):
            bottom = blobs[number].tensor.detach()
            if number in step.tops and blobs[number].is_exposed:
                # The top will overwrite it, and the graph still needs it.
                bottom = bottom.clone()
            graph.bottoms.append(bottom.requires_grad_(has_graph and needed))
        update_shapes(step, tuple(tuple(bottom.shape) for bottom in graph.bottoms))
        with torch.set_grad_enabled(has_graph):
            graph.tops = list(forward(step, graph.bottoms))
        if has_graph:
            self._graphs[place] = graph
        loss = 0.0
        for number, top, weight in zip(step.tops, graph.tops, step.loss_weights, strict=True):
            if top is not None:
                blobs[number].set_tensor(top.detach())
            if weight:
                loss += float((blobs[number].tensor * blobs[number].diff_tensor).sum())
        return loss

    def backward_steps(self, start: int, end: int) -> None:
        """Run the backward passes of the steps from `start` down to `end`, inclusive.

        Each step reads the diffs of its tops, writes those of its bottoms, and adds to those of
        its params.

        Raises:
            EngineError: there was no forward pass, or Caffe does not compute a gradient.
        """
        for number, content in self._contents.items():
            content.tensor = self.plan.blobs[number].tensor
        for place in range(start, end - 1, -1):
            if self.steps[place].needs_backward:
                self._backward_step(place)

    def _backward_step(self, place: int) -> None:
        step, blobs = self.steps[place], self.plan.blobs
        step.layer.refuse_backward(step.propagate_down)
        graph = self._graphs.get(place)
        if graph is None:
            step.layer.fail("has no forward pass to go back through", "run net.forward() first")
        params = [
            param.leaf
            for param, needed in zip(
                step.layer.params, step.layer.param_propagate_down, strict=True
            )
            if needed
        ]
        leaves = [bottom for bottom in graph.bottoms if bottom.requires_grad]
        tops, diffs = [], []
        for number, top in zip(step.tops, graph.tops, strict=True):
            if top is not None and top.requires_grad:
                blob = blobs[number]
                step.layer.check(
                    blob.shape == tuple(top.shape),
                    f"blob '{blob.name}' has changed its shape since the forward pass",
                )
                tops.append(top)
                diffs.append(blob.diff_tensor)
        if tops and (leaves or params):
            torch.autograd.backward(tops, diffs, retain_graph=True, inputs=[*leaves, *params])
        for number, bottom in zip(step.bottoms, graph.bottoms, strict=True):
            if bottom.requires_grad:
                gradient = torch.zeros_like(bottom) if bottom.grad is None else bottom.grad
                blobs[number].set_diff(gradient)
                bottom.grad = None

    # Shapes and params.

    def reshape(self) -> None:
        """Propagate the current shapes through all layers, without running them."""
        blobs = self.plan.blobs
        for step in self.steps:
            shapes = tuple(blobs[number].shape for number in step.bottoms)
            top_shapes = step.layer.shape_tops(shapes)
            step.bottom_shapes = shapes
            if step.layer.type == "Input":
                continue
            for number, shape in zip(step.tops, top_shapes, strict=True):
                blobs[number].reshape(*shape)

    def clear_param_diffs(self) -> None:
        """Set the gradients of all params to zero, in place."""
        for learnable in self.learnable_params:
            if learnable.tensor.grad is not None:
                learnable.tensor.grad.zero_()

    def share_with(self, other: GraphNet) -> None:
        """Use the params of another net from now on, matched by layer name.

        Raises:
            EngineError: layers with the same name have different params.
        """
        layers = {layer.name: layer for layer in reversed(self.layers)}
        for source in other.layers:
            target = layers.get(source.name)
            if target is None:
                continue
            target.check(
                len(target.params) == len(source.params),
                f"Incompatible number of blobs for layer {source.name}",
            )
            for index, (param, other_param) in enumerate(
                zip(target.params, source.params, strict=True)
            ):
                target.check(
                    param.shape == other_param.shape,
                    f"Cannot share param {index} weights from layer '{source.name}'; shape "
                    f"mismatch.  Source param shape is {shape_string(other_param.shape)}; target "
                    f"param shape is {shape_string(param.shape)}",
                )
                if other_param.leaf.device != param.leaf.device:
                    raise EngineError("nets on different devices cannot share params")
                param.leaf.data = other_param.leaf.data.view(param.leaf.shape)
