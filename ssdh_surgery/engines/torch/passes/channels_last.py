"""Weights of convolutions with the channels innermost, which spreads to every blob.

A convolution whose weights lie so gives a top that lies so, and pooling, normalisation,
activations and joining keep it. Max pooling then works on whole vectors of channels (five
times as fast), and convolutions need no other arrangement of their bottoms.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from ssdh_surgery.engines.torch.layers.convolution import Convolution
from ssdh_surgery.engines.torch.net.plan import Step

_FORMATS = {4: torch.channels_last, 5: torch.channels_last_3d}


def lay_channels_last(steps: Sequence[Step]) -> None:
    """Rearrange the weights of convolutions in their memory; their values stay."""
    reshaped = _reshaped(steps)
    for step in steps:
        if not isinstance(step.layer, Convolution):
            continue
        leaf = step.layer.params[0].leaf
        if leaf.dim() in _FORMATS and id(leaf) not in reshaped:
            leaf.data = leaf.data.contiguous(memory_format=_FORMATS[leaf.dim()])


def _reshaped(steps: Sequence[Step]) -> set[int]:
    """The ids of the leaves that some layer sees in another shape: these must stay rows."""
    params = (param for step in steps for param in step.layer.params)
    return {id(param.leaf) for param in params if param.shape != param.leaf.shape}
