"""Comparing a deploy net with its train net: do trained weights fit, and do the codes agree?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from ssdh_surgery.caffe.net.heads import hash_layer_below, heads
from ssdh_surgery.caffe.net.kind import Kind
from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.caffe.net.net import Net, net_of
from ssdh_surgery.caffe.net.outputs import num_output
from ssdh_surgery.caffe.net.phase import State
from ssdh_surgery.caffe.shapes import NetShapes, shapes
from ssdh_surgery.errors import SsdhError, SurgeryError
from ssdh_surgery.location import Location
from ssdh_surgery.names import size_text
from ssdh_surgery.pipeline.files.caffe_paths import working_folders
from ssdh_surgery.pipeline.files.file_group import file_groups
from ssdh_surgery.pipeline.files.sources import SourceFile, read_source
from ssdh_surgery.pipeline.nets.choose_head import choose_head
from ssdh_surgery.pipeline.nets.data_shapes import shapes_at_hand
from ssdh_surgery.pipeline.settings.settings import Settings
from ssdh_surgery.pipeline.workspace.net_record import NetRecord
from ssdh_surgery.surgery.derive.deploy import DEPLOY_STAGE
from ssdh_surgery.surgery.hashing.insert import end_of_features, features_blob

# Layers that pass values on unchanged in a trained net.
_PASSING = frozenset(["Dropout", "Silence", "Split"])
# Layers of forks, and the stock layers that compute the same with the same weights.
_STOCK = {"ConvolutionDepthwise": "Convolution", "DepthwiseConvolution": "Convolution"}


def train_view(train: SourceFile, record: NetRecord | None = None) -> Net:
    """The train net in a file; in a solver, the one inside it.

    It has the states that its solver runs it in: the recorded one, else the one next to it.

    Raises:
        SurgeryError: the solver has none inside.
    """
    if train.kind is not Kind.SOLVER:
        return _in_run_states(train, record)
    for name in ("net_param", "train_net_param"):
        if root := train.document.root.message(name):
            return net_of(train.document, root)
    raise SurgeryError("the solver has no train net inside", location=Location(train.name))


def _in_run_states(train: SourceFile, record: NetRecord | None) -> Net:
    net = net_of(train.document)
    if train.is_zoo or all(state == net.state(state.phase) for state in net.run_states):
        return net
    try:
        groups = file_groups([train], None, record.path("solver") if record else None)
    except SsdhError:
        return net
    return groups[0].net_in(train)


def compare(net: Net, record: NetRecord | None, settings: Settings) -> list[str]:
    """Warnings about a deploy net whose codes would differ from those of its train net.

    Raises:
        SurgeryError: layers that the codes need differ, so that trained weights would not fit.
    """
    path = record.path("train") if record else None
    if path is None or not path.is_file():
        return []
    train = train_view(read_source(str(path)), record)
    comparison = Comparison(net, train, settings, folders=working_folders(path))
    if names := comparison.missing_layers:
        difference = comparison.shape_difference
        raise SurgeryError(
            f"the codes need {_listed(names)} as in {path}: trained weights would not fit"
            + (f"; {difference}" if difference else ""),
            location=Location(net.file),
            hint="name the deploy net of this train net, or derive one: ssdh deploy --from train; "
            "--net names another train net",
        )
    difference = comparison.type_difference
    return [f"{net.file}: {difference}"] if difference else []


class Comparison:
    """A deploy net and its train net, compared in the layers that the codes need.

    Args:
        deploy: the deploy net, with or without its hash layer.
        train: the train net, with or without its hash layer.
        settings: the settings that the nets are patched with.
        features: the blob that the train net was hashed at, as far as it is recorded.
        folders: where to look for the data of the train net.
    """

    def __init__(
        self,
        deploy: Net,
        train: Net,
        settings: Settings,
        features: str | None = None,
        folders: Sequence[Path] = (),
    ) -> None:
        self.deploy = deploy
        self.train = train
        self.settings = settings
        self.features = features
        self.folders = folders

    @property
    def fits(self) -> bool:
        """Whether the codes need the same layers with weights in both nets.

        Raises:
            SurgeryError: one of the nets has no features to hash.
        """
        return self._has_same_names and not self.missing_layers

    @property
    def shape_difference(self) -> str | None:
        """Where the weights of a layer differ in shape alone; None if they differ in more.

        Raises:
            SurgeryError: one of the nets has no features to hash.
        """
        if not self._has_same_names:
            return None
        for layer in self._train_layers:
            for each in self.deploy.named(layer.name) if layer.name in self.missing_layers else ():
                trained = self._train_shapes.of(layer).params
                declared = self._deploy_shapes.of(each).params
                if trained and declared and trained != declared:
                    return (
                        f"layer '{layer.name}' has weights of {size_text(declared[0])}, but of "
                        f"{size_text(trained[0])} in {self.train.file}"
                    )
        return None

    @property
    def _has_same_names(self) -> bool:
        names = _weighted(self.deploy, self._deploy_shapes, self._deploy_layers)
        return bool(names) and names == _weighted(
            self.train, self._train_shapes, self._train_layers
        )

    @cached_property
    def missing_layers(self) -> list[str]:
        """The names of the layers with weights that the codes need and the deploy net lacks.

        A layer is the same if name, type, number of outputs and, where both are known, the
        shapes of its weights are equal: Caffe copies weights by name, and stops at another shape.
        """
        by_name: dict[str, list[Layer]] = {}
        for layer in self.deploy.graph("TEST").layers:
            by_name.setdefault(layer.name, []).append(layer)
        return [
            layer.name
            for layer in self._train_layers
            if _has_weights(layer, self._train_shapes)
            and not any(self._is_alike(each, layer) for each in by_name.get(layer.name, ()))
        ]

    @property
    def type_difference(self) -> str | None:
        """A sentence on the layer types that only one of the nets computes the codes with."""
        train, deploy = _types(self._train_layers), _types(self._deploy_layers)
        if deploy in (train, *self._staged_types):
            return None
        return (
            f"the train net computes the codes with {_counted(train - deploy)}, this net with "
            f"{_counted(deploy - train)}: its codes would differ from the trained ones"
        )

    @property
    def _staged_types(self) -> list[Counter[str]]:
        """The layer types of the codes in the stage of the train net that is meant for use."""
        staged = (state for state in self.train.states if DEPLOY_STAGE in state.stages)
        return [
            _types(_needed_layers(self.train.in_states([state]), self.deploy, self.settings))
            for state in staged
        ]

    @cached_property
    def _train_layers(self) -> list[Layer]:
        return _needed_layers(self.train, self.deploy, self.settings)

    @cached_property
    def _deploy_layers(self) -> list[Layer]:
        return _needed_layers(self.deploy, self.train, self.settings, self.features)

    @cached_property
    def _deploy_shapes(self) -> NetShapes:
        return shapes(self.deploy, "TEST")

    @cached_property
    def _train_shapes(self) -> NetShapes:
        """The shapes of the train net; its data has those of its records, else the deploy net's."""
        state = code_state(self.train)
        inputs = shapes_at_hand(self.train, state, self.folders)
        train_shapes = shapes(self.train, state, inputs)
        declared, read = self._deploy_shapes.blobs, set(inputs)
        for layer in self.train.graph(state).layers:
            for name in layer.tops if layer.is_data else ():
                if name in read:
                    continue
                shape, other = train_shapes.blobs.get(name), declared.get(name)
                if other is not None and len(other) == 4 and (shape is None or len(shape) == 4):
                    # The channels may be a guess: only the records have their number.
                    inputs[name] = other if shape is None else (shape[0], other[1], *shape[2:])
        return shapes(self.train, state, inputs) if inputs else train_shapes

    def _is_alike(self, deploy: Layer, train: Layer) -> bool:
        if _STOCK.get(deploy.type, deploy.type) != _STOCK.get(train.type, train.type):
            return False
        if deploy.type == train.type and num_output(deploy) != num_output(train):
            return False
        params = self._deploy_shapes.of(deploy).params, self._train_shapes.of(train).params
        return None in params or params[0] == params[1]


