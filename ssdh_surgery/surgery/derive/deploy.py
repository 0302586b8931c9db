"""A deploy net from a train net: inputs for data layers, and only what the codes need.

What is kept stays byte for byte, fillers and learning rates too: Caffe ignores them in a
deploy net, and they tell how the net was trained.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ssdh_surgery.caffe.messages.dialect import Dialect
from ssdh_surgery.caffe.net.blobs import BlobGraph
from ssdh_surgery.caffe.net.heads import Head, hash_layer_below
from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.net.phase import PHASES
from ssdh_surgery.errors import SurgeryError
from ssdh_surgery.prototxt.cst import Entry, Message
from ssdh_surgery.prototxt.render import NewFields
from ssdh_surgery.surgery.core.change import Change, merged
from ssdh_surgery.surgery.verbs import fields, layers
from ssdh_surgery.surgery.verbs.fields import Removal

# `input_dim` gives so many sizes to each input.
_LEGACY_AXES = 4


@dataclass(frozen=True)
class DataBlob:
    """A blob that data layers fill and a deploy net's user will.

    `layers` are the data layers that write it in any phase, the phase's own first.
    """

    name: str
    layers: tuple[Layer, ...]


@dataclass(frozen=True)
class Derived:
    """A change that makes a deploy net of a train net, and the layers that it takes out."""

    change: Change
    removed: tuple[Layer, ...]


@dataclass(frozen=True)
class Needed:
    """What a deploy net needs of a train net: the indices of its layers, and its data."""

    layers: frozenset[int]
    data: tuple[DataBlob, ...]


def needed_for(net: Net, head: Head, *, with_classifier: bool = False) -> Needed:
    """The layers that a head's classifier, or the hash layer below it, depends on.

    In phase TEST, or TRAIN where the classifier is in no other. Data layers do not count
    among them. `with_classifier` keeps the classifier above a hash layer too.

    Raises:
        SurgeryError: the classifier is in neither phase, or reads a blob that nobody writes.
    """
    existing = None if with_classifier else hash_layer_below(net, head.classifier)
    root = existing.code if existing else head.classifier
    graphs = [net.graph(phase) for phase in reversed(PHASES)]
    graph = next((each for each in graphs if each.takes_part(root)), None)
    if graph is None:
        raise SurgeryError(
            f"layer '{root.name}' is in no phase", location=root.location, layer=root.name
        )
    below = graph.below([root])
    sources = {layer.index for layer in graph.layers if layer.index in below and _is_source(layer)}
    kept = [layer for layer in graph.layers if layer.index in below - sources]
    names = _read_from_data(net, graph, kept)
    return Needed(
        frozenset(layer.index for layer in kept),
        tuple(DataBlob(name, _writers(name, [graph, *graphs])) for name in names),
    )


def _is_source(layer: Layer) -> bool:
    """Whether a layer brings data that a deploy net is given; an Input is that already."""
    return layer.is_data and layer.type not in ("Input", "Parameter")


def _read_from_data(net: Net, graph: BlobGraph, kept: Iterable[Layer]) -> list[str]:
    """The blobs of data layers that layers read, those of the other phase's data too."""
    names: dict[str, None] = {}
    for layer in kept:
        for index, blob in enumerate(graph.reads(layer)):
            if blob is not None and (blob.writer is None or not _is_source(blob.writer)):
                continue
            name = layer.bottoms[index]
            if not any(_is_source(each) and name in each.tops for each in net.layers):
                raise SurgeryError(
                    f"unknown bottom blob '{name}' (layer '{layer.name}', bottom index {index})",
                    location=layer.bottom_location(index),
                    layer=layer.name,
                    blob=name,
                )
            names[name] = None
    return list(names)


def _writers(name: str, graphs: Iterable[BlobGraph]) -> tuple[Layer, ...]:
    found = (
        layer
        for graph in graphs
        for layer in graph.layers
        if _is_source(layer) and name in layer.tops
    )
    return tuple({layer.index: layer for layer in found}.values())


def derive_deploy_net(
    net: Net, needed: Needed, shapes: Mapping[str, Sequence[int]], remove: Removal
) -> Derived:
    """Make a deploy net of a train net.

    Data layers become an `Input` (in V0 and V1 `input` and `input_dim`), layers that nothing
    needed depends on go, and so do rules that only ask for the phase.

    Args:
        net: the train net, in any dialect.
        needed: what to keep (see `needed_for`).
        shapes: the shape of each data blob that is needed, batch first.
        remove: how things go.
    """
    kept = [layer for layer in net.layers if layer.index in needed.layers]
    removed = [layer for layer in net.layers if layer.index not in needed.layers]
    rules = [entry for layer in kept for entry in _phase_rules(layer)]
    sized = [(blob, tuple(shapes[blob.name])) for blob in needed.data]
    change = merged(
        [
            _in_place_of(net, removed, sized, remove),
            fields.take_out(rules, remove),
        ]
    )
    return Derived(change, tuple(removed))


def _phase_rules(layer: Layer) -> list[Entry]:
    """Rules that ask for the phase and nothing else: a deploy net has no other phase."""
    return [
        entry
        for name in ("include", "exclude")
        for entry in layer.outer.entries(name)
        if isinstance(entry.value, Message)
        and {field.name for field in entry.value.fields} <= {"phase"}
    ]


def _in_place_of(
    net: Net,
    removed: Sequence[Layer],
    sized: Sequence[tuple[DataBlob, tuple[int, ...]]],
    remove: Removal,
) -> Change:
    """What goes, with the inputs in the place of the data layers."""
    if not sized:
        return layers.take_out(removed, remove)
    if net.dialect is not Dialect.CURRENT:
        name, inputs = net.root.entry("name"), _legacy_inputs(sized)
        added = (
            fields.add_after(name, inputs)
            if name
            else fields.add_before(net.layers[0].entry, inputs)
        )
        return merged([added, layers.take_out(removed, remove)])
    first = min((layer for blob, _ in sized for layer in blob.layers), key=lambda each: each.index)
    new = [input_layer(blob.name, shape) for blob, shape in sized]
    return layers.replace(first, removed, new, remove)


def input_layer(name: str, shape: Sequence[int]) -> NewFields:
    """The layer through which a user gives a net a blob."""
    dims: NewFields = [("dim", size) for size in shape]
    param: NewFields = [("shape", dims)]
    return [("name", name), ("type", "Input"), ("top", name), ("input_param", param)]


def _legacy_inputs(sized: Sequence[tuple[DataBlob, tuple[int, ...]]]) -> NewFields:
    """Inputs as the old dialects declare them."""
    are_legacy = all(len(shape) == _LEGACY_AXES for _, shape in sized)
    new: list[tuple[str, object]] = []
    for blob, shape in sized:
        new.append(("input", blob.name))
        if are_legacy:
            new += [("input_dim", size) for size in shape]
        else:
            new.append(("input_shape", [("dim", size) for size in shape]))
    return new
