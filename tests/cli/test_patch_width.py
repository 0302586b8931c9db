"""`ssdh patch --bits N` on a net that has a hash layer: another width, under names that fit."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ssdh_surgery import open_net, parse
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.errors import SsdhError
from support import lenet
from support.command_line import Ssdh, snapshot

# As the authors' files are: a latent layer, a Sigmoid, the classifier, terms of their fork.
TRAIN = """\
name: "SSDH"
layer { name: "data" type: "Input" top: "data" top: "label"
  input_param { shape { dim: 2 dim: 3 } shape { dim: 2 } } }
layer {
  name: "fc7" type: "InnerProduct" bottom: "data" top: "fc7"
  inner_product_param { num_output: 5 weight_filler { type: "xavier" } }
}
layer {
  name: "latent"  # 48 in the paper
  type: "InnerProduct" bottom: "fc7" top: "latent"
  inner_product_param { num_output: 48 weight_filler { type: "gaussian" std: 0.01 } }
}
layer { name: "latent_encode" type: "Sigmoid" bottom: "latent" top: "latent_encode" }
layer { name: "loss_1" type: "K1_EuclideanLoss" bottom: "latent_encode" bottom: "latent_encode"
  propagate_down: 1 propagate_down: 0 top: "forcing" }
layer { name: "flat" type: "Reshape" bottom: "latent_encode" top: "flat"
  reshape_param { shape { dim: 0 dim: 1 dim: 1 dim: -1 } } }
layer { name: "avg" type: "Pooling" bottom: "flat" top: "avg"
  pooling_param { pool: AVE kernel_h: 1 kernel_w: 48 } }
layer { name: "loss_2" type: "K2_EuclideanLoss" bottom: "avg" bottom: "avg"
  propagate_down: 1 propagate_down: 0 top: "fire" }
layer { name: "drop" type: "Dropout" bottom: "latent_encode" top: "dropped" }
layer { name: "side" type: "InnerProduct" bottom: "dropped" top: "side_scores"
  inner_product_param { num_output: 3 weight_filler { type: "xavier" } } }
layer { name: "upon" type: "InnerProduct" bottom: "side_scores" top: "upon"
  inner_product_param { num_output: 2 weight_filler { type: "xavier" } } }
layer { name: "quiet" type: "Silence" bottom: "upon" }
# the classes of CIFAR-10
layer {
  name: "fc9" type: "InnerProduct" bottom: "latent_encode" top: "fc9"
  inner_product_param { num_output: 10 weight_filler { type: "gaussian" std: 0.2 } }
}
layer { name: "accuracy" type: "Accuracy" bottom: "fc9" bottom: "label" top: "accuracy"
  include { phase: TEST } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "fc9" bottom: "label" top: "loss" }
"""
DEPLOY = """\
input: "data"
input_shape { dim: 2 dim: 3 }
layer { name: "fc7" type: "InnerProduct" bottom: "data" top: "fc7"
  inner_product_param { num_output: 5 } }
layer { name: "latent" type: "InnerProduct" bottom: "fc7" top: "latent"
  inner_product_param { num_output: 48 } }
layer { name: "latent_encode" type: "Sigmoid" bottom: "latent" top: "latent_encode" }
layer { name: "fc9" type: "InnerProduct" bottom: "latent_encode" top: "fc9"
  inner_product_param { num_output: 10 } }
