"""SSDH2xx: nets of which nothing, or not everything, can learn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ssdh_surgery.caffe.messages.dialect import Dialect
from ssdh_surgery.caffe.net.gradient_flow import gradient_refusal
from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.caffe.net.learning import NetLearning
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.shapes import NetShapes
from ssdh_surgery.findings import (
    LOSS_WITHOUT_EFFECT,
    NO_BACKWARD,
    NO_GRADIENT,
    NO_LOSS,
    NOTHING_LEARNS,
    TWICE_NORMALIZED,
    Finding,
)
from ssdh_surgery.location import Location
from ssdh_surgery.names import count_text
from ssdh_surgery.pipeline.check.subject import Subject
from ssdh_surgery.pipeline.check.weights.initial_layers import may_start_from_weights

# What a loss computes before it compares.
_NORMALIZERS = {"SoftmaxWithLoss": "Softmax", "SigmoidCrossEntropyLoss": "Sigmoid"}
# Layers that a message names.
_NAMED = 4


def findings(subject: Subject) -> Iterator[Finding]:
    """The findings about what the nets learn in TRAIN."""
    for (net, state), net_shapes in zip(subject.nets, subject.shapes, strict=True):
        # A net alone may be a deploy net, or one for tests.
        is_trained = state.phase == "TRAIN" and (subject.has_solver or _has_loss_layer(net))
        if is_trained and net.layers_in(state):
            yield from _net_findings(net, net_shapes, subject)


def _has_loss_layer(net: Net) -> bool:
    return any(layer.is_loss or any(layer.loss_weights) for layer in net.layers)


def _net_findings(net: Net, net_shapes: NetShapes, subject: Subject) -> Iterator[Finding]:
    graph = net.graph(net_shapes.state)
    if graph.findings:
        return  # Caffe does not build it
    learning = net_learning(net, net_shapes)
    yield from _refused_gradients(net, net_shapes)
    if not learning.losses:
        yield _no_loss(net, learning)
        return
    if not any(learning.gets_gradient(layer) for layer in graph.layers):
        yield _nothing_learns(net, learning)
        return
    yield from _twice_normalized(learning)
    yield from _without_gradient(net, learning, subject)
    yield from _without_effect(net, learning)


def net_learning(net: Net, net_shapes: NetShapes, *, trusts_foreign: bool = True) -> NetLearning:
    """What learns in a net, in the state of its shapes."""
    counts = {
        each.layer.index: None if each.params is None else len(each.params)
        for each in net_shapes.layers
    }
    return NetLearning(net.graph(net_shapes.state), counts, trusts_foreign=trusts_foreign)


def _no_loss(net: Net, learning: NetLearning) -> Finding:
    zero = next((layer for layer in learning.graph.layers if layer.is_loss), None)
    if zero is None:
        return NO_LOSS.at(
            Location(net.file),
            f"the net has no loss in phase {learning.graph.state}: nothing would be learned",
            _loss_hint(learning),
        )
    entry = zero.outer.entry("loss_weight")
    return NO_LOSS.at(
        entry.location if entry else zero.location,
        f"loss_weight is 0 in layer '{zero.name}', and no other layer has a loss: nothing would "
        "be learned",
        "remove loss_weight: the default of a loss layer is 1",
    )


def _loss_hint(learning: NetLearning) -> str:
    python = next((layer for layer in learning.graph.layers if layer.type == "Python"), None)
    if python is not None:
        return f"if layer '{python.name}' computes the loss: loss_weight: 1 in it"
    return "add a loss layer that is in TRAIN: for a classifier, SoftmaxWithLoss"


def _nothing_learns(net: Net, learning: NetLearning) -> Finding:
    """The finding for a net with losses that change nothing."""
    if layers := learning.learners:
        return NOTHING_LEARNS.at(
            layers[0].location,
            f"no gradient gets from {layers_text(learning.losses)} to {layers_text(layers)}: the "
            "net learns nothing",
            "check the bottoms of the losses, and propagate_down in the layers above",
        )
    frozen = [layer for layer in learning.graph.layers if layer.params]
    if not frozen:
        return NOTHING_LEARNS.at(
            Location(net.file), "no layer of the net has weights: it learns nothing"
        )
    param = frozen[0].outer.entry("param") or frozen[0].core.entry("blobs_lr")
    word = rate_field(net)
    return NOTHING_LEARNS.at(
        param.location if param else frozen[0].location,
        f"{word} is 0 in all layers with weights ({layers_text(frozen)}): the net learns nothing",
        f"set {word} above 0 in the layers that are to learn",
    )


def rate_field(net: Net) -> str:
    """The field that holds the rate of a param, in the dialect of a net."""
    return "lr_mult" if net.dialect is Dialect.CURRENT else "blobs_lr"


def _without_gradient(net: Net, learning: NetLearning, subject: Subject) -> Iterator[Finding]:
    """Layers that could learn, by the reason why they do not."""
    lost = [layer for layer in learning.learners if not learning.gets_gradient(layer)]
    below = learning.graph.below(list(learning.losses))
    unread = [layer for layer in lost if layer.index not in below]
    if unread:
        verb = "learns" if len(unread) == 1 else "learn"
        yield NO_GRADIENT.at(
            unread[0].location,
            f"{layers_text(unread)} {verb} nothing: no loss depends on what {_pronoun(unread)}",
            "remove the branch, or add a loss to it; "
            f"{rate_field(net)}: 0 states that it is not to learn",
        )
    # A net whose lower part is copied from weights may be meant to stay.
    cut = [
        layer
        for layer in lost
        if layer.index in below and not may_start_from_weights(subject, layer.name)
    ]
    if cut:
        verb = "learns" if len(cut) == 1 else "learn"
        yield NO_GRADIENT.at(
            cut[0].location,
            f"{layers_text(cut)} {verb} nothing: no gradient gets from the loss to "
            f"{'it' if len(cut) == 1 else 'them'}",
            f"check propagate_down above; {rate_field(net)}: 0 states that a layer is not to learn",
        )


def _pronoun(layers: Sequence[Layer]) -> str:
    return "it computes" if len(layers) == 1 else "they compute"


def _without_effect(net: Net, learning: NetLearning) -> Iterator[Finding]:
    """Losses that nothing that learns contributes to."""
    for loss in learning.losses:
        below = learning.graph.below([loss])
        layers = [layer for layer in learning.graph.layers if layer.index in below]
        if loss.is_foreign or any(learning.learns(layer) for layer in layers):
            continue
        frozen = [layer for layer in layers if layer.params]
        bottoms = ", ".join(dict.fromkeys(loss.bottoms))
        reason = (
            f"{rate_field(net)} is 0 in all layers below it ({layers_text(frozen)})"
            if frozen
            else f"what it reads ({bottoms}) depends on no layer with weights"
        )
        yield LOSS_WITHOUT_EFFECT.at(
            loss.location,
            f"nothing is learned from loss '{loss.name}': {reason}",
            "check its bottoms" if not frozen else None,
        )


def _twice_normalized(learning: NetLearning) -> Iterator[Finding]:
    """Losses that compute probabilities of probabilities."""
    for loss in learning.losses:
        inner = _NORMALIZERS.get(loss.type)
        below = learning.graph.reads(loss)[0] if inner and loss.bottoms else None
        if below is not None and below.writer is not None and below.writer.type == inner:
            source = below.writer
            yield TWICE_NORMALIZED.at(
                loss.bottom_location(0),
                f"'{loss.name}' computes a {inner} itself, and reads the top of {inner} "
                f"'{source.name}'",
                f'let it read the scores: bottom: "{source.bottoms[0]}"'
                if source.bottoms and not source.is_in_place()
                else f"remove '{source.name}' from TRAIN",
            )


def _refused_gradients(net: Net, net_shapes: NetShapes) -> Iterator[Finding]:
    """The uppermost layers that would have to pass on a gradient that they do not compute."""
    learning = net_learning(net, net_shapes, trusts_foreign=False)
    graph, below = learning.graph, set[int]()
    for layer in reversed(graph.layers):
        step = learning.steps[layer.index]
        if layer.index in below or not step.needs_backward:
            continue
        if not (reason := gradient_refusal(layer.type, step.propagate_down)):
            continue
        count = range(len(layer.bottoms))
        refused = [
            index
            for index in count
            if gradient_refusal(layer.type, [each == index for each in count])
        ]
        first = next(index for index in refused if step.propagate_down[index])
        below |= graph.below([blob.writer for blob in graph.reads(layer) if blob and blob.writer])
        flags = (f"propagate_down: {'false' if each in refused else 'true'}" for each in count)
        yield NO_BACKWARD.at(
            layer.bottom_location(first),
            f"layer '{layer.name}' ({layer.type}): {reason} (bottom '{layer.bottoms[first]}' "
            "depends on layers that learn)",
            f"to stop the gradient there: {' '.join(flags)}",
        )


def layers_text(layers: Sequence[Layer]) -> str:
    """Layers in a sentence: the first ones by name, the others by their number."""
    names = [f"'{layer.name}'" for layer in layers[:_NAMED]]
    if len(layers) > _NAMED:
        return f"{', '.join(names)} and {count_text(len(layers) - _NAMED, 'other layer')}"
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
