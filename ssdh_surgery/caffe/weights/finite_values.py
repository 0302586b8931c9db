"""Whether weights are numbers: the first param that holds nan or infinity."""

from __future__ import annotations

from dataclasses import dataclass

from ssdh_surgery.caffe.weights.layer_weights import Weights


@dataclass(frozen=True)
class BadParam:
    """A param that holds `value`, nan or inf."""

    layer: str
    index: int
    value: str

    def __str__(self) -> str:
        return f"param {self.index} of layer '{self.layer}' holds {self.value}"


def bad_param(weights: Weights) -> BadParam | None:
    """The first param with values that are not finite, None if there is none."""
    import numpy as np

    for layer in weights.layers:
        for index, blob in enumerate(layer.blobs):
            if not np.isfinite(blob).all():
                return BadParam(layer.name, index, "nan" if np.isnan(blob).any() else "inf")
    return None
