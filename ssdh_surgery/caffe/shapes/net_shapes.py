"""The shapes of a net as values: layer by layer, by name, and in total.

Multiply-adds are counted as publications do, for the batch that the shapes state: one for
every weight that a value is multiplied by in Convolution (values of the top x kernel x
channels of a group), Deconvolution (values of the bottom x kernel x outputs of a group),
InnerProduct and the recurrent layers. Biases and all other layers (pooling, normalisation,
Scale, activations, element-wise sums) count nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.caffe.net.layer_rules import LAYER_RULES
from ssdh_surgery.caffe.net.phase import Phase
from ssdh_surgery.caffe.shapes.layer_setup import Shape, count
from ssdh_surgery.findings import Finding


@dataclass(frozen=True)
class LayerShapes:
    """One layer: the shapes of its blobs and params, None where they are not known.

    `tops` has one more than the file where Caffe adds a loss's top by itself. `shared` are
    the indices of params that a layer above owns. `memory` is what the tops take in bytes of
    float32, those written in place left out.
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
        """The values of all its params, shared ones too."""
        return None if self.params is None else sum(map(count, self.params))

    @property
    def owned_count(self) -> int | None:
        """The values of the params that no layer above owns."""
        if self.params is None:
            return None
        owned = (shape for i, shape in enumerate(self.params) if i not in self.shared)
        return sum(map(count, owned))


@dataclass(frozen=True)
class NetShapes:
    """A net in one phase.

    `blobs` has every blob by its name, as pycaffe would list them: a loss without a top writes
    `(automatic)`, and V0's padding is part of the layer above it. `findings` tell what Caffe
    would stop at, and why something is not known.
    """

    phase: Phase
    layers: tuple[LayerShapes, ...]
    blobs: Mapping[str, Shape | None]
    findings: tuple[Finding, ...]

    def of(self, layer: Layer) -> LayerShapes:
        """The shapes of a layer that takes part in the phase."""
        return self._by_index[layer.index]

    @cached_property
    def _by_index(self) -> dict[int, LayerShapes]:
        return {each.layer.index: each for each in self.layers}

    @property
    def layer_params(self) -> tuple[tuple[str, tuple[Shape, ...] | None], ...]:
        """Every layer by name with the shapes of its params, in order; None is not known."""
        return tuple((each.layer.name, each.params) for each in self.layers)

    @property
    def params(self) -> dict[str, tuple[Shape, ...]]:
        """The layers that are known to have params, with their shapes."""
        return {name: params for name, params in self.layer_params if params}

    @property
    def param_count(self) -> int | None:
        """The values of all params, shared ones once."""
        return _total(each.owned_count for each in self.layers)

    @property
    def statistics_count(self) -> int | None:
        """The values among the params that are measured: BatchNorm's."""
        return _total(each.owned_count for each in self.layers if _has_statistics(each.layer))

    @property
    def learned_count(self) -> int | None:
        """The values of the params that are learned: what publications count."""
        total, statistics = self.param_count, self.statistics_count
        return None if total is None or statistics is None else total - statistics

    @property
    def macs(self) -> int | None:
        """The multiply-adds of a forward pass."""
        return _total(each.macs for each in self.layers)

    @property
    def memory(self) -> int | None:
        """The bytes of all blobs in float32, in-place ones once; diffs take as much again."""
        return _total(each.memory for each in self.layers)


def _has_statistics(layer: Layer) -> bool:
    rule = LAYER_RULES.get(layer.type)
    return rule is not None and rule.has_statistics


def _total(values: Iterable[int | None]) -> int | None:
    known = list(values)
    return None if None in known else sum(value for value in known if value is not None)
