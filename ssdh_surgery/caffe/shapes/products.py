"""Shapes of InnerProduct and Embed, which are matrices, and of Parameter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ssdh_surgery.caffe.shapes.layer_setup import (
    NO_OUTPUTS_HINT,
    LayerSetup,
    Refusal,
    SetupResult,
    count,
)

if TYPE_CHECKING:
    from ssdh_surgery.caffe.messages.schema import LayerParameter


def inner_product(setup: LayerSetup) -> SetupResult:
    """The axes from `axis` on become one of `num_output`; one multiply-add per weight."""
    parameter = setup.param.inner_product_param
    outputs = parameter.num_output
    axis = setup.axis(parameter.axis, field="inner_product_param.axis")
    check_outputs(setup.param)
    shape = setup.bottoms[0]
    inputs = count(shape, axis)
    weight = (inputs, outputs) if parameter.transpose else (outputs, inputs)
    top = (*shape[:axis], outputs)
    params = [weight, (outputs,)] if parameter.bias_term else [weight]
    return SetupResult([top], params, count(shape, 0, axis) * inputs * outputs)


def check_outputs(param: LayerParameter) -> None:
    """Refuse an InnerProduct without outputs: all that Caffe reports is an empty param.

    Raises:
        Refusal: it has none.
    """
    if param.inner_product_param.num_output <= 0:
        field = "inner_product_param.num_output"
        raise Refusal("Check failed: data_", field=field, hint=NO_OUTPUTS_HINT)


def embed(setup: LayerSetup) -> SetupResult:
    """A row of weights per value: a lookup without multiplications."""
    parameter = setup.param.embed_param
    outputs, inputs = parameter.num_output, parameter.input_dim
    setup.check(
        outputs > 0, "EmbedLayer num_output must be positive.", field="embed_param.num_output"
    )
    setup.check(inputs > 0, "EmbedLayer input_dim must be positive.", field="embed_param.input_dim")
    weight = (inputs, outputs)
    params = [weight, (outputs,)] if parameter.bias_term else [weight]
    return SetupResult([(*setup.bottoms[0], outputs)], params)


def parameter(setup: LayerSetup) -> SetupResult:
    """A param as a top."""
    shape = tuple(setup.param.parameter_param.shape.dim)
    return SetupResult([shape], [shape])
