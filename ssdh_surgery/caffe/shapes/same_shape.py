"""Shapes of layers that keep the shape of their bottom: activations, normalisations, scalings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ssdh_surgery.caffe.shapes.layer_setup import LayerSetup, SetupResult, Shape

if TYPE_CHECKING:
    from ssdh_surgery.caffe.messages.ssdh_caffe_pb2 import BiasParameter, ScaleParameter


def neuron(setup: LayerSetup) -> SetupResult:
    """An element-wise function."""
    return SetupResult([setup.bottoms[0]])


def exp(setup: LayerSetup) -> SetupResult:
    """A base to the power of each value; a base of -1 is e."""
    _check_base(setup, "exp_param", setup.param.exp_param.base)
    return neuron(setup)


def log(setup: LayerSetup) -> SetupResult:
    """The logarithm of each value to a base; a base of -1 is e."""
    base = setup.param.log_param.base
    _check_base(setup, "log_param", base)
    setup.check(base != 1, "Inf result: 1/log(base) = 1/log(1) = inf", field="log_param.base")
    return neuron(setup)


def _check_base(setup: LayerSetup, settings: str, base: float) -> None:
    setup.check(
        base == -1 or base > 0,
        f"base must be strictly positive. ({base:g} vs. 0)",
        field=f"{settings}.base",
    )


def prelu(setup: LayerSetup) -> SetupResult:
    """One slope per channel, or one for all."""
    axes = len(setup.bottoms[0])
    setup.check(axes >= 2, f"Number of axes of bottom blob must be >=2. ({axes} vs. 2)", bottom=0)
    channels = setup.legacy()[1]
    slopes: Shape = () if setup.param.prelu_param.channel_shared else (channels,)
    return SetupResult([setup.bottoms[0]], [slopes])


def softmax(setup: LayerSetup) -> SetupResult:
    """Probabilities along an axis."""
    setup.axis(setup.param.softmax_param.axis, field="softmax_param.axis")
    return SetupResult([setup.bottoms[0]])


def lrn(setup: LayerSetup) -> SetupResult:
    """Local response normalisation."""
    size = setup.param.lrn_param.local_size
    setup.check(
        size % 2 == 1,
        "LRN only supports odd values for local_size",
        field="lrn_param.local_size",
    )
    setup.check_four_axes()
    return SetupResult([setup.bottoms[0]])


def mvn(setup: LayerSetup) -> SetupResult:
    """Mean-variance normalisation; the top always has four axes."""
    return SetupResult([setup.legacy()])


def batch_norm(setup: LayerSetup) -> SetupResult:
    """Mean, variance and their scale factor, which are measured, not learned."""
    channels = setup.size(1)
    setup.check(
        all(param.lr_mult == 0 for param in setup.param.param[:3]),
        "Cannot configure batch normalization statistics as layer parameters.",
        field="param",
        hint="lr_mult: 0 in each param of the layer",
    )
    return SetupResult([setup.bottoms[0]], [(channels,), (channels,), (1,)])


def scale(setup: LayerSetup) -> SetupResult:
    """A factor per value along some axes, learned or from a second bottom, and a bias."""
    parameter = setup.param.scale_param
    if parameter.bias_term:
        # Unlike a scalar factor, a scalar bias needs a valid axis.
        setup.axis(parameter.axis, field="scale_param.axis")
    factors = _factors(setup, parameter, "scale")
    params = [] if len(setup.bottoms) > 1 else [factors]
    return SetupResult([setup.bottoms[0]], [*params, factors] if parameter.bias_term else params)


def bias(setup: LayerSetup) -> SetupResult:
    """A term per value along some axes, learned or from a second bottom."""
    terms = _factors(setup, setup.param.bias_param, "bias")
    return SetupResult([setup.bottoms[0]], [] if len(setup.bottoms) > 1 else [terms])


def _factors(setup: LayerSetup, parameter: ScaleParameter | BiasParameter, name: str) -> Shape:
    """The shape of the factors or terms, which cover the axes of the bottom from `axis` on."""
    if len(setup.bottoms) > 1:
        return _from_bottom(setup, parameter.axis, name)
    shape = setup.bottoms[0]
    axis = setup.axis(parameter.axis, field=f"{name}_param.axis")
    num_axes = parameter.num_axes
    setup.check(
        num_axes >= -1,
        "num_axes must be non-negative, or -1 to extend to the end of bottom[0]",
        field=f"{name}_param.num_axes",
    )
    end = len(shape) if num_axes == -1 else axis + num_axes
    setup.check(
        end <= len(shape),
        f"{name} blob's shape extends past bottom[0]'s shape when applied starting with "
        f"bottom[0] axis = {axis}",
        field=f"{name}_param.num_axes",
    )
    return shape[axis:end]


def _from_bottom(setup: LayerSetup, axis: Any, name: str) -> Shape:
    shape, factors = setup.bottoms
    start = setup.axis(axis, field=f"{name}_param.axis") if factors else 0
    setup.check(
        start + len(factors) <= len(shape),
        f"{name} blob's shape extends past bottom[0]'s shape when applied starting with "
        f"bottom[0] axis = {start}",
        bottom=1,
    )
    for index, size in enumerate(factors):
        setup.check(
            shape[start + index] == size,
            f"dimension mismatch between bottom[0]->shape({start + index}) and "
            f"{name}->shape({index}) ({shape[start + index]} vs. {size})",
            bottom=1,
        )
    return factors