layer { name: "prob" type: "Softmax" bottom: "fc9" top: "prob" }
"""


@pytest.fixture
def here(ssdh: Ssdh) -> Path:
    lenet.write(Path.cwd(), train=TRAIN, deploy=DEPLOY)
    return Path.cwd()


def wider(text: str) -> str:
    """The net of 24 bits, by hand."""
    for name in ("latent", "fc9"):
        text = text.replace(f'"{name}"', f'"{name}_change"')
    text = text.replace('name: "side"', 'name: "side_change"')
    return text.replace("num_output: 48", "num_output: 24").replace("kernel_w: 48", "kernel_w: 24")


def test_everything_that_has_the_width_follows(ssdh: Ssdh, here: Path) -> None:
    ran = ssdh("patch", "train_val.prototxt", "--bits", "24")
    assert (here / "train_val_ssdh.prototxt").read_text() == wider(TRAIN)
    assert (here / "train_val.prototxt").read_text() == TRAIN
    for word in ("'latent' is now 'latent_change'", "'side' is now 'side_change'",
                 "'fc9' is now 'fc9_change'", "48 bits"):  # fmt: skip
        assert word in ran.out
    assert "'upon'" not in ran.out


def test_the_solver_follows_by_its_paths_alone(ssdh: Ssdh, here: Path) -> None:
    ssdh("patch", "train_val.prototxt", "--bits", "24")
    expected = lenet.SOLVER.replace("train_val.", "train_val_ssdh.")
    expected = expected.replace('"lenet"', '"lenet_ssdh"')
    assert (here / "solver_ssdh.prototxt").read_text() == expected


def test_a_set_of_the_users_own_wins(ssdh: Ssdh, here: Path) -> None:
    words = ("--set", "snapshot_prefix=mine", "--set", "base_lr=0.5")
    ssdh("patch", "train_val.prototxt", "--bits", "24", *words)
    text = (here / "solver_ssdh.prototxt").read_text()
    assert 'snapshot_prefix: "mine"' in text
    assert "base_lr: 0.5" in text


def test_the_old_weights_load(ssdh: Ssdh, here: Path) -> None:
    """What fits is copied, what does not has another name; under the old ones it is fatal."""
    old = open_net(here / "train_val.prototxt", phase="TRAIN", engine="torch")
    old.save(str(here / "old.caffemodel"))
    ssdh("patch", "train_val.prototxt", "--bits", "24")
    new = open_net(here / "train_val_ssdh.prototxt", phase="TRAIN", engine="torch")
    new.copy_from(str(here / "old.caffemodel"))
    for name in ("fc7", "upon"):
        assert np.array_equal(new.params[name][0].data, old.params[name][0].data)
    assert new.params["latent_change"][0].data.shape == (24, 5)
    assert np.isfinite(new.forward()["loss"])
    same_names = re.sub(r"_change", "", (here / "train_val_ssdh.prototxt").read_text())
    (here / "same_names.prototxt").write_text(same_names)
    with pytest.raises(SsdhError):
        open_net(
            here / "same_names.prototxt", here / "old.caffemodel", phase="TRAIN", engine="torch"
        )


def test_the_same_width_is_nothing_to_do(ssdh: Ssdh, here: Path) -> None:
    ssdh("patch", "train_val.prototxt", "--bits", "48", "--check")
    ran = ssdh("patch", "train_val.prototxt", "--bits", "48")
    assert "nothing to do" in ran.out
    assert not (here / "train_val_ssdh.prototxt").exists()
    assert not (here / "solver_ssdh.prototxt").exists()


def test_without_bits_they_are_offered(ssdh: Ssdh, here: Path) -> None:
    assert (
        "the net already has a hash layer: 'latent' -> 'latent_encode', 48 bits; --bits N changes "
        "its width\n"
    ) in ssdh("patch", "train_val.prototxt").out


def test_a_second_run(ssdh: Ssdh, here: Path) -> None:
    ssdh("patch", "train_val.prototxt", "--bits", "24")
    before = snapshot(here)
    for name in ("train_val.prototxt", "train_val_ssdh.prototxt", "solver_ssdh.prototxt"):
        ssdh("patch", name, "--bits", "24", "--check")
        ssdh("patch", name, "--bits", "24")
    assert snapshot(here) == before


def test_back_again_has_names_of_its_own(ssdh: Ssdh, here: Path) -> None:
    """48, 24 and 48 bits again: no weights of one fit the other, whatever their names."""
    ssdh("patch", "train_val.prototxt", "--bits", "24")
    ssdh("patch", "train_val_ssdh.prototxt", "--bits", "48", "--in-place")
    names = {layer.name for layer in net("train_val_ssdh").layers}
    assert not names & {"latent", "latent_change", "fc9", "fc9_change", "side", "side_change"}


def net(stem: str) -> Net:
    return Net(parse(Path(f"{stem}.prototxt").read_bytes()))


def table() -> dict[str, Any]:
    tables: dict[str, Any] = tomllib.loads(Path("ssdh.toml").read_text())["nets"]
    return tables["train_val"]  # type: ignore[no-any-return]


def test_names_that_are_given_are_taken(ssdh: Ssdh, here: Path) -> None:
    words = ("--latent-name", "latent", "--classifier-name", "scores")
    ssdh("patch", "train_val.prototxt", "--bits", "24", *words)
    names = [layer.name for layer in net("train_val_ssdh").layers]
    assert "latent" in names
    assert "scores" in names
    assert "side_change" in names
    assert table()["classifier"] == "scores"


def test_other_classes_too(ssdh: Ssdh, here: Path) -> None:
    """The classifier gets one new name for both reasons."""
    ssdh("patch", "train_val.prototxt", "--bits", "24", "--classes", "7")
    text = wider(TRAIN).replace("num_output: 10 ", "num_output: 7 ")
    assert (here / "train_val_ssdh.prototxt").read_text() == text


@pytest.mark.parametrize(
    ("words", "name"), [((), "fc9_change"), (("--classifier-name", "mine"), "mine")]
)
def test_only_names_that_the_classifier_keeps_are_told(
    ssdh: Ssdh, here: Path, words: tuple[str, ...], name: str
) -> None:
    told = ssdh("patch", "train_val.prototxt", "--classes", "7", *words).out
    assert ("'fc9' is now 'fc9_change'" in told) is not bool(words)
    assert f"~ layer[fc9].name: 'fc9' -> '{name}'" in told


def test_a_sigmoid_in_place_keeps_the_codes_name(ssdh: Ssdh, here: Path) -> None:
    text = TRAIN.replace('"latent_encode" type', '"encode" type')
    text = text.replace('"latent_encode"', '"latent"')
    (here / "train_val.prototxt").write_text(text)
    ssdh("patch", "train_val.prototxt", "--bits", "24")
    after = (here / "train_val_ssdh.prototxt").read_text()
    assert 'name: "latent_change"' in after
    assert '"latent_change"' not in after.replace('name: "latent_change"', "")
    assert table()["code"] == "latent"
    assert table()["latent"] == "latent_change"


def test_shared_latent_weights_are_told(ssdh: Ssdh, here: Path) -> None:
    shared = 'param { name: "w" } inner_product_param { num_output: 48'
    text = TRAIN.replace("inner_product_param { num_output: 48", shared)
    twin = 'layer { name: "twin" type: "InnerProduct" bottom: "fc7" top: "twin"\n  '
    twin += f'{shared} }} }}\nlayer {{ name: "hush" type: "Silence" bottom: "twin" }}\n'
    (here / "train_val.prototxt").write_text(text + twin)
    before = snapshot(here)
    ran = ssdh("patch", "train_val.prototxt", "--bits", "24", code=3)
    assert "the latent layer 'latent' shares its weights with 'twin'" in ran.err
    assert snapshot(here) == before


def test_test_nets_get_the_same_names(ssdh: Ssdh, here: Path) -> None:
    """A layer that only the train net has takes a name there; the test net must not differ."""
    extra = 'layer { name: "fc9_change" type: "Silence" bottom: "upon" }\n'
    (here / "train.prototxt").write_text(TRAIN + extra)
    (here / "test.prototxt").write_text(TRAIN)
    (here / "train_val.prototxt").unlink()
    nets = 'train_net: "train.prototxt"\ntest_net: "test.prototxt"'
    solver = lenet.SOLVER.replace('net: "train_val.prototxt"', nets)
    (here / "solver.prototxt").write_text(solver)
    ssdh("patch", "train.prototxt", "--bits", "24")
    for stem in ("train_ssdh", "test_ssdh"):
        named = {layer.name for layer in net(stem).layers}
        assert {"latent_change", "fc9_change_2", "side_change"} <= named


def test_the_workspace_and_the_deploy_net_follow(ssdh: Ssdh, here: Path) -> None:
    ssdh("patch", "train_val.prototxt", "--bits", "24")
    known = table()
    assert (known["bits"], known["latent"], known["code"]) == (24, "latent_change", "latent_encode")
    assert (known["classifier"], known["train"]) == ("fc9_change", "train_val_ssdh.prototxt")
    assert (known["solver"], known["snapshot_prefix"]) == ("solver_ssdh.prototxt", "lenet_ssdh")
    ssdh("deploy")
    assert (here / "deploy_ssdh.prototxt").read_text() == wider(DEPLOY)
    before = snapshot(here)
    ssdh("deploy", "--check")
    ssdh("deploy")
    assert snapshot(here) == before


def test_a_deploy_net_with_a_hash_layer_is_recognised(ssdh: Ssdh, here: Path) -> None:
    """By itself, without a train net: it has codes, and gets no second hash layer."""
    ran = ssdh("deploy", "deploy.prototxt", "--check")
    assert "nothing to do" in ran.out
    ssdh("deploy", "deploy.prototxt", "--binary")
    text = (here / "deploy_ssdh.prototxt").read_text()
    assert text.count("Sigmoid") == 1
    assert 'bottom: "latent_encode" top: "latent_encode_binary"' in re.sub(r"\s+", " ", text)


def test_a_deploy_net_that_ends_in_its_code(ssdh: Ssdh, here: Path) -> None:
    """As the authors' are: without a workspace it could as well end in probabilities."""
    text = DEPLOY[: DEPLOY.index('layer { name: "fc9"')]
    (here / "deploy.prototxt").write_text(text)
    ran = ssdh("deploy", "deploy.prototxt", "--dry-run")
    assert "if 'latent_encode' is already a code: --code-name latent_encode\n" in ran.out
    ssdh("deploy", "deploy.prototxt", "--code-name", "latent_encode", "--check")
    ssdh("patch", "train_val.prototxt", "--bits", "24")
    ssdh("deploy")
    assert (here / "deploy_ssdh.prototxt").read_text() == wider(text)


