"""What hashing costs, counted by hand."""

from __future__ import annotations

import pytest

from ssdh_surgery import zoo
from ssdh_surgery.caffe.net.heads import heads
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.pipeline.inspect.cost import Cost, HashCost, hash_cost
from ssdh_surgery.prototxt.parser import parse
from ssdh_surgery.surgery.core.gate import prove
from ssdh_surgery.surgery.hashing.insert import hash_deploy_net, hash_train_net
from ssdh_surgery.surgery.hashing.recipe import Recipe


def net(text: str) -> Net:
    return Net(parse(text.encode()))


def hashed(before: Net, recipe: Recipe, at: str | None = None, *, deploy: bool = False) -> Net:
    head = next(head for head in heads(before) if head.is_main)
    verb = hash_deploy_net if deploy else hash_train_net
    change = verb(before, head, recipe, at).change
    return Net(prove(before.document, change, "NetParameter").document)


def test_googlenet_with_48_bits() -> None:
    before = net(zoo.text("googlenet", "train_val"))
    cost = hash_cost(before, hashed(before, Recipe(bits=48)))
    assert cost is not None
    # 1024 features; 1000 classes: the classifier reads 48 values in place of 1024.
    latent = Cost(params=1024 * 48 + 48, macs=1024 * 48)
    assert cost.latent == latent
    assert cost.before.params == 13_378_280
    assert cost.after.params == 13_378_280 + 1024 * 48 + 48 - (1024 - 48) * 1000
    assert cost.before.macs is not None
    assert cost.after.macs == cost.before.macs + 1024 * 48 - (1024 - 48) * 1000
    assert (cost.bits, cost.code_bytes) == (48, 6)
    assert (cost.features, cost.feature_bytes) == ("pool5/7x7_s1", 1024 * 4)


def test_a_deploy_net_loses_its_classifier() -> None:
    before = net(zoo.text("googlenet", "deploy"))
    cost = hash_cost(before, hashed(before, Recipe(bits=12), deploy=True))
    assert cost is not None
    assert cost.before.params == 6_998_552
    assert cost.after.params == 6_998_552 - 1025 * 1000 + 1025 * 12
    assert cost.code_bytes == 2


def test_costs_are_of_one_image_whatever_the_batch() -> None:
    text = zoo.text("googlenet", "train_val")
    before = net(text)
    after = hashed(before, Recipe())
    # Batches of 32 and of 50.
    train, test = hash_cost(before, after, "TRAIN"), hash_cost(before, after, "TEST")
    assert train == test
    assert train is not None
    assert train.before.macs == 1_591_044_096


def test_layers_that_are_no_longer_needed_are_saved() -> None:
    before = net(zoo.text("alexnet", "train_val"))
    cost = hash_cost(before, hashed(before, Recipe(), at="fc6"))
    assert cost is not None
    assert cost.after.params is not None
    assert cost.before.params is not None
    latent, fc7, classifier = 4097 * 128, 4097 * 4096, (4096 - 128) * 1000
    assert cost.after.params - cost.before.params == latent - fc7 - classifier
    assert cost.feature_bytes == 4096 * 4


def test_maps_are_hashed_as_a_whole() -> None:
    before = net(zoo.text("alexnet", "train_val"))
    cost = hash_cost(before, hashed(before, Recipe(), at="pool5"))
    assert cost is not None
    assert cost.feature_bytes == 256 * 6 * 6 * 4
    assert cost.latent.params == (256 * 6 * 6 + 1) * 128


UNKNOWN = """
layer { name: "data" type: "Data" top: "data" top: "label" data_param { batch_size: 4 } }
layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip"
  inner_product_param { num_output: 10 } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }
"""


def test_what_is_not_known_without_data() -> None:
    before = net(UNKNOWN)
    after = hashed(before, Recipe(bits=9))
    unknown = Cost(None, None)
    assert hash_cost(before, after) == HashCost(unknown, unknown, unknown, 9, "data", None)
    known = hash_cost(before, after, inputs={"data": (4, 3, 2, 2)})
    assert known == HashCost(
        before=Cost(13 * 10, 12 * 10),
        after=Cost(13 * 9 + 10 * 10, 12 * 9 + 9 * 10),
        latent=Cost(13 * 9, 12 * 9),
        bits=9,
        features="data",
        feature_bytes=48,
    )
    assert known is not None
    assert known.code_bytes == 2


@pytest.mark.parametrize("form", ["train_val", "deploy"])
def test_a_net_without_a_hash_layer_has_no_such_cost(form: str) -> None:
    before = net(zoo.text("googlenet", form))
    assert hash_cost(before, before) is None
