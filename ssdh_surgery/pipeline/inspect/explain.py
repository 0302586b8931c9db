"""What was found in a net and why, before it is patched: the chain, the head, the features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path

from ssdh_surgery.caffe.net.blobs import BlobGraph
from ssdh_surgery.caffe.net.heads import Head, hash_layer_below, heads
from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.net.phase import PHASES, Phase
from ssdh_surgery.caffe.shapes import NetShapes, Shape, shapes
from ssdh_surgery.errors import SurgeryError
from ssdh_surgery.names import size_text
from ssdh_surgery.pipeline.inspect.show import default_phase
from ssdh_surgery.pipeline.nets.data_shapes import shapes_at_hand
from ssdh_surgery.surgery.hashing.insert import features_blob


@dataclass(frozen=True)
class Link:
    """One layer on the way from data to the loss, with the blob that goes on from it."""

    layer: Layer
    blob: str
    shape: Shape | None


@dataclass(frozen=True)
class Explanation:
    """What a patch found: `chain` runs from data to the loss by each layer's first bottom.

    `reason` says why the head was taken; `features` is the blob to hash, `size` its values
    for one picture, and `hashed` the names of a hash layer that is there.
    """

    phase: Phase
    chain: tuple[Link, ...]
    head: Head
    reason: str
    features: str
    shape: Shape | None
    hashed: tuple[str, str] | None

    @property
    def size(self) -> int | None:
        """The values of the features of one picture, None where the shape is not known."""
        return None if self.shape is None else prod(self.shape[1:])


def explain(
    net: Net, head: Head, asked: str | None, at: str | None, folders: Sequence[Path] = ()
) -> Explanation:
    """Explain a net as `patch` sees it.

    Args:
        net: the net before it is changed.
        head: the head that was chosen.
        asked: the name that it was asked for by, or None.
        at: the place that was asked for, or None.
        folders: where its data may be, which know their shapes.

    Raises:
        UnknownLayer: no blob and no layer is called `at`.
        SurgeryError: it is not below the classifier, or the classifier is in no phase.
    """
    state = net.state_with(head.classifier)
    if state is None:
        raise SurgeryError(
            f"layer '{head.classifier.name}' is in no phase", location=head.classifier.location
        )
    found, graph = shapes(net, state, shapes_at_hand(net, state, folders)), net.graph(state)
    top = next((loss for loss in head.losses if graph.takes_part(loss)), head.classifier)
    there = hash_layer_below(net, head.classifier)
    features = features_blob(net, head, at)
    return Explanation(
        # A deploy net is the same in both, and used in TEST.
        state.phase if net.has_phases else "TEST",
        _chain(graph, found, top),
        head,
        _reason(heads(net), head, asked),
        features,
        found.blobs.get(features),
        (there.latent.name, there.code.name) if there else None,
    )


def _chain(graph: BlobGraph, found: NetShapes, top: Layer) -> tuple[Link, ...]:
    links = []
    layer: Layer | None = top
    while layer is not None:
        name = layer.tops[0] if layer.tops else ""
        shape = found.of(layer).tops[0] if found.of(layer).tops else None
        links.append(Link(layer, name, shape))
        below = graph.reads(layer)[0] if layer.bottoms else None
        layer = below.writer if below else None
    return tuple(reversed(links))


def _reason(found: tuple[Head, ...], head: Head, asked: str | None) -> str:
    others = [each for each in found if each.classifier.index != head.classifier.index]
    if asked is not None:
        return f"asked for as '{asked}'"
    if not others:
        return "the only one"
    names = ", ".join(
        f"'{each.classifier.name}' (weight {each.weight:g}, {each.depth} layers deep)"
        for each in others
    )
    most = max(each.weight for each in others)
    why = "it weighs most" if head.weight > most else "it lies deepest"
    return f"{why}: weight {head.weight:g}, {head.depth} layers deep, beside {names}"


def flatten_note(net: Net, features: str, latent: str, folders: Sequence[Path] = ()) -> str | None:
    """What a latent layer makes of features that are spread over places, in a sentence.

    Args:
        net: the net as it is after the hash layer was put in.
        features: the blob that the latent layer reads.
        latent: the latent layer's name.
        folders: where its data may be, which know their shapes.
    """
    # The phase that costs are counted in comes first: its shapes are known then.
    for phase in (default_phase(net), *PHASES):
        layer = next((each for each in net.graph(phase).layers if each.name == latent), None)
        if layer is None:
            continue
        found = shapes(net, phase, shapes_at_hand(net, phase, folders))
        shape, params = found.blobs.get(features), found.of(layer).param_count
        if shape is None or params is None:
            continue
        if prod(shape[2:]) == 1:
            return None
        places = size_text(shape[1:])
        return (
            f"'{features}' has {places} values a picture: '{latent}' flattens them to "
            f"{prod(shape[1:]):,} and has {params:,} params"
        )
    return None
