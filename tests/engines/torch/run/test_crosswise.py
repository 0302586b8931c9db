"""Runs that move between the real Caffe and the embedded engine, either way."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from ssdh_surgery.caffe.weights.binary_weights import write_weights
from ssdh_surgery.caffe.weights.solverstate import read_solver_state
from ssdh_surgery.caffe.weights.weights import read_any_weights
from ssdh_surgery.engines import events
from ssdh_surgery.engines.caffe_binary.executable import caffe_environment
from support.engine_logs import parse_log
from support.training import Runner, copy_golden, difference

pytestmark = pytest.mark.caffe

# Six iterations of 16 are a pass over the 96 records: Caffe keeps no place in them.
HALF, WHOLE = 6, 12
SOLVERS = {
    "SGD": 'type: "SGD" lr_policy: "multistep" gamma: 0.3 stepvalue: 4 stepvalue: 8 '
    "momentum: 0.9 base_lr: 0.05 weight_decay: 0.0005",
    "Adam": 'type: "Adam" lr_policy: "fixed" momentum: 0.9 base_lr: 0.003 weight_decay: 0.0005',
    "AdaDelta": 'type: "AdaDelta" lr_policy: "fixed" momentum: 0.95 delta: 1e-6 base_lr: 1',
}


def write_solver(folder: Path, fields: str, iterations: int, form: str) -> Path:
    path = folder / "solver.prototxt"
    path.write_text(
        f'net: "net_ssdh.prototxt" {fields} max_iter: {iterations} test_iter: 4 '
        f"test_interval: 1000 test_initialization: false display: 1 snapshot: {HALF} "
        f'snapshot_prefix: "snap" snapshot_format: {form} solver_mode: CPU\n'
    )
    return path


def ours(folder: Path, fields: str, iterations: int, form: str, **job: str) -> None:
    solver = write_solver(folder, fields, iterations, form)
    arguments = {name: str(folder / value) for name, value in job.items()}
    Runner(folder, count=iterations).run(solver, **arguments)


def caffes(caffe: Path, folder: Path, fields: str, iterations: int, form: str, *flags: str) -> str:
    solver = write_solver(folder, fields, iterations, form)
    process = subprocess.run(
        [caffe, "train", f"--solver={solver.name}", *flags],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert process.returncode == 0, process.stderr
    return process.stderr


def final(folder: Path, ending: str) -> Path:
    """The last weights in the binary form."""
    weights = read_any_weights(folder / f"snap_iter_{WHOLE}.caffemodel{ending}")
    path = folder / "final.caffemodel"
    write_weights(path, [layer for layer in weights.layers if layer.blobs])
    return path


@pytest.mark.parametrize("form", ["BINARYPROTO", "HDF5"])
@pytest.mark.parametrize("kind", SOLVERS)
def test_a_run_moves_between_the_engines(tmp_path: Path, caffe: Path, kind: str, form: str) -> None:
    fields, ending = SOLVERS[kind], ".h5" if form == "HDF5" else ""
    state = f"snap_iter_{HALF}.solverstate{ending}"
    folders = {name: tmp_path / name for name in ("caffe", "ours", "to_caffe", "to_ours")}
    for folder in folders.values():
        copy_golden(folder)
    init = "init.caffemodel"

    caffes(caffe, folders["caffe"], fields, WHOLE, form, "-weights", init)
    ours(folders["ours"], fields, WHOLE, form, weights=init)
    ours(folders["to_caffe"], fields, HALF, form, weights=init)
    caffes(caffe, folders["to_caffe"], fields, WHOLE, form, "-snapshot", state)
    caffes(caffe, folders["to_ours"], fields, HALF, form, "-weights", init)
    ours(folders["to_ours"], fields, WHOLE, form, snapshot=state)

    reference = final(folders["caffe"], ending)
    for name in ("ours", "to_caffe", "to_ours"):
        assert difference(final(folders[name], ending), reference) < 2e-3, name
    last = f"snap_iter_{WHOLE}.solverstate{ending}"
    states = {name: read_solver_state(folder / last) for name, folder in folders.items()}
    for name, found in states.items():
        wanted = states["caffe"]
        assert (found.iteration, found.step) == (wanted.iteration, wanted.step), name
        assert [blob.shape for blob in found.history] == [blob.shape for blob in wanted.history]


def test_caffe_gives_our_weights_the_same_scores(tmp_path: Path, caffe: Path) -> None:
    copy_golden(tmp_path)
    fields = SOLVERS["SGD"]
    solver = write_solver(tmp_path, f"{fields} test_compute_loss: true", HALF, "BINARYPROTO")
    solver.write_text(solver.read_text().replace("test_interval: 1000", f"test_interval: {HALF}"))
    run = Runner(tmp_path).run(solver, weights=str(tmp_path / "init.caffemodel"))
    tested = [event for event in run.all(events.TestOutput) if event.iteration == HALF]
    process = subprocess.run(
        [caffe, "test", "-model", "net_ssdh.prototxt", "-iterations", "4",
         "-weights", f"snap_iter_{HALF}.caffemodel"],
        cwd=tmp_path, capture_output=True, text=True, env=caffe_environment(),
    )  # fmt: skip
    assert process.returncode == 0, process.stderr
    for output in tested:
        said = re.findall(rf"\] {output.name} = ([-+.\de]+)", process.stderr)
        assert len(said) == 1, process.stderr
        assert output.value == pytest.approx(float(said[0]), rel=1e-4)
    assert len(tested) == 4
    assert list(parse_log(run.text.splitlines()))
