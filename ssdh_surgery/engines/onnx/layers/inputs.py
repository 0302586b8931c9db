"""Layers without bottoms: inputs, constants, learned blobs."""

from __future__ import annotations

import numpy as np

from ssdh_surgery.engines.onnx.graph import BatchBound, LayerGraph


def input_(layer: LayerGraph) -> list[str]:
    """An input of the model, which already has the blob's name."""
    return [top.name for top in layer.tops]


def dummy_data(layer: LayerGraph) -> list[str]:
    """Constants."""
    fillers = list(layer.param.dummy_data_param.data_filler)
    for filler in fillers:
        if filler.type != "constant":
            layer.fail(
                f"its filler '{filler.type}' makes new values in each pass",
                hint="use a constant filler, or an Input layer instead",
            )
    values = [filler.value for filler in fillers] or [0.0]
    values *= len(layer.tops) if len(values) == 1 else 1
    return [
        layer.array(np.full(top.shape, value, np.float32))
        for top, value in zip(layer.tops, values, strict=True)
    ]


def parameter(layer: LayerGraph) -> list[str]:
    """The learned blob."""
    if layer.tops[0].varying:
        raise BatchBound(layer.spec)
    return [layer.weight(0)]
