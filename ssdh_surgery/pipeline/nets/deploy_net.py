"""A deploy net as its text has it: what it is given, and the blob that holds the code."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ssdh_surgery.caffe.net.blobs import BlobGraph
from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.caffe.net.net import net_of
from ssdh_surgery.caffe.shapes import shapes
from ssdh_surgery.caffe.weights.weights import read_any_weights
from ssdh_surgery.errors import SurgeryError, UsageError, did_you_mean
from ssdh_surgery.location import Location
from ssdh_surgery.pipeline.files.sources import NETS, need, read_source

# What makes values between 0 and 1 of which each is decided by itself: a code.
_CODE_TYPES = frozenset(["Sigmoid", "Threshold"])
# What passes on, in a deploy net, what it is given.
_PASSING = frozenset(["Dropout", "Flatten", "Reshape", "Split"])


class DeployNet:
    """The net in a file, in phase TEST.

    `source` is the file as it was read, `input` the name of its one input and `shape` that of
    one picture in it; `blob` is the chosen blob and `layer` the last layer that writes it.

    Args:
        file: the net's file, `-` or `zoo:NAME`.
        blob: the blob that is wanted.
        code: the one to take where none is wanted: if the net has it, else its only output.

    Raises:
        FileError, ParseError: the file cannot be read, or is no prototxt.
        SurgeryError: it has not one input of pictures, or no such blob.
        UsageError: it has several outputs and it was not said which.
    """

    def __init__(self, file: Path, blob: str | None, code: str | None) -> None:
        self.source = read_source(str(file))
        need(self.source, *NETS)
        self.net = net_of(self.source.document)
        self._graph = self.net.graph("TEST")
        self.input = self._only_input()
        self.shape = self._picture_shape()
        self.blob = self._chosen(blob, code)
        self.layer = self._last_writer(self.blob)
        self.is_code = self.blob == code or makes_codes(self._graph, self.layer)

    @property
    def location(self) -> Location:
        """The file, for messages."""
        return Location(self.source.name)

    @property
    def first_layers(self) -> list[Layer]:
        """The layers that read the input."""
        blob = self._graph.last(self.input)
        first = blob if blob is None or blob.writer is None else self._graph.writes(blob.writer)[0]
        return [layer for layer, _ in self._graph.consumers(first)] if first else []

    def without_weights(self, weights: Path) -> list[str]:
        """The layers that the blob depends on and that need params the file does not have.

        Raises:
            FileError: the file cannot be read.
            DataError: it holds no weights.
        """
        if self.layer is None:
            return []
        there = {layer.name for layer in read_any_weights(weights).layers}
        needed = self._graph.below([self.layer])
        known = shapes(self.net, "TEST").layers
        return [
            each.layer.name
            for each in known
            if each.layer.index in needed and each.params and each.layer.name not in there
        ]

    def _only_input(self) -> str:
        names = [*self.net.inputs]
        names += [top for layer in self._graph.layers if not layer.bottoms for top in layer.tops]
        if len(names) == 1:
            return names[0]
        told = ", ".join(f"'{name}'" for name in names) or "none"
        raise SurgeryError(
            f"a deploy net has one input, this net has: {told}",
            location=self.location,
            hint="ssdh deploy makes one of a train net",
        )

    def _picture_shape(self) -> tuple[int, int, int]:
        shape = shapes(self.net, "TEST").blobs.get(self.input)
        if shape is None or len(shape) != 4:
            told = "an unknown number of" if shape is None else str(len(shape))
            raise SurgeryError(
                f"the input '{self.input}' takes {told} dimensions, pictures have 4",
                location=self.location,
            )
        return shape[1], shape[2], shape[3]

    def _chosen(self, given: str | None, code: str | None) -> str:
        known = self._names()
        outputs = [blob.name for blob in self._graph.outputs]
        name = given or (code if code in known else None)
        if name is None and len(outputs) == 1:
            name = outputs[0]
        if name is None:
            raise UsageError(f"several outputs: {', '.join(outputs)}", hint="choose one: --blob")
        if name not in known:
            raise SurgeryError(
                f"no blob '{name}'",
                location=self.location,
                hint=did_you_mean(name, known),
                blob=name,
            )
        return name

    def _names(self) -> Sequence[str]:
        tops = (top for layer in self._graph.layers for top in layer.tops)
        return tuple(dict.fromkeys([*self.net.inputs, *tops]))

    def _last_writer(self, blob: str) -> Layer | None:
        found = self._graph.last(blob)
        return found.writer if found else None


def makes_codes(graph: BlobGraph, layer: Layer | None) -> bool:
    """Whether what a layer writes are codes: a Sigmoid or Threshold, and no more than passed on."""
    while layer is not None and layer.type in _PASSING:
        below = graph.reads(layer)[0]
        layer = below.writer if below else None
    return layer is not None and layer.type in _CODE_TYPES
