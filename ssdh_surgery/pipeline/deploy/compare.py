"""Comparing a deploy net with its train net: whether trained weights fit, and codes agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ssdh_surgery.caffe.net.heads import hash_layer_below, heads, num_output
from ssdh_surgery.caffe.net.kind import Kind
from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.caffe.net.net import Net, net_of
from ssdh_surgery.caffe.net.phase import Phase
from ssdh_surgery.caffe.shapes import NetShapes, shapes
from ssdh_surgery.errors import SurgeryError
from ssdh_surgery.location import Location
from ssdh_surgery.pipeline.files.sources import SourceFile, read_source
from ssdh_surgery.pipeline.nets.choose_head import chosen_head
from ssdh_surgery.pipeline.settings.settings import Settings
from ssdh_surgery.pipeline.workspace.net_record import NetRecord
from ssdh_surgery.surgery.hashing.insert import features_blob

# Layers that leave values as they are once a net is trained.
_NO_PART = frozenset(["Dropout", "Silence", "Split"])


# Layers of forks that compute what a stock one does, with the same weights.
_STOCK = {"ConvolutionDepthwise": "Convolution", "DepthwiseConvolution": "Convolution"}


def train_view(train: SourceFile) -> Net:
    """The net of a train file: for a solver, the one that it holds to train.

    Raises:
        SurgeryError: the solver holds none.
    """
    if train.kind is not Kind.SOLVER:
        return net_of(train.document)
    for name in ("net_param", "train_net_param"):
        if root := train.document.root.message(name):
            return net_of(train.document, root)
    raise SurgeryError("the solver holds no net to train", location=Location(train.name))


def differing(deploy: Net, train: Net, wanted: Settings) -> list[str]:
    """The layers with weights that the codes need and that a deploy net has otherwise or not.

    Compared by name, type, number of outputs, and the shapes of their weights where both
    are known: weights are copied by name, and a shape that differs is fatal.
    """
    known = shapes_with_inputs_of(deploy, train)
    have = shapes(deploy, "TEST")
    mine = deploy.graph("TEST").layers
    return [
        layer.name
        for layer in needed_layers(train, deploy, wanted)
        if has_weights(layer, known)
        and not any(
            each.name == layer.name and _are_alike(layer, known, each, have) for each in mine
        )
    ]


def otherwise_computed(deploy: Net, train: Net, wanted: Settings) -> str | None:
    """What stands between the layers with weights in one of two nets only, in words."""
    one, other = _types(train, deploy, wanted), _types(deploy, train, wanted)
    if one == other:
        return None
    mine, theirs = one - other, other - one
    return (
        f"the train net computes the codes with {_counted(mine)} where this net has "
        f"{_counted(theirs)}: the codes would differ from those that it learns"
    )


def _types(net: Net, other: Net, wanted: Settings) -> Counter[str]:
    return Counter(
        _STOCK.get(layer.type, layer.type)
        for layer in needed_layers(net, other, wanted)
        if not layer.is_data and layer.type not in _NO_PART
    )


def _counted(types: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(types.items())) or "nothing"


def _phase(net: Net) -> Phase:
    """The phase in which a net gives codes: TEST, or TRAIN of a net that is whole there alone."""
    graph = net.graph("TEST")
    is_whole = not graph.findings and any(graph.takes_part(head.classifier) for head in heads(net))
    return "TRAIN" if net.has_phases and not is_whole else "TEST"


def needed_layers(net: Net, other: Net, wanted: Settings) -> list[Layer]:
    """The layers below a net's hash layer, or below where it would be.

    A hash layer under any name is one where the other net has no layer of that name.
    """
    graph = net.graph(_phase(net))
    latent = next((each for each in graph.layers if each.name == wanted.recipe.latent_name), None)
    head = None if latent else chosen_head(net, wanted.get("head"))
    there = hash_layer_below(net, head.classifier) if head else None
    if there is not None and not other.named(there.latent.name):
        latent = there.latent
    if latent is not None:
        below = graph.below([latent]) - {latent.index}
    else:
        assert head is not None, "without a hash layer a head was chosen"
        blob = graph.last(features_blob(net, head, wanted.get("at")))
        below = graph.below([blob.writer]) if blob and blob.writer else set()
    return [layer for layer in graph.layers if layer.index in below]


def shapes_with_inputs_of(deploy: Net, train: Net) -> NetShapes:
    """The shapes of a train net; what its data do not tell is as the deploy net declares it."""
    phase = _phase(train)
    own, declared = shapes(train, phase), shapes(deploy, "TEST").blobs
    given = {}
    for layer in train.graph(phase).layers:
        for name in layer.tops if layer.is_data else ():
            here, there = own.blobs.get(name), declared.get(name)
            if there is not None and len(there) == 4 and (here is None or len(here) == 4):
                # The channels may be a guess where only the records know them.
                given[name] = there if here is None else (here[0], there[1], *here[2:])
    return shapes(train, phase, given) if given else own


def has_weights(layer: Layer, known: NetShapes) -> bool:
    """Whether a layer has weights, by its params or, where these are unknown, its outputs."""
    params = known.of(layer).params
    return bool(params) or (params is None and num_output(layer) is not None)


def _are_alike(one: Layer, ones: NetShapes, other: Layer, others: NetShapes) -> bool:
    if _STOCK.get(one.type, one.type) != _STOCK.get(other.type, other.type):
        return False
    if one.type == other.type and num_output(one) != num_output(other):
        return False
    mine, theirs = ones.of(one).params, others.of(other).params
    return mine is None or theirs is None or mine == theirs


def compared(net: Net, known: NetRecord | None, wanted: Settings) -> list[str]:
    """Warnings about a deploy net that computes other codes than its train net.

    Raises:
        SurgeryError: layers that the codes need differ; trained weights would not fit.
    """
    path = known.path("train") if known else None
    if path is None or not path.is_file():
        return []
    train = train_view(read_source(str(path)))
    if others := differing(net, train, wanted):
        raise SurgeryError(
            f"the codes need {_listed(others)} as {path} has {_them(others)}: trained weights "
            "would not fit",
            location=Location(net.file),
            hint="name the deploy net of this train net, or choose another with --net",
        )
    said = otherwise_computed(net, train, wanted)
    return [f"{net.file}: {said}"] if said else []


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    shown = ", ".join(f"'{name}'" for name in names[:5])
    return f"layer{'s' if len(names) > 1 else ''} {shown}{more}"


def _them(names: Sequence[str]) -> str:
    return "it" if len(names) == 1 else "them"
