"""Classes, auxiliary heads, the objective and convolutional nets from the command line."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from ssdh_surgery import parse
from ssdh_surgery.caffe.net.heads import heads
from ssdh_surgery.caffe.net.net import Net
from support.command_line import Ssdh


def written(path: Path) -> Net:
    return Net(parse(path.read_bytes(), path.name))


def test_all_of_it_on_googlenet(ssdh: Ssdh, tmp_path: Path) -> None:
    ssdh("zoo", "write", "googlenet")
    words = ("--classes", "20", "--aux", "retarget", "--objective", "ssdh", "--bits", "48")
    said = ssdh("patch", "train_val.prototxt", *words).out
    assert (
        "note: 'loss3/classifier' now has 20 classes (before: 1000): it starts from its filler\n"
        in said
    )
    net = written(tmp_path / "train_val_ssdh.prototxt")
    assert [(head.classifier.name, head.classes) for head in heads(net)] == [
        ("loss1/classifier_change", 20),
        ("loss2/classifier_change", 20),
        ("loss3/classifier_change", 20),
    ]
    assert net.layer("forcing_binary").loss_weights == (-0.5,)
    table = tomllib.loads((tmp_path / "ssdh.toml").read_text())["nets"]["train_val"]
    assert (table["classes"], table["objective"]) == (20, "ssdh")
    assert table["options"] == {"aux": "retarget", "classes": 20, "objective": "ssdh"}
    again = ssdh("patch", "train_val_ssdh.prototxt", *words).out
    assert "train_val_ssdh.prototxt (train net): nothing to do\n" in again


def test_dropping_goes_with_another_place(ssdh: Ssdh, tmp_path: Path) -> None:
    ssdh("zoo", "write", "googlenet")
    ssdh(
        *("patch", "train_val.prototxt", "--aux", "drop", "--remove", "delete"),
        *("--at", "inception_4a/output", "--solver", "none"),
    )
    net = written(tmp_path / "train_val_ssdh.prototxt")
    assert len(heads(net)) == 1
    assert not any(layer.name.startswith(("inception_4b", "loss1")) for layer in net.layers)
    assert {blob.name for blob in net.graph("TEST").outputs} == {
        "loss3/loss3",
        "loss3/top-1",
        "loss3/top-5",
    }


def test_the_objective_on_a_net_that_was_patched(ssdh: Ssdh, tmp_path: Path) -> None:
    ssdh("zoo", "write", "lenet")
    ssdh("patch", "train_val.prototxt")
    words = ("--objective", "ssdh", "--objective-layers", "fork", "--objective-phase", "train")
    ssdh("patch", "train_val_ssdh.prototxt", *words, "--in-place")
    net = written(tmp_path / "train_val_ssdh.prototxt")
    assert net.phase_of(net.layer("fire_rate")) == "TRAIN"
    assert net.layer("fire_rate").type == "K2_EuclideanLoss"
    table = tomllib.loads((tmp_path / "ssdh.toml").read_text())["nets"]["train_val"]
    assert table["objective"] == "ssdh"


@pytest.mark.parametrize("kind", ["stock", "fork"])
def test_terms_that_are_there_are_named(ssdh: Ssdh, kind: str, tmp_path: Path) -> None:
    ssdh("zoo", "write", "lenet")
    words = ("--objective", "ssdh", "--objective-layers", kind)
    ssdh("patch", "train_val.prototxt", *words)
    for asked in ("ssdh", "sigmoid"):
        words = ("patch", "train_val_ssdh.prototxt", "--objective", asked)
        ran = ssdh(*words)
        assert "'forcing_binary' and 'fire_rate': they are unchanged" in ran.out


def test_the_objective_on_our_own_file_says_how(ssdh: Ssdh, tmp_path: Path) -> None:
    """The result would be the very file that was named."""
    ssdh("zoo", "write", "lenet")
    ssdh("patch", "train_val.prototxt")
    words = ("patch", "train_val_ssdh.prototxt", "--objective", "ssdh")
    ran = ssdh(*words, code=3)
    assert "hint: --in-place changes it" in ran.err
    ssdh(*words, "--in-place")
    assert written(tmp_path / "train_val_ssdh.prototxt").layer("fire_rate").loss_weights == (0.5,)


def test_other_classes_on_a_net_that_was_patched(ssdh: Ssdh, tmp_path: Path) -> None:
    ssdh("zoo", "write", "lenet")
    ssdh("patch", "train_val.prototxt")
    (old,) = heads(written(tmp_path / "train_val_ssdh.prototxt"))
    ssdh("patch", "train_val_ssdh.prototxt", "--classes", "7", "--in-place")
    (new,) = heads(written(tmp_path / "train_val_ssdh.prototxt"))
    assert (new.classes, new.classifier.name) == (7, f"{old.classifier.name}_2")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (
            ("--classes", "1001"),
            3,
            "the auxiliary classifier 'loss1/classifier' has 1000 outputs, too few for 1001",
        ),
        (("--aux", "retarget"), 2, "--aux retarget needs --classes"),
        (("--weight-fire", "2"), 2, "--weight-fire needs --objective ssdh"),
    ],
)
def test_refused(ssdh: Ssdh, words: tuple[str, ...], code: int, said: str, tmp_path: Path) -> None:
    ran = ssdh("patch", "zoo:googlenet", *words, code=code)
    assert said in ran.err
    assert not list(tmp_path.iterdir())


def test_inside_a_solver(ssdh: Ssdh, tmp_path: Path) -> None:
    ssdh("zoo", "write", "squeezenet-1.1")
    solver = (tmp_path / "solver.prototxt").read_text()
    net = (tmp_path / "train_val.prototxt").read_text()
    rest = "\n".join(row for row in solver.splitlines() if not row.startswith("net:"))
    (tmp_path / "one.prototxt").write_text(f"{rest}\nnet_param {{\n{net}}}\n")
    ssdh("patch", "one.prototxt", "--objective", "ssdh", "--classes", "9")
    document = parse((tmp_path / "one_ssdh.prototxt").read_bytes())
    inner = Net(document, document.root.message("net_param"))
    (head,) = heads(inner)
    assert (head.classifier.name, head.classes) == ("conv10_change", 9)
    assert inner.layer("fire_rate").loss_weights == (0.5,)


def test_squeezenets_deploy_net_follows(ssdh: Ssdh, tmp_path: Path) -> None:
    ssdh("zoo", "write", "squeezenet-1.1")
    ssdh("patch", "train_val.prototxt", "--bits", "48")
    ran = ssdh("deploy")
    assert "warning" not in ran.err
    train = written(tmp_path / "train_val_ssdh.prototxt")
    deploy = written(tmp_path / "deploy_ssdh.prototxt")
    for net in (train, deploy):
        assert net.layer("latent_SSDH").bottoms == ("pool10",)
        assert net.layer("pool10").bottoms == ("fire9/concat",)


_LABELLED = """layer { name: "data" type: "HDF5Data" top: "data" top: "label" \
hdf5_data_param { source: "list" batch_size: 2 } }
layer { name: "fc" type: "InnerProduct" bottom: "data" top: "fc" \
inner_product_param { num_output: 5 } }
"""
_SEVERAL = """layer { name: "loss" type: "SoftmaxWithLoss" bottom: "fc" bottom: "label" \
top: "loss" }
layer { name: "hinge" type: "HingeLoss" bottom: "fc" bottom: "label" top: "hinge" }
layer { name: "prob" type: "Softmax" bottom: "fc" top: "prob" }
layer { name: "seen" type: "Accuracy" bottom: "prob" bottom: "label" top: "seen" }
"""
_MULTI_LABEL = """layer { name: "loss" type: "SigmoidCrossEntropyLoss" bottom: "fc" \
bottom: "label" top: "loss" }
"""


@pytest.mark.parametrize("judges", [_SEVERAL, _MULTI_LABEL], ids=["several", "multi-label"])
def test_all_losses_of_a_classifier_follow_it(ssdh: Ssdh, judges: str, tmp_path: Path) -> None:
    (tmp_path / "n.prototxt").write_text(_LABELLED + judges)
    words = ("--objective", "ssdh", "--weight-class", "2", "--solver", "none")
    ssdh("patch", "n.prototxt", *words)
    net = written(tmp_path / "n_ssdh.prototxt")
    names = [layer.name for layer in net.layers]
    assert names[-judges.count("layer {") - 1] == "fc_change"
    for layer in net.layers[-judges.count("layer {") :]:
        assert "fc" not in layer.bottoms
        assert layer.bottoms[0] in ("fc_change", "prob")
        assert not layer.is_loss or layer.loss_weights == (2,)


def test_explain_tells_of_a_deploy_net_too(ssdh: Ssdh, tmp_path: Path) -> None:
    ran = ssdh("patch", "zoo:lenet/deploy", "--explain", "--dry-run")
    lines = ran.err.splitlines()
    assert lines[0] == "zoo:lenet/deploy: from data to the classifier, in TEST"
    assert "  features: 'ip1', 64x500: 500 values per image" in lines


def test_explain_tells_before_it_does(ssdh: Ssdh, tmp_path: Path) -> None:
    ran = ssdh("patch", "zoo:lenet", "--explain", "--dry-run")
    assert ran.err.startswith("zoo:lenet: from data to the loss, in TRAIN\n")
    assert "  chosen because: the only one\n" in ran.err


@pytest.mark.parametrize("words", [("--objective", "sigmoid"), ("--preset", "cvprw15")])
def test_another_objective_takes_its_details_along(
    ssdh: Ssdh, tmp_path: Path, words: tuple[str, ...]
) -> None:
    ssdh("zoo", "write", "lenet")
    ssdh("patch", "train_val.prototxt", "--objective", "ssdh", "--weight-class", "2")
    ssdh("patch", "train_val.prototxt", *words, "--force")
    net = written(tmp_path / "train_val_ssdh.prototxt")
    assert not any(layer.name == "fire_rate" for layer in net.layers)
    options = tomllib.loads((tmp_path / "ssdh.toml").read_text())["nets"]["train_val"]["options"]
    assert (options["objective"], options.get("weight_class")) == ("sigmoid", None)
