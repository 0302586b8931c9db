"""Which devices a run computes on: what `--gpu` and the solver say, and what is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from ssdh_surgery.errors import EngineError, UsageError

if TYPE_CHECKING:
    from ssdh_surgery.caffe.messages.ssdh_caffe_pb2 import SolverParameter

_NO_GPU = "--gpu none trains on the CPU"


def devices(gpu: str | None, param: SolverParameter) -> tuple[list[str], str | None]:
    """The devices by torch's names, and a warning where they are not those asked for.

    `gpu` is `0`, `0,1`, `all`, `none`, or None for what the solver says: a solver that asks
    for a GPU where there is none runs on the CPU.

    Raises:
        EngineError: a GPU that was asked for is not there.
        UsageError: `gpu` is nothing of the kind.
    """
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if gpu is None:
        wants_gpu = param.HasField("solver_mode") and param.solver_mode == param.GPU
        if not wants_gpu or not count:
            warning = (
                "solver_mode is GPU and there is none that PyTorch can use: training on the CPU"
            )
            return ["cpu"], warning if wants_gpu else None
        gpu = str(param.device_id)
    if gpu == "none":
        return ["cpu"], None
    if gpu == "all":
        if not count:
            raise EngineError("there is no GPU that PyTorch can use", hint=_NO_GPU)
        return [f"cuda:{number}" for number in range(count)], None
    numbers = _numbers(gpu)
    for number in numbers:
        if number >= count:
            there = f"GPUs 0 to {count - 1}" if count > 1 else "GPU 0 alone" if count else "no GPU"
            raise EngineError(
                f"there is no GPU {number}: PyTorch sees {there}", hint=_NO_GPU, gpu=number
            )
    return [f"cuda:{number}" for number in numbers], None


def _numbers(gpu: str) -> list[int]:
    words = [word.strip() for word in gpu.split(",")]
    if not all(word.isdecimal() for word in words) or len(set(words)) != len(words):
        raise UsageError(f"--gpu takes numbers separated by commas, 'all' or 'none', not '{gpu}'")
    return [int(word) for word in words]
