"""Branches that share weights are told from others, and refused with the reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from ssdh_surgery import parse
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.errors import SurgeryError
from ssdh_surgery.pipeline.nets.choose_head import choose_head
from ssdh_surgery.surgery.hashing.shared_weights import refuse_shared, sharers

SIAMESE = """layer { name: "data" type: "Data" top: "data" top: "label" }
layer { name: "a" type: "InnerProduct" bottom: "data" top: "a" param { name: "w" } }
layer { name: "b" type: "InnerProduct" bottom: "data" top: "b" param { name: "w" } %s }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "a" bottom: "label" top: "loss" }
"""


def net(text: str) -> Net:
    return Net(parse(text.encode(), "n.prototxt"))


def test_a_classifier_that_shares() -> None:
    of = net(SIAMESE % "")
    assert sharers(of, of.layer("a")) == [of.layer("b")]
    with pytest.raises(SurgeryError) as caught:
        refuse_shared(of, of.layer("a"))
    assert caught.value.message == (
        "the classifier 'a' shares its weights with 'b': the two branches would get different "
        "hash layers, and codes that cannot be compared"
    )


@pytest.mark.parametrize(
    "text",
    [
        SIAMESE.replace(
            'name: "a" type: "InnerProduct" bottom: "data" top: "a" param { name: "w" }',
            'name: "a" type: "InnerProduct" bottom: "data" top: "a"',
        )
        % "",
        (SIAMESE % "include { phase: TEST }").replace(
            'top: "a" param', 'top: "a" include { phase: TRAIN } param'
        ),
    ],
    ids=["nothing shared", "in other phases"],
)
def test_a_classifier_of_its_own(text: str) -> None:
    of = net(text)
    refuse_shared(of, of.layer("a"))


@pytest.mark.corpus
@pytest.mark.parametrize("version", ["bvlc", "bvlc-2014-12"])
def test_siamese_mnist(version: str, corpus: Path) -> None:
    path = corpus / version / "examples/siamese/mnist_siamese_train_test.prototxt"
    with pytest.raises(SurgeryError) as caught:
        choose_head(Net(parse(path.read_bytes(), "n.prototxt")), None)
    assert caught.value.message == (
        "layer 'loss' compares two branches that share weights, and nothing classifies: the two "
        "branches would get different hash layers, and codes that cannot be compared"
    )
