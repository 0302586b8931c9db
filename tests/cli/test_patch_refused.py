"""Nets that Caffe refuses: as they are, with a warning; only after a patch, not written."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from ssdh_surgery.engines.caffe_binary.executable import built_caffe
from support.caffe_runs import fatal
from support.command_line import Ssdh, snapshot

NET = """\
layer { name: "data" type: "DummyData" top: "data" top: "label"
  dummy_data_param { shape { dim: [4, 3, 8, 8] } shape { dim: 4 } } }
layer { name: "a" type: "Convolution" bottom: "data" top: "a"
  convolution_param { num_output: 5 kernel_size: 3 } }
layer { name: "f" type: "InnerProduct" bottom: "a" top: "f" inner_product_param { num_output: 6 } }
layer { name: "fc" type: "InnerProduct" bottom: "f" top: "fc"
  inner_product_param { num_output: 5 } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "fc" bottom: "label" top: "loss" }
"""
SUM = 'layer { name: "sum" type: "Concat" bottom: "data" bottom: "a" top: "sum" }\n'
SUM_SAID = "layer 'sum' (Concat): All inputs must have the same shape, except at concat_axis."
ACCURACY = """\
layer { name: "acc" type: "Accuracy" bottom: "fc" bottom: "lable" top: "acc"
  include { phase: TEST } }
"""
ACCURACY_SAID = "unknown bottom blob 'lable' (layer 'acc', bottom index 1)"
SOLVER = 'net: "net.prototxt" base_lr: 0.1 lr_policy: "fixed" max_iter: 1 solver_mode: CPU\n'
WARNING = "warning: Caffe would refuse this net, with a hash layer or without\n"


def write(net: str, solver: str = SOLVER) -> None:
    Path("net.prototxt").write_text(net)
    Path("solver.prototxt").write_text(solver)


@pytest.mark.parametrize(
    ("more", "tests", "said"),
    [
        pytest.param(SUM, "", [SUM_SAID], id="shapes"),
        pytest.param(ACCURACY, "test_iter: 1 test_interval: 1", [ACCURACY_SAID], id="bottom"),
        pytest.param(ACCURACY, "", [], id="never-tested"),
        pytest.param(SUM + ACCURACY, "test_iter: 1 test_interval: 1", [SUM_SAID, ACCURACY_SAID],
                     id="both"),
        pytest.param("", "test_iter: 1 test_interval: 1", [], id="sound"),
    ],
)  # fmt: skip
def test_patch_tells_what_caffe_says(ssdh: Ssdh, more: str, tests: str, said: list[str]) -> None:
    write(NET + more, SOLVER + tests)
    ran = ssdh("patch", "net.prototxt", "--bits", "8")
    assert ran.err.count(WARNING) == len(said)
    for message in said:
        assert message in ran.err
    assert Path("net_ssdh.prototxt").exists()
    # What is wrong stays wrong, and what is patched already is told, too.
    assert ssdh("patch", "net_ssdh.prototxt").err.count(WARNING) == len(said)


@pytest.mark.caffe
@pytest.mark.parametrize("more", [SUM, ACCURACY, ""])
def test_caffe_says_so_itself(ssdh: Ssdh, more: str) -> None:
    write(NET + more, SOLVER + "test_iter: 1 test_interval: 1")
    warned = WARNING in ssdh("patch", "net.prototxt", "--dry-run").err
    caffe = [str(built_caffe()), "train", "--solver=solver.prototxt"]
    ran = subprocess.run(caffe, capture_output=True, text=True, check=False)
    assert bool(fatal(ran)) is warned


def test_a_net_alone_is_judged_in_the_phases_that_it_has_data_for(ssdh: Ssdh) -> None:
    write(NET + ACCURACY, "")
    assert WARNING not in ssdh("patch", "net.prototxt", "--dry-run").err
    data, rest = NET.split('layer { name: "a"')
    once = data.rindex("}")
    phases = [f"{data[:once]} include {{ phase: {phase} }} }}\n" for phase in ("TRAIN", "TEST")]
    write(f'{"".join(phases)}layer {{ name: "a"{rest}{ACCURACY}', "")
    assert ACCURACY_SAID in ssdh("patch", "net.prototxt", "--dry-run").err


def test_stages_that_nobody_gave_are_no_mistake(ssdh: Ssdh) -> None:
    staged = NET.replace('top: "label"\n', 'top: "label" include { stage: "fit" }\n')
    write(staged, "")
    assert WARNING not in ssdh("patch", "net.prototxt", "--head", "fc", "--dry-run").err
    write(staged, f'{SOLVER} train_state {{ stage: "fit" }}')
    assert WARNING not in ssdh("patch", "net.prototxt", "--head", "fc", "--dry-run").err
    write(staged)
    assert "unknown bottom blob 'data'" in ssdh("patch", "net.prototxt", "--head", "fc").err


def test_a_net_inside_its_solver(ssdh: Ssdh) -> None:
    Path("solver.prototxt").write_text(
        f"base_lr: 0.1 lr_policy: 'fixed'\nnet_param {{\n{NET}{SUM}}}\n"
    )
    assert SUM_SAID in ssdh("patch", "solver.prototxt").err


def test_deploy_tells_what_is_left_of_it(ssdh: Ssdh) -> None:
    write(NET + ACCURACY)
    ssdh("patch", "net.prototxt")
    assert WARNING not in ssdh("deploy").err
    # The sum is read by nobody, so that its deploy net has none.
    write(NET + SUM)
    ssdh("patch", "net.prototxt", "--force")
    assert WARNING not in ssdh("deploy", "--force").err
    write(NET.replace("kernel_size: 3", "kernel_size: 30"))
    ssdh("patch", "net.prototxt", "--force")
    assert "hint: the kernel (30 x 30) is larger" in ssdh("deploy", "--force").err
    rest = NET.split('layer { name: "a"')[1].replace("size: 3", "size: 30")
    rest = rest.replace("WithLoss", "").replace('bottom: "label"', "")
    Path("d.prototxt").write_text(
        f"input: 'data' input_shape {{ dim: [1, 3, 8, 8] }}\nlayer {{ name: \"a\"{rest}"
    )
    told = ssdh("deploy", "d.prototxt", "--from", "deploy").err
    assert told.startswith(f"{WARNING}d.prototxt:3:")


def test_a_train_net_without_hash_layer_makes_a_deploy_net_that_no_weights_fit(ssdh: Ssdh) -> None:
    write(NET)
    said = "warning: net.prototxt has no hash layer, so its trained weights have no 'latent_SSDH'"
    assert said in ssdh("deploy", "net.prototxt").err
    ssdh("patch", "net.prototxt")
    assert "no hash layer" not in ssdh("deploy", "--force").err
    assert "no hash layer" not in ssdh("deploy", "net.prototxt", "--force").err


def test_a_folder_without_workspace_says_what_to_type(ssdh: Ssdh) -> None:
    plain = "hint: ssdh deploy deploy.prototxt, or run ssdh patch first\n"
    assert ssdh("deploy", code=2).err.endswith(plain)
    Path("my net.prototxt").write_text(NET)
    said = "hint: ssdh patch 'my net.prototxt', then ssdh deploy"
    assert ssdh("deploy", code=2).err.endswith(f"{said}\n")
    ssdh("zoo", "write", "lenet", "--out", ".")
    for name in ("train_val", "solver"):
        Path(f"{name}.prototxt").unlink()
    assert ssdh("deploy", code=2).err.endswith(f"{said}; or ssdh deploy deploy.prototxt\n")


def test_a_net_inside_a_solver_is_not_derived_from(ssdh: Ssdh) -> None:
    Path("solver.prototxt").write_text(f"base_lr: 1 lr_policy: 'fixed' net_param {{\n{NET}}}\n")
    ssdh("patch", "solver.prototxt")
    error = ssdh("deploy", code=3).err
    assert "a net inside a solver cannot be used to derive one\n" in error
    assert error.endswith("ssdh deploy FILE; or move the net to a file that net: names\n")


# A second layer adds five scores to those of the classifier, with a top that no loss reads.
RESIDUAL = NET.replace(
    'layer { name: "loss"',
    """layer { name: "other" type: "InnerProduct" bottom: "a" top: "other"
  inner_product_param { num_output: 5 } }
