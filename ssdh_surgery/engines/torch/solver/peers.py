"""The processes that train one net together: alone, or one for each GPU.

As in Caffe, each has a batch of the size that the net says, gradients are averaged over the
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

# The others wait in a reduction while the first process tests, perhaps for hours.
_PATIENCE = timedelta(days=30)


class Group(Protocol):
    """What a solver needs of the processes that it is one of."""

    rank: int
    size: int

    def start_equal(self, tensors: Sequence[Tensor]) -> None:
        """Let all have the first process's values."""
        ...

    def average(self, gradients: Sequence[Tensor], request: Request) -> Request:
        """Average gradients in place, and give the first process's request to all."""
        ...

    def gather(self, value: Any) -> list[Any]:
        """The values of all processes, in their order, for the first one."""
        ...


class Alone:
    """A group of one."""

    rank = 0
    size = 1

    def start_equal(self, tensors: Sequence[Tensor]) -> None:
        """Nothing."""

    def average(self, gradients: Sequence[Tensor], request: Request) -> Request:
        """The request."""
        return request

    def gather(self, value: Any) -> list[Any]:
        """The value."""
        return [value]


class Processes:
    """Processes that find each other through a file.

    Args:
        rank: the number of this one.
        size: how many there are.
        meeting: the path of a file that does not exist yet, the same for all.
        device: what this one computes on; GPUs talk through NCCL, the rest through gloo.
    """

    def __init__(self, rank: int, size: int, meeting: Path, device: torch.device) -> None:
        self.rank = rank
        self.size = size
        self._device = device
        backend = "nccl" if device.type == "cuda" else "gloo"
        dist.init_process_group(
            backend, f"file://{meeting.absolute()}", rank=rank, world_size=size, timeout=_PATIENCE
        )

    def close(self) -> None:
        """Leave the group."""
        dist.destroy_process_group()

    def start_equal(self, tensors: Sequence[Tensor]) -> None:
        """Let all have the first process's values."""
        with torch.no_grad():
            for tensor in tensors:
                dist.broadcast(tensor, 0)

    def average(self, gradients: Sequence[Tensor], request: Request) -> Request:
        """Average gradients in place, and give the first process's request to all."""
        # One message for all of it: the request travels behind the gradients.
        asked = torch.tensor([float(request if self.rank == 0 else 0)], device=self._device)
        message = torch.cat([*(gradient.reshape(-1) for gradient in gradients), asked])
        dist.all_reduce(message)
        told = Request(round(float(message[-1])))
        message /= self.size
        start = 0
        for gradient in gradients:
            values = message[start : start + gradient.numel()]
            gradient.copy_(values.view(gradient.shape))
            start += gradient.numel()
        return told

    def gather(self, value: Any) -> list[Any]:
        """The values of all processes, in their order, for the first one."""
        values: list[Any] = [None] * self.size
        dist.all_gather_object(values, value)
        return values
