"""Split layers, inserted where a blob is read several times, as Caffe's insert_splits.cpp does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ssdh_surgery.caffe.messages.schema import LayerParameter
from ssdh_surgery.engines.layer_specs import LayerSpec
from ssdh_surgery.errors import EngineError, did_you_mean


def insert_splits(specs: Sequence[LayerSpec]) -> list[LayerSpec]:
    """The layers, with a Split after each layer whose top is used more than once.

    A loss weight on such a top moves to the split, and counts as a use.

    Raises:
        EngineError: a bottom that no layer above writes.
    """
    uses = _Uses(specs)
    result = []
    for place, spec in enumerate(specs):
        param = LayerParameter()
        param.CopyFrom(spec.param)
        for index, blob in enumerate(spec.param.bottom):
            param.bottom[index] = uses.bottom_name(place, index, blob)
        splits = [_split(spec, top, count, weight) for top, count, weight in uses.split_tops(place)]
        if any(split.param.loss_weight for split in splits):
            del param.loss_weight[:]
        result.append(LayerSpec(param, spec.view))
        result += splits
    return result


class _Uses:
    """How often each top is used; tops and bottoms are keyed by (layer, index)."""

    def __init__(self, specs: Sequence[LayerSpec]) -> None:
        self.specs = specs
        self.source: dict[tuple[int, int], tuple[int, int]] = {}
        self.count: dict[tuple[int, int], int] = {}
        self.weight: dict[tuple[int, int], float] = {}
        self.next_top: dict[tuple[int, int], int] = {}
        self.last_top: dict[str, tuple[int, int]] = {}
        for place, spec in enumerate(specs):
            self._read(place, spec)
        for top, weight in self.weight.items():
            # The first top of a split bears the loss weight; bottoms read those after it.
            self.next_top[top] = 1 if weight and self.count[top] > 1 else 0

    def _read(self, place: int, spec: LayerSpec) -> None:
        for index, blob in enumerate(spec.param.bottom):
            if blob not in self.last_top:
                raise unknown_bottom(spec, index, self.last_top)
            top = self.last_top[blob]
            self.source[place, index] = top
            self.count[top] = self.count.get(top, 0) + 1
        for index, blob in enumerate(spec.param.top):
            self.last_top[blob] = (place, index)
        for index, weight in enumerate(spec.param.loss_weight[: len(spec.param.top)]):
            top = self.last_top[spec.param.top[index]]
            self.weight[top] = weight
            if weight:
                self.count[top] = self.count.get(top, 0) + 1

    def bottom_name(self, place: int, index: int, blob: str) -> str:
        """The blob that a bottom reads: the blob itself, or a top of its split."""
        top = self.source[place, index]
        if self.count[top] < 2:
            return blob
        number = self.next_top.get(top, 0)
        self.next_top[top] = number + 1
        return _split_blob(self.specs[top[0]].param.name, blob, top[1], number)

    def split_tops(self, place: int) -> Iterator[tuple[int, int, float]]:
        """The tops of a layer that are used several times, as (index, uses, loss weight)."""
        for index in range(len(self.specs[place].param.top)):
            top = (place, index)
            if self.count.get(top, 0) > 1:
                yield index, self.count[top], self.weight.get(top, 0.0)


def _split(spec: LayerSpec, top: int, count: int, weight: float) -> LayerSpec:
    layer, blob = spec.param.name, spec.param.top[top]
    param = LayerParameter(name=f"{blob}_{layer}_{top}_split", type="Split", bottom=[blob])
    param.top.extend(_split_blob(layer, blob, top, number) for number in range(count))
    if weight:
        param.loss_weight.extend([weight] + [0.0] * (count - 1))
    return LayerSpec(param, spec.view, is_inserted=True)


def _split_blob(layer: str, blob: str, top: int, number: int) -> str:
    return f"{blob}_{layer}_{top}_split_{number}"


def unknown_bottom(spec: LayerSpec, index: int, names: Iterable[str]) -> EngineError:
    """The error for a bottom that no layer above writes."""
    blob = spec.param.bottom[index]
    place = spec.view.bottom_location(index) if spec.view else None
    return EngineError(
        f"Unknown bottom blob '{blob}' (layer '{spec.param.name}', bottom index {index})",
        location=place,
        hint=did_you_mean(blob, names),
        layer=spec.param.name,
        blob=blob,
    )
