"""A phase of a net as boxes and arrows; in-place layers belong to the box that they follow.

Labels have no arrows, since these would run past the whole net and hide all others: the box that
reads a label names it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ssdh_surgery.caffe.net.blobs import BlobGraph, NetBlob
from ssdh_surgery.caffe.net.layer import Layer


@dataclass
class Box:
    """A layer with the in-place layers that follow it, or an input of the net (no layers).

    `labels` are the blobs, directly from data, that a loss or accuracy compares with; `missing`
    are the bottoms that no layer writes.
    """

    name: str
    layers: list[Layer] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Arrow:
    """A blob that one box writes and another reads, both by index.

    `is_one_of_several` tells that the source writes other blobs, too, so that the name matters.
    """

    source: int
    target: int
    blob: str
    is_one_of_several: bool


@dataclass(frozen=True)
class Boxes:
    """The boxes of a net in the order of its text, from data to outputs."""

    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]

    def box_of(self, layer: Layer) -> int:
        """The index of the box that contains a layer."""
        return next(
            index
            for index, box in enumerate(self.boxes)
            if any(each is layer for each in box.layers)
        )


def boxes(graph: BlobGraph, inputs: tuple[str, ...] = ()) -> Boxes:
    """The boxes and arrows of a phase; `inputs` are the inputs of the net."""
    return _Builder(graph, inputs).build()


class _Builder:
    """The boxes so far, and the box of each layer."""

    def __init__(self, graph: BlobGraph, inputs: tuple[str, ...]) -> None:
        self.graph = graph
        self.boxes = [Box(name) for name in inputs]
        self.inputs = {name: index for index, name in enumerate(inputs)}
        self.place: dict[int, int] = {}
        self.arrows: list[Arrow] = []

    def build(self) -> Boxes:
        for layer in self.graph.layers:
            below = self._box_below(layer)
            if below is not None:
                self.boxes[below].layers.append(layer)
                self.place[layer.index] = below
            else:
                self._add(layer)
        return Boxes(tuple(self.boxes), tuple(self.arrows))

    def _box_below(self, layer: Layer) -> int | None:
        """The box that an in-place layer belongs to; None for all other layers.

        If another layer reads the blob before the change, the in-place layer has its own box.
        """
        if layer.bottoms != layer.tops or len(layer.tops) != 1:
            return None
        blob = self.graph.reads(layer)[0]
        if blob is None or blob.writer is None or len(blob.writer.tops) != 1:
            return None
        return self._place(blob) if len(self.graph.consumers(blob)) == 1 else None

    def _place(self, blob: NetBlob) -> int:
        return self.inputs[blob.name] if blob.writer is None else self.place[blob.writer.index]

    def _add(self, layer: Layer) -> None:
        target = self.place[layer.index] = len(self.boxes)
        box = Box(layer.name, [layer])
        self.boxes.append(box)
        for bottom, blob in enumerate(self.graph.reads(layer)):
            if blob is None:
                box.missing.append(layer.bottoms[bottom])
            elif _is_label(layer, bottom, blob):
                box.labels.append(blob.name)
            else:
                several = blob.writer is not None and len(self._drawn_blobs(blob.writer)) > 1
                self.arrows.append(Arrow(self._place(blob), target, blob.name, several))

    def _drawn_blobs(self, writer: Layer) -> list[NetBlob]:
        """The blobs of a layer that have arrows."""
        return [
            blob
            for blob in self.graph.writes(writer)
            if any(not _is_label(*read, blob) for read in self.graph.consumers(blob))
        ]


def _is_label(layer: Layer, bottom: int, blob: NetBlob) -> bool:
    """Whether a bottom is the label of a loss or an accuracy."""
    is_judge = layer.is_loss or layer.type.endswith("Accuracy")
    return is_judge and bottom > 0 and (blob.writer is None or not blob.writer.bottoms)
