"""Auxiliary heads: what is removed with them, what stays, and the effect of other classes."""

from __future__ import annotations

from decimal import Decimal

import pytest

from ssdh_surgery import parse, zoo
from ssdh_surgery.caffe.net.heads import Head, heads
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.net.phase import PHASES
from ssdh_surgery.errors import SurgeryError
from ssdh_surgery.surgery.core.change import Change
from ssdh_surgery.surgery.core.gate import prove
from ssdh_surgery.surgery.hashing.aux_heads import aux_heads, drop, refuse_too_few_classes, retarget

SMALL = """layer { name: "data" type: "Data" top: "data" top: "label" }
layer { name: "a" type: "InnerProduct" bottom: "data" top: "a" }
layer { name: "relu" type: "ReLU" bottom: "a" top: "a" }
"""
AUX = """layer { name: "pool" type: "Pooling" bottom: "a" top: "pool" }
layer { name: "aux" type: "InnerProduct" bottom: "pool" top: "aux" param { lr_mult: 1 } \
param { lr_mult: 2 } inner_product_param { num_output: 5 } }
layer { name: "aux_loss" type: "SoftmaxWithLoss" bottom: "aux" bottom: "label" \
top: "aux_loss" loss_weight: 0.3 }
layer { name: "aux_prob" type: "Softmax" bottom: "aux" top: "aux_prob" \
include { phase: TEST } }
"""
MAIN = """layer { name: "fc" type: "InnerProduct" bottom: "a" top: "fc" \
inner_product_param { num_output: 5 } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "fc" bottom: "label" top: "loss" }
"""


def net(text: str) -> Net:
    return Net(parse(text.encode(), "n.prototxt"))


def main_of(of: Net) -> Head:
    return next(head for head in heads(of) if head.is_main)


def made(of: Net, change: Change) -> str:
    return prove(of.document, change, "NetParameter").document.text


def test_drop_takes_the_branch_and_what_only_it_needs() -> None:
    of = net(SMALL + AUX + MAIN)
    dropped = drop(of, main_of(of), "delete")
    assert [layer.name for layer in dropped.removed] == ["pool", "aux", "aux_loss", "aux_prob"]
    assert made(of, dropped.change) == SMALL + MAIN
    again = net(SMALL + MAIN)
    assert drop(again, main_of(again), "delete").change == Change()


def test_drop_refuses_what_both_need() -> None:
    both = """layer { name: "sum" type: "Eltwise" bottom: "aux" bottom: "fc" top: "sum" }
"""
    of = net(SMALL + AUX + MAIN + both)
    with pytest.raises(SurgeryError) as caught:
        drop(of, main_of(of), "comment")
    assert (
        str(caught.value)
        .splitlines()[0]
        .endswith("layer 'sum' belongs to an auxiliary head and to the main one")
    )
    assert caught.value.hint == "--aux keep leaves the auxiliary heads as they are"


def test_retarget() -> None:
    of = net(SMALL + AUX + MAIN)
    found = retarget(of, main_of(of), 20, Decimal(10))
    assert found.names == ("aux_change",)
    expected = (
        AUX.replace('name: "aux"', 'name: "aux_change"')
        .replace('top: "aux"', 'top: "aux_change"')
        .replace('bottom: "aux"', 'bottom: "aux_change"')
        .replace("lr_mult: 1 ", "lr_mult: 10 ")
        .replace("lr_mult: 2 ", "lr_mult: 20 ")
        .replace("num_output: 5", "num_output: 20")
    )
    assert made(of, found.change) == SMALL + expected + MAIN
    same = retarget(of, main_of(of), 5, Decimal(10))
    assert same.change == Change()
    assert same.names == ()


def test_too_few_classes() -> None:
    of = net(SMALL + AUX + MAIN)
    refuse_too_few_classes(of, main_of(of), 5)
    with pytest.raises(SurgeryError) as caught:
        refuse_too_few_classes(of, main_of(of), 6)
    assert caught.value.message == (
        "the auxiliary classifier 'aux' has 5 outputs, too few for 6 classes"
    )
    assert caught.value.hint == "--aux retarget gives it as many outputs, --aux drop takes it out"


@pytest.mark.parametrize("name", ["googlenet", "lenet"])
def test_dropping_leaves_nothing_hanging(name: str) -> None:
    of = net(zoo.text(*zoo.parse_name(f"zoo:{name}")))
    main = main_of(of)
    dropped = drop(of, main, "delete")
    after = net(made(of, dropped.change))
    assert len(heads(after)) == 1
    assert aux_heads(after, heads(after)[0]) == ()
    assert bool(dropped.removed) == (name == "googlenet")
    for phase in PHASES:
        outputs = {blob.name for blob in of.graph(phase).outputs}
        assert {blob.name for blob in after.graph(phase).outputs} <= outputs
        assert not after.graph(phase).findings
