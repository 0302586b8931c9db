"""Layers of types that are not Caffe's: as classifiers, and as sources of labels."""

from __future__ import annotations

from pathlib import Path

import pytest

from ssdh_surgery import parse
from ssdh_surgery.caffe.net.net import Net
from support.command_line import Ssdh

DATA = """\
layer { name: "data" type: "DummyData" top: "data" top: "label"
  dummy_data_param { shape { dim: [4, 3, 8, 8] } shape { dim: 4 } } }
"""
LOSS = """\
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "cls" bottom: "label" top: "loss" }
"""


def ip(name: str, bottom: str, outputs: int = 5) -> str:
    return (
        f'layer {{ name: "{name}" type: "InnerProduct" bottom: "{bottom}" top: "{name}"\n'
        f'  inner_product_param {{ num_output: {outputs} weight_filler {{ type: "xavier" }} }} }}\n'
    )


# As in SphereFace: the margin needs the label.
MARGIN = """\
layer { name: "cls" type: "AngleInnerProduct" bottom: "embed" bottom: "label"
  top: "cls" top: "lambda" angle_inner_product_param { num_output: 5 } }
"""
BINARY = """\
layer { name: "cls" type: "BinaryInnerProduct" bottom: "embed" top: "cls"
  param { lr_mult: 1 } inner_product_param { num_output: 5 } }
"""
HASHED = ("embed", "latent_SSDH", "latent_SSDH_encode")


def write(*parts: str) -> None:
    Path("net.prototxt").write_text("".join((DATA, *parts)))


def written() -> Net:
    return Net(parse(Path("net_ssdh.prototxt").read_bytes(), "net_ssdh.prototxt"))


@pytest.mark.parametrize("classifier", [MARGIN, BINARY], ids=["reads-the-label", "features-alone"])
def test_a_classifier_of_a_fork_is_named_in_the_hint(ssdh: Ssdh, classifier: str) -> None:
    write(ip("embed", "data"), classifier, LOSS)
    kind = "AngleInnerProduct" if classifier is MARGIN else "BinaryInnerProduct"
    error = ssdh("patch", "net.prototxt", code=3).err
    assert (
        f"no classifier found: SoftmaxWithLoss layer 'loss' judges 'cls', and layer 'cls' is of "
        f"type {kind}, which is not one of Caffe's: it may be the classifier\n"
    ) in error
    assert error.endswith("hint: --head cls\n")


@pytest.mark.parametrize("words", [("--head", "cls"), ("--at", "embed")])
@pytest.mark.parametrize("classifier", [MARGIN, BINARY], ids=["reads-the-label", "features-alone"])
def test_a_classifier_of_a_fork_reads_the_code(
    ssdh: Ssdh, classifier: str, words: tuple[str, ...]
) -> None:
    write(ip("embed", "data"), classifier, LOSS)
    ssdh("patch", "net.prototxt", "--bits", "8", *words)
    net = written()
    assert net.layer("latent_SSDH").bottoms == ("embed",)
    assert net.layer("cls_change").bottoms[0] == HASHED[-1]
    assert net.layer("cls_change").tops[0] == net.layer("loss").bottoms[0] == "cls_change"
    assert "nothing to do" in ssdh("patch", "net_ssdh.prototxt").out
    ssdh("deploy")
    deploy = Net(parse(Path("deploy_ssdh.prototxt").read_bytes()))
    assert [layer.name for layer in deploy.layers][1:] == list(HASHED)


def test_the_rates_of_a_classifier_of_a_fork(ssdh: Ssdh) -> None:
    write(ip("embed", "data"), BINARY, LOSS)
    out = ssdh("patch", "net.prototxt", "--head", "cls", "--classes", "7").out
    assert "of its learning rates only the stated ones are multiplied" in out
    cls = written().layer("cls_change")
    assert [param.lr_mult for param in cls.params] == [10]
    message = cls.core.message("inner_product_param")
    assert message is not None
    assert message.string("num_output") == "7"
    write(ip("embed", "data"), MARGIN, LOSS)
    error = ssdh("patch", "net.prototxt", "--head", "cls", "--classes", "7", code=3).err
    assert "the num_output of 'cls' cannot be set" in error


PROPOSALS = """\
layer { name: "propose" type: "Python" bottom: "rpn" bottom: "label" top: "rois" top: "labels"
  top: "targets" python_param { module: "rpn" layer: "Proposals" } }
layer { name: "pool" type: "ROIPooling" bottom: "data" bottom: "rois" top: "pool"
  roi_pooling_param { pooled_w: 2 pooled_h: 2 } }
"""


def judge(kind: str, prediction: str, label: str) -> str:
    return (
        f'layer {{ name: "{prediction}_loss" type: "{kind}" bottom: "{prediction}" '
        f'bottom: "{label}" top: "{prediction}_loss" }}\n'
    )


def test_the_candidates_of_a_detector(ssdh: Ssdh) -> None:
    heads = [ip("score", "fc7"), ip("box", "fc7", 20)]
    losses = [judge("SmoothL1Loss", "box", "targets"), judge("SoftmaxWithLoss", "score", "labels")]
    write(ip("rpn", "data"), PROPOSALS, ip("fc7", "pool"), *heads, *losses)
    error = ssdh("patch", "net.prototxt", code=3).err
    assert (
        "  SoftmaxWithLoss layer 'score_loss' compares 'score' with 'labels', which comes out of "
        "Python layer 'propose', which reads learned blobs as well\n"
    ) in error
    assert error.endswith("hint: choose the classifier: --head score or --head box\n")
    ssdh("patch", "net.prototxt", "--head", "score")
    assert written().layer("latent_SSDH").bottoms == ("fc7",)


def test_what_classifies_positions_is_no_candidate(ssdh: Ssdh) -> None:
    conv = """\
layer { name: "conf" type: "Convolution" bottom: "data" top: "conf"
  convolution_param { num_output: 4 kernel_size: 3 } }
layer { name: "all" type: "Concat" bottom: "conf" bottom: "conf" top: "all" }
"""
    write(conv, judge("MultiBoxLoss", "all", "label"))
    error = ssdh("patch", "net.prototxt", code=3).err
    assert "MultiBoxLoss layer 'all_loss' judges 'all', and Concat layer 'all' is not a" in error
    assert error.endswith(
        "hint: --head LAYER, if a layer of the net classifies whole images; "
        "ssdh show net.prototxt lists the layers\n"
    )
    ssdh("show", "net.prototxt")


def test_a_classifier_of_a_fork_is_chosen_by_its_blob(ssdh: Ssdh) -> None:
    write(ip("embed", "data"), MARGIN.replace('name: "cls"', 'name: "angle"'), LOSS)
    ssdh("patch", "net.prototxt", "--head", "cls")
    assert written().layer("angle_change").bottoms[0] == HASHED[-1]


@pytest.mark.parametrize("name", ["sum", "cls_loss"])
def test_a_name_that_is_no_classifier(ssdh: Ssdh, name: str) -> None:
    total = 'layer { name: "sum" type: "Eltwise" bottom: "a" bottom: "b" top: "cls" }\n'
    write(ip("a", "data"), ip("b", "data"), total, judge("SoftmaxWithLoss", "cls", "label"))
    error = ssdh("patch", "net.prototxt", "--head", name, code=3).err
    assert f"'{name}' belongs to no classifier" in error
    assert error.endswith("hint: choose the classifier: --head a or --head b\n")
