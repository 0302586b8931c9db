"""Which layers hashing put into a net, told by structure."""

from __future__ import annotations

import pytest

from ssdh_surgery import zoo
from ssdh_surgery.caffe.net.heads import heads
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.net.phase import Phase
from ssdh_surgery.prototxt.parser import parse
from ssdh_surgery.surgery.core.change import Change
from ssdh_surgery.surgery.core.gate import prove
from ssdh_surgery.surgery.hashing.insert import hash_deploy_net, hash_train_net
from ssdh_surgery.surgery.hashing.recipe import Recipe
from ssdh_surgery.surgery.hashing.roles import hash_roles


def found(net: Net, phase: Phase = "TRAIN") -> dict[str, str]:
    roles = hash_roles(net.graph(phase), heads(net))
    return {net.layers[index].name: role for index, role in roles.items()}


def main_net(name: str, form: str) -> Net:
    return Net(parse(zoo.text(name, form).encode()))


def proven(net: Net, change: Change) -> Net:
    return Net(prove(net.document, change, "NetParameter").document)


def hashed(name: str, recipe: Recipe) -> Net:
    net = main_net(name, "train_val")
    head = next(head for head in heads(net) if head.is_main)
    return proven(net, hash_train_net(net, head, recipe).change)


@pytest.mark.parametrize("name", ["googlenet", "alexnet"])
@pytest.mark.parametrize("phase", ["TRAIN", "TEST"])
def test_the_hash_layer_below_a_classifier_whatever_its_names(name: str, phase: Phase) -> None:
    net = hashed(name, Recipe(latent_name="a", code_name="b"))
    assert found(net, phase) == {"a": "latent", "b": "code"}


def test_what_reads_the_code_beside_the_classifier_is_a_term() -> None:
    text = (
        hashed("googlenet", Recipe()).document.text
        + """
layer { name: "mean" type: "Reduction" bottom: "latent_SSDH_encode" top: "mean"
  include { phase: TRAIN } }
layer { name: "square" type: "Power" bottom: "mean" top: "square" include { phase: TRAIN }
  loss_weight: 0.5 }
"""
    )
    net = Net(parse(text.encode()))
    hash_layer = {"latent_SSDH": "latent", "latent_SSDH_encode": "code"}
    assert found(net, "TRAIN") == {**hash_layer, "mean": "term", "square": "term"}
    assert found(net, "TEST") == hash_layer


@pytest.mark.parametrize(
    ("recipe", "binary", "expected"),
    [
        (Recipe(), False, {"latent_SSDH": "latent", "latent_SSDH_encode": "code"}),
        (
            Recipe(latent_name="a", code_name="b"),
            True,
            {"a": "latent", "b": "code", "b_binary": "term"},
        ),
        # Nothing tells these from a classifier that gives probabilities.
        (Recipe(latent_name="a", code_name="b"), False, {}),
    ],
)
def test_a_deploy_net_tells_by_name_or_threshold(
    recipe: Recipe, binary: bool, expected: dict[str, str]
) -> None:
    net = main_net("googlenet", "deploy")
    change = hash_deploy_net(net, heads(net)[0], recipe, binary=binary).change
    assert found(proven(net, change), "TEST") == expected


@pytest.mark.parametrize("form", ["train_val", "deploy"])
@pytest.mark.parametrize("name", ["googlenet", "resnet-50", "lenet", "mobilenet-v2"])
def test_nets_without_a_hash_layer(name: str, form: str) -> None:
    assert found(main_net(name, form)) == {}


def test_codes_that_a_loss_on_pairs_reads() -> None:
    text = """
layer { name: "data" type: "Data" top: "data" top: "label" }
layer { name: "hash" type: "InnerProduct" bottom: "data" top: "hash" }
layer { name: "loss" type: "HashingLoss" bottom: "hash" bottom: "label" top: "loss" }
"""
    assert found(Net(parse(text.encode()))) == {"hash": "code", "loss": "term"}
