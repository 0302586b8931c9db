"""SSDH2xx: layers that start from constants which training cannot tell apart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ssdh_surgery.caffe.net.blobs import BlobGraph, NetBlob
from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.caffe.net.learning import NetLearning
from ssdh_surgery.findings import EQUAL_UNITS, Finding
from ssdh_surgery.location import Location
from ssdh_surgery.pipeline.check.net.learning import layers_text, net_learning
from ssdh_surgery.pipeline.check.subject import Subject
from ssdh_surgery.pipeline.check.weights.initial_layers import may_start_from_weights

_WEIGHED = {
    "Convolution": "convolution_param",
    "InnerProduct": "inner_product_param",
}
# Layers that treat all channels alike.
_PASSED = frozenset(
    [
        *("AbsVal", "BNLL", "BatchNorm", "ELU", "Flatten", "PReLU", "Pooling", "Power", "ReLU"),
        *("ReLU6", "Reshape", "Scale", "Sigmoid", "Split", "Swish", "TanH"),
    ]
)
# Layers that make 0 of 0 and pass the gradient on.
_KEEPS_ZERO = frozenset(
    [
        *("AbsVal", "BatchNorm", "Dropout", "ELU", "Flatten", "LRN", "PReLU", "Pooling"),
        *("Reshape", "Split", "TanH"),
    ]
)


def findings(subject: Subject) -> Iterator[Finding]:
    """The findings about the fillers of nets that are trained."""
    for (net, state), net_shapes in zip(subject.nets, subject.shapes, strict=True):
        if state.phase == "TRAIN" and subject.has_solver and not net.graph(state).findings:
            check = _Fillers(net_learning(net, net_shapes), subject)
            yield from check.findings()


class _Fillers:
    """The layers of a net that start from a constant, and those that read them."""

    def __init__(self, learning: NetLearning, subject: Subject) -> None:
        self.graph: BlobGraph = learning.graph
        self.constants = {
            layer.index: layer
            for layer in self.graph.layers
            if layer.type in _WEIGHED
            and learning.gets_gradient(layer)
            and _constant(layer, "weight_filler") is not None
            and not may_start_from_weights(subject, layer.name)
        }

    def findings(self) -> Iterator[Finding]:
        """One finding for all layers that stay 0, and one for each chain that stays equal."""
        reported = self._without_gradient()
        if reported:
            yield _dead_finding([self.constants[index] for index in sorted(reported)])
        for layer in self.constants.values():
            above = [] if layer.index in reported else self._readers(layer, _PASSED)
            chain = [each for each in above if each.index in self.constants]
            if chain and chain == above and _width(layer) > 1 and _is_constant_bias(layer):
                yield _equal_finding(layer, chain[0])
                reported |= {each.index for each in chain}

    def _without_gradient(self) -> set[int]:
        """The layers that stay 0: dead ones, and zeros that read the zeros of these."""
        dead = [layer for layer in self.constants.values() if self._is_dead(layer)]
        zeros = [
            each
            for layer in dead
            for each in self._readers(layer, _KEEPS_ZERO | {"ReLU", "ReLU6"})
            if self._has_zeros(each)
        ]
        return {layer.index for layer in (*dead, *zeros)}

    def _is_dead(self, layer: Layer) -> bool:
        """Whether a layer of zeros gets no gradient: from zeros above, or from a ReLU at 0."""
        if _constant(layer, "weight_filler") != 0 or _constant(layer, "bias_filler") != 0:
            return False
        ends = self._readers(layer, _KEEPS_ZERO)
        return bool(ends) and all(_is_dead_relu(each) or self._has_zeros(each) for each in ends)

    def _has_zeros(self, layer: Layer) -> bool:
        return layer.index in self.constants and _constant(layer, "weight_filler") == 0

    def _readers(self, layer: Layer, passed: frozenset[str]) -> list[Layer]:
        """The layers that read a layer through those of the types passed, scores left out."""
        result: list[Layer] = []
        pending: list[NetBlob] = [*self.graph.writes(layer)]
        while pending:
            for reader, _ in self.graph.consumers(pending.pop()):
                if reader.type in passed:
                    pending += self.graph.writes(reader)
                elif reader.type not in ("Accuracy", "Silence"):
                    result.append(reader)
        return result


def _is_dead_relu(layer: Layer) -> bool:
    """Whether an activation passes no gradient at 0."""
    return layer.type == "ReLU6" or (
        layer.type == "ReLU" and not layer.parameter.relu_param.negative_slope
    )


def _constant(layer: Layer, filler: str) -> float | None:
    """The value of a constant filler; None for another filler."""
    settings = getattr(layer.parameter, _WEIGHED[layer.type])
    if filler == "bias_filler" and not settings.bias_term:
        return 0.0
    message = getattr(settings, filler)
    return float(message.value) if message.type == "constant" else None


def _is_constant_bias(layer: Layer) -> bool:
    return _constant(layer, "bias_filler") is not None


def _width(layer: Layer) -> int:
    """The outputs that read the same inputs."""
    settings = getattr(layer.parameter, _WEIGHED[layer.type])
    groups = settings.group if layer.type == "Convolution" else 1
    return int(settings.num_output) // max(1, groups)


def _place(layer: Layer) -> Location:
    entries = layer.settings(_WEIGHED[layer.type], "weight_filler")
    return entries[-1].location if entries else layer.location


_HINT = 'give them random weights: weight_filler { type: "xavier" }'


def _dead_finding(layers: Sequence[Layer]) -> Finding:
    is_unset = not layers[0].settings(_WEIGHED[layers[0].type], "weight_filler")
    verb = "starts" if len(layers) == 1 else "start"
    return EQUAL_UNITS.at(
        _place(layers[0]),
        f"{layers_text(layers)} {verb} with weights of 0{' (no weight_filler)' * is_unset}, "
        f"{'gets' if len(layers) == 1 else 'get'} no gradient, and "
        f"{'stays' if len(layers) == 1 else 'stay'} 0",
        _HINT,
    )


def _equal_finding(layer: Layer, above: Layer) -> Finding:
    is_unset = not layer.settings(_WEIGHED[layer.type], "weight_filler")
    return EQUAL_UNITS.at(
        _place(layer),
        f"'{layer.name}' and '{above.name}' start with equal weights"
        f"{' (no weight_filler)' * is_unset}: the {_width(layer)} units of '{layer.name}' get "
        "equal gradients, and stay equal",
        _HINT,
    )
