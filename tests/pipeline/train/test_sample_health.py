"""The health of a sample's codes, and what of a net is sampled."""

from __future__ import annotations

import numpy as np
import pytest

from ssdh_surgery.caffe.net.heads import HashLayer, hash_layer_below, heads
from ssdh_surgery.caffe.net.net import Net, net_of
from ssdh_surgery.caffe.net.phase import State
from ssdh_surgery.pipeline.train.sample_health import sample_health, sampled_blobs
from ssdh_surgery.prototxt.parser import parse

NET = """
layer {{ name: "data" type: "Data" top: "data" top: "label" data_param {{ source: "x" }} }}
layer {{ name: "others" type: "Data" top: "other" data_param {{ source: "y" }} }}
layer {{ name: "latent" type: "InnerProduct" bottom: "data" top: "latent"
  inner_product_param {{ num_output: 4 }} }}
layer {{ name: "code" type: "{activation}" bottom: "latent" top: "code" }}
layer {{ name: "fc" type: "InnerProduct" bottom: "code" top: "fc"
  inner_product_param {{ num_output: 2 }} }}
layer {{ name: "accuracy" type: "Accuracy" bottom: "fc" bottom: "{tested}" top: "accuracy"
  include {{ phase: TEST }} }}
layer {{ name: "loss" type: "SoftmaxWithLoss" bottom: "fc" bottom: "label" top: "loss"
  include {{ phase: TRAIN }} }}
"""


def net(activation: str = "Sigmoid", tested: str = "label") -> Net:
    text = NET.format(activation=activation, tested=tested)
    return net_of(parse(text.encode(), "net.prototxt"))


def hash_layer(activation: str = "Sigmoid") -> HashLayer:
    view = net(activation)
    layer = hash_layer_below(view, heads(view)[0].classifier)
    assert layer is not None
    return layer


CODES = np.array([[0.9, 0.2, 0.1, 0.8], [1.0, 0.0, 0.0, 1.0], [0.1, 0.9, 0.6, 0.4]])


def test_the_words_that_people_watch() -> None:
    health = sample_health(hash_layer(), CODES, np.array([[1.0], [1.0], [0.0]]))
    assert health.brief() == "codes: 2 distinct of 3, mAP about 1.00"
    assert health.quantisation_error == pytest.approx(
        np.mean([0.1, 0.2, 0.1, 0.2] + [0] * 4 + [0.1, 0.1, 0.4, 0.4])
    )
    assert health.words().endswith("100% of the bits equal within a class, 0% across classes")


def test_of_a_tanh_the_threshold_is_0() -> None:
    health = sample_health(hash_layer("TanH"), CODES * 2 - 1, None)
    assert health.health.distinct == 2
    assert health.quantisation_error == pytest.approx(
        sample_health(hash_layer(), CODES, None).quantisation_error
    )
    assert health.brief() == "codes: 2 distinct of 3"


def test_of_one_class_nothing_collapses() -> None:
    same = np.tile([0.9, 0.1, 0.2, 0.3], (20, 1))
    assert sample_health(hash_layer(), same, np.ones((20, 1))).collapse is None
    assert sample_health(hash_layer(), same, np.arange(20.0)[:, None]).collapse is not None


def test_the_labels_are_those_of_a_layer_that_takes_part() -> None:
    view = net(tested="other")
    assert sampled_blobs((view, State("TEST")), "code") == ("code", "other")
    assert sampled_blobs((view, State("TRAIN")), "code") == ("code", "label")
    assert sampled_blobs((view, State("TEST")), "none") == ()
