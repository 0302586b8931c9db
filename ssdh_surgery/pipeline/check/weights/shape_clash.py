"""Layers with blobs of other shapes in the weights than in the net, and the likely causes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from ssdh_surgery.caffe.net.heads import heads
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.shapes import LayerShapes, NetShapes, Shape, shapes
from ssdh_surgery.caffe.weights.copy_table import CopyRow
from ssdh_surgery.findings import SHAPE_CLASH, Finding
from ssdh_surgery.location import path_in_shell
from ssdh_surgery.names import count_text, shape_text, size_text
from ssdh_surgery.pipeline.check.subject import Subject
from ssdh_surgery.pipeline.check.weights.weights_copy import WeightsCopy

_BIASED = {
    "Convolution": "convolution_param",
    "Deconvolution": "convolution_param",
    "InnerProduct": "inner_product_param",
}
_STOPS = "Caffe stops at that"
_RENAME = "rename the layer, so that it starts from its filler"
# The channels of gray and of color images.
_IMAGE_CHANNELS = (1, 3)
# The largest side of images that is tried to find the one of the weights.
_LARGEST = 1024


@dataclass(frozen=True)
class _Cause:
    """Why the shapes differ, and what to do about it."""

    reason: str
    hint: str = _RENAME


def shape_clashes(
    subject: Subject, net: Net, net_shapes: NetShapes, copy: WeightsCopy, hint: str | None = None
) -> Iterator[Finding]:
    """The clashes of a net with weights, at which Caffe stops.

    Args:
        subject: the solver that runs the net.
        net: the net.
        net_shapes: its shapes in its state.
        copy: what it would take of a file.
        hint: what to do about any of them; None for what fits the cause.
    """
    by_name = {each.layer.name: each for each in reversed(net_shapes.layers)}
    for row in copy.rows:
        if row.status != "shape-clash":
            continue
        clash = _Clash(subject, net, net_shapes, by_name[row.layer], row)
        cause = clash.cause()
        # Caffe 1.0 gives a blob the shape that an HDF5 file has for it, and computes on.
        is_taken = copy.is_hdf5 and len(row.shapes) == len(row.file_shapes)
        effect = "Caffe stops at that, or computes with wrong values" if is_taken else _STOPS
        yield SHAPE_CLASH.at(
            clash.in_net.layer.location,
            f"layer '{row.layer}' has blobs {_shapes_text(row.shapes)}, but {copy.file} holds "
            f"{_shapes_text(row.file_shapes)} for it, and {effect}: {cause.reason}",
            hint or cause.hint,
        )


@dataclass(frozen=True)
class _Clash:
    """A layer of a net with other shapes than in the file, and its row in the table."""

    subject: Subject
    net: Net
    net_shapes: NetShapes
    in_net: LayerShapes
    row: CopyRow

    def cause(self) -> _Cause:
        """The likely cause."""
        if len(self.row.shapes) != len(self.row.file_shapes):
            return self._other_number_of_blobs()
        ours, theirs = self._first_difference()
        if ours == theirs:
            return _Cause(
                "the sizes are the same but for axes of 1 in front, which Caffe compares, too",
                f"save the weights with the shapes of the net, or {_RENAME}",
            )
        if len(ours) != len(theirs):
            return _Cause("these are the weights of another net")
        if self.in_net.layer.parameter.inner_product_param.transpose:
            ours, theirs = ours[::-1], theirs[::-1]
        if ours[1:] == theirs[1:] or (ours[0] != theirs[0] and self._is_classifier):
            return self._other_outputs(ours[0], theirs[0])
        if ours[0] == theirs[0] and self.in_net.layer.type == "InnerProduct":
            return self._other_inputs(math.prod(ours[1:]), math.prod(theirs[1:]))
        if ours[2:] != theirs[2:] and len(ours) > 2:
            sizes = [size_text(shape[2:]) for shape in (ours, theirs)]
            if ours[:2] == theirs[:2]:
                return _Cause(f"its kernel is {sizes[0]} here, and {sizes[1]} there")
        elif ours[0] == theirs[0] and len(ours) > 2:
            return self._other_channels(ours[1], theirs[1])
        return _Cause("these are the weights of another net")

    def _first_difference(self) -> tuple[Shape, Shape]:
        """The shapes of the first blob that differs, legacy ones without their padding."""
        for ours, theirs in zip(self.row.shapes, self.row.file_shapes, strict=True):
            padding = len(theirs) - len(ours)
            if padding > 0 and set(theirs[:padding]) == {1}:
                theirs = theirs[padding:]
            if ours != theirs:
                return ours, theirs
        return (), ()

    def _other_number_of_blobs(self) -> _Cause:
        ours, theirs = len(self.row.shapes), len(self.row.file_shapes)
        layer = self.in_net.layer
        if layer.type in _BIASED and {ours, theirs} == {1, 2}:
            if theirs == 1:
                hint = f"bias_term: false in its {_BIASED[layer.type]} fits the weights"
                return _Cause("there it has no bias", hint)
            hint = f"remove bias_term: false from its {_BIASED[layer.type]}, or {_RENAME}"
            return _Cause("here it has no bias", hint)
        return _Cause(
            f"{count_text(ours, 'blob')} here, {theirs} there: these are the weights of another "
            f"net, or of a Caffe with another {layer.type} layer"
        )

    def _other_outputs(self, ours: int, theirs: int) -> _Cause:
        layer, hash_layer = self.in_net.layer, self.subject.hash_layer
        if hash_layer is not None and layer.name == hash_layer.latent.name:
            return _Cause(
                f"the codes have {ours} bits here, and {theirs} there",
                "start from the weights of the trained classifier; or patch the net again with "
                f"--bits {theirs}",
            )
        if self._is_classifier:
            patch = f"; 'ssdh patch {path_in_shell(self.net.file)}' does, and adds the hash layer"
            return _Cause(
                f"the classifier has {count_text(ours, 'class', 'classes')} here, and {theirs} "
                "there",
                _RENAME + (patch if hash_layer is None else ""),
            )
        return _Cause(f"it has {ours} outputs here, and {theirs} there: another net")

    @property
    def _is_classifier(self) -> bool:
        return any(head.classifier.name == self.in_net.layer.name for head in heads(self.net))

    def _other_channels(self, ours: int, theirs: int) -> _Cause:
        """A convolution with other channels per group."""
        group = self.in_net.layer.parameter.convolution_param.group
        if self._reads_images():
            return _other_images(ours * group, theirs * group)
        other_group, rest = divmod(ours * group, max(1, theirs))
        if not rest and other_group != group:
            return _Cause(
                f"it has group: {group} here, and {other_group} there",
                f"group: {other_group} in its convolution_param fits the weights; or {_RENAME}",
            )
        return _Cause(f"it reads {ours} channels per group here, and {theirs} there: another net")

    def _reads_images(self) -> bool:
        """Whether no layer with params is below."""
        layer = self.in_net.layer
        below = self.net.graph(self.net_shapes.state).below([layer]) - {layer.index}
        return not any(
            each.params != () for each in self.net_shapes.layers if each.layer.index in below
        )

    def _other_inputs(self, ours: int, theirs: int) -> _Cause:
        """An InnerProduct that reads another number of values."""
        layer, bottom = self.in_net.layer, self.in_net.bottoms[0]
        name = layer.bottoms[0]
        hash_layer = self.subject.hash_layer
        if hash_layer is not None and name in hash_layer.code.tops:
            return _Cause(
                f"it reads the {ours} bits of the hash layer here, and {theirs} features there",
                f"{_RENAME}: it has to be learned anew from the codes",
            )
        if bottom is not None and len(bottom) == 4 and all(bottom):
            channels, height, width = bottom[1:]
            side = math.isqrt(theirs // channels)
            if side and side * side * channels == theirs:
                return _Cause(
                    f"'{name}' is {height} x {width} here, and {side} x {side} there: images of "
                    "another size",
                    "give it images of the size that the weights were trained with"
                    f"{self._size(side)}, or {_RENAME}",
                )
            there, rest = divmod(theirs, height * width)
            if not rest and there in _IMAGE_CHANNELS and self._reads_images():
                return _other_images(channels, there)
            if theirs % (channels * height) == 0:
                return _Cause(
                    f"'{name}' is {height} x {width} here, and {height} x "
                    f"{theirs // (channels * height)} there: images of another size"
                )
        return _Cause(f"'{name}' has {ours} values here, and {theirs} there: another net")

    def _size(self, side: int) -> str:
        """The sizes of square images with which the layer's bottom has so many rows."""
        images = {
            top: shape
            for each in self.net_shapes.layers
            if not each.layer.bottoms
            for top, shape in zip(each.layer.tops, each.tops, strict=False)
            if shape is not None and len(shape) == 4
        }
        if len(images) != 1:
            return ""
        ((top, (batch, channels, height, width)),) = images.items()
        if height != width:
            return ""

        def rows(size: int) -> int:
            inputs = {top: (batch, channels, size, size)}
            bottom = (
                shapes(self.net, self.net_shapes.state, inputs).of(self.in_net.layer).bottoms[0]
            )
            return bottom[2] if bottom is not None and len(bottom) == 4 else 0

        first = _first(lambda size: rows(size) >= side)
        last = _first(lambda size: rows(size) > side) - 1
        if not first <= last < _LARGEST - 1 or rows(first) != side:
            return ""
        return f" ({first} pixels)" if first == last else f" ({first} to {last} pixels)"


def _other_images(ours: int, theirs: int) -> _Cause:
    return _Cause(
        f"images have {count_text(ours, 'channel')} here, and {theirs} there",
        f"give it images of {count_text(theirs, 'channel')}, or {_RENAME}",
    )


def _first(is_enough: Callable[[int], bool]) -> int:
    """The first size that is enough, `_LARGEST` where none is; larger ones are enough, too."""
    low, high = 1, _LARGEST
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if is_enough(middle) else (middle + 1, high)
    return low


def _shapes_text(blobs: Sequence[Shape]) -> str:
    return ", ".join(map(shape_text, blobs)) or "none"
