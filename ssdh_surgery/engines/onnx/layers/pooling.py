"""Pooling with Caffe's windows: rounded up, clipped, averages that count covered padding."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto

from ssdh_surgery.caffe.shapes.pooling import Axis, pyramid_bin, read_windows
from ssdh_surgery.engines.onnx.graph import LayerGraph

_FLT_MAX = float(np.finfo(np.float32).max)
_FLT_MIN = float(np.finfo(np.float32).tiny)


def pooling(layer: LayerGraph) -> list[str]:
    """The maximum or the mean of windows; with MAX, a second top has the indices.

    Stochastic pooling is Caffe's version for TEST: the mean weighted by the values.
    """
    param = layer.param.pooling_param
    windows = read_windows(layer.setup)
    counts = layer.tops[0].shape[2:]
    sizes = [layer.size(layer.bottoms[0], axis) for axis in (2, 3)]
    pool = _Pool(layer, windows, (sizes[0], sizes[1]), (counts[0], counts[1]))
    if param.pool == param.MAX:
        return pool.maximum_with_indices() if len(layer.tops) == 2 else [pool.maximum()]
    if param.pool == param.AVE:
        return [pool.mean()]
    squares = pool.total(layer.node("Mul", layer.bottom, layer.bottom))
    total = layer.node("Add", pool.total(layer.bottom), layer.number(_FLT_MIN))
    return [layer.node("Div", squares, total)]


def spp(layer: LayerGraph) -> list[str]:
    """A pyramid of poolings into 1, 4, 16, ... windows, concatenated."""
    param = layer.param.spp_param
    channels, height, width = (layer.size(layer.bottoms[0], axis) for axis in (1, 2, 3))
    levels = []
    for level in range(param.pyramid_height):
        windows = pyramid_bin(height, 2**level), pyramid_bin(width, 2**level)
        pool = _Pool(layer, windows, (height, width), None)
        pooled = pool.maximum() if param.pool == param.MAX else pool.mean()
        values = channels * int(np.prod(pool.counts))
        is_alone = param.pyramid_height == 1
        levels.append(pooled if is_alone else layer.reshape(pooled, [-1, values]))
    return [levels[0] if len(levels) == 1 else layer.node("Concat", *levels, axis=1)]


class _Pool:
    """The windows of a layer over maps of a given size.

    `counts` are the numbers of windows along each axis; None applies Caffe's rule for pyramids.
    """

    def __init__(
        self,
        layer: LayerGraph,
        windows: tuple[Axis, Axis],
        sizes: tuple[int, int],
        counts: tuple[int, int] | None,
    ) -> None:
        self.layer = layer
        self.windows = windows
        self.sizes = sizes
        self.counts = counts or tuple(
            window.window_count(size, is_padded=any(axis.pad for axis in windows))
            for window, size in zip(windows, sizes, strict=True)
        )
        # The padding at the end that the last window needs.
        self.ends = [
            window.end_padding(size, count)
            for window, size, count in zip(windows, sizes, self.counts, strict=True)
        ]

    @property
    def _settings(self) -> dict[str, list[int]]:
        return {
            "kernel_shape": [window.kernel for window in self.windows],
            "strides": [window.stride for window in self.windows],
        }

    @property
    def _pads(self) -> list[int]:
        return [*(window.pad for window in self.windows), *self.ends]

    @property
    def _is_whole(self) -> bool:
        """Whether a single window covers the whole map."""
        return (
            self.counts == (1, 1)
            and not any(self._pads)
            and all(
                window.kernel == size for window, size in zip(self.windows, self.sizes, strict=True)
            )
        )

    @property
    def _fits(self) -> bool:
        """Whether every window overlaps the map: ONNX requires pads smaller than the kernel."""
        kernels = [window.kernel for window in self.windows] * 2
        return all(pad < kernel for pad, kernel in zip(self._pads, kernels, strict=True))

    def maximum(self) -> str:
        """The maximum of each window; -FLT_MAX for an empty one."""
        if self._is_whole:
            return self.layer.node("GlobalMaxPool", self.layer.bottom)
        if not self._fits:
            return self.layer.node("MaxPool", self._padded(-_FLT_MAX), **self._settings)
        return self.layer.node("MaxPool", self.layer.bottom, pads=self._pads, **self._settings)

    def maximum_with_indices(self) -> list[str]:
        """The maximum of each window, and its index in its plane."""
        if not self._fits:
            self.layer.fail("has windows without a value, for which ONNX has no index")
        maximum, indices = self.layer.nodes(
            "MaxPool", self.layer.bottom, outputs=2, pads=self._pads, **self._settings
        )
        # ONNX numbers the values of the whole blob.
        plane = self.layer.array(np.int64(self.sizes[0] * self.sizes[1]))
        indices = self.layer.node("Mod", indices, plane)
        return [maximum, self.layer.node("Cast", indices, to=TensorProto.FLOAT)]

    def mean(self) -> str:
        """The mean of each window, over the positions that Caffe counts.

        These are the positions in the map and its padding, but not those beyond.
        """
        if self._is_whole:
            return self.layer.node("GlobalAveragePool", self.layer.bottom)
        areas = self._areas()
        whole = self.windows[0].kernel * self.windows[1].kernel
        mean = self._mean_of_all(self.layer.bottom)
        if (areas == whole).all():
            return mean
        with np.errstate(divide="ignore"):
            share = np.float32(whole) / areas
        return self.layer.node("Mul", mean, self.layer.array(share[np.newaxis, np.newaxis]))

    def total(self, value: str) -> str:
        """The sum of each window."""
        whole = self.windows[0].kernel * self.windows[1].kernel
        return self.layer.node("Mul", self._mean_of_all(value), self.layer.number(whole))

    def _mean_of_all(self, value: str) -> str:
        """The mean over the whole kernel, with zeros outside of the map."""
        if not self._fits:
            return self.layer.node("AveragePool", self._padded(0, value), **self._settings)
        return self.layer.node(
            "AveragePool", value, pads=self._pads, count_include_pad=1, **self._settings
        )

    def _areas(self) -> NDArray[np.float32]:
        """The number of positions that each window averages over."""
        lengths = [
            np.array(window.lengths(size, count), np.float32)
            for window, size, count in zip(self.windows, self.sizes, self.counts, strict=True)
        ]
        return np.outer(*lengths)

    def _padded(self, fill: float, value: str | None = None) -> str:
        top, left, bottom, right = self._pads
        pads = self.layer.integers([0, 0, top, left, 0, 0, bottom, right])
        return self.layer.node("Pad", value or self.layer.bottom, pads, self.layer.number(fill))
