"""What a check costs: it starts no engine, and imports none."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from support.caffe_runs import TRAIN

HEAVY = {"caffe", "cv2", "faiss", "h5py", "matplotlib", "numba", "onnx", "onnxruntime", "torch"}


@pytest.mark.parametrize("mode", ["CPU", "GPU"])
def test_a_check_of_everything_imports_no_engine(mode: str, tmp_path: Path) -> None:
    """Nets, LMDBs, mean, weights, disk, memory and GPUs of a run that has no errors."""
    solver = (TRAIN / "solver_sgd_step_ssdh.prototxt").read_text()
    for file in TRAIN.iterdir():
        (tmp_path / file.name).symlink_to(file)
    (tmp_path / "solver.prototxt").write_text(solver.replace("CPU", mode))
    code = (
        "import sys\n"
        "from ssdh_surgery.cli import run\n"
        "code = run(['check', 'solver.prototxt', '--weights', 'init.caffemodel'])\n"
        "print(*sys.modules, file=sys.stderr)\n"
        "sys.exit(code)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    loaded = set(ran.stderr.split())
    assert {"lmdb", "ssdh_surgery.engines.gpus"} <= loaded
    assert not HEAVY & loaded
