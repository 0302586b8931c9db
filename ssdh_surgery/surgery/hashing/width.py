"""The width of a layer, and the layers above it whose weights no longer fit another one.

Caffe copies weights by layer name and stops where the shapes differ. So the latent layer and
every layer with weights per bit get new names, which no trained weights have; and so does every
layer with weights per class above a classifier that gets another number of classes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from ssdh_surgery.caffe.net.blobs import BlobGraph, NetBlob
from ssdh_surgery.caffe.net.heads import HashLayer
from ssdh_surgery.caffe.net.judges import is_code_loss
from ssdh_surgery.caffe.net.layer import Layer, integer
from ssdh_surgery.caffe.net.layer_rules import LAYER_RULES
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.errors import SurgeryError
from ssdh_surgery.prototxt.cst import Entry
from ssdh_surgery.surgery.core.change import Change, merge
from ssdh_surgery.surgery.hashing.classifier import changed_name
from ssdh_surgery.surgery.hashing.shared_weights import sharers
from ssdh_surgery.surgery.verbs import fields, layers


@dataclass(frozen=True)
class Renaming:
    """A change that renames layers, and their new names by the old ones."""

    change: Change
    names: Mapping[str, str]


def layers_of_width(net: Net, hash_layer: HashLayer) -> list[Layer]:
    """The layers whose weights have another shape if the code has another width.

    Raises:
        SurgeryError: the latent layer shares its weights with another layer, or a loss of another
            method depends on the width.
    """
    latent = hash_layer.latent
    _refuse_measured(net, latent)
    if others := sharers(net, latent):
        raise SurgeryError(
            f"the latent layer '{latent.name}' shares its weights with '{others[0].name}': "
            "both would need the new width",
            location=latent.location,
            hint="change num_output in both by hand, and give both new names",
            layer=latent.name,
        )
    return [latent, *_weighted_above_in(net, latent)]


def _refuse_measured(net: Net, latent: Layer) -> None:
    """Refuse a code that a loss of another method reads, whose settings may depend on its width."""
    for graph in net.graphs_with(latent):
        for layer in graph.layers:
            is_measure = is_code_loss(layer) and layer.is_foreign
            if is_measure and latent.index in graph.below([layer]):
                raise SurgeryError(
                    f"the settings of {layer.type} layer '{layer.name}' may depend on the width of "
                    f"'{latent.name}', which it reads",
                    location=layer.location,
                    hint=f"edit '{layer.name}' and num_output by hand, then patch without --bits",
                    layer=layer.name,
                )


def _weighted_above_in(net: Net, layer: Layer) -> list[Layer]:
    """The layers of any state above a layer whose weights depend on its width."""
    by_index: dict[int, Layer] = {}
    for graph in net.graphs_with(layer):
        by_index.update((each.index, each) for each in _weighted_above(graph, layer))
    return list(by_index.values())


def _weighted_above(graph: BlobGraph, lowest: Layer) -> list[Layer]:
    layers: list[Layer] = []
    visited: set[int] = set()
    pending: list[NetBlob] = [graph.writes(lowest)[0]]
    while pending:
        for layer, _ in graph.consumers(pending.pop()):
            if layer.index in visited or layer.is_loss:
                continue
            visited.add(layer.index)
            rule = LAYER_RULES.get(layer.type)
            if rule is not None and rule.has_input_weights and not _reads_weights(layer):
                layers.append(layer)
            if rule is None or rule.keeps_width:
                pending += graph.writes(layer)
    return layers


def _reads_weights(layer: Layer) -> bool:
    """Whether a Scale or a Bias has no weights of its own: it reads them from a second bottom."""
    return layer.type in ("Scale", "Bias") and len(layer.bottoms) > 1


def rename_resized(net: Net, classifier: Layer) -> Renaming:
    """Rename the layers with weights per class above a classifier that gets other classes.

    The classifier itself keeps its name.
    """
    resized = [layer for layer in _weighted_above_in(net, classifier) if layer.name]
    names = {layer.name: changed_name(net, layer) for layer in resized}
    return Renaming(merge(layers.rename(layer, names[layer.name]) for layer in resized), names)


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
