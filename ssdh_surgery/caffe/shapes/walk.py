"""The walk over a net: each layer's rule in turn, with findings in place of exceptions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.caffe.net.layer_rules import LAYER_RULES, LayerRule
from ssdh_surgery.caffe.net.padding import Padding, pad_of
from ssdh_surgery.caffe.net.phase import Phase, State
from ssdh_surgery.caffe.shapes.layer_setup import LayerSetup, Refusal, SetupResult, Shape, count
from ssdh_surgery.caffe.shapes.net_shapes import LayerShapes, NetShapes
from ssdh_surgery.caffe.shapes.rules import SHAPE_RULES, check_counts, layer_shapes
from ssdh_surgery.caffe.shapes.sharing import Sharing
from ssdh_surgery.errors import UnknownLayer, did_you_mean
from ssdh_surgery.findings import (
    ASSUMED_CHANNELS,
    EMPTY_BLOB,
    LAYER_SETUP,
    NO_INPUT_SHAPE,
    UNKNOWN_LAYER_TYPE,
    UNKNOWN_SHAPE,
    Finding,
    FindingRule,
)
from ssdh_surgery.location import Location
from ssdh_surgery.prototxt.cst import Message

if TYPE_CHECKING:
    from ssdh_surgery.caffe.messages.schema import LayerParameter
    from ssdh_surgery.caffe.net.net import Net

# What Caffe calls the top of a loss that names none.
AUTOMATIC = "(automatic)"
_FLOAT_BYTES = 4


def shapes(
    net: Net, phase: Phase | State, inputs: Mapping[str, Sequence[int]] | None = None
) -> NetShapes:
    """The shapes of all blobs and params of a net in a phase, and what its layers cost.

    Never fails on a wrong net: what Caffe would stop at is a finding, and the blobs above it
    are not known.

    Args:
        net: a net in any dialect.
        phase: the phase (or full state) that it is built for.
        inputs: shapes of blobs that no rule can know, or that are to be other than the file
            says: inputs and tops of data layers, tops of layers that Caffe does not have.
            Labels follow the batch of their data.

    Raises:
        UnknownLayer: `inputs` names a blob that is none of these.
    """
    state = phase if isinstance(phase, State) else net.state(phase)
    return _walked(net, state, tuple((name, tuple(each)) for name, each in (inputs or {}).items()))


# A command asks for the shapes of one net several times: to check it, to compare it, to cost it.
@lru_cache(maxsize=16)
def _walked(net: Net, state: State, given: tuple[tuple[str, Shape], ...]) -> NetShapes:
    return _Walk(net, state, dict(given)).run()


class _Walk:
    """One walk: the blobs so far, and what was found."""

    def __init__(self, net: Net, state: State, given: Mapping[str, Shape]) -> None:
        self.net = net
        self.state = state
        self.layers = net.graph(self.state).layers
        self.given = given
        self.blobs: dict[str, Shape | None] = {}
        self.findings: list[Finding] = []
        self.sharing = Sharing()
        self.padding = Padding()

    def run(self) -> NetShapes:
        """The shapes of the whole net."""
        self._refuse_unknown_names()
        self._declare_inputs()
        layers = tuple(self._layer(layer) for layer in self.layers)
        return NetShapes(self.state.phase, layers, self.blobs, tuple(self.findings))

    def _refuse_unknown_names(self) -> None:
        free = [
            layer for layer in self.layers if not layer.bottoms or layer.type not in SHAPE_RULES
        ]
        known = [*self.net.inputs, *(top for layer in free for top in layer.tops)]
        for name in self.given:
            if name not in known:
                raise UnknownLayer(
                    f"{self.net.file}: '{name}' is no input and no top of a data layer in "
                    f"phase {self.state.phase}",
                    hint=did_you_mean(name, known) or f"these are: {', '.join(known) or 'none'}",
                    blob=name,
                )

    def _declare_inputs(self) -> None:
        root = self.net.root
        places = {
            entry.value.string: entry
            for entry in root.entries("input")
            if not isinstance(entry.value, Message)
        }
        for name, shape in zip(self.net.inputs, self.net.input_shapes, strict=True):
            self.blobs[name] = self.given.get(name, shape)
            if self.blobs[name] is None:
                self._find(
                    NO_INPUT_SHAPE,
                    f"the input '{name}' has no shape: Caffe leaves it out",
                    places[name].location,
                    "give it an input_shape { dim: ... }",
                )

    def _layer(self, layer: Layer) -> LayerShapes:
        if layer.is_padding:
            self.padding.add(layer)
            return _padding_shapes(layer, self.blobs)
        param, names = self.padding.fold(layer)
        bottoms = tuple(self.blobs.get(name) for name in names)
        rule = LAYER_RULES[layer.type] if layer.type in SHAPE_RULES else None
        tops = list(layer.tops)
        if rule and rule.has_automatic_tops and not tops:
            tops.append(AUTOMATIC)
        shaped = self._shaped(layer, param, rule, bottoms, len(tops))
        known = [None] * len(tops) if shaped is None else shaped.tops
        found = [self.given.get(name, top) for name, top in zip(tops, known, strict=True)]
        if shaped is not None:
            self._tell_blobs(layer, shaped, bottoms, found)
        self.blobs.update(zip(tops, found, strict=True))
        has_params = rule is None or rule.has_params
        params = _params(shaped, has_params=has_params)
        shared, clashes = self.sharing.of(layer, param, params or ())
        self.findings += clashes
        return LayerShapes(
            layer,
            bottoms,
            tuple(found),
            params,
            _macs(shaped, has_params=has_params),
            _memory(shape for name, shape in zip(tops, found, strict=True) if name not in names),
            shared,
        )

    def _shaped(
        self,
        layer: Layer,
        param: LayerParameter,
        rule: LayerRule | None,
        bottoms: Sequence[Shape | None],
        tops: int,
    ) -> SetupResult | None:
        """What a layer's rule says, or None where it cannot say."""
        if rule is None:
            self._tell_type(layer)
            return None
        try:
            check_counts(layer, rule, tops)
            known = [shape for shape in bottoms if shape is not None]
            if len(known) < len(bottoms):
                return None
            given = [self.given.get(name) for name in layer.tops]
            shaped = layer_shapes(LayerSetup(param, known, tops, given))
        except Refusal as refusal:
            self._refused(layer, refusal)
            return None
        self._tell_lists(layer, param, rule, shaped, tops)
        return shaped

    def _tell_lists(
        self, layer: Layer, param: LayerParameter, rule: LayerRule, shaped: SetupResult, tops: int
    ) -> None:
        """Lists of the layer that are longer or shorter than Caffe takes them."""
        specs, params = len(param.param), len(shaped.params)
        if specs > params:
            message = f"Too many params specified for layer {layer.name} ({specs} vs. {params})"
            self._refused(layer, Refusal(message, field="param"))
        # A loss has a weight of 1 where none is given, for its first top alone.
        weights = len(param.loss_weight) or int(rule.has_automatic_tops)
        if weights not in (0, tops):
            message = "loss_weight must be unspecified or specified once per top blob."
            refusal = Refusal(f"{message} ({tops} vs. {weights})", field="loss_weight")
            self._refused(layer, refusal)

    def _find(
        self,
        rule: FindingRule,
        message: str,
        location: Location,
        hint: str | None = None,
    ) -> None:
        self.findings.append(rule.at(location, message, hint))

    def _refused(self, layer: Layer, refusal: Refusal) -> None:
        message = f"layer '{layer.name}' ({layer.type}): {refusal.message}"
        place = refusal.place(layer)
        self._find(LAYER_SETUP, message, place, refusal.hint)

    def _tell_type(self, layer: Layer) -> None:
        entry = layer.core.entry("type")
        place = entry.location if entry else layer.location
        if layer.type == "Python":
            message = f"layer '{layer.name}' is in Python: only its own code knows its shapes"
            self._find(UNKNOWN_SHAPE, message, place)
            return
        self._find(
            UNKNOWN_LAYER_TYPE,
            f"Unknown layer type: {layer.type} (layer '{layer.name}'): its shapes are not known",
            place,
            did_you_mean(layer.type, SHAPE_RULES),
        )

    def _tell_blobs(
        self,
        layer: Layer,
        shaped: SetupResult,
        bottoms: Sequence[Shape | None],
        tops: Sequence[Shape | None],
    ) -> None:
        """What a user must know of the tops of a layer whose rule had an answer."""
        unknown = [name for name, shape in zip(layer.tops, tops, strict=False) if shape is None]
        for name in unknown:
            self._find(
                UNKNOWN_SHAPE,
                f"the shape of '{name}' is not known without its data (layer '{layer.name}')",
                layer.location,
                f"--input-shape {name}=N,C,H,W",
            )
        if shaped.note and layer.tops[0] not in self.given:
            message = f"layer '{layer.name}': {shaped.note}"
            self._find(ASSUMED_CHANNELS, message, layer.location)
        for name, shape in zip(layer.tops, tops, strict=False):
            if shape is not None and not count(shape) and all(count(b or ()) for b in bottoms):
                message = f"the blob '{name}' of layer '{layer.name}' is empty: {list(shape)}"
                self._find(EMPTY_BLOB, message, layer.location)


def _padding_shapes(layer: Layer, blobs: Mapping[str, Shape | None]) -> LayerShapes:
    """What a padding layer makes of its bottom, which is no blob of Caffe's."""
    shape = padded = blobs.get(layer.bottoms[0]) if layer.bottoms else None
    if shape is not None and len(shape) == 4:
        pad = 2 * pad_of(layer)
        padded = (*shape[:2], shape[2] + pad, shape[3] + pad)
    return LayerShapes(layer, (shape,), (padded,) * len(layer.tops), (), 0, 0)


def _params(shaped: SetupResult | None, *, has_params: bool) -> tuple[Shape, ...] | None:
    if shaped is not None:
        return tuple(shaped.params)
    return None if has_params else ()


def _macs(shaped: SetupResult | None, *, has_params: bool) -> int | None:
    # Nothing is multiplied by weights where there are none.
    if shaped is not None:
        return shaped.macs
    return None if has_params else 0


def _memory(made: Iterable[Shape | None]) -> int | None:
    values = 0
    for shape in made:
        if shape is None:
            return None
        values += count(shape)
    return values * _FLOAT_BYTES
