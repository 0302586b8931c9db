"""Explaining a net: the chain, why a head was taken, and what its features hold."""

from __future__ import annotations

import pytest

from ssdh_surgery import parse, zoo
from ssdh_surgery.caffe.net.heads import Head
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.cli.commands.patch import explanation_lines
from ssdh_surgery.errors import SurgeryError
from ssdh_surgery.pipeline.inspect.explain import explain, flatten_note
from ssdh_surgery.pipeline.nets.choose_head import choose_head
from ssdh_surgery.surgery.core.gate import prove
from ssdh_surgery.surgery.hashing.insert import hash_train_net
from ssdh_surgery.surgery.hashing.recipe import Recipe


def net(name: str) -> Net:
    return Net(parse(zoo.text(*zoo.parse_name(f"zoo:{name}")).encode(), name))


def test_lenet_in_words() -> None:
    of = net("lenet")
    found = explain(of, choose_head(of, None), None, None)
    lines = explanation_lines("lenet", found)
    assert lines[0] == "lenet: from data to the loss, in TRAIN"
    chain = [line.split()[0] for line in lines[1:-3]]
    assert chain == ["mnist", "conv1", "pool1", "conv2", "pool2", "ip1", "relu1", "ip2", "loss"]
    assert lines[-2:] == [
        "  chosen because: the only one",
        "  features: 'ip1', of unknown shape",
    ]


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (
            None,
            "it has the largest weight: weight 1, 61 layers deep; others: 'loss1/classifier' "
            "(weight 0.3, 34 layers deep), 'loss2/classifier' (weight 0.3, 49 layers deep)",
        ),
        ("loss1/classifier", "chosen by name, 'loss1/classifier'"),
    ],
)
def test_why_a_head_was_taken(asked: str | None, reason: str) -> None:
    of = net("googlenet")
    found = explain(of, choose_head(of, asked), asked, None)
    assert found.reason == reason
    assert explanation_lines("n", found)[-1].endswith(": 1,024 values per image")


STAGED = """
layer { name: "d" type: "HDF5Data" top: "x" top: "label" hdf5_data_param { batch_size: 2 } }
layer { name: "fc" type: "InnerProduct" bottom: "x" top: "fc" include { phase: TEST stage: "s" }
  inner_product_param { num_output: 3 } }
layer { name: "prob" type: "Softmax" bottom: "fc" top: "prob" include { phase: TEST stage: "s" } }
"""


def test_a_classifier_of_one_stage() -> None:
    of = Net(parse(STAGED.encode(), "staged"))
    head = Head(of.layer("fc"), "x", (), (), 1.0, 1)
    found = explain(of, head, "fc", None)
    assert str(found.state) == "TEST with stage 's'"
    assert [link.layer.name for link in found.chain] == ["d", "fc"]


def test_a_classifier_that_never_takes_part() -> None:
    never = STAGED.replace('TEST stage: "s"', "TEST min_level: 2 max_level: 1")
    of = Net(parse(never.encode(), "staged"))
    with pytest.raises(SurgeryError, match="layer 'fc' takes part in no state"):
        explain(of, Head(of.layer("fc"), "x", (), (), 1.0, 1), "fc", None)


def test_a_hash_layer_that_is_there() -> None:
    of = net("lenet")
    change = hash_train_net(of, choose_head(of, None), Recipe()).change
    after = Net(prove(of.document, change, "NetParameter").document)
    found = explain(after, choose_head(after, None), None, None)
    assert found.hash_layer_names == ("latent_SSDH", "latent_SSDH_encode")
    assert explanation_lines("n", found)[-1] == (
        "  hash layer: 'latent_SSDH' -> 'latent_SSDH_encode' exists already"
    )


@pytest.mark.parametrize(
    ("at", "note"),
    [
        (
            "pool5",
            "'pool5' has 256 x 6 x 6 values per image: 'latent_SSDH' flattens them to 9,216 and "
            "has 1,179,776 params",
        ),
        (None, None),
    ],
)
def test_spread_features_are_flattened(at: str | None, note: str | None) -> None:
    of = net("alexnet")
    hashed = hash_train_net(of, choose_head(of, None), Recipe(), at)
    after = Net(prove(of.document, hashed.change, "NetParameter").document)
    assert flatten_note(after, hashed.features, "latent_SSDH") == note
