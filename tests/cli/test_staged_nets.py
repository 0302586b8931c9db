"""Nets with stages and levels, on the whole way: patched, checked, trained by Caffe, deployed."""

from __future__ import annotations

import shlex
import subprocess
import tomllib
from pathlib import Path

import pytest

from ssdh_surgery import parse
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.engines.caffe_binary.executable import built_caffe
from support.command_line import Ssdh
from support.staged_nets import ALL_IN_ONE, DEEPER, HEAD, LOSS, SOLVER, STAGED, TRUNK, data, judge

INSERTED = "layer[latent_SSDH] InnerProduct feat -> latent_SSDH"
REFUSED = "Caffe would refuse"


def write(net: str, solver: str | None = None) -> None:
    Path("net.prototxt").write_text(net)
    if solver is not None:
        Path("solver.prototxt").write_text(solver + SOLVER)


def caffe_train(ssdh: Ssdh, solver: str) -> str:
    """What Caffe says of a training with the command line of `ssdh train`; it must end well."""
    line = ssdh("train", "--solver", solver, "--engine", "binary", "--gpu", "none", "--dry-run").out
    command = [str(built_caffe()), *shlex.split(line)[1:]]
    run = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == 0, run.stderr[-2000:]
    return run.stderr


@pytest.mark.parametrize("name", STAGED)
@pytest.mark.parametrize("has_solver", [True, False], ids=["solver", "alone"])
def test_patch(ssdh: Ssdh, name: str, has_solver: bool) -> None:
    net, solver = STAGED[name]
    write(net, solver if has_solver else None)
    words = () if name != "a phase of the net" else ("--head", "cls")
    patched = ssdh("patch", "net.prototxt", *words)
    assert INSERTED in patched.out
    assert REFUSED not in patched.err
    assert "the hash layer is not trained" not in patched.out or words
    ssdh("patch", "net_ssdh.prototxt", *words, "--check")


def test_caffe_gets_the_level(ssdh: Ssdh) -> None:
    """`caffe train` sets the level of the solver to that of its command line."""
    write(*STAGED["min_level"])
    words = ("train", "--solver", "solver.prototxt", "--engine", "binary", "--dry-run")
    assert ssdh(*words).out == "caffe train --solver=solver.prototxt -level 1\n"
    write(*STAGED["stages"])
    assert ssdh(*words).out == "caffe train --solver=solver.prototxt\n"


@pytest.mark.caffe
@pytest.mark.parametrize("name", STAGED)
def test_caffe_trains_what_patch_writes(ssdh: Ssdh, name: str) -> None:
    write(*STAGED[name])
    caffe_train(ssdh, "solver.prototxt")
    ssdh("patch", "net.prototxt")
    log = caffe_train(ssdh, "solver_ssdh.prototxt")
    assert "latent_SSDH needs backward computation." in log
    ssdh("deploy")
    weights = ["--weights=snap_ssdh_iter_4.caffemodel", "--iterations=1"]
    command = [built_caffe(), "test", "--model=deploy_ssdh.prototxt", *weights]
    subprocess.run(command, capture_output=True, timeout=120, check=True)
    ssdh("train", "--engine", "torch", "--gpu", "none", "--iterations", "1", "--force")


def test_a_net_inside_its_solver(ssdh: Ssdh) -> None:
    Path("solver.prototxt").write_text(
        f"net_param {{\n{ALL_IN_ONE}}}\n{STAGED['stages'][1].split(chr(10), 1)[1]}{SOLVER}"
    )
    patched = ssdh("patch", "solver.prototxt")
    assert f"net_param.{INSERTED}" in patched.out
    assert REFUSED not in patched.err


