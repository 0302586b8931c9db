"""Shapes of Pooling and of SPP, which pools at several scales."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ssdh_surgery.caffe.shapes.layer_setup import LayerSetup, SetupResult

if TYPE_CHECKING:
    from ssdh_surgery.caffe.messages.ssdh_caffe_pb2 import PoolingParameter

_PARAM = "pooling_param"


class Axis(NamedTuple):
    """The window along one axis."""

    kernel: int
    stride: int
    pad: int

    def window_count(self, size: int, *, is_ceil: bool = True, is_padded: bool) -> int:
        """The number of windows along a map of a size.

        If the layer is padded, a last window must start in the map or in its first padding.
        """
        room = size + 2 * self.pad - self.kernel
        windows = (-(-room // self.stride) if is_ceil else room // self.stride) + 1
        if is_padded and (windows - 1) * self.stride >= size + self.pad:
            windows -= 1
        return windows

    def end_padding(self, size: int, windows: int) -> int:
        """The padding at the end of the map that the last window needs."""
        return max(0, (windows - 1) * self.stride + self.kernel - size - self.pad)

    def lengths(self, size: int, windows: int) -> list[int]:
        """The number of positions of each window in the map and its padding, not beyond."""
        starts = [window * self.stride - self.pad for window in range(windows)]
        return [min(start + self.kernel, size + self.pad) - start for start in starts]


def pooling(setup: LayerSetup) -> SetupResult:
    """One top; MAX may have a second one with the positions of the maxima."""
    parameter = setup.param.pooling_param
    _check_tops(setup, parameter)
    windows = read_windows(setup)
    for window in windows:
        setup.check(
            window.kernel > 0, "Filter dimensions cannot be zero.", field=f"{_PARAM}.kernel_size"
        )
        setup.check(
            window.stride > 0, "Stride dimensions must be nonzero.", field=f"{_PARAM}.stride"
        )
    if any(window.pad for window in windows):
        setup.check(
            parameter.pool != parameter.STOCHASTIC,
            "Padding implemented only for average and max pooling.",
            field=f"{_PARAM}.pad",
        )
    _check_padding(setup, windows)
    setup.check_four_axes()
    num, channels, *maps = setup.bottoms[0]
    is_ceil = parameter.round_mode != parameter.FLOOR
    sizes = [
        _pooled_size(setup, size, window, is_ceil=is_ceil, is_padded=any(w.pad for w in windows))
        for size, window in zip(maps, windows, strict=True)
    ]
    return SetupResult([(num, channels, *sizes)] * setup.tops)


def _check_tops(setup: LayerSetup, parameter: PoolingParameter) -> None:
    most = 2 if parameter.pool == parameter.MAX else 1
    setup.check(
        setup.tops <= most,
        f"Pooling Layer produces at most {most} top blob(s) as output. ({most} vs. {setup.tops})",
    )


def read_windows(setup: LayerSetup) -> tuple[Axis, Axis]:
    """The windows of a Pooling along height and width."""
    parameter = setup.param.pooling_param
    if parameter.global_pooling:
        return _global(setup, parameter)
    return _windows(setup, parameter)


def _global(setup: LayerSetup, parameter: PoolingParameter) -> tuple[Axis, Axis]:
    fields = ("kernel_size", "kernel_h", "kernel_w")
    setup.check(
        not any(parameter.HasField(name) for name in fields),
        "With Global_pooling: true Filter size cannot specified",
        field=f"{_PARAM}.global_pooling",
    )
    (pad_h, pad_w), (stride_h, stride_w) = _pads(setup, parameter), _strides(setup, parameter)
    _, _, height, width = setup.legacy()
    setup.check(
        (pad_h, pad_w, stride_h, stride_w) == (0, 0, 1, 1),
        "With Global_pooling: true; only pad = 0 and stride = 1",
        field=f"{_PARAM}.global_pooling",
    )
    return Axis(height, 1, 0), Axis(width, 1, 0)


def _windows(setup: LayerSetup, parameter: PoolingParameter) -> tuple[Axis, Axis]:
    has_size = parameter.HasField("kernel_size")
    has_both = parameter.HasField("kernel_h") and parameter.HasField("kernel_w")
    setup.check(
        has_size != has_both,
        "Filter size is kernel_size OR kernel_h and kernel_w; not both",
        field=f"{_PARAM}.kernel_size",
        hint=None if has_size else "kernel_size is missing",
    )
    if has_size:
        kernels = (parameter.kernel_size, parameter.kernel_size)
    else:
        kernels = (parameter.kernel_h, parameter.kernel_w)
    (pad_h, pad_w), (stride_h, stride_w) = _pads(setup, parameter), _strides(setup, parameter)
    return Axis(kernels[0], stride_h, pad_h), Axis(kernels[1], stride_w, pad_w)


def _pads(setup: LayerSetup, parameter: PoolingParameter) -> tuple[int, int]:
    has_h, has_w = parameter.HasField("pad_h"), parameter.HasField("pad_w")
    setup.check(
        (has_h == has_w) and not (has_h and parameter.HasField("pad")),
        "pad is pad OR pad_h and pad_w are required.",
        field=f"{_PARAM}.{'pad_h' if has_h else 'pad_w'}",
    )
    return (parameter.pad_h, parameter.pad_w) if has_h else (parameter.pad, parameter.pad)


def _strides(setup: LayerSetup, parameter: PoolingParameter) -> tuple[int, int]:
    has_h, has_w = parameter.HasField("stride_h"), parameter.HasField("stride_w")
    setup.check(
        (has_h == has_w) and not (has_h and parameter.HasField("stride")),
        "Stride is stride OR stride_h and stride_w are required.",
        field=f"{_PARAM}.{'stride_h' if has_h else 'stride_w'}",
    )
    if has_h:
        return parameter.stride_h, parameter.stride_w
    return parameter.stride, parameter.stride


def _check_padding(setup: LayerSetup, windows: tuple[Axis, Axis]) -> None:
    if not any(window.pad for window in windows):
        return
    for window, side in zip(windows, "hw", strict=True):
        setup.check(
            window.pad < window.kernel,
            f"Check failed: pad_{side}_ < kernel_{side}_ ({window.pad} vs. {window.kernel})",
            field=f"{_PARAM}.pad",
        )


def _pooled_size(
    setup: LayerSetup, size: int, window: Axis, *, is_ceil: bool, is_padded: bool
) -> int:
    """The size of a map after pooling along one axis."""
    pooled = window.window_count(size, is_ceil=is_ceil, is_padded=is_padded)
    setup.check(
        pooled >= 0,
        f"Check failed: shape[i] >= 0 ({pooled} vs. 0)",
        field=f"{_PARAM}.kernel_size",
        hint=f"the kernel ({window.kernel}) is larger than its padded input "
        f"({size + 2 * window.pad})",
    )
    return pooled


def spp(setup: LayerSetup) -> SetupResult:
    """Pooling into 1, 2, 4, ... bins per side, flattened and concatenated."""
    levels = setup.param.spp_param.pyramid_height
    setup.check(
        levels > 0,
        "Split Layer produces at least 1 top blob(s) as output. (1 vs. 0)",
        field="spp_param.pyramid_height",
        hint="pyramid_height is missing",
    )
    num, channels, height, width = setup.legacy()
    setup.check(min(height, width) > 0, "Input dimensions cannot be zero.", bottom=0)
    setup.check_four_axes()
    sizes = []
    for level in range(levels):
        windows = pyramid_bin(height, 2**level), pyramid_bin(width, 2**level)
        _check_bins(setup, windows)
        is_padded = any(window.pad for window in windows)
        sizes.append(
            [
                _pooled_size(setup, size, window, is_ceil=True, is_padded=is_padded)
                for size, window in zip((height, width), windows, strict=True)
            ]
        )
    if levels == 1:
        return SetupResult([(num, channels, *sizes[0])])
    return SetupResult([(num, sum(channels * tall * wide for tall, wide in sizes))])


def pyramid_bin(size: int, bins: int) -> Axis:
    """The window that cuts an axis into bins, padded at both ends if needed."""
    kernel = -(-size // bins)
    return Axis(kernel, kernel, (kernel * bins - size + 1) // 2)


def _check_bins(setup: LayerSetup, windows: tuple[Axis, Axis]) -> None:
    if not any(window.pad for window in windows):
        return
    for window, side in zip(windows, "hw", strict=True):
        setup.check(
            window.pad < window.kernel,
            f"Check failed: pad_{side}_ < kernel_{side}_ ({window.pad} vs. {window.kernel})",
            field="spp_param.pyramid_height",
            hint="pyramid_height is too large for the maps",
        )
