"""The blobs that connect layers; a blob is identified by its name and the layer that wrote it.

In-place layers write a new blob of the same name, so "the blob before the classifier" is the one
that the last in-place layer wrote.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.caffe.net.layer_rules import LAYER_RULES
from ssdh_surgery.caffe.net.phase import State
from ssdh_surgery.errors import did_you_mean
from ssdh_surgery.findings import DUPLICATE_TOP, UNKNOWN_BOTTOM, Finding

_MOST_HINTS = 10


@dataclass(frozen=True)
class NetBlob:
    """A blob as written by one layer; `writer` is None for an input of the net.

    `top` is its index among the tops of the writer.
    """

    name: str
    writer: Layer | None
    top: int = 0


class BlobGraph:
    """The layers of one state, each with the blobs that it reads and writes.

    A bottom that no layer writes is not connected, and is reported in `findings`. `absent` are
    the layers that are not in the state, which may explain such a bottom.
    """

    def __init__(
        self,
        inputs: Sequence[str],
        layers: Sequence[Layer],
        state: State,
        absent: Sequence[Layer] = (),
    ) -> None:
        self.layers = tuple(layers)
        self.state = state
        self.absent = tuple(absent)
        self.findings: list[Finding] = []
        self.unknown_bottoms: list[str] = []
        self._current: dict[str, NetBlob] = {name: NetBlob(name, None) for name in inputs}
        self._reads: dict[int, tuple[NetBlob | None, ...]] = {}
        self._writes: dict[int, tuple[NetBlob, ...]] = {}
        self._consumers: dict[NetBlob, list[tuple[Layer, int]]] = {
            blob: [] for blob in self._current.values()
        }
        for layer in self.layers:
            self._add(layer)
        for blob in self._consumers:
            self._refuse_writing_over_copies(blob)

    def _add(self, layer: Layer) -> None:
        reads = tuple(self._current.get(name) for name in layer.bottoms)
        for index, blob in enumerate(reads):
            if blob is None:
                self._unknown_bottom(layer, index)
            else:
                self._consumers[blob].append((layer, index))
        writes = []
        for index, name in enumerate(layer.tops):
            if name in self._current and not layer.is_in_place(index):
                self._duplicate_top(layer, index, self._current[name].writer)
            blob = NetBlob(name, layer, index)
            self._current[name] = blob
            self._consumers[blob] = []
            writes.append(blob)
        self._reads[layer.index] = reads
        self._writes[layer.index] = tuple(writes)

    def _unknown_bottom(self, layer: Layer, index: int) -> None:
        name = layer.bottoms[index]
        self.unknown_bottoms.append(name)
        # Looking for near names takes as long as there are names; nobody reads a thousand hints.
        hint = self._reason_unknown(name) if len(self.findings) < _MOST_HINTS else None
        self.findings.append(
            UNKNOWN_BOTTOM.at(
                layer.bottom_location(index),
                f"unknown bottom blob '{name}' (layer '{layer.name}', bottom index {index})",
                hint,
            )
        )

    def _reason_unknown(self, name: str) -> str | None:
        for layers, where in (
            (self.layers, "further down: its layer must come first"),
            (self.absent, f"but is not in {self.state}: see its include and exclude rules"),
        ):
            for layer in layers:
                if name in layer.tops:
                    return f"layer '{layer.name}' of line {layer.line} writes it, {where}"
        return did_you_mean(name, self._current)

    def _refuse_writing_over_copies(self, blob: NetBlob) -> None:
        """Caffe gives each of several readers its own copy, under another name."""
        if not self.copies(blob):
            return
        readers = self._consumers[blob]
        for layer, index in readers:
            if layer.is_in_place(index):
                other = next((each for each, _ in readers if each is not layer), None)
                reason = (
                    f"layer '{other.name}' of line {other.line} reads it, too"
                    if other
                    else "it is used twice"
                )
                self._duplicate_top(
                    layer,
                    index,
                    blob.writer,
                    f"{reason}, so '{layer.name}' cannot overwrite it: give it another top",
                )

    def _duplicate_top(
        self, layer: Layer, index: int, first: Layer | None, hint: str | None = None
    ) -> None:
        name = layer.tops[index]
        other = f"layer '{first.name}' of line {first.line}" if first else "an input of the net"
        self.findings.append(
            DUPLICATE_TOP.at(
                layer.outer.entries("top")[index].location,
                f"top blob '{name}' produced by multiple sources: {other}, and layer "
                f"'{layer.name}'",
                hint,
            )
        )

    def reads(self, layer: Layer) -> tuple[NetBlob | None, ...]:
        """The blobs that a layer reads; None for one that no layer writes."""
        return self._reads[layer.index]

    def writes(self, layer: Layer) -> tuple[NetBlob, ...]:
        """The blobs that a layer writes."""
        return self._writes[layer.index]

    def consumers(self, blob: NetBlob) -> list[tuple[Layer, int]]:
        """The layers that read a blob, each with the index of its bottom."""
        return self._consumers[blob]

    def copies(self, blob: NetBlob) -> int:
        """The tops of the Split layer that Caffe inserts for a blob; 0 where it is used once."""
        uses = len(self._consumers[blob]) + _is_summed(blob)
        return uses if uses > 1 else 0

    def last(self, name: str) -> NetBlob | None:
        """The last blob of a name, after all in-place layers."""
        return self._current.get(name)

    def chain(self, blob: NetBlob) -> tuple[NetBlob, ...]:
        """A blob and its successors by in-place layers, in order."""
        chain = [blob]
        while True:
            writers = [
                written
                for layer, _ in self.consumers(chain[-1])
                for written in self.writes(layer)
                if written.name == blob.name
            ]
            if not writers:
                return tuple(chain)
            chain.append(writers[0])

    @property
    def outputs(self) -> tuple[NetBlob, ...]:
        """The blobs that no layer reads: the outputs of the net."""
        return tuple(
            blob for blob in self._current.values() if blob.writer and not self._consumers[blob]
        )

    def takes_part(self, layer: Layer) -> bool:
        """Whether a layer is in this state."""
        return layer.index in self._reads

    def depth(self, layer: Layer) -> int:
        """The number of layers on the longest path from the data to a layer."""
        return self._depths[layer.index]

    @property
    def _depths(self) -> dict[int, int]:
        if not hasattr(self, "_depth_cache"):
            depths: dict[int, int] = {}
            for layer in self.layers:
                below = [
                    depths[blob.writer.index]
                    for blob in self.reads(layer)
                    if blob is not None and blob.writer is not None
                ]
                depths[layer.index] = 1 + max(below, default=0)
            self._depth_cache = depths
        return self._depth_cache

    def below(self, layers: Sequence[Layer]) -> set[int]:
        """The indices of these layers and of all layers that they depend on."""
        indices: set[int] = set()
        pending = list(layers)
        while pending:
            layer = pending.pop()
            if layer.index in indices:
                continue
            indices.add(layer.index)
            pending += [blob.writer for blob in self.reads(layer) if blob and blob.writer]
        return indices

    def above(self, layers: Iterable[Layer]) -> set[int]:
        """The indices of these layers and of all layers that depend on them."""
        indices = {layer.index for layer in layers if self.takes_part(layer)}
        for layer in self.layers:
            if any(
                blob.writer.index in indices for blob in self.reads(layer) if blob and blob.writer
            ):
                indices.add(layer.index)
        return indices

    def values_of(self, blob: NetBlob) -> tuple[NetBlob | None, ...]:
        """The blobs whose values a blob holds: those that its layer reads for this top."""
        if blob.writer is None:
            return ()
        reads, rule = self.reads(blob.writer), LAYER_RULES.get(blob.writer.type)
        if rule is None or rule.values == "all":
            return reads
        index = blob.top if rule.values == "same index" else 0
        return reads[index : index + 1]

    def origins(
        self, layer: Layer, bottom: int, is_origin: Callable[[NetBlob], bool] | None = None
    ) -> set[NetBlob]:
        """The blobs of data layers and inputs that the values of one bottom of a layer come from.

        Args:
            layer: the layer.
            bottom: the index of its bottom.
            is_origin: whether another blob is an origin itself; None if no other is.
        """
        origins: set[NetBlob] = set()
        visited: set[NetBlob | None] = {None}
        pending = [self.reads(layer)[bottom]]
        while pending:
            blob = pending.pop()
            if blob is None or blob in visited:
                continue
            visited.add(blob)
            is_first = blob.writer is None or not blob.writer.bottoms
            if is_first or (is_origin is not None and is_origin(blob)):
                origins.add(blob)
            else:
                pending += self.values_of(blob)
        return origins


def _is_summed(blob: NetBlob) -> bool:
    """Whether an explicit weight makes a blob part of the loss, which counts as a use."""
    layer = blob.writer
    if layer is None or not layer.outer.entries("loss_weight"):
        return False
    return layer.loss_weights[blob.top] != 0
