"""Shapes of layers that keep their bottom's shape: activations, normalisations, scalings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ssdh_surgery.caffe.shapes.layer_setup import LayerSetup, SetupResult, Shape

if TYPE_CHECKING:
    from ssdh_surgery.caffe.messages.ssdh_caffe_pb2 import BiasParameter, ScaleParameter


def neuron(subject: LayerSetup) -> SetupResult:
    """One value for each value."""
    return SetupResult([subject.bottoms[0]])


def exp(subject: LayerSetup) -> SetupResult:
    """A base to the power of each value; a base of -1 is e."""
    _check_base(subject, "exp_param", subject.param.exp_param.base)
    return neuron(subject)


def log(subject: LayerSetup) -> SetupResult:
    """The logarithm of each value to a base; a base of -1 is e."""
    base = subject.param.log_param.base
    _check_base(subject, "log_param", base)
    subject.check(base != 1, "Inf result: 1/log(base) = 1/log(1) = inf", field="log_param.base")
    return neuron(subject)


def _check_base(subject: LayerSetup, settings: str, base: float) -> None:
    subject.check(
        base == -1 or base > 0,
        f"base must be strictly positive. ({base:g} vs. 0)",
        field=f"{settings}.base",
    )


def prelu(subject: LayerSetup) -> SetupResult:
    """A slope for each channel, or one for all."""
    found = len(subject.bottoms[0])
    subject.check(
        found >= 2, f"Number of axes of bottom blob must be >=2. ({found} vs. 2)", bottom=0
    )
    channels = subject.legacy()[1]
    slopes: Shape = () if subject.param.prelu_param.channel_shared else (channels,)
    return SetupResult([subject.bottoms[0]], [slopes])


def softmax(subject: LayerSetup) -> SetupResult:
    """Probabilities along an axis."""
    subject.axis(subject.param.softmax_param.axis, field="softmax_param.axis")
    return SetupResult([subject.bottoms[0]])


def lrn(subject: LayerSetup) -> SetupResult:
    """Maps divided by what surrounds them."""
    size = subject.param.lrn_param.local_size
    subject.check(
        size % 2 == 1,
        "LRN only supports odd values for local_size",
        field="lrn_param.local_size",
    )
    subject.check_four_axes()
    return SetupResult([subject.bottoms[0]])


def mvn(subject: LayerSetup) -> SetupResult:
    """Four axes, whatever the bottom has."""
    return SetupResult([subject.legacy()])


def batch_norm(subject: LayerSetup) -> SetupResult:
    """Mean, variance and their common factor: measured, not learned."""
    channels = subject.size(1)
    subject.check(
        all(param.lr_mult == 0 for param in subject.param.param[:3]),
        "Cannot configure batch normalization statistics as layer parameters.",
        field="param",
        hint="lr_mult: 0 in each param of the layer",
    )
    return SetupResult([subject.bottoms[0]], [(channels,), (channels,), (1,)])


def scale(subject: LayerSetup) -> SetupResult:
    """A factor for each value along some axes, learned or from a second bottom; then a bias."""
    parameter = subject.param.scale_param
    if parameter.bias_term:
        # Unlike a factor, a bias that is a scalar needs its axis.
        subject.axis(parameter.axis, field="scale_param.axis")
    factors = _factors(subject, parameter, "scale")
    params = [] if len(subject.bottoms) > 1 else [factors]
    return SetupResult([subject.bottoms[0]], [*params, factors] if parameter.bias_term else params)


def bias(subject: LayerSetup) -> SetupResult:
    """A term for each value along some axes, learned or from a second bottom."""
    terms = _factors(subject, subject.param.bias_param, "bias")
    return SetupResult([subject.bottoms[0]], [] if len(subject.bottoms) > 1 else [terms])


def _factors(subject: LayerSetup, parameter: ScaleParameter | BiasParameter, name: str) -> Shape:
    """The shape of what is applied, which lies along the bottom's axes from `axis` on."""
    if len(subject.bottoms) > 1:
        return _from_bottom(subject, parameter.axis, name)
    shape = subject.bottoms[0]
    axis = subject.axis(parameter.axis, field=f"{name}_param.axis")
    num_axes = parameter.num_axes
    subject.check(
        num_axes >= -1,
        "num_axes must be non-negative, or -1 to extend to the end of bottom[0]",
        field=f"{name}_param.num_axes",
    )
    end = len(shape) if num_axes == -1 else axis + num_axes
    subject.check(
        end <= len(shape),
        f"{name} blob's shape extends past bottom[0]'s shape when applied starting with "
        f"bottom[0] axis = {axis}",
        field=f"{name}_param.num_axes",
    )
    return shape[axis:end]


def _from_bottom(subject: LayerSetup, axis: Any, name: str) -> Shape:
    shape, factors = subject.bottoms
    start = subject.axis(axis, field=f"{name}_param.axis") if factors else 0
    subject.check(
        start + len(factors) <= len(shape),
        f"{name} blob's shape extends past bottom[0]'s shape when applied starting with "
        f"bottom[0] axis = {start}",
        bottom=1,
    )
    for index, size in enumerate(factors):
        subject.check(
            shape[start + index] == size,
            f"dimension mismatch between bottom[0]->shape({start + index}) and "
            f"{name}->shape({index}) ({shape[start + index]} vs. {size})",
            bottom=1,
        )
    return factors
