"""The group of processes that train one net: a single one, or one per GPU.

As in Caffe, each process reads batches of the size in the net, gradients are averaged over the
processes, and the first one tests, logs and writes snapshots.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

import torch
import torch.distributed as dist
from torch import Tensor

from ssdh_surgery.engines.torch.solver.requests import Request

# The others wait in a reduction while the first process tests, possibly for hours.
_TIMEOUT = timedelta(days=30)


class PeerGroup(Protocol):
    """The processes that a solver belongs to."""

    rank: int
    size: int

    def synchronise(self, tensors: Sequence[Tensor]) -> None:
        """Copy the first process's values to all."""
        ...

    def average(self, gradients: Sequence[Tensor], request: Request) -> Request:
        """Average gradients in place, and return the first process's request to all."""
        ...

    def gather(self, value: Any) -> list[Any]:
        """The values of all processes, in order of rank."""
        ...


class SingleProcess:
    """A group of one process."""

    rank = 0
    size = 1

    def synchronise(self, tensors: Sequence[Tensor]) -> None:
        """Do nothing."""

    def average(self, gradients: Sequence[Tensor], request: Request) -> Request:
        """Return the request."""
        return request

    def gather(self, value: Any) -> list[Any]:
        """Return the value."""
        return [value]


class ProcessGroup:
    """Processes that find each other through a file.

    Args:
        rank: the number of this process.
        size: the number of processes.
        rendezvous: the path of a file that does not exist yet, the same for all.
        device: the device of this process; GPUs communicate through NCCL, CPUs through gloo.
    """

    def __init__(self, rank: int, size: int, rendezvous: Path, device: torch.device) -> None:
        self.rank = rank
        self.size = size
        self._device = device
        backend = "nccl" if device.type == "cuda" else "gloo"
        dist.init_process_group(
            backend, f"file://{rendezvous.absolute()}", rank=rank, world_size=size, timeout=_TIMEOUT
        )

    def close(self) -> None:
        """Leave the group."""
        dist.destroy_process_group()

    def synchronise(self, tensors: Sequence[Tensor]) -> None:
        """Copy the first process's values to all."""
        with torch.no_grad():
            for tensor in tensors:
                dist.broadcast(tensor, 0)

    def average(self, gradients: Sequence[Tensor], request: Request) -> Request:
        """Average gradients in place, and return the first process's request to all."""
        # A single message: the request follows the gradients.
        code = torch.tensor([float(request if self.rank == 0 else 0)], device=self._device)
        message = torch.cat([*(gradient.reshape(-1) for gradient in gradients), code])
        dist.all_reduce(message)
        common_request = Request(round(float(message[-1])))
        message /= self.size
        start = 0
        for gradient in gradients:
            values = message[start : start + gradient.numel()]
            gradient.copy_(values.view(gradient.shape))
            start += gradient.numel()
        return common_request

    def gather(self, value: Any) -> list[Any]:
        """The values of all processes, in order of rank."""
        values: list[Any] = [None] * self.size
        dist.all_gather_object(values, value)
        return values
