"""Params that layers share by name: their owners, and whether the shapes match."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.caffe.shapes.layer_setup import Shape, count, shape_string
from ssdh_surgery.findings import SHARED_PARAM, Finding
from ssdh_surgery.location import Location

if TYPE_CHECKING:
    from ssdh_surgery.caffe.messages.schema import LayerParameter


class Sharing:
    """The named params so far, each with the layer that owns it and its shape."""

    def __init__(self) -> None:
        self._owners: dict[str, tuple[str, Shape]] = {}

    def add(
        self, layer: Layer, param: LayerParameter, shapes: Sequence[Shape]
    ) -> tuple[frozenset[int], list[Finding]]:
        """The params of a layer that an earlier layer owns, by index, and findings of clashes."""
        shared: set[int] = set()
        findings: list[Finding] = []
        for index, (spec, shape) in enumerate(zip(param.param, shapes, strict=False)):
            if not spec.name:
                continue
            if spec.name not in self._owners:
                self._owners[spec.name] = layer.name, shape
                continue
            shared.add(index)
            owner, owned = self._owners[spec.name]
            is_permissive = spec.share_mode == spec.PERMISSIVE
            fits = count(shape) == count(owned) if is_permissive else shape == owned
            if not fits:
                what = "count" if is_permissive else "shape"
                verb = "shape is" if is_permissive else "expects shape"
                message = (
                    f"Cannot share param '{spec.name}' owned by layer '{owner}' with layer "
                    f"'{layer.name}'; {what} mismatch.  Owner layer param shape is "
                    f"{shape_string(owned)}; sharing layer {verb} {shape_string(shape)}"
                )
                place = _place(layer, index)
                findings.append(SHARED_PARAM.at(place, message))
        return frozenset(shared), findings


def _place(layer: Layer, index: int) -> Location:
    entries = layer.core.entries("param")
    return entries[index].location if index < len(entries) else layer.location
