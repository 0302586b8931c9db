"""Convolution weights in channels-last layout, which spreads to every blob.

A convolution with such weights writes a channels-last top, and pooling, normalisation,
activations and joining layers preserve the layout. Max pooling then works on whole vectors of
channels (five times as fast), and convolutions need not rearrange their bottoms.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from ssdh_surgery.engines.torch.layers.convolution import Convolution
from ssdh_surgery.engines.torch.net.plan import LayerStep

_FORMATS = {4: torch.channels_last, 5: torch.channels_last_3d}


def lay_channels_last(steps: Sequence[LayerStep]) -> None:
    """Change the memory layout of convolution weights; their values stay the same."""
    row_major = _reshaped_leaves(steps)
    for step in steps:
        if not isinstance(step.layer, Convolution):
            continue
        leaf = step.layer.params[0].leaf
        if leaf.dim() in _FORMATS and id(leaf) not in row_major:
            leaf.data = leaf.data.contiguous(memory_format=_FORMATS[leaf.dim()])


def _reshaped_leaves(steps: Sequence[LayerStep]) -> set[int]:
    """The ids of leaves that some layer views in another shape: these must stay row-major."""
    params = (param for step in steps for param in step.layer.params)
    return {id(param.leaf) for param in params if param.shape != param.leaf.shape}
