"""GPUs as the library of the driver reports them, in a process that finds a stand-in for it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from support.nvidia_driver import write_driver

GIB = 1 << 30
CODE = """
from ssdh_surgery.engines.gpus import visible_gpus
print(None if visible_gpus() is None else [(each.name, each.free) for each in visible_gpus()])
"""


def visible(folder: Path, **environ: str) -> str:
    return printed(CODE, folder, **environ)


def printed(code: str, folder: Path, **environ: str) -> str:
    environment = os.environ | {"LD_LIBRARY_PATH": str(folder)} | environ
    process = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    return process.stdout.strip()


def test_gpus_and_their_free_memory(tmp_path: Path) -> None:
    write_driver(tmp_path, [3 * GIB, 5 * GIB])
    two = f"[('GPU A', {3 * GIB}), ('GPU B', {5 * GIB})]"
    assert visible(tmp_path) == two
    assert visible(tmp_path, CUDA_VISIBLE_DEVICES="1") == f"[('GPU B', {5 * GIB})]"
    assert visible(tmp_path, CUDA_VISIBLE_DEVICES="1,0").startswith("[('GPU B'")
    assert visible(tmp_path, CUDA_VISIBLE_DEVICES="") == "[]"
    # CUDA stops at the first number that no GPU has.
    assert visible(tmp_path, CUDA_VISIBLE_DEVICES="0,7,1") == f"[('GPU A', {3 * GIB})]"
    assert visible(tmp_path, CUDA_VISIBLE_DEVICES="GPU-8932f937") == "None"


def test_all_that_is_known_of_a_gpu(tmp_path: Path) -> None:
    write_driver(tmp_path, [GIB])
    code = (
        "from ssdh_surgery.engines.gpus import find_gpus\n"
        "print(*(each.as_json() for each in find_gpus()))"
    )
    assert printed(code, tmp_path) == str(
        {"number": 0, "name": "GPU A", "memory": 1 << 34, "free": GIB, "driver": "535.9"}
    )


def test_a_gpu_without_memory_of_its_own(tmp_path: Path) -> None:
    write_driver(tmp_path, [0])
    assert visible(tmp_path) == "[('GPU A', None)]"


def test_a_driver_that_does_not_start(tmp_path: Path) -> None:
    write_driver(tmp_path, [GIB], init=9)
    assert visible(tmp_path) == "[]"


def test_a_file_that_is_no_library(tmp_path: Path) -> None:
    (tmp_path / "libnvidia-ml.so.1").write_text("not a library")
    assert visible(tmp_path) == "[]"
