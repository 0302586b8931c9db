"""Why a patch chooses what it chooses: the chain of layers, the head, the features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path

from ssdh_surgery.caffe.net.blobs import BlobGraph
from ssdh_surgery.caffe.net.heads import Head, hash_layer_below, heads
from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.net.phase import State
from ssdh_surgery.caffe.shapes import NetShapes, Shape, shapes
from ssdh_surgery.errors import SurgeryError
from ssdh_surgery.names import count_text, size_text
from ssdh_surgery.pipeline.inspect.show import default_phase
from ssdh_surgery.pipeline.nets.data_shapes import shapes_at_hand
from ssdh_surgery.surgery.hashing.insert import features_blob


@dataclass(frozen=True)
class Link:
    """One layer of the chain, with the blob that it hands on."""

    layer: Layer
    blob: str
    shape: Shape | None


@dataclass(frozen=True)
class Explanation:
    """What a patch works on.

    Attributes:
        state: the state that the net is looked at in.
        chain: the layers from the data to the loss, along each layer's first bottom.
        head: the head that was chosen.
        reason: why it was chosen.
        features: the blob to hash.
        shape: its shape, None where unknown.
        hash_layer_names: the latent and the sigmoid layer of a net that has a hash layer.
    """

    state: State
    chain: tuple[Link, ...]
    head: Head
    reason: str
    features: str
    shape: Shape | None
    hash_layer_names: tuple[str, str] | None

    @property
    def size(self) -> int | None:
        """The number of features of one image, None where the shape is unknown."""
        return None if self.shape is None else prod(self.shape[1:])


def explain(
    net: Net, head: Head, name: str | None, at: str | None, folders: Sequence[Path] = ()
) -> Explanation:
    """Explain a net as `patch` sees it.

    Args:
        net: the net before it is changed.
        head: the head that was chosen.
        name: the name that the user chose it by, or None.
        at: the blob or layer that the user chose to hash, or None.
        folders: where to look for the data, which have their shapes.

    Raises:
        UnknownLayer: no blob and no layer has the name `at`.
        SurgeryError: it is not below the classifier, or the classifier is in no state.
    """
    graphs = net.graphs_with(head.classifier)
    if not graphs:
        raise SurgeryError(
            f"layer '{head.classifier.name}' takes part in no state",
            location=head.classifier.location,
        )
    graph, state = graphs[0], graphs[0].state
    net_shapes = shapes(net, state, shapes_at_hand(net, state, folders))
    top = next((loss for loss in head.losses if graph.takes_part(loss)), head.classifier)
    hash_layer = hash_layer_below(net, head.classifier)
    features = features_blob(net, head, at)
    return Explanation(
        # A deploy net is the same in both phases, and runs in TEST.
        state if net.has_rules else net.state("TEST"),
        _chain(graph, net_shapes, top),
        head,
        _reason(heads(net), head, name),
        features,
        net_shapes.blobs.get(features),
        (hash_layer.latent.name, hash_layer.code.name) if hash_layer else None,
    )


def _chain(graph: BlobGraph, net_shapes: NetShapes, top: Layer) -> tuple[Link, ...]:
    links = []
    layer: Layer | None = top
    while layer is not None:
        blob = layer.tops[0] if layer.tops else ""
        top_shapes = net_shapes.of(layer).tops
        links.append(Link(layer, blob, top_shapes[0] if top_shapes else None))
        below = graph.reads(layer)[0] if layer.bottoms else None
        layer = below.writer if below else None
    return tuple(reversed(links))


def _reason(all_heads: tuple[Head, ...], head: Head, name: str | None) -> str:
    others = [each for each in all_heads if each.classifier.index != head.classifier.index]
    if name is not None:
        return f"chosen by name, '{name}'"
    if not others:
        return "the only one"
    names = ", ".join(
        f"'{each.classifier.name}' (weight {each.weight:g}, {count_text(each.depth, 'layer')} deep)"
        for each in others
    )
    most = max(each.weight for each in others)
    why = "it has the largest weight" if head.weight > most else "it is the deepest"
    return f"{why}: weight {head.weight:g}, {count_text(head.depth, 'layer')} deep; others: {names}"


def flatten_note(net: Net, features: str, latent: str, folders: Sequence[Path] = ()) -> str | None:
    """A sentence about a latent layer that flattens features with a height and a width.

    None where the features have no more than one position, or their shape is unknown.

    Args:
        net: the net with the hash layer.
        features: the blob that the latent layer reads.
        latent: the latent layer's name.
        folders: where to look for the data, which have their shapes.
    """
    # The phase that costs are counted in comes first: its shapes are known then.
    first = default_phase(net)
    for graph in sorted(net.graphs, key=lambda graph: graph.state.phase != first):
        layer = next((each for each in graph.layers if each.name == latent), None)
        if layer is None:
            continue
        net_shapes = shapes(net, graph.state, shapes_at_hand(net, graph.state, folders))
        shape, params = net_shapes.blobs.get(features), net_shapes.of(layer).param_count
        if shape is None or params is None:
            continue
        # With an axis of its own the layer has one code for each position of a sequence.
        if prod(shape[2:]) == 1 or layer.parameter.inner_product_param.axis != 1:
            return None
        sizes = size_text(shape[1:])
        return (
            f"'{features}' has {sizes} values per image: '{latent}' flattens them to "
            f"{prod(shape[1:]):,} and has {params:,} params"
        )
    return None