def test_v1(ssdh: Ssdh) -> None:
    rules = 'include { stage: "deep" }'
    write(
        'layers { name: "data" type: DUMMY_DATA top: "data" top: "label"\n'
        "  dummy_data_param { num: 2 channels: 3 height: 4 width: 4\n"
        "    num: 2 channels: 1 height: 1 width: 1 } }\n"
        'layers { name: "feat" type: INNER_PRODUCT bottom: "data" top: "feat"\n'
        "  inner_product_param { num_output: 6 } }\n"
        f'layers {{ name: "cls" type: INNER_PRODUCT bottom: "feat" top: "cls" {rules}\n'
        "  inner_product_param { num_output: 5 } }\n"
        'layers { name: "loss" type: SOFTMAX_LOSS bottom: "cls" bottom: "label" top: "loss"\n'
        f"  {rules} }}\n",
        'net: "net.prototxt" train_state { stage: "deep" }\n',
    )
    inserted = "layers[latent_SSDH] INNER_PRODUCT feat -> latent_SSDH"
    assert inserted in ssdh("patch", "net.prototxt").out


def test_the_solver_chooses_among_variants(ssdh: Ssdh) -> None:
    """Two classifiers in two stages: the one that is trained."""
    rules = {name: f'include {{ stage: "{name}" }}' for name in ("a", "b")}
    variants = "".join(
        layer.replace("cls", f"cls_{name}").replace("loss", f"loss_{name}").replace(
            f'top: "cls_{name}"', f'top: "cls_{name}" {rule}'
        ).replace(f'top: "loss_{name}"', f'top: "loss_{name}" {rule}')
        for name, rule in rules.items()
        for layer in (HEAD, LOSS)
    )  # fmt: skip
    net = data("data") + TRUNK + variants
    write(net)
    assert "several classifiers have the same weight" in ssdh("patch", "net.prototxt", code=3).err
    for name in rules:
        write(net, f'net: "net.prototxt" train_state {{ stage: "{name}" }}\n')
        assert (
            f"'cls_{name}' -> 'cls_{name}_change'" in ssdh("patch", "net.prototxt", "--dry-run").out
        )
        table = ssdh("show", "net.prototxt", "--stage", name).out
        assert f"main head: 'feat' -> cls_{name} (5 classes) -> loss_{name}\n" in table


def test_without_a_solver_the_states_are_named(ssdh: Ssdh) -> None:
    write(ALL_IN_ONE)
    assert (
        "note: without a solver the net is read in each state of its rules: TRAIN with stage "
        "'train' or TRAIN with stage 'val'; --solver FILE selects those that are run"
    ) in ssdh("patch", "net.prototxt", "--dry-run").out


def test_a_solver_that_selects_no_data(ssdh: Ssdh) -> None:
    write(ALL_IN_ONE, 'net: "net.prototxt"\n')
    error = ssdh("patch", "net.prototxt", code=3).err
    assert "no classifier found in TRAIN:\n  SoftmaxWithLoss layer 'loss' reads a blob" in error
    assert "hint: there is one in TRAIN with stage 'train' or TRAIN with stage 'val'" in error
    assert (
        "hint: layer 'train-data' of line 1 writes it, but is not in TRAIN: see its include and "
        "exclude rules"
    ) in error


@pytest.mark.parametrize("phase", ["TRAIN", "TEST"])
def test_data_without_a_loss(ssdh: Ssdh, phase: str) -> None:
    """A net for the features alone: its last layer is no classifier."""
    write(data("data", f"include {{ phase: {phase} }}") + TRUNK + HEAD)
    assert ssdh("patch", "net.prototxt", code=3).err == (
        f"net.prototxt: no classifier found in {phase}: the net reads data, but has no loss and no "
        "accuracy, so nothing in it is trained\n"
        "hint: ssdh deploy NET --at BLOB hashes its features; --head LAYER names a classifier\n"
    )
    ssdh("deploy", "net.prototxt", code=3)
    deployed = ssdh("deploy", "net.prototxt", "--at", "cls", "--binary")
    assert "layer[latent_SSDH] InnerProduct cls -> latent_SSDH" in deployed.out
    assert "has no hash layer, so its trained weights have no 'latent_SSDH'" in deployed.err
    table = ssdh("show", "deploy_ssdh.prototxt", "--json").json
    assert table["blobs"]["data"] == [1, 3, 8, 8]
    assert [each["name"] for each in table["layers"]][:3] == ["data", "feat", "cls"]


