"""A naive walk over a deploy net that counts what its layers learn and keep."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import pytest

from ssdh_surgery import zoo
from ssdh_surgery.caffe.messages import schema


def _window(size: int, kernel: int, stride: int, pad: int, *, is_pooling: bool) -> int:
    steps = (size + 2 * pad - kernel) / stride
    if not is_pooling:
        return math.floor(steps) + 1
    out = math.ceil(steps) + 1
    return out - 1 if pad and (out - 1) * stride >= size + pad else out


def _first(values: Any, default: int) -> int:
    return values[0] if len(values) else default


class Count(NamedTuple):
    """Values that a net learns, that its BatchNorms measure, and the channels of these."""

    learned: int
    statistics: int
    normalised: int


def walk(net: Any, shape: tuple[int, int, int]) -> Count:
    """The parameters of a net, from the shapes that they have on an input of that shape."""
    blobs = {"data": shape}
    learned = statistics = normalised = 0
    for layer in net.layer:
        below = [blobs[name] for name in layer.bottom if name != "label"]
        out = below[0] if below else shape
        if layer.type == "Convolution":
            p = layer.convolution_param
            tall, wide = p.kernel_h or p.kernel_size[0], p.kernel_w or p.kernel_size[-1]
            stride = _first(p.stride, 1)
            pad_h, pad_w = p.pad_h or _first(p.pad, 0), p.pad_w or _first(p.pad, 0)
            learned += p.num_output * (out[0] // p.group * tall * wide + p.bias_term)
            out = (
                p.num_output,
                _window(out[1], tall, stride, pad_h, is_pooling=False),
                _window(out[2], wide, stride, pad_w, is_pooling=False),
            )
        elif layer.type == "InnerProduct":
            p = layer.inner_product_param
            learned += p.num_output * (math.prod(out) + p.bias_term)
            out = (p.num_output, 1, 1)
        elif layer.type == "Pooling":
            p = layer.pooling_param
            side = [_window(n, p.kernel_size, p.stride, p.pad, is_pooling=True) for n in out[1:]]
            out = (out[0], 1, 1) if p.global_pooling else (out[0], side[0], side[1])
        elif layer.type == "Scale":
            learned += out[0] * (1 + layer.scale_param.bias_term)
        elif layer.type == "BatchNorm":
            statistics += 2 * out[0] + 1
            normalised += out[0]
        elif layer.type == "Concat":
            assert len({b[1:] for b in below}) == 1, layer.name
            out = (sum(b[0] for b in below), *out[1:])
        elif layer.type == "Eltwise":
            assert len(set(below)) == 1, layer.name
        for top in layer.top:
            blobs[top] = out
    return Count(learned, statistics, normalised)


@pytest.fixture(scope="session")
def count() -> Callable[[str], Count]:
    """What the parameters of a network's deploy net are, by the network's name."""

    @cache
    def of_network(name: str) -> Count:
        net = schema.parse_text(zoo.text(name, "deploy"), "NetParameter")
        return walk(net, zoo.find(name).shape)

    return of_network
