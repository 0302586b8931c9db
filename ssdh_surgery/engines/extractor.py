"""What every engine that makes codes offers: inputs in, the values of one blob out."""

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
    """What is asked of an engine.

    Args:
        net: the deploy net.
        weights: its weights.
        input: the name of the net's one input.
        shape: of one input, (channels, height, width).
        blob: the blob whose values are wanted.
        layer: the last layer that writes the blob; None where it is the input itself.
        batch: how many inputs the net takes at a time.
        gpu: CUDA's number of the GPU to run on; None is the CPU.
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
    """A net that is open and gives what a blob holds.

    `width` is the number of values for each input, `batch` how many inputs it is best given
    at a time.
    """

    @property
    def width(self) -> int:
        """How many values of the blob belong to each input."""
        ...

    @property
    def batch(self) -> int:
        """As many inputs are best given at a time."""
        ...

    def activations(self, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """The values [n, width] of the blob for inputs [n, C, H, W], n at most `batch`.

        Raises:
            EngineError: the engine failed.
        """
        ...


def width_of(shape: tuple[int, ...], wanted: Extraction) -> int:
    """The values for each input of a blob whose shape is known for a whole batch.

    Raises:
        DataError: the blob's rows are not those of the inputs.
    """
    if not shape or shape[0] != wanted.batch:
        raise DataError(
            f"the blob '{wanted.blob}' has no row for each picture",
            location=Location(wanted.net.file),
            blob=wanted.blob,
        )
    return math.prod(shape[1:])


class NetExtractor:
    """An `Extractor` on a net with pycaffe's manners."""

    def __init__(self, net: Runner, wanted: Extraction) -> None:
        self._net = net
        self._wanted = wanted
        self.batch = wanted.batch
        net.blobs[wanted.input].reshape(wanted.batch, *wanted.shape)
        net.reshape()
        self.width = width_of(tuple(net.blobs[wanted.blob].shape), wanted)

    def activations(self, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """See `Extractor`; the batch is filled up with zeros."""
        count = len(inputs)
        data = self._net.blobs[self._wanted.input].data
        data[:count] = inputs
        data[count:] = 0
        self._net.forward(end=self._wanted.layer)
        values: NDArray[np.float32] = self._net.blobs[self._wanted.blob].data
        return values[:count].reshape(count, -1).copy()
