"""Nets of which nothing, or not everything, learns; and near misses that do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ssdh_surgery.caffe.weights.weights import LayerWeights, write_weights
from support.caffe_runs import fatal, run_caffe
from support.solver_findings import data, findings_of, layer, loss, product, sentences, write_run

FROZEN = "param { lr_mult: 0 } param { lr_mult: 0 }"
V1 = """
layers { name: "data" type: DUMMY_DATA top: "data" top: "label" dummy_data_param {
  num: 4 num: 4 channels: 3 channels: 1 height: 8 height: 1 width: 8 width: 1 } }
layers { name: "fc" type: INNER_PRODUCT bottom: "data" top: "fc" blobs_lr: RATE blobs_lr: 0
  inner_product_param { num_output: 4 weight_filler { type: "xavier" } } }
layers { name: "loss" type: SOFTMAX_LOSS bottom: "fc" bottom: "label" }
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("net", "sentence"),
    [
        (
            product("fc", "data"),
            "error SSDH230: the net has no loss in phase TRAIN: nothing would be learned",
        ),
        (
            product("fc", "data") + layer("accuracy", "Accuracy", "fc", "label"),
            "error SSDH230: the net has no loss in phase TRAIN: nothing would be learned",
        ),
        (
            product("fc", "data") + loss(more="loss_weight: 0"),
            "error SSDH230: loss_weight is 0 in layer 'loss', and no other layer has a loss: "
            "nothing would be learned",
        ),
        (
            product("fc", "data", more=FROZEN) + loss(),
            "warning SSDH226: lr_mult is 0 in all layers with weights ('fc'): the net learns "
            "nothing",
        ),
        (
            product("fc", "data") + loss("data"),
            "warning SSDH226: no gradient gets from 'loss' to 'fc': the net learns nothing",
        ),
        (
            product("fc", "data") + product("dead", "data") + loss(),
            "warning SSDH227: 'dead' learns nothing: no loss depends on what it computes",
        ),
        (
            product("a", "data") + product("fc", "a", more="propagate_down: false") + loss(),
            "warning SSDH227: 'a' learns nothing: no gradient gets from the loss to it",
        ),
        (
            product("fc", "data") + loss() + layer("like", "EuclideanLoss", "data", "data"),
            "warning SSDH228: nothing is learned from loss 'like': what it reads (data) depends "
            "on no layer with weights",
        ),
        (
            product("fc", "data")
            + loss()
            + product("old", "data", more=FROZEN)
            + loss("old", name="aux"),
            "warning SSDH228: nothing is learned from loss 'aux': lr_mult is 0 in all layers "
            "below it ('old')",
        ),
        (
            product("a", "data") + layer("best", "ArgMax", "a") + product("fc", "best") + loss(),
            "error SSDH229: layer 'best' (ArgMax): has no gradient: nothing below it can be "
            "trained through it (bottom 'a' depends on layers that learn)",
        ),
        (
            product("fc", "data") + layer("best", "ArgMax", "fc") + loss("fc", "best"),
            "error SSDH229: layer 'loss' (SoftmaxWithLoss): SoftmaxWithLoss Layer cannot "
            "backpropagate to label inputs. (bottom 'best' depends on layers that learn)",
        ),
    ],
)
def test_a_net_that_does_not_learn(folder: Path, net: str, sentence: str) -> None:
    assert sentences(findings_of(folder, data() + net), "SSDH22", "SSDH23") == [sentence]


def test_a_loss_of_probabilities(folder: Path) -> None:
    scores = data() + product("fc", "data")
    found = findings_of(folder, scores + layer("prob", "Softmax", "fc") + loss("prob"))
    (finding,) = (each for each in found if each.code == "SSDH237")
    assert finding.message == (
        "'loss' computes a Softmax itself, and reads the top of Softmax 'prob'"
    )
    assert finding.hint == 'let it read the scores: bottom: "fc"'
    fine = scores + layer("prob", "Softmax", "fc") + loss("fc")
    assert sentences(findings_of(folder, fine), "SSDH23") == []


def test_a_v1_net_that_does_not_learn(folder: Path) -> None:
    (sentence,) = sentences(findings_of(folder, V1.replace("RATE", "0")), "SSDH22")
    assert sentence.startswith("warning SSDH226: blobs_lr is 0 in all layers with weights ('fc')")
    assert sentences(findings_of(folder, V1.replace("RATE", "1")), "SSDH22") == []


@pytest.mark.parametrize(
    "net",
    [
        product("fc", "data") + loss(),
        # The bias learns: it has no param of its own.
        product("fc", "data", more="param { lr_mult: 0 }") + loss(),
        # A frozen lower part, and scores and outputs that nothing reads.
        product("a", "data", more=FROZEN) + product("fc", "a") + loss(),
        product("fc", "data") + loss() + layer("probability", "Softmax", "fc"),
        product("fc", "data") + loss() + layer("accuracy", "Accuracy", "fc", "label"),
        # A branch that states that it does not learn.
        product("fc", "data") + loss() + product("out", "data", more=FROZEN),
        # The gradient of the label is stopped.
        product("fc", "data")
        + layer("best", "ArgMax", "fc")
        + loss("fc", "best", more="propagate_down: true propagate_down: false"),
        # A layer of a fork may be the loss, and may have weights.
        product("fc", "data") + layer("cost", "TripletLoss", "fc", "label"),
        product("fc", "data") + layer("cost", "OurCost", "fc", "label"),
        layer("fc", "OurProduct", "data") + loss(),
        # A layer in Python is one with a loss_weight.
        product("fc", "data") + layer("cost", "Python", "fc", "label", more="loss_weight: 1"),
    ],
)
def test_a_net_that_learns(folder: Path, net: str) -> None:
    assert sentences(findings_of(folder, data() + net), "SSDH22", "SSDH23") == []


def test_a_layer_that_weights_hold_may_be_cut_off(folder: Path) -> None:
    net = data() + product("a", "data") + product("fc", "a", more="propagate_down: false") + loss()
    write_weights("w.caffemodel", [LayerWeights("a", "InnerProduct", (np.ones((4, 192)),))])
    assert sentences(findings_of(folder, net, weights=["w.caffemodel"]), "SSDH22") == []
    assert len(sentences(findings_of(folder, net), "SSDH22")) == 1


def test_a_deploy_net_needs_no_loss(folder: Path) -> None:
    from ssdh_surgery import parse
    from ssdh_surgery.caffe.net.net import net_of
    from ssdh_surgery.pipeline.check.check import check_net, net_subject

    net = net_of(parse((data() + product("fc", "data")).encode(), "net.prototxt"))
    assert sentences(check_net(net_subject(net, None)), "SSDH22", "SSDH23") == []


@pytest.mark.caffe
@pytest.mark.parametrize(
    ("net", "words"),
    [
        (
            product("a", "data") + layer("best", "ArgMax", "a") + product("fc", "best") + loss(),
            "Not Implemented Yet",
        ),
        (
            product("fc", "data") + layer("best", "ArgMax", "fc") + loss("fc", "best"),
            "Layer cannot backpropagate to label inputs",
        ),
    ],
)
def test_caffe_stops_at_a_gradient_that_it_does_not_have(
    folder: Path, net: str, words: str
) -> None:
    write_run(folder, data() + net)
    assert words in fatal(run_caffe(folder))[0]
