"""Another width for a hash layer that is there: which weights no longer fit, and their new names.

Caffe copies weights by a layer's name and stops where the shapes differ. So the latent layer
and whatever has a weight for each bit get names that no trained weights have.
"""

from __future__ import annotations

from collections.abc import Collection

from ssdh_surgery.caffe.net.blobs import BlobGraph, NetBlob
from ssdh_surgery.caffe.net.heads import HashLayer
from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.caffe.net.layer_rules import LAYER_RULES
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.net.phase import PHASES
from ssdh_surgery.errors import SurgeryError
from ssdh_surgery.surgery.core.change import Change, merged
from ssdh_surgery.surgery.hashing.classifier import changed_name
from ssdh_surgery.surgery.hashing.shared_weights import sharers
from ssdh_surgery.surgery.verbs import blobs, layers


def outgrown(net: Net, hashed: HashLayer) -> list[Layer]:
    """The layers whose weights have another shape once the code has another width.

    Raises:
        SurgeryError: the latent layer shares its weights with another layer.
    """
    if others := sharers(net, hashed.latent):
        raise SurgeryError(
            f"the latent layer '{hashed.latent.name}' shares its weights with "
            f"'{others[0].name}': both would need the new width",
            location=hashed.latent.location,
            hint="change num_output in both by hand, and give both new names",
            layer=hashed.latent.name,
        )
    found = {hashed.latent.index: hashed.latent}
    for phase in PHASES:
        graph = net.graph(phase)
        if graph.takes_part(hashed.latent):
            found.update((each.index, each) for each in _weighted_above(graph, hashed.latent))
    return list(found.values())


def _weighted_above(graph: BlobGraph, latent: Layer) -> list[Layer]:
    found: list[Layer] = []
    seen: set[int] = set()
    pending: list[NetBlob] = [graph.writes(latent)[0]]
    while pending:
        for layer, _ in graph.consumers(pending.pop()):
            if layer.index in seen or layer.is_loss:
                continue
            seen.add(layer.index)
            rule = LAYER_RULES.get(layer.type)
            if rule is not None and rule.has_input_weights:
                found.append(layer)
            if rule is None or rule.keeps_width:
                pending += graph.writes(layer)
    return found


def fresh_names(net: Net, hashed: HashLayer, kept: Collection[str] = ()) -> dict[str, str]:
    """A new name for each layer whose weights no longer fit, by the old one; not for `kept`."""
    return {
        layer.name: changed_name(net, layer)
        for layer in outgrown(net, hashed)
        if layer.name not in kept
    }


def rename(net: Net, hashed: HashLayer, layer: Layer, name: str) -> Change:
    """Give a layer another name, and its top where that is called as the layer is.

    The code keeps its name, also where its Sigmoid works in place.

    Raises:
        SurgeryError: the name is taken by another blob.
    """
    change = layers.rename(layer, name)
    is_code = layer is hashed.latent and layer.tops[0] in hashed.code.tops
    if layer.tops[0] != layer.name or is_code:
        return change
    return merged([change, blobs.rename(net, layer, 0, name)])
