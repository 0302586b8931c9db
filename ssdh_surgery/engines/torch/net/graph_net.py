"""A net on PyTorch: its plan run forward and backward, in one graph or layer by layer.

`run` is for training and encoding: one pass with one graph over the whole net. `forward` and
`backward` keep every blob and diff to be read and written between layers, as Caffe does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ssdh_surgery.caffe.messages.schema import LayerParameter
from ssdh_surgery.caffe.net.net import Net as NetView
from ssdh_surgery.caffe.net.phase import State
from ssdh_surgery.engines.layer_specs import read_specs
from ssdh_surgery.engines.torch.layers.base import Layer, Setting, Source
from ssdh_surgery.engines.torch.layers.blob import shape_string
from ssdh_surgery.engines.torch.net.gradient_flow import decide
from ssdh_surgery.engines.torch.net.overwritten import find_overwritten, forward
from ssdh_surgery.engines.torch.net.params import LearnableParam, learn
from ssdh_surgery.engines.torch.net.plan import Step, check_shapes, device_of, plan
from ssdh_surgery.engines.torch.net.registry import refuse_unsupported
from ssdh_surgery.errors import EngineError, did_you_mean
from ssdh_surgery.prototxt import literals

OpenSource = Callable[[LayerParameter, Setting], Source]


@dataclass(frozen=True)
class Pass:
    """What a forward pass gave: the weighted loss, with its graph, and the net's outputs."""

    loss: Tensor
    outputs: dict[str, Tensor]


@dataclass
class _Graph:
    """A step's own graph, from leaves that stand for its bottoms to its tops."""

    bottoms: list[Tensor] = field(default_factory=list)
    tops: list[Tensor | None] = field(default_factory=list)


