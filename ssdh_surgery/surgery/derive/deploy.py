"""A deploy net from a train net: inputs for data layers, and only what the codes need.

What is kept stays byte for byte, including fillers and learning rates: Caffe ignores them in
a deploy net, and they document how the net was trained.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from ssdh_surgery.caffe.messages.dialect import Dialect
from ssdh_surgery.caffe.net.blobs import BlobGraph
from ssdh_surgery.caffe.net.heads import Head, hash_layer_below
from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.caffe.net.net import LEGACY_AXES, Net
from ssdh_surgery.caffe.net.phase import PhaseRule, State, takes_part
from ssdh_surgery.errors import SurgeryError
from ssdh_surgery.prototxt.cst import Entry, Message
from ssdh_surgery.prototxt.render import NewFields
from ssdh_surgery.surgery.core.change import Change, merge
from ssdh_surgery.surgery.verbs import fields, layers
from ssdh_surgery.surgery.verbs.fields import Removal

# The stage of a net for use, in files of a net for training and use: as DIGITS writes them.
DEPLOY_STAGE = "deploy"
# What such a stage does to its input, as data layers do in training; the shape stays.
_ON_PIXELS = frozenset(["BatchNorm", "Bias", "Power", "Scale"])


@dataclass(frozen=True)
class DataBlob:
    """A blob that data layers fill in training and the user fills in a deploy net.

    `layers` are the data layers that write it in any state, those of the derived state first.
    They write it as `top`: another name than its own where the stage `deploy` computes that blob
    from it, as they do from what they read (a Power in place of a `scale`).
    """

    name: str
    layers: tuple[Layer, ...]
    top: str


@dataclass(frozen=True)
class DeployDerivation:
    """A change that turns a train net into a deploy net, and the layers that it takes out."""

    change: Change
    removed: tuple[Layer, ...]


@dataclass(frozen=True)
class DeployNeeds:
    """What a deploy net needs of a train net: the indices of layers, and the data blobs."""

    layers: frozenset[int]
    data: tuple[DataBlob, ...]


def deploy_needs(net: Net, head: Head, *, with_classifier: bool = False) -> DeployNeeds:
    """The layers that a head's classifier, or the hash layer below it, depends on.

    `with_classifier` also keeps the classifier above a hash layer, with the layers on its output
    that are in the stage `deploy` alone.

    Raises:
        SurgeryError: the classifier is in no state, or reads a blob that no layer writes.
    """
    hash_layer = None if with_classifier else hash_layer_below(net, head.classifier)
    root = hash_layer.code if hash_layer else head.classifier
    return layer_needs(net, root, with_scores=with_classifier)


def layer_needs(net: Net, root: Layer, *, with_scores: bool = False) -> DeployNeeds:
    """The layers that a layer depends on, without the data layers.

    They are those of the stage `deploy` if the net has one with the same data, else of phase
    TEST, or of TRAIN if the layer is only there. `with_scores` adds the layers above it that only
    the stage has.

    Raises:
        SurgeryError: the layer is in no state, or reads a blob that no layer writes.
    """
    graphs = sorted(net.graphs_with(root), key=_deploy_order)
    if not graphs:
        raise SurgeryError(
            f"layer '{root.name}' is in no state", location=root.location, layer=root.name
        )
    staged = [graph for graph in graphs if DEPLOY_STAGE in graph.state.stages]
    others = [graph for graph in graphs if graph not in staged]
    if staged and others:
        # The stage may have inputs that no data of the net stands for.
        with suppress(SurgeryError):
            return _needs_in(net, staged[0], root, with_scores)
    return _needs_in(net, [*others, *staged][0], root, with_scores)


def _needs_in(net: Net, graph: BlobGraph, root: Layer, with_scores: bool) -> DeployNeeds:
    """The same in one state."""
    below = graph.below([root, *(_scores(graph, root) if with_scores else [])])
    sources = {layer.index for layer in graph.layers if layer.index in below and _is_source(layer)}
    kept = [layer for layer in graph.layers if layer.index in below - sources]
    tops = _read_from_data(net, graph, kept)
    return DeployNeeds(
        frozenset(layer.index for layer in kept),
        tuple(
            DataBlob(name, _writers(top, [graph, *net.graphs]), top) for name, top in tops.items()
        ),
    )


def _deploy_order(graph: BlobGraph) -> tuple[bool, bool]:
    """The order in which the states of a train net are preferred for its deploy net."""
    return DEPLOY_STAGE not in graph.state.stages, graph.state.phase != "TEST"


def _scores(graph: BlobGraph, classifier: Layer) -> list[Layer]:
    """The layers above a classifier that are in the stage `deploy` alone."""
    state = graph.state
    if DEPLOY_STAGE not in state.stages:
        return []
    plain = State(state.phase, state.level, state.stages - {DEPLOY_STAGE})
    above = graph.above([classifier])
    return [layer for layer in graph.layers if layer.index in above and not layer.is_in(plain)]


def _is_source(layer: Layer) -> bool:
    """Whether a layer brings data that becomes an input; an Input already is one."""
    return layer.is_data and layer.type not in ("Input", "Parameter")


def _read_from_data(net: Net, graph: BlobGraph, kept: Iterable[Layer]) -> dict[str, str]:
    """The blobs that layers read in the place of data, including data of other states.

    Each with the top of the data layers that holds it.
    """
    tops_of_data = {top for layer in net.layers if _is_source(layer) for top in layer.tops}
    names: dict[str, str] = {}
    for layer in kept:
        for index, blob in enumerate(graph.reads(layer)):
            if blob is not None and (blob.writer is None or not _is_source(blob.writer)):
                continue
            name = layer.bottoms[index]
            replaced = layer.tops[0] if layer.type in _ON_PIXELS and layer.tops else ""
            top = next((each for each in (name, replaced) if each in tops_of_data), None)
            if top is None:
                raise SurgeryError(
                    f"unknown bottom blob '{name}' (layer '{layer.name}', bottom index {index})",
                    location=layer.bottom_location(index),
                    layer=layer.name,
                    blob=name,
                )
            names[name] = top
    return names


def _writers(name: str, graphs: Iterable[BlobGraph]) -> tuple[Layer, ...]:
    writers = (
        layer
        for graph in graphs
        for layer in graph.layers
        if _is_source(layer) and name in layer.tops
    )
    return tuple({layer.index: layer for layer in writers}.values())


def derive_deploy_net(
    net: Net, needs: DeployNeeds, shapes: Mapping[str, Sequence[int]], remove: Removal
) -> DeployDerivation:
    """Turn a train net into a deploy net.

    Data layers become an `Input` (in V0 and V1 `input` and `input_dim`). Layers that are not
    needed go, and so do the rules that no longer select anything.

    Args:
        net: the train net, in any dialect.
        needs: what to keep (see `deploy_needs`).
        shapes: the shape of each needed data blob, batch first.
        remove: how fields and layers are taken out.
    """
    kept = [layer for layer in net.layers if layer.index in needs.layers]
    removed = [layer for layer in net.layers if layer.index not in needs.layers]
    rules = [entry for layer in kept for entry in _superfluous_rules(layer, net.state("TEST"))]
    sized = [(blob, tuple(shapes[blob.name])) for blob in needs.data]
    change = merge(
        [
            _replace_data_layers(net, kept, removed, sized, remove),
            fields.take_out(rules, remove),
        ]
    )
    return DeployDerivation(change, tuple(removed))


def _superfluous_rules(layer: Layer, state: State) -> list[Entry]:
    """The rules of a layer that a deploy net, run in a given state, does not keep.

    Rules that name a phase and nothing else go: a deploy net has no phases. Where the others
    alone would leave the layer out, they go as well.
    """
    rules = [*layer.outer.entries("include"), *layer.outer.entries("exclude")]
    of_phase = {rule for rule in rules if _names_phase_only(rule)}
    include, exclude = (
        [
            PhaseRule.read(rule.value)
            for rule in layer.outer.entries(name)
            if isinstance(rule.value, Message) and rule not in of_phase
        ]
        for name in ("include", "exclude")
    )
    stays = takes_part(include, exclude, state)
    return [rule for rule in rules if rule in of_phase or not stays]


def _names_phase_only(rule: Entry) -> bool:
    message = rule.value
    return isinstance(message, Message) and {each.name for each in message.fields} <= {"phase"}


def _replace_data_layers(
    net: Net,
    kept: Sequence[Layer],
    removed: Sequence[Layer],
    sized: Sequence[tuple[DataBlob, tuple[int, ...]]],
    remove: Removal,
) -> Change:
    """Take layers out, and put the inputs in the place of the data layers."""
    if not sized:
        return layers.take_out(removed, remove)
    if net.dialect is not Dialect.CURRENT:
        name, inputs = net.root.entry("name"), _legacy_inputs(sized)
        added = (
            fields.add_after(name, inputs)
            if name
            else fields.add_before(net.layers[0].entry, inputs)
        )
        return merge([added, layers.take_out(removed, remove)])
    names = {blob.name for blob, _ in sized}
    readers = [layer for layer in kept if names & set(layer.bottoms)]
    writers = [layer for blob, _ in sized for layer in blob.layers]
    first = min([*writers, *readers], key=lambda each: each.index)
    new = [input_layer(blob.name, shape) for blob, shape in sized]
    return layers.replace(first, removed, new, remove)


def input_layer(name: str, shape: Sequence[int]) -> NewFields:
    """An Input layer, through which the user fills a blob."""
    dims: NewFields = [("dim", size) for size in shape]
    param: NewFields = [("shape", dims)]
    return [("name", name), ("type", "Input"), ("top", name), ("input_param", param)]


def _legacy_inputs(sized: Sequence[tuple[DataBlob, tuple[int, ...]]]) -> NewFields:
    """Inputs as V0 and V1 declare them."""
    are_legacy = all(len(shape) == LEGACY_AXES for _, shape in sized)
    new: list[tuple[str, object]] = []
    for blob, shape in sized:
        new.append(("input", blob.name))
        if are_legacy:
            new += [("input_dim", size) for size in shape]
        else:
            new.append(("input_shape", [("dim", size) for size in shape]))
    return new
