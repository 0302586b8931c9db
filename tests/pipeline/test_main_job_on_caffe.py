"""The three commands on GoogLeNet with the real Caffe: trained, deployed, the codes agree."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ssdh_surgery.engines.caffe_binary.executable import built_pycaffe

pytestmark = pytest.mark.caffe

# What pycaffe sees of two nets with the same weights and the same pictures.
_CODES = """
import json, sys
import numpy as np
sys.path.insert(0, sys.argv[1])
import caffe
weights = sys.argv[2]
train = caffe.Net("train_val_ssdh.prototxt", weights, caffe.TEST)
train.forward(end="latent_SSDH_encode")
pictures = train.blobs["data"].data.copy()
expected = train.blobs["latent_SSDH_encode"].data.copy()
deploy = caffe.Net("deploy_ssdh.prototxt", weights, caffe.TEST)
deploy.blobs["data"].reshape(*pictures.shape)
deploy.blobs["data"].data[...] = pictures
found = deploy.forward()
np.savez("codes.npz", expected=expected, **found)
"""


def ssdh(*words: str, cwd: Path, code: int = 0) -> subprocess.CompletedProcess[str]:
    ran = subprocess.run(
        [sys.executable, "-m", "ssdh_surgery", *words],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == code, f"{words}\n{ran.stdout}\n{ran.stderr}"
    return ran


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from support.images import write_lmdb

    folder = tmp_path_factory.mktemp("data")
    write_lmdb(folder / "train_lmdb", 256, 6)
    write_lmdb(folder / "val_lmdb", 256, 4)
    return folder


_SMALL = ("--train-batch", "2", "--test-batch", "2", "--mean-value", "104,117,123")


@pytest.fixture(scope="module")
def trained(data: Path, tmp_path_factory: pytest.TempPathFactory, caffe: Path) -> Path:
    """The three commands, from weights that Caffe itself wrote."""
    folder = tmp_path_factory.mktemp("googlenet")
    ssdh("zoo", "write", "googlenet", cwd=folder)
    _write_first_weights(folder, data, caffe)
    ssdh(
        *("patch", "train_val.prototxt", "--bits", "48", *_SMALL),
        *("--train-data", str(data / "train_lmdb"), "--test-data", str(data / "val_lmdb")),
        *("--set", "test_iter=1", "--set", "display=1", "--set", "snapshot=100"),
        cwd=folder,
    )
    told = ssdh("train", "--gpu", "none", "--iterations", "3", "--engine", "binary",
                "--weights", "first_iter_1.caffemodel", cwd=folder)  # fmt: skip
    (folder / "told.txt").write_text(told.stderr)
    ssdh("deploy", "--binary", cwd=folder)
    return folder


def _write_first_weights(folder: Path, data: Path, caffe: Path) -> None:
    """One iteration of the unpatched net, so that Caffe writes its weights."""
    text = (folder / "train_val.prototxt").read_text()
    text = text.replace("examples/imagenet/ilsvrc12_train_lmdb", str(data / "train_lmdb"))
    text = text.replace("examples/imagenet/ilsvrc12_val_lmdb", str(data / "val_lmdb"))
    text = text.replace("batch_size: 32", "batch_size: 2").replace(
        "batch_size: 50", "batch_size: 2"
    )
    (folder / "first.prototxt").write_text(text)
    (folder / "first_solver.prototxt").write_text(
        'net: "first.prototxt"\nbase_lr: 0.001\nlr_policy: "fixed"\nmax_iter: 1\n'
        'snapshot_prefix: "first"\nsolver_mode: CPU\n'
    )
    subprocess.run(
        [str(caffe), "train", "--solver=first_solver.prototxt"],
        cwd=folder,
        capture_output=True,
        check=True,
    )


def _log(folder: Path) -> str:
    return next((folder / "runs").glob("*/train.log")).read_text()


def test_caffe_trained_the_hash_layer_from_the_old_weights(trained: Path) -> None:
    log = _log(trained)
    assert "Finetuning from first_iter_1.caffemodel" in log
    ignored = set(re.findall(r"Ignoring source layer (\S+)", log))
    # Nothing else is lost: the auxiliary heads and the whole trunk are copied.
    assert {name for name in ignored if "split" not in name} == {"loss3/classifier"}
    assert "Iteration 3, loss" in log
    assert (trained / "googlenet_ssdh_iter_3.caffemodel").is_file()


def test_our_table_of_what_is_copied_agrees_with_caffes_log(trained: Path) -> None:
    told = (trained / "told.txt").read_text()
    # 57 convolutions, the features of the two auxiliary heads and their classifiers.
    assert "first_iter_1.caffemodel: 63 layers are copied\n" in told
    new = "  start from their fillers: latent_SSDH, loss3/classifier_change\n"
    assert new + "  not in the net: loss3/classifier\n" in told


def test_the_run_leaves_its_command_and_solver(trained: Path) -> None:
    run = next((trained / "runs").iterdir())
    record = json.loads((run / "run.json").read_text())
    assert record["command"] == (
        f"caffe train --solver=runs/{run.name}/solver.prototxt -weights first_iter_1.caffemodel"
    )
    solver = (run / "solver.prototxt").read_text()
    assert "max_iter: 3\n" in solver
    assert "solver_mode: CPU\n" in solver


def test_both_phases_were_set_up(trained: Path) -> None:
    log = _log(trained)
    assert "Creating training net from net file: train_val_ssdh.prototxt" in log
    assert "Creating test net (#0) specified by net file: train_val_ssdh.prototxt" in log


def test_codes_of_the_deploy_net_are_those_of_the_train_net(trained: Path) -> None:
    subprocess.run(
        [sys.executable, "-c", _CODES, str(built_pycaffe()), "googlenet_ssdh_iter_3.caffemodel"],
        cwd=trained,
        capture_output=True,
        check=True,
    )
    with np.load(trained / "codes.npz") as codes:
        expected = codes["expected"]
        assert expected.shape == (2, 48)
        assert ((expected > 0) & (expected < 1)).all()
        bits = codes["latent_SSDH_encode_binary"]
    # The deploy net has one output, the bits of the train net's TEST phase.
    np.testing.assert_array_equal(bits, expected > 0.5)


# Put between the lines of BVLC's own files; no edit may lose or move one.
_EVERY = 40


@pytest.mark.corpus
def test_bvlcs_files_with_comments_put_in(
    data: Path, tmp_path: Path, corpus: Path, caffe: Path
) -> None:
    for path in sorted((corpus / "bvlc" / "models" / "bvlc_googlenet").glob("*.prototxt")):
        lines = path.read_text().split("\n")
        commented = [
            f"{line}  # note {number}" if number % _EVERY == 0 else line
            for number, line in enumerate(lines)
        ]
        text = "\n".join(commented).replace("models/bvlc_googlenet/", "")
        (tmp_path / path.name).write_text(f"# mine\n{text}")
    ssdh(
        *("patch", "train_val.prototxt", *_SMALL, "--set", "test_iter=1"),
        *("--train-data", str(data / "train_lmdb"), "--test-data", str(data / "val_lmdb")),
        cwd=tmp_path,
    )
    ssdh("deploy", cwd=tmp_path)
    for stem in ("train_val", "solver", "deploy"):
        before = (tmp_path / f"{stem}.prototxt").read_text()
        after = (tmp_path / f"{stem}_ssdh.prototxt").read_text()
        notes = re.findall(r"# note \d+|# mine", before)
        assert re.findall(r"# note \d+|# mine", after) == notes
    ssdh("train", "--gpu", "none", "--iterations", "1", "--engine", "binary", cwd=tmp_path)
    assert "Optimization Done." in _log(tmp_path)


NET = """
layer {{ name: "data" type: "DummyData" top: "data" top: "label"{include}
  dummy_data_param {{ shape {{ dim: 4 dim: 3 }} shape {{ dim: 4 }}
    data_filler {{ type: "gaussian" std: 1 }} data_filler {{ type: "constant" value: 1 }} }} }}
