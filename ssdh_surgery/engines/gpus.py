"""The GPUs of this machine, through the library of NVIDIA's driver (NVML).

The library is part of every driver, so nothing has to be installed, and no CUDA context is made:
it takes milliseconds and no memory of a GPU. Its numbers are those of nvidia-smi, which CUDA uses
with `CUDA_DEVICE_ORDER=PCI_BUS_ID`.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

_LIBRARY = "libnvidia-ml.so.1"
_SUCCESS = 0
_TEXT_BYTES = 96


@dataclass(frozen=True)
class Gpu:
    """A GPU: its number and name, its driver, and its memory in bytes.

    The memory is None where it has none of its own.
    """

    number: int
    name: str
    memory: int | None
    free: int | None
    driver: str = ""

    def as_json(self) -> dict[str, Any]:
        """The GPU as an object."""
        return asdict(self)


class _Memory(ctypes.Structure):
    _fields_ = (
        ("total", ctypes.c_ulonglong),
        ("free", ctypes.c_ulonglong),
        ("used", ctypes.c_ulonglong),
    )


def find_gpus() -> tuple[Gpu, ...]:
    """All GPUs of the machine, in the order of nvidia-smi; none without a driver."""
    try:
        library = ctypes.CDLL(_LIBRARY)
        if library.nvmlInit_v2() != _SUCCESS:
            return ()
    except (OSError, AttributeError):
        return ()
    try:
        count, driver = ctypes.c_uint(), _text()
        library.nvmlDeviceGetCount_v2(ctypes.byref(count))
        library.nvmlSystemGetDriverVersion(driver, ctypes.c_uint(_TEXT_BYTES))
        return tuple(_gpu(library, number, _read(driver)) for number in range(count.value))
    finally:
        library.nvmlShutdown()


def _gpu(library: ctypes.CDLL, number: int, driver: str) -> Gpu:
    handle, memory, name = ctypes.c_void_p(), _Memory(), _text()
    library.nvmlDeviceGetHandleByIndex_v2(ctypes.c_uint(number), ctypes.byref(handle))
    library.nvmlDeviceGetName(handle, name, ctypes.c_uint(_TEXT_BYTES))
    has_memory = library.nvmlDeviceGetMemoryInfo(handle, ctypes.byref(memory)) == _SUCCESS
    total, free = (memory.total, memory.free) if has_memory else (None, None)
    return Gpu(number, _read(name), total, free, driver)


def _text() -> ctypes.Array[ctypes.c_char]:
    return ctypes.create_string_buffer(_TEXT_BYTES)


def _read(text: ctypes.Array[ctypes.c_char]) -> str:
    return text.value.decode("utf-8", "replace")


def visible_gpus(environ: Mapping[str, str] = os.environ) -> tuple[Gpu, ...] | None:
    """The GPUs by CUDA's numbers: those that `CUDA_VISIBLE_DEVICES` leaves, in its order.

    None where it names them in a way that only CUDA understands.
    """
    devices = find_gpus()
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
