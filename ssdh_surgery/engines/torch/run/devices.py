"""The devices that a run computes on, from `--gpu`, the solver and the GPUs in the machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from ssdh_surgery.errors import EngineError, UsageError

if TYPE_CHECKING:
    from ssdh_surgery.caffe.messages.ssdh_caffe_pb2 import SolverParameter

_NO_GPU = "--gpu none trains on the CPU"


def devices(gpu: str | None, param: SolverParameter) -> tuple[list[str], str | None]:
    """The devices under torch's names, and a warning if they are not the ones requested.

    `gpu` is `0`, `0,1`, `all`, `none`, or None to follow the solver: a solver that requests a
    GPU on a machine without one runs on the CPU.

    Raises:
        EngineError: a requested GPU is not there.
        UsageError: `gpu` is none of the above.
    """
    count = _gpu_count()
    if gpu is None:
        wants_gpu = param.HasField("solver_mode") and param.solver_mode == param.GPU
        if not wants_gpu or not count:
            warning = "solver_mode is GPU, but PyTorch finds no usable GPU: training on the CPU"
            return ["cpu"], warning if wants_gpu else None
        gpu = str(param.device_id)
    if gpu == "none":
        return ["cpu"], None
    if gpu == "all":
        if not count:
            raise EngineError("PyTorch finds no usable GPU", hint=_NO_GPU)
        return [f"cuda:{number}" for number in range(count)], None
    return [gpu_device(number, hint=_NO_GPU) for number in _numbers(gpu)], None


def gpu_device(number: int, hint: str | None = None) -> str:
    """A GPU under torch's name.

    Raises:
        EngineError: there is no such GPU.
    """
    count = _gpu_count()
    if number >= count:
        gpus = f"GPUs 0 to {count - 1}" if count > 1 else "only GPU 0" if count else "no GPU"
        raise EngineError(f"there is no GPU {number}: PyTorch finds {gpus}", hint=hint, gpu=number)
    return f"cuda:{number}"


def _gpu_count() -> int:
    return torch.cuda.device_count() if torch.cuda.is_available() else 0


def _numbers(gpu: str) -> list[int]:
    words = [word.strip() for word in gpu.split(",")]
    if not all(word.isdecimal() for word in words) or len(set(words)) != len(words):
        raise UsageError(f"--gpu takes numbers separated by commas, 'all' or 'none', not '{gpu}'")
    return [int(word) for word in words]
