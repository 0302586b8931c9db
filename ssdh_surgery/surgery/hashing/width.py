"""The width of a hash layer: setting it, and the layers whose weights then no longer fit.

Caffe copies weights by layer name and stops where the shapes differ. So the latent layer and
every layer with weights per bit get new names, which no trained weights have.
"""

from __future__ import annotations

from collections.abc import Collection

from ssdh_surgery.caffe.net.blobs import BlobGraph, NetBlob
from ssdh_surgery.caffe.net.heads import HashLayer
from ssdh_surgery.caffe.net.layer import Layer, integer
from ssdh_surgery.caffe.net.layer_rules import LAYER_RULES
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.errors import SurgeryError
from ssdh_surgery.prototxt.cst import Entry
from ssdh_surgery.surgery.core.change import Change, merge
from ssdh_surgery.surgery.hashing.classifier import changed_name
from ssdh_surgery.surgery.hashing.shared_weights import sharers
from ssdh_surgery.surgery.verbs import fields


def layers_of_width(net: Net, hash_layer: HashLayer) -> list[Layer]:
    """The layers whose weights have another shape if the code has another width.

    Raises:
        SurgeryError: the latent layer shares its weights with another layer.
    """
    latent = hash_layer.latent
    if others := sharers(net, latent):
        raise SurgeryError(
            f"the latent layer '{latent.name}' shares its weights with '{others[0].name}': "
            "both would need the new width",
            location=latent.location,
            hint="change num_output in both by hand, and give both new names",
            layer=latent.name,
        )
    layers = {latent.index: latent}
    for graph in net.graphs_with(latent):
        layers.update((each.index, each) for each in _weighted_above(graph, latent))
    return list(layers.values())


def _weighted_above(graph: BlobGraph, latent: Layer) -> list[Layer]:
    layers: list[Layer] = []
    visited: set[int] = set()
    pending: list[NetBlob] = [graph.writes(latent)[0]]
    while pending:
        for layer, _ in graph.consumers(pending.pop()):
            if layer.index in visited or layer.is_loss:
                continue
            visited.add(layer.index)
            rule = LAYER_RULES.get(layer.type)
            if rule is not None and rule.has_input_weights:
                layers.append(layer)
            if rule is None or rule.keeps_width:
                pending += graph.writes(layer)
    return layers


def fresh_names(net: Net, hash_layer: HashLayer, keep: Collection[str] = ()) -> dict[str, str]:
    """A new name for each layer whose weights no longer fit, by its old name; not for `keep`."""
    return {
        layer.name: changed_name(net, layer)
        for layer in layers_of_width(net, hash_layer)
        if layer.name not in keep
    }


def set_bits(net: Net, hash_layer: HashLayer, bits: int) -> Change:
    """Set the width of an existing hash layer, and of the fork's pooling over its bits.

    Raises:
        SurgeryError: the latent layer has no `inner_product_param`.
    """
    message = hash_layer.latent.holder("inner_product_param")
    if message is None:
        raise SurgeryError(
            f"layer '{hash_layer.latent.name}' does not state its num_output",
            location=hash_layer.latent.location,
        )
    return merge(
        [fields.put(message, "num_output", bits)]
        + [fields.set_value(entry, bits) for entry in _pooled_widths(net, hash_layer)]
    )


def _pooled_widths(net: Net, hash_layer: HashLayer) -> list[Entry]:
    """The entries in which poolings that average the bits state their number."""
    widths: dict[Entry, None] = {}
    for graph in net.graphs:
        for layer in graph.layers:
            message = layer.core.message("pooling_param")
            if message is None or hash_layer.code.index not in graph.below([layer]):
                continue
            width = message.entry("kernel_w")
            if width is not None and integer(message, "kernel_w") == hash_layer.bits:
                widths[width] = None
    return list(widths)