class GraphNet:
    """A net of the layers that take part in a state.

    Args:
        view: the net's text.
        state: phase, level and stages.
        device: torch's name of the device.
        seed: of fillers, dropout and whatever else is random; None takes one at random.
        open_source: opens the source of a data layer.

    Raises:
        EngineError: a layer that this engine lacks, or whatever a layer refuses.
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
        self.plan = plan(specs, Setting(state.phase, self.device, generator, open_source))
        self.learnable_params: list[LearnableParam] = learn(step.layer for step in self.steps)
        force = literals.boolean(view.root.string("force_backward")) is True
        decide(self.steps, len(self.plan.blobs), force)
        self._contents = find_overwritten(self.steps)
        self._graphs: dict[int, _Graph] = {}
        self.run_by(self.steps)

    @property
    def steps(self) -> list[Step]:
        """The layers in order, those that the net inserted included."""
        return self.plan.steps

    @property
    def layers(self) -> list[Layer]:
        """The layers of the prototxt that take part, in order."""
        return [step.layer for step in self.steps if not step.is_inserted]

    # The whole net at once.

    def run_by(self, steps: Sequence[Step]) -> None:
        """Let `run` take other steps than the plan's: they must write the same blobs."""
        self._running = list(steps)
        self._last_use = self._find_last_use()
        written = {number for step in self._running for number in step.tops}
        self._outputs = [number for number in self.plan.outputs if number in written]

    def run_to(self, number: int) -> None:
        """Let `run` leave out what the blob of that number does not depend on."""
        needed, steps = {number}, []
        for step in reversed(self._running):
            if needed.intersection(step.tops):
                needed.update(step.bottoms)
                steps.append(step)
        self.run_by(steps[::-1])

    def run(self, blobs: Sequence[str] = ()) -> Pass:
        """One forward pass; `loss.backward()` then adds to the params' gradients.

        Of the blobs only the net's outputs and those of the names `blobs` are kept, in the
        result, and data layers go on to their next batch. Under `torch.no_grad()` there is no
        graph.

        Raises:
            EngineError: a layer does not take what it gets, or there is no blob of a name.
        """
        kept = [*self._outputs, *(self._number(name) for name in blobs)]
        with_graph = torch.is_grad_enabled()
        values: dict[int, Tensor] = {}
        loss = torch.zeros((), device=self.device)
        for place, step in enumerate(self._running):
            has_graph = with_graph and step.needs_backward
            if has_graph:
                step.layer.refuse_backward(step.propagate_down)
            bottoms = [
                self._value(values, number, has_graph and wanted)
                for number, wanted in zip(step.bottoms, step.propagate_down, strict=True)
            ]
            check_shapes(step, tuple(tuple(bottom.shape) for bottom in bottoms))
            with torch.set_grad_enabled(has_graph):
                tops = self._tops(step, forward(step, bottoms))
            for number, top, weight in zip(step.tops, tops, step.loss_weights, strict=True):
                values[number] = top
                if number in self._contents:
                    self._contents[number].tensor = top.detach()
                if weight:
                    loss = loss + weight * top.sum()
            for number in self._last_use[place]:
                if number not in kept:
                    del values[number]
        outputs = {self.plan.blobs[number].name: values[number].detach() for number in kept}
        return Pass(loss, outputs)

    def _number(self, name: str) -> int:
        """The number of a blob by its name."""
        if name not in self.plan.names:
            hint = did_you_mean(name, self.plan.names)
            raise EngineError(f"no blob is called '{name}'", hint=hint, blob=name)
        return self.plan.names[name]

    def _value(self, values: dict[int, Tensor], number: int, with_graph: bool) -> Tensor:
        value = values[number]
        return value if with_graph else value.detach()

    def _tops(self, step: Step, tops: Sequence[Tensor | None]) -> list[Tensor]:
        return [
            self.plan.blobs[number].tensor if top is None else top
            for number, top in zip(step.tops, tops, strict=True)
        ]

    def _find_last_use(self) -> list[list[int]]:
        """For each step the blobs that nobody reads after it."""
        places = list(enumerate(self._running))
        last = {number: place for place, step in places for number in step.tops}
        last |= {number: place for place, step in places for number in step.bottoms}
        ends: list[list[int]] = [[] for _ in places]
        for number, place in last.items():
            ends[place].append(number)
        return ends

    # Layer by layer.

    def forward_steps(self, start: int, end: int) -> float:
        """Run the steps from `start` to `end`, both included, and give their weighted loss."""
        # What a user wrote into a blob reaches the layers that read it through a split.
        for place in range(start):
            if self.steps[place].is_inserted:
                self._forward_step(place)
        return sum(self._forward_step(place) for place in range(start, end + 1))

    def _forward_step(self, place: int) -> float:
        step, blobs = self.steps[place], self.plan.blobs
        has_graph = step.needs_backward and torch.is_grad_enabled()
        graph = _Graph()
        for number, wanted in zip(step.bottoms, step.propagate_down, strict=True):
            bottom = blobs[number].tensor.detach()
            if number in step.tops and blobs[number].is_exposed:
                # The top will be written over it, and the graph still needs it.
                bottom = bottom.clone()
            graph.bottoms.append(bottom.requires_grad_(has_graph and wanted))
        check_shapes(step, tuple(tuple(bottom.shape) for bottom in graph.bottoms))
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
        """Run the backward passes of the steps from `start` down to `end`, both included.

        Each takes the diffs of its tops as they are, writes those of its bottoms, and adds
        to those of its params.

        Raises:
            EngineError: there was no forward pass, or a gradient that Caffe does not compute.
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
            step.layer.fail("there is nothing to go back through", "run net.forward() first")
        params = [
            param.leaf
            for param, wanted in zip(
                step.layer.params, step.layer.param_propagate_down, strict=True
            )
            if wanted
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
        """Let every layer take the shapes that its bottoms have now, without running it."""
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
        """Set the gradients of all params to zero, in their memory."""
        for learnable in self.learnable_params:
            if learnable.tensor.grad is not None:
                learnable.tensor.grad.zero_()

    def share_with(self, other: GraphNet) -> None:
        """Use the params of another net from now on, matched by layer names.

        Raises:
            EngineError: layers of one name have other params.
        """
        ours = {layer.name: layer for layer in reversed(self.layers)}
        for source in other.layers:
            target = ours.get(source.name)
            if target is None:
                continue
            target.check(
                len(target.params) == len(source.params),
                f"Incompatible number of blobs for layer {source.name}",
            )
            for index, (param, given) in enumerate(zip(target.params, source.params, strict=True)):
                target.check(
                    param.shape == given.shape,
                    f"Cannot share param {index} weights from layer '{source.name}'; shape "
                    f"mismatch.  Source param shape is {shape_string(given.shape)}; target "
                    f"param shape is {shape_string(param.shape)}",
                )
                if given.leaf.device != param.leaf.device:
                    raise EngineError("two nets on two devices cannot share params")
                param.leaf.data = given.leaf.data.view(param.leaf.shape)
