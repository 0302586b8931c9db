"""The walk over a net: the rule of each layer in turn, with findings instead of exceptions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.caffe.net.layer_rules import LAYER_RULES, LayerRule, nearest_type
from ssdh_surgery.caffe.net.padding import Padding, pad_of
from ssdh_surgery.caffe.net.phase import Phase, State
from ssdh_surgery.caffe.shapes.layer_setup import LayerSetup, Refusal, SetupResult, Shape, count
from ssdh_surgery.caffe.shapes.net_shapes import LayerShapes, NetShapes
from ssdh_surgery.caffe.shapes.rules import SHAPE_RULES, check_counts, check_outputs, layer_shapes
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

# Caffe's name for the top of a loss that names none.
AUTOMATIC = "(automatic)"
_FLOAT_BYTES = 4


def shapes(
    net: Net, phase: Phase | State, inputs: Mapping[str, Sequence[int]] | None = None
) -> NetShapes:
    """The shapes of all blobs and params of a net in a phase, and the cost of its layers.

    Never fails on an invalid net: where Caffe would stop there is a finding, and the shapes that
    depend on it are unknown.

    Args:
        net: a net in any dialect.
        phase: the phase (or full state) that it is built for.
        inputs: the shapes of blobs that no rule gives, or that replace those in the file: inputs
            of the net, tops of data layers, tops of layers that Caffe does not have. Labels
            follow the batch size of their data.

    Raises:
        UnknownLayer: `inputs` names a blob that is none of these.
    """
    state = phase if isinstance(phase, State) else net.state(phase)
    net = net.in_states(())
    return _walked(net, state, tuple((name, tuple(each)) for name, each in (inputs or {}).items()))


# A command asks for the shapes of one net several times: to check it, to compare it, to cost it.
@lru_cache(maxsize=16)
def _walked(net: Net, state: State, explicit: tuple[tuple[str, Shape], ...]) -> NetShapes:
    return _Walk(net, state, dict(explicit)).run()


class _Walk:
    """One walk: the blobs and findings so far."""

    def __init__(self, net: Net, state: State, explicit: Mapping[str, Shape]) -> None:
        self.net = net
        self.state = state
        self.layers = net.graph(self.state).layers
        self.explicit = explicit
        self.blobs: dict[str, Shape | None] = {}
        self.findings: list[Finding] = []
        self.sharing = Sharing()
        self.padding = Padding()

    def run(self) -> NetShapes:
        """The shapes of the whole net."""
        self._refuse_unknown_names()
        self._declare_inputs()
        layers = tuple(self._layer(layer) for layer in self.layers)
        return NetShapes(self.state, layers, self.blobs, tuple(self.findings))

    def _refuse_unknown_names(self) -> None:
        free = [
            layer for layer in self.layers if not layer.bottoms or layer.type not in SHAPE_RULES
        ]
        free_blobs = [*self.net.inputs, *(top for layer in free for top in layer.tops)]
        for name in self.explicit:
            if name not in free_blobs:
                raise UnknownLayer(
                    f"{self.net.file}: '{name}' is neither an input nor a top of a data layer in "
                    f"phase {self.state}",
                    hint=did_you_mean(name, free_blobs)
                    or f"the inputs are: {', '.join(free_blobs) or 'none'}",
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
            self.blobs[name] = self.explicit.get(name, shape)
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
        result = self._result(layer, param, rule, bottoms, len(tops))
        computed = [None] * len(tops) if result is None else result.tops
        shapes = [self.explicit.get(name, top) for name, top in zip(tops, computed, strict=True)]
        if result is not None:
            self._report_blobs(layer, result, bottoms, shapes)
        self.blobs.update(zip(tops, shapes, strict=True))
        has_params = rule is None or rule.has_params
        params = _params(result, has_params=has_params)
        shared, clashes = self.sharing.add(layer, param, params or ())
        self.findings += clashes
        return LayerShapes(
            layer,
            bottoms,
            tuple(shapes),
            params,
            _macs(result, has_params=has_params),
            _memory(shape for name, shape in zip(tops, shapes, strict=True) if name not in names),
            shared,
        )

    def _result(
        self,
        layer: Layer,
        param: LayerParameter,
        rule: LayerRule | None,
        bottoms: Sequence[Shape | None],
        tops: int,
    ) -> SetupResult | None:
        """The result of a layer's rule, or None if the shapes are unknown."""
        if rule is None:
            self._report_type(layer)
            return None
        try:
            check_counts(param, tops)
            bottom_shapes = [shape for shape in bottoms if shape is not None]
            if len(bottom_shapes) < len(bottoms):
                check_outputs(param)
                return None
            top_shapes = [self.explicit.get(name) for name in layer.tops]
            result = layer_shapes(LayerSetup(param, bottom_shapes, tops, top_shapes))
        except Refusal as refusal:
            self._refused(layer, refusal)
            return None
        self._report_lists(layer, param, rule, result, tops)
        return result

    def _report_lists(
        self, layer: Layer, param: LayerParameter, rule: LayerRule, result: SetupResult, tops: int
    ) -> None:
        """Report lists of the layer that are longer or shorter than Caffe allows."""
        specs, params = len(param.param), len(result.params)
        if specs > params:
            message = f"Too many params specified for layer {layer.name} ({specs} vs. {params})"
            self._refused(layer, Refusal(message, field="param"))
        # A loss without a weight has 1, for its first top only.
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

    def _report_type(self, layer: Layer) -> None:
        entry = layer.core.entry("type")
        place = entry.location if entry else layer.location
        if layer.type == "Python":
            message = f"layer '{layer.name}' is in Python: only its own code knows its shapes"
            self._find(UNKNOWN_SHAPE, message, place)
            return
        if not layer.type:
            message = f"layer '{layer.name}' has no type: its shapes are not known"
            self._find(UNKNOWN_LAYER_TYPE, message, place)
            return
        near = nearest_type(layer.type)
        self._find(
            UNKNOWN_LAYER_TYPE,
            f"Unknown layer type: {layer.type} (layer '{layer.name}'): its shapes are not known",
            place,
            f"did you mean '{near}'?" if near else None,
        )

    def _report_blobs(
        self,
        layer: Layer,
        result: SetupResult,
        bottoms: Sequence[Shape | None],
        tops: Sequence[Shape | None],
    ) -> None:
        """Report unknown and empty tops of a layer whose rule gave a result."""
        unknown = [name for name, shape in zip(layer.tops, tops, strict=False) if shape is None]
        for name in unknown:
            self._find(
                UNKNOWN_SHAPE,
                f"the shape of '{name}' is not known without its data (layer '{layer.name}')",
                layer.location,
                f"--input-shape {name}=N,C,H,W",
            )
        if result.note and layer.tops[0] not in self.explicit:
            message = f"layer '{layer.name}': {result.note}"
            self._find(ASSUMED_CHANNELS, message, layer.location)
        for name, shape in zip(layer.tops, tops, strict=False):
            if shape is not None and not count(shape) and all(count(b or ()) for b in bottoms):
                message = f"the blob '{name}' of layer '{layer.name}' is empty: {list(shape)}"
                self._find(EMPTY_BLOB, message, layer.location)


def _padding_shapes(layer: Layer, blobs: Mapping[str, Shape | None]) -> LayerShapes:
    """The shapes of a padding layer, whose top is not a blob in Caffe."""
    shape = padded = blobs.get(layer.bottoms[0]) if layer.bottoms else None
    if shape is not None and len(shape) == 4:
        pad = 2 * pad_of(layer)
        padded = (*shape[:2], shape[2] + pad, shape[3] + pad)
    return LayerShapes(layer, (shape,), (padded,) * len(layer.tops), (), 0, 0)


def _params(result: SetupResult | None, *, has_params: bool) -> tuple[Shape, ...] | None:
    if result is not None:
        return tuple(result.params)
    return None if has_params else ()


def _macs(result: SetupResult | None, *, has_params: bool) -> int | None:
    # Without params there are no multiplications.
    if result is not None:
        return result.macs
    return None if has_params else 0


def _memory(shapes: Iterable[Shape | None]) -> int | None:
    values = 0
    for shape in shapes:
        if shape is None:
            return None
        values += count(shape)
    return values * _FLOAT_BYTES
