"""What hashing costs and saves: params, multiply-adds, and the bytes that an image takes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ssdh_surgery.caffe.net.heads import heads, num_output
from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.net.phase import Phase
from ssdh_surgery.caffe.shapes import NetShapes, shapes
from ssdh_surgery.pipeline.inspect.show import default_phase
from ssdh_surgery.pipeline.nets.data_shapes import shapes_at_hand
from ssdh_surgery.surgery.hashing.find import inserted

_FLOAT_BYTES = 4


@dataclass(frozen=True)
class Cost:
    """The params of a net and its multiply-adds for one image; None where not known."""

    params: int | None
    macs: int | None


@dataclass(frozen=True)
class HashCost:
    """A net before and after it got a hash layer.

    A code is narrower than the features, so that the classifier on it is smaller: often the
    whole net has become smaller, though the latent layer was added.

    Attributes:
        before: the net as it was.
        after: the net with the hash layer.
        latent: the latent layer alone.
        bits: the width of the code, None where it is not stated.
        features: the blob that is hashed.
        feature_bytes: what an image's features take as float32; None where not known.
    """

    before: Cost
    after: Cost
    latent: Cost
    bits: int | None
    features: str
    feature_bytes: int | None

    @property
    def code_bytes(self) -> int | None:
        """What an image's code takes, packed: eight bits a byte."""
        return None if self.bits is None else -(-self.bits // 8)


def hash_cost(
    before: Net,
    after: Net,
    phase: Phase | None = None,
    inputs: Mapping[str, Sequence[int]] | None = None,
    folders: Sequence[Path] = (),
) -> HashCost | None:
    """What a hash layer costs a net; None where `after` has none, or several.

    Args:
        before: the net as it was.
        after: the same net with a hash layer.
        phase: the phase to count in; None is TRAIN where a layer is in TRAIN only, else TEST.
        inputs: shapes of blobs that only their data know.
        folders: where data may be that know shapes; those of `after` count for both.

    Raises:
        UnknownLayer: `inputs` names a blob that no data layer or input gives.
    """
    phase = phase or default_phase(after)
    latent = _latent(after, phase)
    if latent is None:
        return None
    features = latent.bottoms[0]
    known = {**shapes_at_hand(after, phase, folders), **(inputs or {})}
    new = shapes(after, phase, known)
    old = shapes(before, phase, {name: known[name] for name in _given(before, phase) & set(known)})
    (hashed, *_), own = new.of(latent).bottoms, new.of(latent)
    batch = hashed[0] if hashed else None
    return HashCost(
        before=Cost(old.param_count, _each(old.macs, _batch(old, features))),
        after=Cost(new.param_count, _each(new.macs, batch)),
        latent=Cost(own.param_count, _each(own.macs, batch)),
        bits=num_output(latent),
        features=features,
        feature_bytes=math.prod(hashed[1:]) * _FLOAT_BYTES if hashed else None,
    )


def _latent(net: Net, phase: Phase) -> Layer | None:
    graph = net.graph(phase)
    present = [head for head in heads(net) if graph.takes_part(head.classifier)]
    roles = inserted(graph, present)
    found = [net.layers[index] for index, role in roles.items() if role == "latent"]
    return found[0] if len(found) == 1 and found[0].bottoms else None


def _given(net: Net, phase: Phase) -> set[str]:
    """The blobs whose shapes may be given."""
    tops = (top for layer in net.layers_in(phase) if layer.is_data for top in layer.tops)
    return {*net.inputs, *tops}


def _batch(found: NetShapes, blob: str) -> int | None:
    shape = found.blobs.get(blob)
    return shape[0] if shape else None


def _each(macs: int | None, batch: int | None) -> int | None:
    """The multiply-adds of one image; None where the count is no multiple of the batch."""
    if macs is None or not batch or macs % batch:
        return None
    return macs // batch
