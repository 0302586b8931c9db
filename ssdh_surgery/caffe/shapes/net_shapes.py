"""The shapes of a net as values: by layer, by blob name, and in total.

Multiply-adds are counted as in publications, for the batch size of the shapes: one for every
weight that a value is multiplied by in Convolution (values of the top x kernel x
channels of a group), Deconvolution (values of the bottom x kernel x outputs of a group),
InnerProduct and the recurrent layers. Biases and all other layers (pooling, normalisation,
Scale, activations, element-wise sums) count as zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.caffe.net.layer_rules import LAYER_RULES
from ssdh_surgery.caffe.net.phase import Phase, State
from ssdh_surgery.caffe.shapes.layer_setup import Shape, count
from ssdh_surgery.findings import Finding


@dataclass(frozen=True)
class LayerShapes:
    """One layer: the shapes of its blobs and params; None if unknown.

    `tops` includes the top that Caffe adds to a loss. `shared` are the indices of params that an
    earlier layer owns. `memory` is the size of the tops in bytes of float32, without those
    written in place.
    """

    layer: Layer
    bottoms: tuple[Shape | None, ...]
    tops: tuple[Shape | None, ...]
    params: tuple[Shape, ...] | None
    macs: int | None
    memory: int | None
    shared: frozenset[int] = frozenset()

    @property
    def param_count(self) -> int | None:
        """The number of values in all its params, including shared ones."""
        return None if self.params is None else sum(map(count, self.params))

    @property
    def owned_count(self) -> int | None:
        """The number of values in the params that no earlier layer owns."""
        if self.params is None:
            return None
        owned = (shape for i, shape in enumerate(self.params) if i not in self.shared)
        return sum(map(count, owned))


@dataclass(frozen=True)
class NetShapes:
    """A net in one state.

    `blobs` has every blob by name, as pycaffe lists them: a loss without a top writes
    `(automatic)`, and V0's padding is part of the layer that reads it. `findings` say where Caffe
    would stop, and why shapes are unknown.
    """

    state: State
    layers: tuple[LayerShapes, ...]
    blobs: Mapping[str, Shape | None]
    findings: tuple[Finding, ...]

    @property
    def phase(self) -> Phase:
        """The phase of the state."""
        return self.state.phase

    def of(self, layer: Layer) -> LayerShapes:
        """The shapes of a layer of the state."""
        return self._by_index[layer.index]

    @cached_property
    def _by_index(self) -> dict[int, LayerShapes]:
        return {each.layer.index: each for each in self.layers}

    @property
    def layer_params(self) -> tuple[tuple[str, tuple[Shape, ...] | None], ...]:
        """Every layer with the shapes of its params, in order; None if unknown."""
        return tuple((each.layer.name, each.params) for each in self.layers)

    @property
    def params(self) -> dict[str, tuple[Shape, ...]]:
        """The layers known to have params, with their shapes."""
        return {name: params for name, params in self.layer_params if params}

    @property
    def param_count(self) -> int | None:
        """The number of values in all params; shared params count once."""
        return _total(each.owned_count for each in self.layers)

    @property
    def statistics_count(self) -> int | None:
        """The number of values that are measured rather than learned: those of BatchNorm."""
        return _total(each.owned_count for each in self.layers if _has_statistics(each.layer))

    @property
    def learned_count(self) -> int | None:
        """The number of values that are learned, which is what publications report."""
        total, statistics = self.param_count, self.statistics_count
        return None if total is None or statistics is None else total - statistics

    @property
    def macs(self) -> int | None:
        """The multiply-adds of a forward pass."""
        return _total(each.macs for each in self.layers)

    @property
    def memory(self) -> int | None:
        """The bytes of all blobs in float32, in-place ones once; diffs take the same again."""
        return _total(each.memory for each in self.layers)


def _has_statistics(layer: Layer) -> bool:
    rule = LAYER_RULES.get(layer.type)
    return rule is not None and rule.has_statistics


def _total(values: Iterable[int | None]) -> int | None:
    numbers = list(values)
    return None if None in numbers else sum(value for value in numbers if value is not None)
