"""Shapes of layers that are matrices: InnerProduct, Embed, and a Parameter by itself."""

from __future__ import annotations

from ssdh_surgery.caffe.shapes.layer_setup import LayerSetup, SetupResult, count


def inner_product(subject: LayerSetup) -> SetupResult:
    """The axes from `axis` on become one of `num_output`; a multiply-add for every weight."""
    parameter = subject.param.inner_product_param
    outputs = parameter.num_output
    axis = subject.axis(parameter.axis, field="inner_product_param.axis")
    # Caffe itself says no more than that a param is empty.
    subject.check(
        outputs > 0,
        "Check failed: data_",
        field="inner_product_param.num_output",
        hint="num_output is missing, or no number above 0",
    )
    shape = subject.bottoms[0]
    inputs = count(shape, axis)
    weight = (inputs, outputs) if parameter.transpose else (outputs, inputs)
    top = (*shape[:axis], outputs)
    params = [weight, (outputs,)] if parameter.bias_term else [weight]
    return SetupResult([top], params, count(shape, 0, axis) * inputs * outputs)


def embed(subject: LayerSetup) -> SetupResult:
    """A row of weights for every value: looked up, nothing is multiplied."""
    parameter = subject.param.embed_param
    outputs, inputs = parameter.num_output, parameter.input_dim
    subject.check(
        outputs > 0, "EmbedLayer num_output must be positive.", field="embed_param.num_output"
    )
    subject.check(
        inputs > 0, "EmbedLayer input_dim must be positive.", field="embed_param.input_dim"
    )
    weight = (inputs, outputs)
    params = [weight, (outputs,)] if parameter.bias_term else [weight]
    return SetupResult([(*subject.bottoms[0], outputs)], params)


def parameter(subject: LayerSetup) -> SetupResult:
    """A param as a top."""
    shape = tuple(subject.param.parameter_param.shape.dim)
    return SetupResult([shape], [shape])
