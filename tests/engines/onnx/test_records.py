"""Layers through export and ONNX Runtime against what BVLC Caffe 1.0 computes: the records."""

import numpy as np
import onnx
import onnxruntime
import pytest

from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.weights.binary_weights import write_weights
from ssdh_surgery.caffe.weights.layer_weights import LayerWeights
from ssdh_surgery.engines.onnx.model import build
from ssdh_surgery.engines.onnx.params import read_params
from ssdh_surgery.engines.onnx.plan import plan
from ssdh_surgery.engines.onnx.registry import is_expressible
from ssdh_surgery.prototxt.parser import parse
from support.paths import GOLDEN
from support.side_by_side import assert_close

RECORDS = GOLDEN / "layers"


def read(name):
    return Net(parse((RECORDS / f"{name}.prototxt").read_bytes(), name))


NAMES = [
    path.stem
    for path in sorted(RECORDS.glob("*.prototxt"))
    if all(is_expressible(layer.type) for layer in read(path.stem).layers)
]


def test_only_losses_and_accuracies_are_left_out():
    left_out = {path.stem for path in RECORDS.glob("*.prototxt")} - set(NAMES)
    assert {name for name in left_out if "loss" not in name} == {
        "accuracy_top1",
        "accuracy_top3",
        "k2_fire_rate_chain",
    }


def numbered(record, kind):
    return [record[f"{kind}{index}"] for index in range(99) if f"{kind}{index}" in record]


@pytest.mark.parametrize("name", NAMES)
def test_record(name, tmp_path):
    record, net = np.load(RECORDS / f"{name}.npz"), read(name)
    weights = tmp_path / "w.caffemodel"
    write_weights(weights, [LayerWeights("it", "", tuple(numbered(record, "param")))])
    planned = plan(net, net.state("TEST"))
    proto = build(planned, read_params(planned, weights)).proto()
    onnx.checker.check_model(proto, full_check=True)
    session = onnxruntime.InferenceSession(proto.SerializeToString())
    given = dict(zip(planned.inputs, numbered(record, "bottom"), strict=True))
    tops = [name for name in planned.outputs if name.startswith("out")]
    for top, values in zip(tops, numbered(record, "top"), strict=True):
        (found,) = session.run([top], given)
        assert_close(found, values, top)
