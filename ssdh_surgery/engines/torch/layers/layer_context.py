"""What a net gives its layers: phase, device, random numbers, and the batches of data layers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import torch

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ssdh_surgery.caffe.messages.ssdh_caffe_pb2 import LayerParameter
    from ssdh_surgery.caffe.shapes.layer_setup import Shape


class BatchSource(Protocol):
    """Where the batches of a data layer come from.

    `shapes` are the shapes of the tops, known before the first batch; a batch may differ.
    """

    shapes: Sequence[Shape]

    def next(self) -> Sequence[NDArray[np.float32]]:
        """The next batch, one float32 array per top."""
        ...


@dataclass(frozen=True)
class LayerContext:
    """The net as its layers see it.

    `open_source` opens the batch source of a data layer, given the layer's message; None if
    the net reads no data.
    """

    phase: str
    device: torch.device
    generator: torch.Generator
    open_source: OpenSource | None = None


OpenSource = Callable[["LayerParameter", LayerContext], BatchSource]
