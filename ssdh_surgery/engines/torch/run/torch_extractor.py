"""Codes computed by the embedded engine: its fastest plan, up to the blob."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from ssdh_surgery.engines.extractor import Extraction, width_of
from ssdh_surgery.engines.torch.net.graph_net import GraphNet
from ssdh_surgery.engines.torch.net.weights import copy_weights
from ssdh_surgery.engines.torch.passes.speed_up import speed_up
from ssdh_surgery.engines.torch.run.devices import gpu_device
from ssdh_surgery.engines.torch.sources.feed import Feed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class TorchExtractor:
    """An `Extractor` on PyTorch, on the CPU or on one GPU.

    Raises:
        EngineError: the net cannot be run, or PyTorch finds no such GPU.
        DataError: the weights do not match the net.
    """

    def __init__(self, extraction: Extraction) -> None:
        device = "cpu" if extraction.gpu is None else gpu_device(extraction.gpu)
        self.batch = extraction.batch
        self._blob = extraction.blob
        net = extraction.net
        self._net = GraphNet(net, net.state("TEST"), device=device, open_source=Feed())
        copy_weights(self._net.layers, extraction.weights)
        plan = self._net.plan
        self._input = plan.blobs[plan.names[extraction.input]]
        self._input.reshape(extraction.batch, *extraction.shape)
        self._net.reshape()
        number = plan.names[extraction.blob]
        self.width = width_of(plan.blobs[number].shape, extraction)
        speed_up(self._net)
        self._net.run_to(number)

    def activations(self, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """See `Extractor`; the batch is padded with zeros."""
        count = len(inputs)
        with torch.no_grad():
            self._input.tensor[:count] = torch.from_numpy(inputs)
            self._input.tensor[count:] = 0
            tensor = self._net.run([self._blob]).outputs[self._blob]
            values: NDArray[np.float32] = tensor[:count].reshape(count, -1).cpu().numpy().copy()
        return values
