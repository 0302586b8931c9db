"""A stand-in for the library of NVIDIA's driver, compiled: the same functions, made-up GPUs."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

_SOURCE = """
#include <string.h>
typedef struct { unsigned long long total, free, used; } memory_t;
static const char* names[] = {NAMES};
static unsigned long long frees[] = {FREES};
int nvmlInit_v2(void) { return INIT; }
int nvmlShutdown(void) { return 0; }
int nvmlSystemGetDriverVersion(char* text, unsigned size) {
  strncpy(text, "535.9", size);
  return 0;
}
int nvmlDeviceGetCount_v2(unsigned* count) { *count = COUNT; return 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void** device) {
  *device = (void*)(unsigned long)(index + 1);
  return 0;
}
int nvmlDeviceGetName(void* device, char* name, unsigned size) {
  strncpy(name, names[(unsigned long)device - 1], size);
  return 0;
}
int nvmlDeviceGetMemoryInfo(void* device, memory_t* memory) {
  memory->total = 17179869184ull;
  memory->free = frees[(unsigned long)device - 1];
  memory->used = memory->total - memory->free;
  return memory->free ? 0 : 3;
}
"""


def write_driver(folder: Path, free: list[int], init: int = 0) -> None:
    """Write `libnvidia-ml.so.1` into a folder; a GPU with 0 bytes free does not tell its memory.

    It is found by a process that starts with `LD_LIBRARY_PATH` set to the folder.
    """
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("needs a C compiler: apt-get install gcc")
    source = _SOURCE.replace("NAMES", ", ".join(f'"GPU {each}"' for each in "ABCD"))
    source = source.replace("FREES", ", ".join(map(str, [*free, 0])))
    source = source.replace("COUNT", str(len(free))).replace("INIT", str(init))
    (folder / "driver.c").write_text(source)
    command = [compiler, "-shared", "-fPIC", "-o", "libnvidia-ml.so.1", "driver.c"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
