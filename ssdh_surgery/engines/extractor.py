"""The interface of every engine that computes codes: inputs in, the values of one blob out."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from ssdh_surgery.errors import DataError
from ssdh_surgery.location import Location

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ssdh_surgery.caffe.net.net import Net
    from ssdh_surgery.engines.runner import Runner


@dataclass(frozen=True)
class Extraction:
    """What an engine is to compute.

    Args:
        net: the deploy net.
        weights: the weights file.
        input: the name of the net's one input.
        shape: the shape of one input, (channels, height, width).
        blob: the blob whose values are read.
        layer: the last layer that writes the blob; None if the blob is the input itself.
        batch: the number of inputs that the net takes at a time.
        gpu: CUDA's number of the GPU to run on; None means the CPU.
    """

    net: Net
    weights: Path
    input: str
    shape: tuple[int, int, int]
    blob: str
    layer: str | None
    batch: int
    gpu: int | None = None


class Extractor(Protocol):
    """An open net that returns the values of a blob."""

    @property
    def width(self) -> int:
        """The number of values of the blob per input."""
        ...

    @property
    def batch(self) -> int:
        """The number of inputs that are best passed at a time."""
        ...

    def activations(self, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """The values [n, width] of the blob for inputs [n, C, H, W], with n at most `batch`.

        Raises:
            EngineError: the engine failed.
        """
        ...


def width_of(shape: tuple[int, ...], extraction: Extraction) -> int:
    """The number of values per input, from the shape of the blob for a whole batch.

    Raises:
        DataError: the rows of the blob do not correspond to the inputs.
    """
    if not shape or shape[0] != extraction.batch:
        raise DataError(
            f"the blob '{extraction.blob}' does not have one row per image",
            location=Location(extraction.net.file),
            blob=extraction.blob,
        )
    return math.prod(shape[1:])


class NetExtractor:
    """An `Extractor` on any net with pycaffe's interface."""

    def __init__(self, net: Runner, extraction: Extraction) -> None:
        self._net = net
        self._extraction = extraction
        self.batch = extraction.batch
        net.blobs[extraction.input].reshape(extraction.batch, *extraction.shape)
        net.reshape()
        self.width = width_of(tuple(net.blobs[extraction.blob].shape), extraction)

    def activations(self, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """See `Extractor`; the batch is padded with zeros."""
        count = len(inputs)
        data = self._net.blobs[self._extraction.input].data
        data[:count] = inputs
        data[count:] = 0
        self._net.forward(end=self._extraction.layer)
        values: NDArray[np.float32] = self._net.blobs[self._extraction.blob].data
        return values[:count].reshape(count, -1).copy()