layer { name: "both" type: "Eltwise" bottom: "fc" bottom: "other" top: "both" }
layer { name: "loss\"""",
)
RESIDUAL_SAID = (
    "with these changes Caffe would refuse the net in phase TRAIN: layer 'both' (Eltwise): "
)


@pytest.mark.parametrize("inside", [False, True])
def test_a_net_that_only_the_patch_breaks_is_not_written(ssdh: Ssdh, inside: bool) -> None:
    write(RESIDUAL)
    name = "net.prototxt"
    if inside:
        name = "solver.prototxt"
        Path("net.prototxt").unlink()
        Path(name).write_text(f"base_lr: 0.1 lr_policy: 'fixed'\nnet_param {{\n{RESIDUAL}}}\n")
    before = snapshot(Path())
    for words in ((), ("--dry-run",), ("--json",)):
        error = ssdh("patch", name, "--classes", "7", "--aux", "keep", *words, code=3).err
        assert RESIDUAL_SAID in error
    assert snapshot(Path()) == before
    assert RESIDUAL_SAID not in ssdh("patch", name, "--classes", "5").err


def test_a_test_net_that_only_the_patch_breaks(ssdh: Ssdh) -> None:
    write(NET, 'train_net: "net.prototxt" test_net: "t.prototxt" base_lr: 0.1 lr_policy: "fixed"')
    Path("t.prototxt").write_text(RESIDUAL)
    solver = Path("solver.prototxt")
    solver.write_text(solver.read_text() + " test_iter: 1 test_interval: 1\n")
    before = snapshot(Path())
    error = ssdh("patch", "net.prototxt", "--classes", "7", code=3).err
    assert error.startswith(f"t.prototxt: {RESIDUAL_SAID.replace('TRAIN', 'TEST')}")
    assert snapshot(Path()) == before


def test_a_deploy_net_that_only_the_batch_breaks(ssdh: Ssdh) -> None:
    rest = NET.split('layer { name: "a"')[1].replace("WithLoss", "").replace('bottom: "label"', "")
    fixed = (
        'layer { name: "r" type: "Reshape" bottom: "f" top: "r"\n'
        "  reshape_param { shape { dim: 1 dim: 6 } } }\n"
        'layer { name: "fc" type: "InnerProduct" bottom: "r"'
    )
    rest = rest.replace('layer { name: "fc" type: "InnerProduct" bottom: "f"', fixed)
    Path("d.prototxt").write_text(
        f"input: 'data' input_shape {{ dim: [1, 3, 8, 8] }}\nlayer {{ name: \"a\"{rest}"
    )
    error = ssdh("deploy", "d.prototxt", "--batch", "2", code=3).err
    assert "layer 'r' (Reshape): output count must match input count (6 vs. 12)" in error
    assert not Path("d_ssdh.prototxt").exists()
    ssdh("deploy", "d.prototxt")
