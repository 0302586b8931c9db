"""What learns in a net: the params of each layer that have a rate, and the gradients they get."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from ssdh_surgery.caffe.net.blobs import BlobGraph, NetBlob
from ssdh_surgery.caffe.net.gradient_flow import FlowStep, set_gradient_flow
from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.caffe.net.layer_rules import LAYER_RULES
from ssdh_surgery.prototxt import literals

# The number of params of BatchNorm.
_STATISTICS = 3


class NetLearning:
    """The gradients of a net in one state.

    `param_counts` has the number of params of each layer by its index, None where it is unknown.
    A layer of a fork may have params and may be a loss: with `trusts_foreign` it is taken for both
    where nothing speaks against it, and otherwise no gradient passes it.
    """

    def __init__(
        self,
        graph: BlobGraph,
        param_counts: Mapping[int, int | None],
        *,
        trusts_foreign: bool = True,
    ) -> None:
        self.graph = graph
        self._counts = param_counts
        self.trusts_foreign = trusts_foreign

    def rates(self, layer: Layer) -> tuple[float, ...]:
        """The `lr_mult` of each of its params that training changes, those without any included.

        Where the number of params is unknown, there are as many as the layer states, and
        another one unless it states two.
        """
        rule, specs = LAYER_RULES.get(layer.type), layer.params
        if rule is not None and (not rule.has_params or rule.has_statistics):
            return ()
        if rule is None and not specs:
            return (1.0,) if self.trusts_foreign and layer.is_connected else ()
        count = self._counts.get(layer.index)
        if count is None:
            count = max(len(specs), 2 if len(specs) == 1 and rule is not None else 1)
        rates = [spec.lr_mult for spec in specs[:count]]
        return tuple(rates + [1.0] * (count - len(rates)))

    def backward_params(self, layer: Layer) -> list[bool]:
        """For each of its params, whether it makes Caffe run the layer backward.

        Statistics do unless their rates are stated, though they are never learned.
        """
        rule = LAYER_RULES.get(layer.type)
        if rule is not None and rule.has_statistics:
            return [len(layer.params) < _STATISTICS]
        return [rate != 0 for rate in self.rates(layer)]

    def learns(self, layer: Layer) -> bool:
        """Whether any of its params has a rate above 0."""
        return any(self.rates(layer))

    @cached_property
    def learners(self) -> tuple[Layer, ...]:
        """The layers of Caffe's types with a param that has a rate."""
        return tuple(
            layer for layer in self.graph.layers if not layer.is_foreign and self.learns(layer)
        )

    @cached_property
    def losses(self) -> tuple[Layer, ...]:
        """The layers with a weight in the loss; layers of forks that may be losses, too."""
        return tuple(layer for layer in self.graph.layers if any(self.loss_weights(layer)))

    def loss_weights(self, layer: Layer) -> tuple[float, ...]:
        """The weight of each top in the loss."""
        if any(layer.loss_weights) or not self.trusts_foreign or not layer.is_foreign:
            return layer.loss_weights
        is_end = not any(self.graph.consumers(blob) for blob in self.graph.writes(layer))
        if not is_end or layer.type == "Python" or not layer.bottoms:
            return layer.loss_weights
        return (1.0,) * max(1, len(layer.tops))

    def gets_gradient(self, layer: Layer) -> bool:
        """Whether its backward pass runs, and one of its params is learned."""
        return self.steps[layer.index].needs_backward and self.learns(layer)

    @cached_property
    def steps(self) -> dict[int, FlowStep]:
        """The step of each layer by its index."""
        builder = _StepBuilder(self)
        flow = [step for layer in self.graph.layers for step in builder.steps(layer)]
        set_gradient_flow(flow, builder.blobs)
        return builder.of_layers


class _StepBuilder:
    """Steps with a number for each use of a blob, and a split where it is used more than once."""

    def __init__(self, learning: NetLearning) -> None:
        self.learning = learning
        self.blobs = 0
        self.of_layers: dict[int, FlowStep] = {}
        # The copies of each blob that no layer has read yet.
        self._copies: dict[NetBlob, list[int]] = {}

    def steps(self, layer: Layer) -> list[FlowStep]:
        """The step of a layer, and the splits of its tops."""
        graph = self.learning.graph
        bottoms = [self._copy(blob) for blob in graph.reads(layer)]
        weights = list(self.learning.loss_weights(layer))
        tops = [self._number() for _ in range(max(len(layer.tops), len(weights)))]
        weights += [0.0] * (len(tops) - len(weights))
        learns = self.learning.backward_params(layer)
        step = FlowStep(bottoms, tops, weights, learns, self._explicit(layer))
        self.of_layers[layer.index] = step
        splits = [self._split(blob, step) for blob in graph.writes(layer)]
        return [step, *(split for split in splits if split is not None)]

    def _explicit(self, layer: Layer) -> list[bool]:
        if layer.is_foreign and not self.learning.trusts_foreign:
            return [False] * len(layer.bottoms)
        flags = [literals.boolean(each.text) for each in layer.outer.scalars("propagate_down")]
        # Caffe stops at another number of flags.
        return [flag is True for flag in flags] if len(flags) == len(layer.bottoms) else []

    def _split(self, blob: NetBlob, step: FlowStep) -> FlowStep | None:
        """The split of a top, which takes its weight in the loss; None if it is used once."""
        readers, weight = len(self.learning.graph.consumers(blob)), step.loss_weights[blob.top]
        number = step.tops[blob.top]
        if readers + bool(weight) < 2:
            self._copies[blob] = [number] if readers else []
            return None
        copies = [self._number() for _ in range(readers)]
        self._copies[blob] = list(copies)
        if not weight:
            return FlowStep([number], copies, [0.0] * readers, [])
        step.loss_weights[blob.top] = 0.0
        return FlowStep([number], [self._number(), *copies], [weight, *[0.0] * readers], [])

    def _copy(self, blob: NetBlob | None) -> int:
        copies = self._copies.get(blob) if blob is not None else None
        return copies.pop(0) if copies else self._number()

    def _number(self) -> int:
        self.blobs += 1
        return self.blobs - 1
