"""The cost of a hash layer: parameters, multiply-adds, and bytes per image before and after."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ssdh_surgery.caffe.net.heads import heads
from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.net.outputs import num_output
from ssdh_surgery.caffe.net.phase import Phase, State
from ssdh_surgery.caffe.shapes import NetShapes, shapes
from ssdh_surgery.pipeline.inspect.show import default_phase
from ssdh_surgery.pipeline.nets.data_shapes import shapes_at_hand
from ssdh_surgery.surgery.hashing.roles import hash_roles

_FLOAT_BYTES = 4


@dataclass(frozen=True)
class Cost:
    """Parameters, and multiply-adds for one image; None where unknown."""

    params: int | None
    macs: int | None


@dataclass(frozen=True)
class HashCost:
    """A net before and after it got a hash layer.

    A code is narrower than the features, so the classifier on it is smaller: often the whole
    net shrinks, although a latent layer is added.

    Attributes:
        before: the net without the hash layer.
        after: the net with the hash layer.
        latent: the latent layer alone.
        bits: the width of the code, None where it is not stated.
        features: the blob that is hashed.
        feature_bytes: the size of an image's features as float32, None where unknown.
    """

    before: Cost
    after: Cost
    latent: Cost
    bits: int | None
    features: str
    feature_bytes: int | None

    @property
    def code_bytes(self) -> int | None:
        """The size of an image's code, eight bits to a byte."""
        return None if self.bits is None else -(-self.bits // 8)


def hash_cost(
    before: Net,
    after: Net,
    phase: Phase | None = None,
    inputs: Mapping[str, Sequence[int]] | None = None,
    folders: Sequence[Path] = (),
) -> HashCost | None:
    """The cost of a hash layer; None where `after` has none, or several.

    Args:
        before: the net without the hash layer.
        after: the same net with it.
        phase: the phase to count in; None is TRAIN where a layer is in TRAIN only, else TEST;
            the state is one that the net runs in.
        inputs: shapes of blobs that are unknown without their data.
        folders: where to look for data; the shapes found for `after` count for both nets.

    Raises:
        UnknownLayer: `inputs` names a blob that is neither an input nor a top of a data layer.
    """
    states = after.states_of(phase or default_phase(after))
    state = next((each for each in states if _latent(after, each)), states[0])
    latent = _latent(after, state)
    if latent is None:
        return None
    features = latent.bottoms[0]
    input_shapes = {**shapes_at_hand(after, state, folders), **(inputs or {})}
    # A derived deploy net runs in another state than its train net.
    state_before = state if state in before.run_states else before.states_of(state.phase)[0]
    names_before = _input_names(before, state_before)
    inputs_before = {name: input_shapes[name] for name in names_before & set(input_shapes)}
    new, old = shapes(after, state, input_shapes), shapes(before, state_before, inputs_before)
    latent_shapes = new.of(latent)
    features_shape = latent_shapes.bottoms[0]
    # An InnerProduct over sequences has a code for each step: its axes before the last count them.
    code_shape = latent_shapes.tops[0]
    axis = len(code_shape) - 1 if code_shape else 1
    batch = _batch(new, features, axis)
    return HashCost(
        before=Cost(old.param_count, _per_image(old.macs, _batch(old, features, axis))),
        after=Cost(new.param_count, _per_image(new.macs, batch)),
        latent=Cost(latent_shapes.param_count, _per_image(latent_shapes.macs, batch)),
        bits=num_output(latent),
        features=features,
        feature_bytes=math.prod(features_shape[axis:]) * _FLOAT_BYTES if features_shape else None,
    )


def _latent(net: Net, state: State) -> Layer | None:
    graph = net.graph(state)
    present = [head for head in heads(net) if graph.takes_part(head.classifier)]
    roles = hash_roles(graph, present)
    latents = [net.layers[index] for index, role in roles.items() if role == "latent"]
    return latents[0] if len(latents) == 1 and latents[0].bottoms else None


def _input_names(net: Net, state: State) -> set[str]:
    tops = (top for layer in net.layers_in(state) if layer.is_data for top in layer.tops)
    return {*net.inputs, *tops}


def _batch(net_shapes: NetShapes, blob: str, axis: int) -> int | None:
    shape = net_shapes.blobs.get(blob)
    return math.prod(shape[:axis]) if shape else None


def _per_image(macs: int | None, batch: int | None) -> int | None:
    """The multiply-adds of one image; None where the count is not a multiple of the batch."""
    if macs is None or not batch or macs % batch:
        return None
    return macs // batch
