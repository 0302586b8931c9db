"""A layer reads the same in every dialect."""

from __future__ import annotations

import pytest

from ssdh_surgery import parse
from ssdh_surgery.caffe.net.layer import Layer, ParamSpec
from ssdh_surgery.caffe.net.net import Net

CURRENT = """layer {
  name: "ip"
  type: "InnerProduct"
  bottom: "data"
  top: "ip"
  param { name: "w" lr_mult: 1 decay_mult: 1 }
  param { lr_mult: 2 decay_mult: 0 }
  loss_weight: 0.5
  inner_product_param { num_output: 10 }
}"""
V1 = """layers {
  name: "ip"
  type: INNER_PRODUCT
  bottom: "data"
  top: "ip"
  param: "w"
  blobs_lr: [1, 2]
  weight_decay: 1
  weight_decay: 0
  loss_weight: 0.5
  inner_product_param { num_output: 10 }
}"""
V0 = """layers {
  layer {
    name: "ip"
    type: "innerproduct"
    num_output: 10
    blobs_lr: 1.
    blobs_lr: 2.
    weight_decay: 1
    weight_decay: 0
  }
  bottom: "data"
  top: "ip"
}"""
DIALECTS = pytest.mark.parametrize("text", [CURRENT, V1, V0], ids=["current", "V1", "V0"])


def layer(text: str) -> Layer:
    return Net(parse(text.encode(), "n.prototxt")).layers[0]


@DIALECTS
def test_the_same_in_every_dialect(text: str) -> None:
    ip = layer(text)
    assert (ip.name, ip.type) == ("ip", "InnerProduct")
    assert (ip.bottoms, ip.tops) == (("data",), ("ip",))
    assert [(param.lr_mult, param.decay_mult) for param in ip.params] == [(1, 1), (2, 0)]
    assert repr(ip) == "<InnerProduct layer 'ip'>"
    assert ip.parameter.inner_product_param.num_output == 10
    assert ip.line == 1
    assert str(ip.location) == f"n.prototxt:{3 if text is V0 else 2}:{11 if text is V0 else 9}"
    assert ip.bottom_location(0).text == '  bottom: "data"'


@pytest.mark.parametrize("text", [CURRENT, V1], ids=["current", "V1"])
def test_shared_params_and_loss_weights(text: str) -> None:
    ip = layer(text)
    assert [param.name for param in ip.params] == ["w", ""]
    assert ip.loss_weights == (0.5,)


@pytest.mark.parametrize(
    ("text", "params"),
    [
        pytest.param("layer { }", (), id="none"),
        pytest.param("layer { param { } }", (ParamSpec("", 1, 1),), id="defaults"),
        pytest.param("layer { param { lr_mult: - .5 } }", (ParamSpec("", -0.5, 1),), id="sign"),
        pytest.param("layers { weight_decay: 0 }", (ParamSpec("", 1, 0),), id="V1-decay-alone"),
        pytest.param(
            'layers { param: "a" param: "b" blobs_lr: 3 }',
            (ParamSpec("a", 3, 1), ParamSpec("b", 1, 1)),
            id="V1-of-several-lengths",
        ),
    ],
)
def test_params(text: str, params: tuple[ParamSpec, ...]) -> None:
    assert layer(text).params == params


@pytest.mark.parametrize(
    ("text", "weights"),
    [
        pytest.param('type: "ReLU" top: "a"', (0.0,), id="no-loss"),
        pytest.param('type: "SoftmaxWithLoss" top: "a" top: "b"', (1.0, 0.0), id="loss"),
        pytest.param('type: "EuclideanLoss"', (1.0,), id="loss-without-a-top"),
        pytest.param('type: "HingeLoss" top: "a" loss_weight: 0', (0.0,), id="switched-off"),
        pytest.param('type: "Reduction" top: "a" loss_weight: -.5', (-0.5,), id="by-weight"),
        pytest.param('type: "Slice" top: ["a", "b"] loss_weight: 2', (2.0, 0.0), id="too-few"),
    ],
)
def test_loss_weights(text: str, weights: tuple[float, ...]) -> None:
    assert layer(f"layer {{ {text} }}").loss_weights == weights


@pytest.mark.parametrize(
    ("text", "is_data", "is_loss"),
    [
        pytest.param('type: "Data" top: "a"', True, False, id="data"),
        pytest.param('type: "ImageData" top: "a" top: "b"', True, False, id="images"),
        pytest.param('type: "ForksData" top: "a"', True, False, id="a-forks-data"),
        pytest.param('type: "Python" bottom: "x" top: "a"', False, False, id="python"),
        pytest.param('type: "Silence" bottom: "x"', False, False, id="silence"),
        pytest.param('type: "SoftmaxWithLoss" bottom: "x"', False, True, id="loss"),
        pytest.param('type: "MultiBoxLoss" bottom: "x"', False, True, id="a-forks-loss"),
        pytest.param("", False, False, id="nothing"),
    ],
)
def test_kinds(text: str, is_data: bool, is_loss: bool) -> None:
    found = layer(f"layer {{ {text} }}")
    assert (found.is_data, found.is_loss) == (is_data, is_loss)


@pytest.mark.parametrize(
    ("text", "in_place"),
    [
        pytest.param('bottom: "x" top: "x"', [True, False], id="in-place"),
        pytest.param('bottom: "x" top: "y"', [False, False], id="elsewhere"),
        pytest.param('bottom: ["x", "y"] top: ["x", "y"]', [True, True], id="both"),
        pytest.param('bottom: ["x", "y"] top: ["y", "x"]', [False, False], id="crossed"),
        pytest.param('bottom: "x" top: ["z", "x"]', [False, False], id="second-of-one"),
    ],
)
def test_a_top_is_in_place_where_the_bottom_of_its_own_number_is_it(
    text: str, in_place: list[bool]
) -> None:
    found = layer(f"layer {{ {text} }}")
    assert [found.is_in_place(top) for top in (0, 1)] == in_place


def test_a_layer_without_a_name_is_placed_where_it_begins() -> None:
    found = layer('\nlayer { type: "ReLU" }')
    assert found.name == ""
    assert str(found.location) == "n.prototxt:2:1"
