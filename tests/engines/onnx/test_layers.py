"""Every layer type and setting of the catalogue, against the embedded engine, at two sizes."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, reject, settings

from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.engines.onnx.registry import EXPRESSIONS, is_expressible
from ssdh_surgery.engines.torch.net.registry import REGISTRY
from ssdh_surgery.errors import EngineError
from ssdh_surgery.prototxt.parser import parse
from support.layer_catalogue import CASES
from support.random_nets import nets
from support.side_by_side import SideBySide
from support.small_nets import input_layer

EXPRESSIBLE = [
    case
    for case in CASES
    if all(is_expressible(layer.type) for layer in Net(parse(case.text.encode(), "net")).layers)
]


def test_every_layer_that_computes_is_expressed():
    assert set(REGISTRY) - set(EXPRESSIONS) == {
        *("Accuracy", "ContrastiveLoss", "EuclideanLoss", "HingeLoss", "InfogainLoss"),
        *("K1_EuclideanLoss", "K2_EuclideanLoss", "MultinomialLogisticLoss"),
        *("SigmoidCrossEntropyLoss", "SoftmaxWithLoss"),
        *("Data", "HDF5Data", "ImageData", "MemoryData"),
    }


@pytest.mark.parametrize("case", EXPRESSIBLE, ids=[case.name for case in EXPRESSIBLE])
def test_catalogue(case, tmp_path):
    nets = SideBySide(case.text, tmp_path)
    nets.check()
    nets.compare(case.values)
    if nets.with_batch(case.shapes[0][0] + 2 if case.shapes else 3):
        nets.compare(case.values)


@pytest.mark.parametrize(
    "settings",
    ['"ReLU6"', '"Clip" clip_param { min: -1 max: 2 }', '"Swish" swish_param { beta: 1.5 }'],
)
def test_layers_that_the_built_caffe_does_not_have(settings, tmp_path):
    text = input_layer("a", 6) + f'layer {{ name: "b" type: {settings} bottom: "a" top: "b" }}'
    nets = SideBySide(text, tmp_path)
    x = np.array([-3, -0.5, 0, 1, 6, 7], np.float32)
    torch, onnx = (net.forward(a=x)["b"] for net in (nets.torch, nets.onnx))
    np.testing.assert_allclose(onnx, torch, rtol=1e-5)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ('"Power" power_param { power: -2 scale: 0 }', np.inf),
        ('"Power" power_param { power: 1.5 scale: 0 shift: -1 }', np.nan),
        ('"Exp" exp_param { base: 10 shift: 40 scale: 0 }', np.inf),
        ('"Exp" exp_param { base: 10 shift: 400 }', np.inf),
    ],
)
def test_constants_beyond_the_numbers(settings, expected, tmp_path):
    nets = SideBySide(
        input_layer("a", 2) + f'layer {{ name: "b" type: {settings} bottom: "a" top: "b" }}',
        tmp_path,
    )
    for net in (nets.torch, nets.onnx):
        np.testing.assert_array_equal(net.forward(a=np.ones(2))["b"], [expected] * 2)


@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(text=nets())
def test_random_nets(text, tmp_path):
    text = "\n".join(line for line in text.splitlines() if "Loss" not in line)
    try:
        sides = SideBySide(text, tmp_path)
    except EngineError:
        reject()
    sides.check()
    for batch in (None, 1, 3):
        if batch is None or sides.with_batch(batch):
            sides.compare(bound=1e-4)
