"""Which deploy net goes with a train net: told by the layers that the codes need."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from ssdh_surgery.caffe.heads import hash_layer_below, heads, num_output
from ssdh_surgery.caffe.kind import Kind
from ssdh_surgery.caffe.layer import Layer
from ssdh_surgery.caffe.net import Net, net_of
from ssdh_surgery.caffe.phase import Phase
from ssdh_surgery.caffe.shapes import NetShapes, shapes
from ssdh_surgery.errors import Location, SurgeryError, UsageError
from ssdh_surgery.pipeline.choice import chosen_head
from ssdh_surgery.pipeline.settings import Settings
from ssdh_surgery.pipeline.sources import SourceFile, neighbours, read_source
from ssdh_surgery.pipeline.workspace import NetRecord, seen_from_here
from ssdh_surgery.surgery.hashing import features_blob

# Layers that leave values as they are once a net is trained.
_NO_PART = frozenset(["Dropout", "Silence", "Split"])
# Layers of forks that compute what a stock one does, with the same weights.
_STOCK = {"ConvolutionDepthwise": "Convolution", "DepthwiseConvolution": "Convolution"}


def deploy_beside(
    train: SourceFile, known: NetRecord | None, wanted: Settings
) -> SourceFile | None:
    """The deploy file that goes with a train net, looked for beside it; None where none does.

    Raises:
        UsageError: several fit, and none is called `deploy.prototxt`.
    """
    if train.is_zoo:
        return read_source(train.name.removesuffix("/train_val") + "/deploy")
    view = train_view(train)
    code = wanted.recipe.code_name
    found = [
        source
        for folder in _folders(train, known)
        for source in neighbours(seen_from_here(folder))
        if source.kind is Kind.DEPLOY
        and not (known and known.lists_as_written(source.place))
        and _fits(net_of(source.document), view, wanted)
    ]
    plain = [source for source in found if not net_of(source.document).named(code)]
    found = plain or (found if _had_code(known, code) else [])
    if len(found) == 1:
        return found[0]
    if not found:
        return None
    default = [source for source in found if source.place.name == "deploy.prototxt"]
    if len(default) == 1:
        return default[0]
    names = ", ".join(source.name for source in found)
    raise UsageError(f"several deploy nets fit: {names}", hint="name one: ssdh deploy FILE")


def _had_code(known: NetRecord | None, code: str) -> bool:
    """Whether a train net had its hash layer before it was patched; its deploy net then, too."""
    path = known.path("train_source") if known else None
    if path is None or not path.is_file():
        return False
    return bool(train_view(read_source(str(path))).named(code))


def _folders(train: SourceFile, known: NetRecord | None) -> list[Path]:
    """Where the train net stands, and where it came from."""
    folders = [train.folder]
    if known:
        folders += [(known.folder / name).parent for name in known.get("sources", {})]
    return list(dict.fromkeys(folder.resolve() for folder in folders))


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


def _fits(deploy: Net, train: Net, wanted: Settings) -> bool:
    """Whether a deploy net has the layers with weights that the codes need, and no others."""
    try:
        own = _weighted(deploy, shapes(deploy, "TEST"), _needed(deploy, train, wanted))
        known = _shapes_with_inputs_of(deploy, train)
        same = own == _weighted(train, known, _needed(train, deploy, wanted))
        return bool(own) and same and not differing(deploy, train, wanted)
    except SurgeryError:
        return False


def _weighted(net: Net, known: NetShapes, needed: Sequence[Layer]) -> set[str]:
    """The names of the layers with weights among those that the codes need."""
    graph = net.graph(known.phase)
    return {each.name for each in needed if graph.takes_part(each) and _has_weights(each, known)}


def differing(deploy: Net, train: Net, wanted: Settings) -> list[str]:
    """The layers with weights that the codes need and that a deploy net has otherwise or not.

    Compared by name, type, number of outputs, and the shapes of their weights where both
    are known: weights are copied by name, and a shape that differs is fatal.
    """
    known = _shapes_with_inputs_of(deploy, train)
    have = shapes(deploy, "TEST")
    mine = deploy.graph("TEST").layers
    return [
        layer.name
        for layer in _needed(train, deploy, wanted)
        if _has_weights(layer, known)
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
        for layer in _needed(net, other, wanted)
        if not layer.is_data and layer.type not in _NO_PART
    )


def _counted(types: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(types.items())) or "nothing"


def _phase(net: Net) -> Phase:
    """The phase in which a net gives codes: TEST, or TRAIN of a net that is whole there alone."""
    graph = net.graph("TEST")
    is_whole = not graph.findings and any(graph.takes_part(head.classifier) for head in heads(net))
    return "TRAIN" if net.has_phases and not is_whole else "TEST"


def _needed(net: Net, other: Net, wanted: Settings) -> list[Layer]:
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


def _shapes_with_inputs_of(deploy: Net, train: Net) -> NetShapes:
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


def _has_weights(layer: Layer, known: NetShapes) -> bool:
    params = known.of(layer).params
    return bool(params) or (params is None and num_output(layer) is not None)


def _are_alike(one: Layer, ones: NetShapes, other: Layer, others: NetShapes) -> bool:
    if _STOCK.get(one.type, one.type) != _STOCK.get(other.type, other.type):
        return False
    if one.type == other.type and num_output(one) != num_output(other):
        return False
    mine, theirs = ones.of(one).params, others.of(other).params
    return mine is None or theirs is None or mine == theirs
