"""SSDH2xx: hash layers whose codes cannot tell classes apart, or start far from it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from ssdh_surgery.caffe.net.blobs import BlobGraph
from ssdh_surgery.caffe.net.heads import HashLayer, Head, hash_layer_below, heads
from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.shapes import NetShapes
from ssdh_surgery.caffe.training.solver_types import solver_type
from ssdh_surgery.findings import (
    BITS_START_EQUAL,
    FEW_BITS,
    INCOMPLETE_OBJECTIVE,
    SATURATED_BITS,
    Finding,
)
from ssdh_surgery.location import Location
from ssdh_surgery.pipeline.check.subject import Subject
from ssdh_surgery.pipeline.check.weights.initial_layers import may_start_from_weights
from ssdh_surgery.surgery.hashing.objective import FORK_LOSSES, objective_terms

# Where the gradient of a Sigmoid is a fiftieth; of a TanH, which is as steep twice as near to 0.
_SATURATED = {"Sigmoid": 4.0, "TanH": 2.0}
# A bias decides all bits where it is this many deviations of the activations from the threshold.
_DECISIVE = 3


def findings(subject: Subject) -> Iterator[Finding]:
    """The findings about the hash layers of the train nets."""
    for (net, state), net_shapes in zip(subject.nets, subject.shapes, strict=True):
        graph = net.graph(state)
        if state.phase != "TRAIN" or graph.findings:
            continue
        pairs = [(head, hash_layer_below(net, head.classifier)) for head in heads(net)]
        layers: dict[int, HashLayer] = {}
        for head, hash_layer in pairs:
            if hash_layer is not None and graph.takes_part(head.classifier):
                yield from _few_bits(head, hash_layer)
                if hash_layer.latent.index not in layers:
                    layers[hash_layer.latent.index] = hash_layer
                    yield from _start(hash_layer, head, net_shapes, subject)
        for hash_layer in layers.values():
            yield from _objective(net, graph, hash_layer)


def _few_bits(head: Head, hash_layer: HashLayer) -> Iterator[Finding]:
    bits, classes = hash_layer.bits, head.classes
    if not bits or not classes or head.is_regression or 2**bits >= classes:
        return
    entries = hash_layer.latent.settings("inner_product_param", "num_output")
    yield FEW_BITS.at(
        entries[-1].location if entries else hash_layer.latent.location,
        f"{bits} bits make {2**bits} codes, and '{head.classifier.name}' has {classes:,} classes",
        f"at least {(classes - 1).bit_length()} bits: ssdh patch --bits N",
    )


# ---------------------------------------------------------------- the objective


def _objective(net: Net, graph: BlobGraph, hash_layer: HashLayer) -> Iterator[Finding]:
    """One of the two terms on the code without the other."""
    layers = [layer for layer in objective_terms(net, hash_layer) if graph.takes_part(layer)]
    terms = {kind: layer for layer in layers if (kind := _kind(graph, layer))}
    if len(terms) != 1:
        return
    ((kind, layer),) = terms.items()
    effect = {
        "binary": "forces bits to 0 and 1, and no term keeps half of them at 1",
        "fire": "keeps half of the bits at 1, and no term forces them to 0 and 1",
    }
    yield INCOMPLETE_OBJECTIVE.at(
        layer.location,
        f"the term '{layer.name}' on the code '{hash_layer.code.tops[0]}' {effect[kind]}",
        "ssdh patch --objective ssdh writes both into a net without terms",
    )


def _kind(graph: BlobGraph, layer: Layer) -> str | None:
    """Which of the two terms a loss is, by its type or its sign; None for another loss."""
    weight = sum(layer.loss_weights)
    if layer.type in FORK_LOSSES:
        return "binary" if layer.type == FORK_LOSSES[0] else "fire"
    below = graph.reads(layer)[0]
    square = below.writer if below else None
    if square is None or square.type != "Power":
        return None
    power = square.parameter.power_param
    if (power.power, power.scale * 1.0, power.shift) != (2.0, 1.0, -0.5):
        return None
    return "binary" if weight < 0 else "fire"


# ---------------------------------------------------------------- the first iteration


@dataclass(frozen=True)
class _Fillers:
    """What a hash layer starts from: its bias, and the deviation of its weighted sums.

    The deviation is that for features around 1.
    """

    bits: int
    bias: float
    deviation: float
    weights: float


def _start(
    hash_layer: HashLayer, head: Head, net_shapes: NetShapes, subject: Subject
) -> Iterator[Finding]:
    """Activations that start on one side of the threshold, or where no gradient is."""
    latent, code = hash_layer.latent, hash_layer.code
    params = net_shapes.of(latent).params
    if code.type not in _SATURATED or may_start_from_weights(subject, latent.name) or not params:
        return
    start = _fillers(latent, params[0][1])
    if start is None:
        return
    activation = _activation(code.type, start.bias)
    if abs(start.bias) >= _SATURATED[code.type]:
        yield SATURATED_BITS.at(
            _place(latent, "bias_filler"),
            f"the bias of '{latent.name}' is {start.bias:g}: all activations of '{code.name}' "
            f"start around {activation:.3g}, where the gradient is next to 0",
            'bias_filler { type: "constant" value: 0 }, or ssdh patch --bias 0',
        )
    elif start.deviation >= 2 * _SATURATED[code.type]:
        yield SATURATED_BITS.at(
            _place(latent, "weight_filler"),
            f"the weights of '{latent.name}' make sums of around {start.deviation:.0f} of features "
            f"around 1: most activations of '{code.name}' start where the gradient is next to 0",
            'weight_filler { type: "xavier" }',
        )
    elif start.bias and abs(start.bias) >= _DECISIVE * start.deviation:
        time = _time(start, head, code.type, subject)
        yield BITS_START_EQUAL.at(
            _place(latent, "bias_filler"),
            f"the bias of '{latent.name}' is {start.bias:g}: all activations start around "
            f"{activation:.2f}, so that all bits are {int(start.bias > 0)}{time}",
            "--bias 0 in ssdh patch starts them undecided",
        )


def _fillers(latent: Layer, inputs: int) -> _Fillers | None:
    """The fillers of a layer; None where they are not computed."""
    settings = latent.parameter.inner_product_param
    bias = settings.bias_filler
    if settings.bias_term and bias.type not in ("", "constant"):
        return None
    value = float(bias.value) if settings.bias_term else 0.0
    deviation = _deviation(settings.weight_filler, inputs, int(settings.num_output))
    if deviation is None:
        return None
    return _Fillers(int(settings.num_output), value, deviation * math.sqrt(inputs), deviation)


def _deviation(filler: object, inputs: int, outputs: int) -> float | None:
    """The standard deviation of a weight around 0; None for other fillers."""
    kind = getattr(filler, "type", "")
    norm = {0: inputs, 1: outputs, 2: (inputs + outputs) / 2}
    fan = norm.get(getattr(filler, "variance_norm", 0), inputs) or 1
    if kind == "gaussian":
        return float(getattr(filler, "std", 0)) if not getattr(filler, "mean", 0) else None
    if kind == "xavier":
        return math.sqrt(1 / fan)
    if kind == "msra":
        return math.sqrt(2 / fan)
    if kind == "constant":
        return 0.0 if not getattr(filler, "value", 0) else None
    return None


def _activation(kind: str, value: float) -> float:
    return math.tanh(value) if kind == "TanH" else 1 / (1 + math.exp(-value))


def _time(start: _Fillers, head: Head, kind: str, subject: Subject) -> str:
    """The order of iterations that pass before bits differ; empty where it is not computed.

    The first gradient of a sum is the slope of the activation times a weight of the classifier,
    and each update moves the sum by the rate times that times the squared length of the features.
    The gradients of all but two classes cancel out.
    """
    param = subject.message
    is_plain = param is not None and solver_type(param) in ("SGD", "Nesterov")
    if param is None or not is_plain or not param.base_lr > 0 or not 0 <= param.momentum < 1:
        return ""
    classifier, classes = head.classifier, head.classes or 0
    if classifier.type != "InnerProduct" or may_start_from_weights(subject, classifier.name):
        return ""
    filler = classifier.parameter.inner_product_param.weight_filler
    weight = _deviation(filler, start.bits, classes)
    if not weight or not start.weights:
        return ""
    activation = _activation(kind, start.bias)
    slope = 1 - activation**2 if kind == "TanH" else activation * (1 - activation)
    inputs = (start.deviation / start.weights) ** 2
    step = param.base_lr / (1 - param.momentum) * slope * weight * inputs
    iterations = abs(start.bias) / step * max(2, classes) / 2
    order = 10 ** max(0, round(math.log10(iterations)))
    return f"; they begin to differ after iterations in the order of {order:,}"


def _place(layer: Layer, name: str) -> Location:
    entries = layer.settings("inner_product_param", name)
    return entries[-1].location if entries else layer.location
