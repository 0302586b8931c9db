"""Another number of classes: outputs, names, and what Caffe would refuse."""

from __future__ import annotations

from decimal import Decimal

import pytest

from ssdh_surgery import parse
from ssdh_surgery.caffe.net.heads import find_head, heads
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.errors import SurgeryError
from ssdh_surgery.surgery.core.change import Change
from ssdh_surgery.surgery.core.gate import prove
from ssdh_surgery.surgery.hashing.classifier import (
    changed_name,
    learn_faster,
    refuse_divided,
    rename_classifier,
    set_classes,
)

CURRENT = """layer { name: "data" type: "Data" top: "data" top: "label" }
layer { name: "fc" type: "InnerProduct" bottom: "data" top: "fc" \
inner_product_param { num_output: 1000 } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "fc" bottom: "label" top: "loss" }
layer { name: "top5" type: "Accuracy" bottom: "fc" bottom: "label" top: "top5" \
accuracy_param { top_k: 5 } }
"""
V1 = """layers { name: "data" type: DATA top: "data" top: "label" }
layers { name: "fc" type: INNER_PRODUCT bottom: "data" top: "fc" \
inner_product_param { num_output: 1000 } }
layers { name: "loss" type: SOFTMAX_LOSS bottom: "fc" bottom: "label" }
"""
V0 = """layers { layer { name: "data" type: "data" } top: "data" top: "label" }
layers { layer { name: "fc" type: "innerproduct" num_output: 1000 } bottom: "data" top: "fc" }
layers { layer { name: "loss" type: "softmax_loss" } bottom: "fc" bottom: "label" }
"""


def net(text: str) -> Net:
    return Net(parse(text.encode(), "n.prototxt"))


def made(of: Net, change: Change) -> str:
    return prove(of.document, change, "NetParameter").document.text


@pytest.mark.parametrize("text", [CURRENT, V1, V0], ids=["current", "V1", "V0"])
def test_classes(text: str) -> None:
    of = net(text)
    (head,) = heads(of)
    assert made(of, set_classes(head, 20)) == text.replace("1000", "20")
    assert set_classes(head, 1000) == Change()


def test_accuracy_looks_at_no_more_classes_than_there_are() -> None:
    of = net(CURRENT)
    (head,) = heads(of)
    assert made(of, set_classes(head, 3)) == CURRENT.replace("1000", "3").replace("_k: 5", "_k: 3")
    assert "top_k: 5" in made(of, set_classes(head, 5))


@pytest.mark.parametrize("text", [CURRENT, V1])
@pytest.mark.parametrize("settings", ["", "inner_product_param { bias_term: false } "])
def test_a_classifier_that_states_no_outputs(text: str, settings: str) -> None:
    of = net(text.replace("inner_product_param { num_output: 1000 } ", settings))
    (head,) = heads(of)
    assert head.classes is None
    (changed,) = heads(net(made(of, set_classes(head, 20))))
    assert changed.classes == 20


FORK = """layer { name: "data" type: "Data" top: "data" top: "label" }
layer { name: "cls" type: "Angle" bottom: "data" top: "cls" SETTINGS }
"""


def test_outputs_of_a_type_of_a_fork() -> None:
    text = FORK.replace("SETTINGS", "inner_product_param { num_output: 5 }")
    of = net(text)
    head = find_head(of, "cls")
    assert head is not None
    assert made(of, set_classes(head, 20)) == text.replace("5", "20")


@pytest.mark.parametrize("settings", ["", "angle_param { num_output: 5 }"])
def test_outputs_that_only_a_fork_knows(settings: str) -> None:
    head = find_head(net(FORK.replace("SETTINGS", settings)), "cls")
    assert head is not None
    with pytest.raises(SurgeryError, match="the num_output of 'cls' cannot be set: Angle is not"):
        set_classes(head, 20)


def test_the_rates_of_a_type_of_a_fork() -> None:
    text = FORK.replace("SETTINGS", "param { lr_mult: 2 }")
    assert made(net(text), learn_faster(net(text).layer("cls"), Decimal(10))) == text.replace(
        "lr_mult: 2", "lr_mult: 20"
    )
    assert learn_faster(net(FORK.replace("SETTINGS", "")).layer("cls"), Decimal(10)) == Change()


def test_names() -> None:
    of = net(CURRENT)
    fc = of.layer("fc")
    assert changed_name(of, fc) == "fc_change"
    text = made(of, rename_classifier(of, fc, "fc_change"))
    assert text == CURRENT.replace('"fc"', '"fc_change"')
    again = net(text)
    assert changed_name(again, again.layer("fc_change")) == "fc_change_2"


DIVIDED = """layer { name: "data" type: "%s" top: "data" top: "label" \
dummy_data_param { shape { dim: 6 dim: 4 } shape { dim: 6 } } }
layer { name: "fc" type: "InnerProduct" bottom: "data" top: "fc" \
inner_product_param { num_output: 12 } }
layer { name: "relu" type: "ReLU" bottom: "fc" top: "fc" }
%s
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "x" bottom: "label" top: "loss" }
"""
SLICE = 'layer { name: "s" type: "Slice" bottom: "fc" top: "x" top: "z" slice_param { %s } }'
RESHAPE = """layer { name: "s" type: "Reshape" bottom: "fc" top: "x" \
reshape_param { %s shape { %s } } }"""


@pytest.mark.parametrize("data", ["DummyData", "Data"])
@pytest.mark.parametrize(
    ("above", "refused"),
    [
        (SLICE % "slice_point: 4", "Slice layer 's' cuts its scores"),
        (SLICE % "axis: 1", "Slice layer 's' cuts its scores"),
        (SLICE % "slice_dim: 1", "Slice layer 's' cuts its scores"),
        (SLICE % "axis: 0", None),
        (SLICE % "slice_dim: 0", None),
        (RESHAPE % ("", "dim: 0 dim: 2 dim: 6"), "Reshape layer 's' gives its scores fixed sizes"),
        (RESHAPE % ("", "dim: 0 dim: 2 dim: -1"), "gives its scores fixed sizes"),
        (RESHAPE % ("", "dim: -1 dim: 12"), "gives its scores fixed sizes"),
        (RESHAPE % ("axis: 1", "dim: 2 dim: 6"), "gives its scores fixed sizes"),
        (RESHAPE % ("", "dim: 0 dim: -1"), None),
        (RESHAPE % ("", "dim: 0 dim: -1 dim: 1 dim: 1"), None),
    ],
)
def test_scores_that_a_layer_divides_by_count(data: str, above: str, refused: str | None) -> None:
    of = net(DIVIDED % (data, above))
    (head,) = heads(of)
    refuse_divided(of, head, 12)
    if refused is None:
        refuse_divided(of, head, 8)
        return
    with pytest.raises(SurgeryError, match=refused) as raised:
        refuse_divided(of, head, 8)
    assert raised.value.layer == "s"
    assert raised.value.location is not None
    assert raised.value.location.line == 4


def test_a_reshape_of_rows_keeps_the_classes() -> None:
    of = net(DIVIDED % ("DummyData", RESHAPE % ("", "dim: 3 dim: 2 dim: -1")))
    refuse_divided(of, heads(of)[0], 8)
