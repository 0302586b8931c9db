"""The GPUs of this machine, through the library of NVIDIA's driver (NVML).

The library is part of every driver, so nothing has to be installed, and no CUDA context is made:
it takes milliseconds and no memory of a GPU. Its numbers are those of nvidia-smi, which CUDA uses
with `CUDA_DEVICE_ORDER=PCI_BUS_ID`.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Mapping
from dataclasses import dataclass

_LIBRARY = "libnvidia-ml.so.1"
_SUCCESS = 0
_NAME_BYTES = 96


@dataclass(frozen=True)
class Gpu:
    """One GPU: its name, and the bytes of its memory; None where it has none of its own."""

    name: str
    memory: int | None
    free: int | None


class _Memory(ctypes.Structure):
    _fields_ = (
        ("total", ctypes.c_ulonglong),
        ("free", ctypes.c_ulonglong),
        ("used", ctypes.c_ulonglong),
    )


def gpus() -> tuple[Gpu, ...]:
    """All GPUs of the machine, in the order of nvidia-smi; none without a driver."""
    try:
        library = ctypes.CDLL(_LIBRARY)
        if library.nvmlInit_v2() != _SUCCESS:
            return ()
    except (OSError, AttributeError):
        return ()
    try:
        count = ctypes.c_uint()
        library.nvmlDeviceGetCount_v2(ctypes.byref(count))
        return tuple(_gpu(library, number) for number in range(count.value))
    finally:
        library.nvmlShutdown()


def _gpu(library: ctypes.CDLL, number: int) -> Gpu:
    handle, memory = ctypes.c_void_p(), _Memory()
    name = ctypes.create_string_buffer(_NAME_BYTES)
    library.nvmlDeviceGetHandleByIndex_v2(ctypes.c_uint(number), ctypes.byref(handle))
    library.nvmlDeviceGetName(handle, name, ctypes.c_uint(_NAME_BYTES))
    has_memory = library.nvmlDeviceGetMemoryInfo(handle, ctypes.byref(memory)) == _SUCCESS
    total, free = (memory.total, memory.free) if has_memory else (None, None)
    return Gpu(name.value.decode("utf-8", "replace"), total, free)


def visible_gpus(environ: Mapping[str, str] = os.environ) -> tuple[Gpu, ...] | None:
    """The GPUs by CUDA's numbers: those that `CUDA_VISIBLE_DEVICES` leaves, in its order.

    None where it names them in a way that only CUDA understands.
    """
    devices = gpus()
    listed = environ.get("CUDA_VISIBLE_DEVICES")
    if listed is None:
        return devices
    visible = []
    for word in filter(None, (part.strip() for part in listed.split(","))):
        if not word.lstrip("-").isdigit():
            return None
        # CUDA ignores everything after the first number that is not a GPU's.
        if not 0 <= int(word) < len(devices):
            break
        visible.append(devices[int(word)])
    return tuple(visible)