def test_what_was_recorded_before_follows(ssdh: Ssdh, here: Path) -> None:
    """First looked at, then made narrower: the workspace has the new files."""
    ssdh("patch", "train_val.prototxt")
    ssdh("patch", "train_val.prototxt", "--bits", "24")
    assert table()["train"] == "train_val_ssdh.prototxt"
    assert table()["solver"] == "solver_ssdh.prototxt"
    assert table()["bits"] == 24


def test_our_own_net_in_place(ssdh: Ssdh, here: Path) -> None:
    lenet.write(here)
    ssdh("patch", "train_val.prototxt")
    ran = ssdh("patch", "train_val_ssdh.prototxt", "--bits", "64", "--in-place", "--json")
    found = {each["path"]: each["after"] for each in ran.json["files"][0]["changes"]}
    assert found == {
        "layer[latent_SSDH].inner_product_param.num_output": 64,
        "layer[latent_SSDH].name": "latent_SSDH_change",
        "layer[latent_SSDH].top[0]": "latent_SSDH_change",
        "layer[latent_SSDH_encode].bottom[0]": "latent_SSDH_change",
        "layer[ip2_change].name": "ip2_change_2",
        "layer[ip2_change].top[0]": "ip2_change_2",
        "layer[accuracy].bottom[0]": "ip2_change_2",
        "layer[loss].bottom[0]": "ip2_change_2",
    }
    assert ran.json["files"][1]["changes"] == []
    ssdh("deploy")
    assert "num_output: 64" in (here / "deploy_ssdh.prototxt").read_text()
    assert 'name: "latent_SSDH_change"' in (here / "deploy_ssdh.prototxt").read_text()
