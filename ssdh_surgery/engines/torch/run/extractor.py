"""Codes by the embedded engine: its fastest plan, and of that the layers below the blob."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from ssdh_surgery.engines.extractor import Extraction, width_of
from ssdh_surgery.engines.torch.net.graph_net import GraphNet
from ssdh_surgery.engines.torch.net.weights import copy_weights
from ssdh_surgery.engines.torch.passes import speed_up
from ssdh_surgery.engines.torch.sources.feed import Feed
from ssdh_surgery.errors import EngineError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class TorchExtractor:
    """An `Extractor` on PyTorch, on the CPU or on one GPU.

    Raises:
        EngineError: the net cannot be run, or PyTorch has no such GPU.
        DataError: the weights do not fit.
    """

    def __init__(self, wanted: Extraction) -> None:
        device = "cpu" if wanted.gpu is None else _gpu(wanted.gpu)
        self.batch = wanted.batch
        self._blob = wanted.blob
        self._net = GraphNet(
            wanted.net, wanted.net.state("TEST"), device=device, open_source=Feed()
        )
        copy_weights(self._net.layers, wanted.weights)
        plan = self._net.plan
        self._input = plan.blobs[plan.names[wanted.input]]
        self._input.reshape(wanted.batch, *wanted.shape)
        self._net.reshape()
        number = plan.names[wanted.blob]
        self.width = width_of(plan.blobs[number].shape, wanted)
        speed_up(self._net)
        self._net.run_to(number)

    def activations(self, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """See `Extractor`; the batch is filled up with zeros."""
        count = len(inputs)
        with torch.no_grad():
            self._input.tensor[:count] = torch.from_numpy(inputs)
            self._input.tensor[count:] = 0
            found = self._net.run([self._blob]).outputs[self._blob]
            values: NDArray[np.float32] = found[:count].reshape(count, -1).cpu().numpy().copy()
        return values


def _gpu(number: int) -> str:
    there = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if number >= there:
        raise EngineError(f"PyTorch sees {there or 'no'} GPUs, so there is no GPU {number}")
    return f"cuda:{number}"
