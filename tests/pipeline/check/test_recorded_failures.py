"""The failures of `golden/logs`, each made anew, and what is found of it before caffe runs."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from ssdh_surgery.errors import FileError
from ssdh_surgery.findings import Finding
from ssdh_surgery.pipeline.check.report import CheckOptions, report
from support.caffe_runs import TRAIN
from support.paths import GOLDEN

SOLVER, NET, WEIGHTS = "solver_sgd_step_ssdh.prototxt", "net_ssdh.prototxt", "init.caffemodel"
V1_LAYER = 'layers { name: "old" type: RELU bottom: "mix" top: "mix" }'
# A file, a pattern in it, its replacement, and the finding with a word of its message.
CASES = {
    "crop_too_big": (
        NET,
        r"transform_param \{",
        "transform_param { crop_size: 40",
        "crop-too-large",
        "40",
    ),
    "diverged": (SOLVER, "base_lr: 0.05", "base_lr: 5000", "diverging-rate", "5000"),
    "gpu_on_cpu_build": (SOLVER, "mode: CPU", "mode: GPU", "no-gpu", "built for the CPU only"),
    "label_out_of_range": (NET, "num_output: 10", "num_output: 5", "labels-out-of-range", "5 to 9"),
    "missing_lmdb": (NET, "train_lmdb", "absent_lmdb", "no-database", "absent_lmdb"),
    "missing_mean": (NET, "mean.binaryproto", "absent.binaryproto", "no-mean-file", "absent"),
    "mixed_v1_v2": (NET, r"\Z", V1_LAYER, "unreadable-net", "mixes 'layer'"),
    "unknown_bottom": (NET, 'bottom: "pool5"', 'bottom: "pool55"', "unknown-bottom", "pool55"),
    "unknown_field": (NET, "num_output: 16", "num_outptu: 16", "layer-setup", "latent_SSDH"),
    "unknown_layer_type": (
        NET,
        'type: "Reduction"',
        'type: "K1_EuclideanLoss"',
        "layer-setup",
        "K1_EuclideanLoss",
    ),
    "unwritable_snapshot": (SOLVER, '"snap_', '"absent_dir/', "no-snapshot-folder", "absent_dir"),
    "weights_shape_mismatch": (NET, "num_output: 16", "num_output: 24", "shape-clash", "24x128"),
}
# What the command line names is looked for before anything is checked.
MISSING_FILES = {
    "missing_solver": CheckOptions(("nope.prototxt",)),
    "missing_weights": CheckOptions((SOLVER,), ("nope.caffemodel",)),
}
# What nobody knows before: somebody else's signal.
UNKNOWABLE = ("sigterm_killed",)
SUCCESSES = ("finetune_ok", "finetune_ok_older_caffe", "resume_ok", "sigint_stop")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a run that has no findings."""
    shutil.copytree(TRAIN, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    solver = Path(SOLVER)
    solver.write_text(solver.read_text().replace("snapshot_after_train: false", ""))
    return tmp_path


def checked() -> list[Finding]:
    return report(CheckOptions((SOLVER,), (WEIGHTS,))).findings


def test_the_run_is_fine(run: Path) -> None:
    assert not [str(each) for each in checked() if each.severity != "info"]


@pytest.mark.caffe
@pytest.mark.parametrize("name", CASES)
def test_a_failure_is_found(name: str, run: Path) -> None:
    file, pattern, replacement, finding, word = CASES[name]
    text, count = re.subn(pattern, replacement, Path(file).read_text(), count=1)
    assert count
    Path(file).write_text(text)
    assert [each for each in checked() if each.name == finding and word in each.message]


@pytest.mark.parametrize("name", MISSING_FILES)
def test_a_missing_file_is_refused(name: str, run: Path) -> None:
    with pytest.raises(FileError, match="nope"):
        report(MISSING_FILES[name])


def test_every_recorded_failure_has_a_case() -> None:
    logs = {path.stem for path in (GOLDEN / "logs").glob("*.log")}
    assert logs == {*CASES, *MISSING_FILES, *UNKNOWABLE, *SUCCESSES}
