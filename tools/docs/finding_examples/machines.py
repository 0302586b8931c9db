"""What the machine of an example is like: its disk, memory and GPUs, its caffe, its packages."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

_CHECK = "ssdh_surgery.pipeline.check"
_BLOCK = 4096
_GPU_MEMORY = 16 << 30
_CAFFE = Path("/opt/caffe/bin/caffe")
Context = Callable[[], AbstractContextManager[object]]


def without_package(name: str) -> Context:
    """A package is not installed."""

    @contextlib.contextmanager
    def context() -> Iterator[None]:
        module = sys.modules.get(name)
        sys.modules[name] = None  # type: ignore[assignment]
        try:
            yield
        finally:
            sys.modules.pop(name)
            if module is not None:
                sys.modules[name] = module

    return context


def free_disk(size: int) -> Context:
    """So many bytes are free on the disk."""
    blocks = size // _BLOCK
    disk = SimpleNamespace(f_bfree=blocks, f_bavail=blocks, f_frsize=_BLOCK)
    return lambda: patch("os.statvfs", return_value=disk)


def free_memory(size: int) -> Context:
    """So many bytes of memory are free."""
    return lambda: patch(f"{_CHECK}.run.memory.free_memory", return_value=size)


def gpus(count: int, *, is_cpu_only: bool = False, is_nvcaffe: bool = False) -> Context:
    """So many GPUs, and a caffe that was built for them or not."""
    from ssdh_surgery.engines.caffe_binary.executable import Executable
    from ssdh_surgery.engines.gpus import Gpu

    devices = tuple(Gpu(number, "GPU", _GPU_MEMORY, _GPU_MEMORY) for number in range(count))

    @contextlib.contextmanager
    def context() -> Iterator[None]:
        with ExitStack() as stack:
            for target, value in (
                ("run.devices.visible_gpus", devices),
                ("run.memory.visible_gpus", devices),
                ("subject.visible_gpus", devices),
                ("target.find_caffe", Executable(_CAFFE, "PATH")),
                ("run.devices.is_cpu_only", is_cpu_only),
                ("run.gpu_batch.is_nvcaffe", is_nvcaffe),
            ):
                stack.enter_context(patch(f"{_CHECK}.{target}", return_value=value))
            yield

    return context
