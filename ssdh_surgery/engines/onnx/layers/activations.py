"""Activations: element-wise functions, dropout (the identity in TEST), and softmax."""

from __future__ import annotations

from ssdh_surgery.engines.onnx.graph import LayerGraph


def relu(layer: LayerGraph) -> list[str]:
    """max(0, x), with a slope for negative values."""
    slope = layer.param.relu_param.negative_slope
    if slope:
        return [layer.node("LeakyRelu", layer.bottom, alpha=slope)]
    return [layer.node("Relu", layer.bottom)]


def relu6(layer: LayerGraph) -> list[str]:
    """min(max(0, x), 6)."""
    return [layer.node("Clip", layer.bottom, layer.number(0), layer.number(6))]


def prelu(layer: LayerGraph) -> list[str]:
    """ReLU with a learned negative slope, per channel or for all of them."""
    slopes = layer.params[0].reshape(-1, *[1] * (len(layer.shape) - 2))
    return [layer.node("PRelu", layer.bottom, layer.array(slopes))]


def elu(layer: LayerGraph) -> list[str]:
    """X if positive, else `alpha` * (exp(x) - 1)."""
    return [layer.node("Elu", layer.bottom, alpha=layer.param.elu_param.alpha)]


def sigmoid(layer: LayerGraph) -> list[str]:
    """1 / (1 + exp(-x))."""
    return [layer.node("Sigmoid", layer.bottom)]


def tanh(layer: LayerGraph) -> list[str]:
    """The hyperbolic tangent."""
    return [layer.node("Tanh", layer.bottom)]


def bnll(layer: LayerGraph) -> list[str]:
    """log(1 + exp(x))."""
    return [layer.node("Softplus", layer.bottom)]


def swish(layer: LayerGraph) -> list[str]:
    """X * sigmoid(`beta` * x)."""
    beta = layer.param.swish_param.beta
    inner = layer.bottom if beta == 1 else layer.node("Mul", layer.bottom, layer.number(beta))
    return [layer.node("Mul", layer.bottom, layer.node("Sigmoid", inner))]


def clip(layer: LayerGraph) -> list[str]:
    """Values clipped to the range from `min` to `max`."""
    param = layer.param.clip_param
    return [layer.node("Clip", layer.bottom, layer.number(param.min), layer.number(param.max))]


def dropout(layer: LayerGraph) -> list[str]:
    """The values unchanged: only training drops any."""
    return [layer.bottom]


def softmax(layer: LayerGraph) -> list[str]:
    """exp(x) divided by the sum of exp(x) along an axis."""
    axis = layer.setup.axis(layer.param.softmax_param.axis)
    return [layer.node("Softmax", layer.bottom, axis=axis)]
