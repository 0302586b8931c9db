"""Element-wise arithmetic: powers, exponentials, logarithms, absolute values, thresholds."""

from __future__ import annotations

import math

import numpy as np
from onnx import TensorProto, helper

from ssdh_surgery.engines.onnx.graph import LayerGraph


def abs_val(layer: LayerGraph) -> list[str]:
    """The absolute value."""
    return [layer.node("Abs", layer.bottom)]


def power(layer: LayerGraph) -> list[str]:
    """(`shift` + `scale` * x) ^ `power`."""
    param = layer.param.power_param
    if param.power * param.scale == 0:
        # Caffe ignores the bottom in this case.
        value = _in_c(np.power, param.shift, param.power)
        constant = helper.make_tensor("value", TensorProto.FLOAT, [1], [value])
        size = layer.node("Shape", layer.bottom)
        return [layer.node("ConstantOfShape", size, value=constant)]
    base = linear(layer, layer.bottom, param.scale, param.shift)
    if param.power == 1:
        return [base]
    if param.power == 2:
        return [layer.node("Mul", base, base)]
    return [layer.node("Pow", base, layer.number(param.power))]


def exp(layer: LayerGraph) -> list[str]:
    """`base` ^ (`shift` + `scale` * x); a base of -1 is e."""
    param = layer.param.exp_param
    log_base = _log_of_base(layer, param.base)
    inner = linear(layer, layer.bottom, log_base * param.scale, 0)
    return [linear(layer, layer.node("Exp", inner), _in_c(np.exp, log_base * param.shift), 0)]


def log(layer: LayerGraph) -> list[str]:
    """The logarithm of `shift` + `scale` * x to the base `base`; a base of -1 is e."""
    param = layer.param.log_param
    log_base = _log_of_base(layer, param.base)
    if log_base == 0:
        layer.fail("Inf result: 1/log(base) = 1/log(1) = inf")
    inner = linear(layer, layer.bottom, param.scale, param.shift)
    return [linear(layer, layer.node("Log", inner), 1 / log_base, 0)]


def threshold(layer: LayerGraph) -> list[str]:
    """1 if x is strictly above `threshold`, else 0."""
    limit = layer.number(layer.param.threshold_param.threshold)
    is_above = layer.node("Greater", layer.bottom, limit)
    return [layer.node("Cast", is_above, to=TensorProto.FLOAT)]


def linear(layer: LayerGraph, value: str, scale: float, shift: float) -> str:
    """`scale` * value + `shift`, omitting operations without effect."""
    if scale != 1:
        value = layer.node("Mul", value, layer.number(scale))
    if shift != 0:
        value = layer.node("Add", value, layer.number(shift))
    return value


def _log_of_base(layer: LayerGraph, base: float) -> float:
    if base == -1:
        return 1.0
    if base <= 0:
        layer.fail("base must be strictly positive.")
    return math.log(base)


def _in_c(function: np.ufunc, *values: float) -> float:
    """A function evaluated in float32, with nan and inf as in C."""
    with np.errstate(all="ignore"):
        return float(function(*map(np.float32, values)))
