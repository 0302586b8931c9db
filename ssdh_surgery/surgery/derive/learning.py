"""What the layers of a train net learn: fillers, frozen layers, BatchNorm statistics.

Fillers: `msra` for convolutions and `xavier` for inner products that learn and state none.
Weights that are copied replace them; without a filler, the others would start at zero.

BatchNorm: its three params are statistics, which are measured, and get `lr_mult: 0
decay_mult: 0`. A frozen layer gets `use_global_stats: true`, so that it does the same in
training as in use. A layer that goes on learning loses it: the phase decides, as in the
training that produced the weights.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ssdh_surgery.caffe.net.blobs import BlobGraph
from ssdh_surgery.caffe.net.heads import Head
from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.caffe.net.layer_rules import LAYER_RULES
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.net.outputs import num_output
from ssdh_surgery.errors import SurgeryError, UnknownLayer
from ssdh_surgery.names import count_text
from ssdh_surgery.prototxt.render import NewFields
from ssdh_surgery.surgery.core.change import Change
from ssdh_surgery.surgery.verbs import fields, rates
from ssdh_surgery.surgery.verbs.fields import Removal

_FILLERS = {"Convolution": "msra", "Deconvolution": "msra", "InnerProduct": "xavier"}
_NO_LEARNING = {"lr_mult": 0, "decay_mult": 0}
# The statistics of a smaller batch are rough.
_SMALL_BATCH = 16


def frozen_layers(net: Net, graph: BlobGraph, head: Head, name: str | None) -> set[int]:
    """The indices of the layers to freeze: the writer of a blob and all that it depends on.

    Args:
        net: the deploy net.
        graph: its blobs.
        head: the head that is trained.
        name: the blob, or the layer that writes it; None freezes nothing.

    Raises:
        UnknownLayer: no layer or blob has that name.
        SurgeryError: it is not below the classifier.
    """
    if name is None:
        return set()
    named = net.named(name)
    blob = graph.last(named[0].tops[0] if named and named[0].tops else name)
    if blob is None or blob.writer is None:
        raise UnknownLayer(
            f"{net.file}: no layer or blob to freeze is called '{name}'",
            hint=net.name_hint(name),
            layer=name,
        )
    if blob.writer.index not in graph.below([head.classifier]) - {head.classifier.index}:
        raise SurgeryError(
            f"'{name}' is not below the classifier '{head.classifier.name}'",
            location=blob.writer.location,
            hint="freeze layers that the features depend on",
            layer=name,
        )
    return graph.below([blob.writer])


def add_filler(layer: Layer) -> Change:
    """Add a filler to a layer with weights that states none."""
    kind = _FILLERS.get(layer.type)
    message = layer.core.message(LAYER_RULES[layer.type].settings) if kind else None
    if message is None or message.entry("weight_filler"):
        return Change()
    return fields.add_inside(message, [("weight_filler", [("type", kind)])])


def stop_learning(layer: Layer, params: int) -> Change:
    """Set the rates and decays of a layer's params, at least `params` of them, to 0."""
    return rates.put(layer, [_NO_LEARNING] * max(params, len(layer.params)))


def set_statistics(layer: Layer, is_frozen: bool, remove: Removal) -> Change:
    """Let a frozen BatchNorm use its stored statistics, and another one what the phase says."""
    message = layer.core.message("batch_norm_param")
    if is_frozen:
        new: NewFields = [("use_global_stats", True)]
        if message is None:
            return fields.add_inside(layer.core, [("batch_norm_param", new)])
        return fields.put_all(message, new)
    entries = message.entries("use_global_stats") if message else []
    return fields.take_out(entries, remove)


def freeze_notes(freeze: str | None, layers: Sequence[Layer], frozen: set[int]) -> Iterable[str]:
    """Notes on the frozen layers among those of a net."""
    if frozen:
        count = sum(num_output(layer) is not None for layer in layers if layer.index in frozen)
        words = count_text(count, "layer with weights has", "layers with weights have")
        yield (
            f"frozen up to '{freeze}': {words} lr_mult 0, so "
            f"Caffe does not backpropagate below '{freeze}'"
        )


def statistics_notes(batch_norms: Sequence[Layer], frozen: set[int], batch: int) -> Iterable[str]:
    """Notes on the statistics that BatchNorm layers use in training."""
    stored = sum(layer.index in frozen for layer in batch_norms)
    if stored:
        layers = count_text(stored, "frozen BatchNorm layer has", "frozen BatchNorm layers have")
        yield f"{layers} use_global_stats: the same statistics in training as in use"
    if len(batch_norms) > stored:
        learning = count_text(
            len(batch_norms) - stored, "BatchNorm layer goes on", "BatchNorm layers go on"
        )
        rough = (
            f", which are rough for {count_text(batch, 'image')}: see --train-batch and --freeze"
        )
        yield (
            f"{learning} learning: TRAIN uses the statistics of the batch"
            f"{rough if batch < _SMALL_BATCH else ''}"
        )