def test_data_with_the_loss_of_a_fork(ssdh: Ssdh) -> None:
    """A layer of another type that has a loss_weight is a loss."""
    python = 'layer { name: "loss" type: "Python" bottom: "cls" top: "loss" loss_weight: 1 }\n'
    write(data("data") + TRUNK + HEAD + python)
    error = ssdh("patch", "net.prototxt", code=3).err
    assert "no classifier found: Python layer 'loss' has no label bottom\n" in error
    assert error.endswith("hint: --head cls\n")


def test_the_phase_of_a_net_without_rules(ssdh: Ssdh) -> None:
    write(data("data") + TRUNK + HEAD + judge("acc", "Accuracy", "cls"))
    patched = ssdh("patch", "net.prototxt", "--dry-run").out
    assert "no loss depends on 'cls' in TRAIN: the hash layer is not trained" in patched


def test_a_net_that_is_only_trained(ssdh: Ssdh) -> None:
    """Data in TRAIN alone: that TEST has none is no reason for anything."""
    triplet = judge("loss", "TripletLoss", "feat", "include { phase: TRAIN }").replace(
        'bottom: "label"', 'bottom: "feat" bottom: "feat"'
    )
    write(data("data", "include { phase: TRAIN }") + TRUNK + triplet)
    error = ssdh("patch", "net.prototxt", code=3).err
    assert "net.prototxt:7:15: no classifier found in TRAIN: TripletLoss layer 'loss' " in error
    assert "unknown-bottom" not in error


@pytest.mark.parametrize("name", STAGED)
@pytest.mark.parametrize("is_patched", [True, False], ids=["patched", "as it is"])
def test_deploy(ssdh: Ssdh, name: str, is_patched: bool) -> None:
    write(*STAGED[name])
    if is_patched:
        ssdh("patch", "net.prototxt")
    ssdh("deploy", *(() if is_patched else ("net.prototxt", "--head", "cls")))
    deploy = Net(parse(Path("deploy_ssdh.prototxt").read_bytes()))
    layers = ["data", *(["embed"] if "embed" in STAGED[name][0] else []), "feat"]
    for phase in ("TRAIN", "TEST"):
        present = [layer.name for layer in deploy.layers_in(phase)]
        assert present == [*layers, "latent_SSDH", "latent_SSDH_encode"]
    assert deploy.graph("TEST").findings == []
    assert deploy.layer("data").type == "Input"


def test_deploy_with_the_scores_of_the_stage(ssdh: Ssdh) -> None:
    write(*STAGED["stages"])
    ssdh("patch", "net.prototxt")
    ssdh("deploy", "--with-classifier", "--remove", "delete")
    deploy = Net(parse(Path("deploy_ssdh.prototxt").read_bytes()))
    assert [layer.name for layer in deploy.layers_in("TEST")][-2:] == ["cls_change", "prob"]
    assert not deploy.has_rules


def test_deploy_keeps_the_input_of_the_stage(ssdh: Ssdh) -> None:
    own = (
        'layer { name: "in" type: "Input" top: "data" include { stage: "deploy" }\n'
        "  input_param { shape { dim: 10 dim: 3 dim: 8 dim: 8 } } }\n"
    )
    write(own + ALL_IN_ONE, STAGED["stages"][1])
    ssdh("deploy", "net.prototxt")
    deploy = Net(parse(Path("deploy_ssdh.prototxt").read_bytes()))
    assert [layer.name for layer in deploy.layers_in("TEST")][:2] == ["in", "feat"]


