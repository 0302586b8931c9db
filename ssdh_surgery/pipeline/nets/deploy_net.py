"""A deploy net without its weights: its input, and the blob that holds the code."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ssdh_surgery.caffe.net.blobs import BlobGraph, NetBlob
from ssdh_surgery.caffe.net.heads import hash_layer_of
from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.caffe.net.net import Net, net_of
from ssdh_surgery.caffe.shapes import shapes
from ssdh_surgery.caffe.weights.weights_summary import weights_summary
from ssdh_surgery.errors import SurgeryError, UsageError
from ssdh_surgery.location import Location
from ssdh_surgery.pipeline.files.sources import NETS, SourceFile, need
from ssdh_surgery.pipeline.nets.snapshots import LayerParams

# Layers whose outputs lie between 0 and 1, each by itself: codes, whose bits are 1 above 0.5.
_CODE_TYPES = frozenset(["Sigmoid", "Threshold"])
_CODE_THRESHOLD = 0.5
# Layers whose outputs may be codes if a workspace says so: their bits are signs.
_SIGNED_TYPES = frozenset(["InnerProduct", "Sign", "TanH"])
# Layers that hand on their values unchanged in a deploy net.
_PASS_THROUGH = frozenset(["Dropout", "Flatten", "Reshape", "Split"])


class DeployNet:
    """The net in a file, in phase TEST.

    Attributes:
        source: the file.
        input: the name of its only input.
        shape: channels, height and width of an image in it.
        blob: the blob to encode.
        layer: the last layer that writes the blob, None for the input.
        threshold: the activation above which a bit is 1; None if the blob holds no codes.

    Args:
        source: the net's file, as it was read.
        blob: the blob that the user chose, or None.
        code: the blob to take by default if the net has it; else its only output.

    Raises:
        SurgeryError: it is not a net with one input of images, has no such blob, or it is unknown
            where the codes in it have their threshold.
        UsageError: it has several outputs, and none was chosen.
    """

    def __init__(self, source: SourceFile, blob: str | None, code: str | None) -> None:
        need(source, *NETS)
        self.source = source
        self.net = net_of(source.document)
        self._graph = self.net.graph("TEST")
        self.input = self._only_input()
        self.shape = self._image_shape()
        self.blob = self._choose_blob(blob, code)
        self.layer = self._last_writer(self.blob)
        self.threshold = code_threshold(self._graph, self._graph.last(self.blob))
        if self.threshold is None and self.blob == code:
            self.threshold = self._threshold_of_recorded_code()

    @property
    def is_code(self) -> bool:
        """Whether the blob holds codes."""
        return self.threshold is not None

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

    @property
    def params(self) -> LayerParams:
        """The layers that the blob depends on, with the shapes of their params."""
        return params_below(self.net, self.layer)

    def layers_without_weights(self, weights: Path) -> list[str]:
        """The layers below the blob that have params, but no weights in a file.

        Raises:
            FileError: the file cannot be read.
            DataError: it holds no weights.
        """
        if self.layer is None:
            return []
        names_in_file = {layer.name for layer in weights_summary(weights).layers}
        needed = self._graph.below([self.layer])
        return [
            each.layer.name
            for each in shapes(self.net, "TEST").layers
            if each.layer.index in needed and each.params and each.layer.name not in names_in_file
        ]

    def _threshold_of_recorded_code(self) -> float:
        layer = _writer(self._graph, self._graph.last(self.blob))
        if layer is None or layer.type not in _SIGNED_TYPES:
            kind = f"{layer.type} layer '{layer.name}' writes it" if layer else "it is the input"
            raise SurgeryError(
                f"the code '{self.blob}' has no known threshold: {kind}",
                location=layer.location if layer else self.location,
                hint="--blob names a blob that a Sigmoid, a TanH or a Threshold writes",
                blob=self.blob,
            )
        return 0.0

    def _only_input(self) -> str:
        names = [*self.net.inputs]
        names += [top for layer in self._graph.layers if not layer.bottoms for top in layer.tops]
        if len(names) == 1:
            return names[0]
        inputs = ", ".join(f"'{name}'" for name in names) or "none"
        raise SurgeryError(
            f"a deploy net has one input, but this net has: {inputs}",
            location=self.location,
            hint="ssdh deploy makes a deploy net of a train net",
        )

    def _image_shape(self) -> tuple[int, int, int]:
        shape = shapes(self.net, "TEST").blobs.get(self.input)
        if shape is None or len(shape) != 4:
            axes = "an unknown number of" if shape is None else str(len(shape))
            raise SurgeryError(
                f"the input '{self.input}' has {axes} axes, but images have 4",
                location=self.location,
            )
        return shape[1], shape[2], shape[3]

    def _choose_blob(self, blob: str | None, code: str | None) -> str:
        names = self._blob_names()
        outputs = [output.name for output in self._graph.outputs]
        name = blob or (code if code in names else None)
        if name is None and len(outputs) == 1:
            name = outputs[0]
        if name is None:
            raise UsageError(
                f"the net has several outputs: {', '.join(outputs)}", hint="choose one with --blob"
            )
        if name not in names:
            raise SurgeryError(
                f"no blob '{name}'",
                location=self.location,
                hint=self.net.name_hint(name, names),
                blob=name,
            )
        return name

    def _blob_names(self) -> Sequence[str]:
        tops = (top for layer in self._graph.layers for top in layer.tops)
        return tuple(dict.fromkeys([*self.net.inputs, *tops]))

    def _last_writer(self, blob: str) -> Layer | None:
        last = self._graph.last(blob)
        return last.writer if last else None


def params_below(net: Net, layer: Layer | None) -> LayerParams:
    """The params that must come from a weights file, in phase TEST.

    Args:
        net: the net.
        layer: the last layer that is run; None runs all.
    """
    graph = net.graph("TEST")
    needed = graph.below([layer]) if layer else {each.index for each in graph.layers}
    return [
        (each.layer.name, each.params)
        for each in shapes(net, "TEST").layers
        if each.layer.index in needed and len(each.shared) < len(each.params or [()])
    ]


def code_threshold(graph: BlobGraph, blob: NetBlob | None) -> float | None:
    """The activation above which a bit of the codes in a blob is 1; None if it holds no codes.

    Codes come out of a Sigmoid, a Threshold, a hash layer of another kind, or a layer that hands
    on their values.
    """
    blob = _handed_on(graph, blob)
    if blob is None or blob.writer is None:
        return None
    if blob.writer.type in _CODE_TYPES:
        return _CODE_THRESHOLD
    hash_layer = hash_layer_of(graph, blob)
    return hash_layer.threshold if hash_layer else None


def _handed_on(graph: BlobGraph, blob: NetBlob | None) -> NetBlob | None:
    """The blob whose values a blob holds, below layers that hand them on."""
    while blob is not None and blob.writer is not None and blob.writer.type in _PASS_THROUGH:
        blob = graph.reads(blob.writer)[0]
    return blob


def _writer(graph: BlobGraph, blob: NetBlob | None) -> Layer | None:
    blob = _handed_on(graph, blob)
    return blob.writer if blob else None
