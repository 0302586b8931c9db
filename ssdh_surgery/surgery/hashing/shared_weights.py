"""Weights that layers share by name, as in siamese nets, which a hash layer does not support."""

from __future__ import annotations

from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.errors import SurgeryError

_WHY = "the two branches would get different hash layers, and codes that cannot be compared"
_HINT = "hash one branch, and add the other afterwards"


def sharers(net: Net, layer: Layer) -> list[Layer]:
    """The other layers that use the weights of a layer, in a state that both are in."""
    names = {param.name for param in layer.params if param.name}
    return [
        other
        for other in net.layers
        if other.index != layer.index
        and names & {param.name for param in other.params}
        and any(graph.takes_part(other) for graph in net.graphs_with(layer))
    ]


def refuse_shared(net: Net, classifier: Layer) -> None:
    """Refuse a classifier that shares its weights with another layer.

    Raises:
        SurgeryError: it does; the other layer is named.
    """
    if others := sharers(net, classifier):
        raise SurgeryError(
            f"the classifier '{classifier.name}' shares its weights with '{others[0].name}': "
            f"{_WHY}",
            location=classifier.location,
            hint=_HINT,
            layer=classifier.name,
        )


def refuse_siamese(net: Net) -> None:
    """Refuse a net that compares branches with shared weights and classifies nothing.

    Raises:
        SurgeryError: it does; the loss is named.
    """
    for layer in net.layers:
        if layer.type == "ContrastiveLoss":
            raise SurgeryError(
                f"layer '{layer.name}' compares two branches that share weights, and nothing "
                f"classifies: {_WHY}",
                location=layer.location,
                hint=_HINT,
                layer=layer.name,
            )
