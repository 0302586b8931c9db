"""SSDH3xx: the learning rates of layers that are new, beside those of layers from weights."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.caffe.net.learning import NetLearning
from ssdh_surgery.caffe.shapes import NetShapes
from ssdh_surgery.caffe.training.solver_types import solver_type
from ssdh_surgery.findings import NEW_LAYER_RATES, SLOW_NEW_LAYER, Finding
from ssdh_surgery.location import Location
from ssdh_surgery.pipeline.check.net.learning import layers_text, net_learning
from ssdh_surgery.pipeline.check.subject import Subject
from ssdh_surgery.pipeline.check.weights.initial_layers import initial_layers

# A rate that fine-tunes, and a number of weights that are too many to learn at it.
_LOW_RATE = 0.001001  # a float's 0.001 is a little more
_MANY_WEIGHTS = 1_000_000


def findings(subject: Subject) -> Iterator[Finding]:
    """The findings about the rates of the train net."""
    param, layers = subject.message, initial_layers(subject)
    if param is None or not param.base_lr > 0 or layers is None or not subject.nets:
        return
    net, state = subject.nets[0]
    if state.phase != "TRAIN" or net.graph(state).findings:
        return
    net_shapes = subject.shapes[0]
    learning = net_learning(net, net_shapes)
    learners = [layer for layer in learning.learners if learning.gets_gradient(layer)]
    new = [layer for layer in learners if layer.name not in layers]
    old = [layer for layer in learners if layer.name in layers]
    if new and old:
        yield _beside(learning, new, old, param.base_lr)
    if solver_type(param) in ("SGD", "Nesterov"):
        yield from _slow(learning, net_shapes, new, param.base_lr)


def _rate(learning: NetLearning, layer: Layer) -> float:
    """The `lr_mult` of its weights, or of its bias where the weights stay."""
    return next(rate for rate in learning.rates(layer) if rate)


def _place(layer: Layer) -> Location:
    """The place of its first rate, or of the layer."""
    params = layer.outer.messages("param")
    rates = params[0].entries("lr_mult") if params else layer.core.entries("blobs_lr")
    return rates[0].location if rates else layer.location


def _beside(
    learning: NetLearning, new: Sequence[Layer], old: Sequence[Layer], base: float
) -> Finding:
    """The rates of new and old layers in one line."""
    fast = max(_rate(learning, layer) for layer in old)
    new_rates = sorted({_rate(learning, layer) for layer in new})
    old_rates = sorted({_rate(learning, layer) for layer in old})
    slow = [layer for layer in new if _rate(learning, layer) <= fast]
    return NEW_LAYER_RATES.at(
        _place((slow or new)[0]),
        f"{layers_text(new)} {'is' if len(new) == 1 else 'are'} new and "
        f"{'learns' if len(new) == 1 else 'learn'} at {_rates_text(new_rates, base)}; the "
        f"{_old_text(len(old))} at {_rates_text(old_rates, base)}",
        f"{layers_text(slow)} would learn faster with a larger lr_mult, 10 for instance"
        if slow
        else None,
    )


def _old_text(count: int) -> str:
    return "layer from weights learns" if count == 1 else f"{count} layers from weights learn"


def _rates_text(rates: Sequence[float], base: float) -> str:
    texts = [f"{base * rate:g}" for rate in rates]
    return texts[0] if len(texts) == 1 else f"{texts[0]} to {texts[-1]}"


def _slow(
    learning: NetLearning, net_shapes: NetShapes, new: Sequence[Layer], base: float
) -> Iterator[Finding]:
    """Large fully connected layers that start from fillers at a low rate."""
    slow, weights = [], 0
    for layer in new:
        params = net_shapes.of(layer).params
        count = math.prod(params[0]) if layer.type == "InnerProduct" and params else 0
        if count >= _MANY_WEIGHTS and 0 < base * learning.rates(layer)[0] <= _LOW_RATE:
            slow.append(layer)
            weights += count
    if slow:
        rates = sorted({learning.rates(layer)[0] for layer in slow})
        yield SLOW_NEW_LAYER.at(
            _place(slow[0]),
            f"{layers_text(slow)} {'has' if len(slow) == 1 else 'have'} {weights:,} weights to "
            f"learn from {'its filler' if len(slow) == 1 else 'their fillers'}, at a rate of "
            f"{_rates_text(rates, base)}",
            "start from weights that have such layers, or raise their lr_mult",
        )
