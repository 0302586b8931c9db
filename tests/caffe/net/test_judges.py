"""Judges without a classifier: the reason, and the layers that may be the classifier."""

from __future__ import annotations

import pytest

from ssdh_surgery import parse
from ssdh_surgery.caffe.net.heads import candidate_heads, find_head, heads
from ssdh_surgery.caffe.net.judges import judges_without_classifier
from ssdh_surgery.caffe.net.net import Net

DATA = 'layer { name: "data" type: "Data" top: "data" top: "label" }\n'


def ip(name: str, bottom: str) -> str:
    return layer(name, "InnerProduct", bottom, name, "inner_product_param { num_output: 10 }")


def layer(name: str, kind: str, bottoms: str, tops: str = "", more: str = "") -> str:
    links = [f'bottom: "{blob}"' for blob in bottoms.split()]
    links += [f'top: "{blob}"' for blob in tops.split()]
    return f'layer {{ name: "{name}" type: "{kind}" {" ".join(links)} {more} }}\n'


def net(*parts: str) -> Net:
    return Net(parse("".join(parts).encode(), "n.prototxt"))


FUSED = [DATA, ip("a", "data"), ip("b", "data"), layer("sum", "Eltwise", "a b", "sum")]
ANGLE = "angle_inner_product_param { num_output: 5 }"
# As in Faster R-CNN: a layer in Python proposes regions by learned scores, and labels them.
PROPOSALS = [
    DATA,
    ip("rpn", "data"),
    layer("propose", "Python", "rpn label", "rois labels targets"),
    layer("pool", "ROIPooling", "data rois", "pool"),
    ip("fc7", "pool"),
    ip("score", "fc7"),
    ip("box", "fc7"),
]


@pytest.mark.parametrize(
    ("parts", "reason", "candidates"),
    [
        pytest.param(
            [*FUSED, layer("loss", "SoftmaxWithLoss", "sum label", "l")],
            "judges 'sum', and Eltwise layer 'sum' is not a classifier",
            ["a", "b"],
            id="sum-of-two",
        ),
        pytest.param(
            [DATA, ip("a", "data"), layer("loss", "EuclideanLoss", "a data", "l")],
            "compares data with a blob computed from the same data",
            [],
            id="autoencoder",
        ),
        pytest.param(
            [*FUSED, layer("loss", "EuclideanLoss", "a b", "l")],
            "compares 'a' with 'b', which is learned, too",
            [],
            id="two-branches",
        ),
        pytest.param(
            [*FUSED, layer("loss", "TripletLoss", "a b label", "l")],
            "reads several learned blobs, 'a' and 'b': it judges no classifier alone",
            [],
            id="a-fork-loss-on-two-branches",
        ),
        pytest.param(
            [DATA, ip("a", "data"), layer("loss", "SoftmaxWithLoss", "a", "l")],
            "has no label bottom",
            ["a"],
            id="no-label",
        ),
        pytest.param(
            [ip("a", "nothing"), DATA, layer("loss", "SoftmaxWithLoss", "a label", "l")],
            "reads a blob that does not depend on data",
            [],
            id="no-data",
        ),
        pytest.param(
            [
                DATA,
                ip("f", "data"),
                layer("cls", "AngleInnerProduct", "f label", "cls lambda", ANGLE),
                layer("loss", "SoftmaxWithLoss", "cls label", "l"),
            ],
            "judges 'cls', and layer 'cls' is of type AngleInnerProduct, which is not one of "
            "Caffe's: it may be the classifier",
            ["cls"],
            id="a-fork-type-that-reads-the-label",
        ),
        pytest.param(
            [
                DATA,
                ip("f", "data"),
                ip("cls", "f"),
                layer("margin", "LabelSpecificAdd", "cls label", "margin"),
                layer("loss", "SoftmaxWithLoss", "margin label", "l"),
            ],
            "judges 'margin', and LabelSpecificAdd layer 'margin' is not a classifier",
            ["cls"],
            id="a-margin-on-scores",
        ),
        pytest.param(
            [
                DATA,
                layer("both", "Concat", "data label", "both"),
                ip("cls", "both"),
                layer("loss", "SoftmaxWithLoss", "cls label", "l"),
            ],
            "judges 'cls', which depends on 'label', too",
            ["cls"],
            id="a-label-among-the-features",
        ),
        pytest.param(
            [*PROPOSALS, layer("loss", "SoftmaxWithLoss", "score labels", "l")],
            "compares 'score' with 'labels', which comes out of Python layer 'propose', which "
            "reads learned blobs as well",
            ["score"],
            id="labels-of-proposals",
        ),
    ],
)
def test_a_loss_without_classifier(parts: list[str], reason: str, candidates: list[str]) -> None:
    of = net(*parts)
    assert heads(of) == ()
    (verdict,) = judges_without_classifier(of)
    assert (verdict.judge.name, verdict.reason) == ("loss", reason)
    assert [head.classifier.name for head in candidate_heads(of)] == candidates


def test_what_classifies_comes_before_what_predicts_numbers() -> None:
    of = net(
        *PROPOSALS,
        layer("box_loss", "SmoothL1Loss", "box targets", "b"),
        layer("loss", "SoftmaxWithLoss", "score labels", "l"),
    )
    assert [head.classifier.name for head in candidate_heads(of)] == ["score", "box"]


def test_a_layer_of_a_fork_is_a_classifier_where_it_is_named() -> None:
    of = net(DATA, ip("f", "data"), layer("cls", "Angle", "f label", "cls", ANGLE))
    head = find_head(of, "cls")
    assert head is not None
    assert (head.features, head.classes) == ("f", 5)
    assert find_head(of, "data") is None
    of = net(DATA, layer("loss", "CenterLoss", "data label", "l"))
    assert find_head(of, "loss") is None