def test_a_deploy_stage_that_scales_its_input(ssdh: Ssdh) -> None:
    """As in the LeNet of DIGITS: what data layers do in training, a layer does in use."""
    power = (
        'layer { name: "scale" type: "Power" bottom: "data" top: "scaled"\n'
        '  power_param { scale: 0.0125 } include { stage: "deploy" } }\n'
    )
    own_scale = "transform_param { scale: 0.0125 crop_size: 8 mean_value: [1, 2, 3] }"
    write(
        power
        + ALL_IN_ONE.replace('top: "data"', f'top: "scaled" {own_scale}')
        .replace('bottom: "data"', 'bottom: "scaled"'),
        STAGED["stages"][1],
    )  # fmt: skip
    ssdh("patch", "net.prototxt")
    record = tomllib.loads(Path("ssdh.toml").read_text())["nets"]["net"]
    assert (record["mean_value"], record.get("scale")) == ([1, 2, 3], None)
    assert "note: inputs: data 1 x 3 x 8 x 8" in ssdh("deploy").out
    deploy = Net(parse(Path("deploy_ssdh.prototxt").read_bytes()))
    assert [layer.name for layer in deploy.layers_in("TEST")][:3] == ["data", "scale", "feat"]
    assert not deploy.has_rules


def test_a_deploy_stage_with_other_data(ssdh: Ssdh) -> None:
    """What no data of the net stands for is left to the state that has data."""
    slices = (
        'layer { name: "slice" type: "Slice" bottom: "pair" top: "data" top: "rest"\n'
        '  include { stage: "deploy" } }\n'
    )
    write(slices + ALL_IN_ONE, STAGED["stages"][1])
    ssdh("deploy", "net.prototxt")
    deploy = Net(parse(Path("deploy_ssdh.prototxt").read_bytes()))
    assert [layer.name for layer in deploy.layers_in("TEST")][:2] == ["data", "feat"]


def test_show_names_the_states(ssdh: Ssdh) -> None:
    write(ALL_IN_ONE)
    assert (
        "note: its rules distinguish more states: --stage train, --stage val, --stage deploy\n"
    ) in ssdh("show", "net.prototxt").err
    shown = ssdh("show", "net.prototxt", "--stage", "val")
    assert shown.out.startswith(
        "unnamed net: 5 layers in TEST with stage 'val' (current dialect)\n"
    )
    assert "main head: 'feat' -> cls (5 classes) -> loss, acc\n" in shown.out
    assert "note:" not in shown.err
    train = ssdh("show", "net.prototxt", "--stage", "train").out
    assert "main head: 'feat' -> cls (5 classes) -> loss\n" in train
    write(DEEPER)
    assert "--phase TRAIN --stage deep" in ssdh("show", "net.prototxt").err


def test_a_drawing_of_a_stage(ssdh: Ssdh) -> None:
    write(DEEPER)
    ssdh("show", "net.prototxt", "--stage", "deep", "--dot", "deep.dot")
    assert '"loss' in Path("deep.dot").read_text()


def test_the_deploy_net_of_the_stage_is_not_another_net(ssdh: Ssdh) -> None:
    """A file for use that scales its input, as the stage `deploy` of the train net does."""
    power = 'layer { name: "scale" type: "Power" bottom: "data" top: "scaled" RULE }\n'
    scaled = ALL_IN_ONE.replace('top: "data"', 'top: "scaled"').replace(
        'bottom: "data"', 'bottom: "scaled"'
    )
    write(power.replace("RULE", 'include { stage: "deploy" }') + scaled, STAGED["stages"][1])
    inputs = 'input: "data" input_shape { dim: 1 dim: 3 dim: 8 dim: 8 }\n'
    trunk = (TRUNK + HEAD + judge("prob", "Softmax", "cls")).replace("data", "scaled")
    Path("deploy.prototxt").write_text(inputs + power.replace("RULE", "") + trunk)
    ssdh("patch", "net.prototxt")
    deployed = ssdh("deploy")
    assert deployed.out.startswith("deploy.prototxt (deploy net): wrote deploy_ssdh.prototxt\n")
    assert deployed.err == ""