def _needed_layers(
    net: Net, other: Net, settings: Settings, recorded: str | None = None
) -> list[Layer]:
    """The layers below the hash layer of a net, or below the blob that it would hash.

    A deploy net may end with the features: those that the other net hashes, or the recorded.

    A layer with another name than the recipe's is the hash layer only if the other net has no
    layer of that name.
    """
    graph, name = net.graph(code_state(net)), settings.recipe.latent_name
    latent = next((each for each in graph.layers if each.name == name), None)
    hashed = next((each.bottoms[0] for each in other.named(name) if each.bottoms), None)
    features = settings.get("at") or hashed or recorded
    end = end_of_features(net, features) if latent is None and features else None
    if end is not None:
        below = graph.below([end])
        return [layer for layer in graph.layers if layer.index in below]
    head = None if latent else choose_head(net, settings.get("head"), settings.get("at"))
    hash_layer = hash_layer_below(net, head.classifier) if head else None
    if hash_layer is not None and not other.named(hash_layer.latent.name):
        latent = hash_layer.latent
    if latent is not None:
        below = graph.below([latent]) - {latent.index}
    else:
        assert head is not None, "without a hash layer a head was chosen"
        blob = graph.last(features_blob(net, head, settings.get("at")))
        below = graph.below([blob.writer]) if blob and blob.writer else set()
    return [layer for layer in graph.layers if layer.index in below]


def code_state(net: Net) -> State:
    """The state in which a net computes codes: TRAIN if the net is complete only there."""
    if not net.has_rules:
        return net.state("TEST")
    states = sorted(net.run_states, key=lambda state: state.phase)
    classifiers = [head.classifier for head in heads(net)]
    complete = (
        state
        for state in states
        if not net.graph(state).findings and any(each.is_in(state) for each in classifiers)
    )
    return next(complete, states[-1])


def _weighted(net: Net, net_shapes: NetShapes, layers: Sequence[Layer]) -> set[str]:
    """The names of the layers that have weights and take part in the state."""
    graph = net.graph(net_shapes.state)
    return {
        layer.name
        for layer in layers
        if graph.takes_part(layer) and _has_weights(layer, net_shapes)
    }


def _has_weights(layer: Layer, net_shapes: NetShapes) -> bool:
    """Whether a layer has weights: by its params, or by `num_output` if these are unknown."""
    params = net_shapes.of(layer).params
    return bool(params) or (params is None and num_output(layer) is not None)


def _types(layers: Sequence[Layer]) -> Counter[str]:
    return Counter(
        _STOCK.get(layer.type, layer.type)
        for layer in layers
        if not layer.is_data and layer.type not in _PASSING
    )


def _counted(types: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(types.items())) or "nothing"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    listed = ", ".join(f"'{name}'" for name in names[:5])
    return f"layer{'s' if len(names) > 1 else ''} {listed}{more}"