layer {{ name: "fc" type: "InnerProduct" bottom: "data" top: "fc"
  inner_product_param {{ num_output: 2 weight_filler {{ type: "xavier" }} }} }}
layer {{ name: "loss" type: "SoftmaxWithLoss" bottom: "fc" bottom: "label" top: "loss" }}
layer {{ name: "acc" type: "Accuracy" bottom: "fc" bottom: "label" top: "acc"
  include {{ phase: TEST }} }}
"""
SOLVER = """
test_iter: 1 test_interval: 40 base_lr: 1 lr_policy: "fixed" max_iter: 40 display: 20
snapshot_prefix: "run" solver_mode: CPU random_seed: 1
"""


def _test_accuracy(folder: Path) -> float:
    """The accuracy of the last test: the label is always 1, so a trained net has 1."""
    return float(re.findall(r"acc = ([\d.]+)", _log(folder))[-1])


def test_separate_train_and_test_nets_are_patched_alike(tmp_path: Path) -> None:
    (tmp_path / "train.prototxt").write_text(NET.format(include=""))
    (tmp_path / "test.prototxt").write_text(NET.format(include=""))
    (tmp_path / "solver.prototxt").write_text(
        f'train_net: "train.prototxt"\ntest_net: "test.prototxt"\n{SOLVER}'
    )
    ssdh("patch", "train.prototxt", "--bits", "8", cwd=tmp_path)
    ssdh("train", cwd=tmp_path)
    assert (tmp_path / "test_ssdh.prototxt").is_file()
    assert _test_accuracy(tmp_path) == 1


def test_a_net_inside_the_solver_is_patched_there(tmp_path: Path) -> None:
    (tmp_path / "solver.prototxt").write_text(f"net_param {{ {NET.format(include='')} }}\n{SOLVER}")
    ssdh("patch", "solver.prototxt", "--bits", "8", cwd=tmp_path)
    ssdh("train", "--solver", "solver_ssdh.prototxt", cwd=tmp_path)
    assert _test_accuracy(tmp_path) == 1


def test_cpu_build_explains_that_it_has_no_gpu(tmp_path: Path) -> None:
    (tmp_path / "net.prototxt").write_text(NET.format(include=""))
    (tmp_path / "solver.prototxt").write_text(f'net: "net.prototxt"\n{SOLVER}')
    ran = ssdh("train", "--solver", "solver.prototxt", "--gpu", "1", "--engine", "binary",
               cwd=tmp_path, code=3)  # fmt: skip
    assert "error SSDH501 cpu-only-caffe: " in ran.stderr
    assert ran.stderr.endswith(
        "was built for the CPU only\nhint: ssdh train --gpu none trains on the CPU\n"
    )
