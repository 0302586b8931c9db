"""Opening nets on ONNX Runtime: pycaffe's manners, what it cannot do, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ssdh_surgery.caffe.weights.binary_weights import read_weights, write_weights
from ssdh_surgery.caffe.weights.layer_weights import LayerWeights
from ssdh_surgery.engines.open_net import open_net
from ssdh_surgery.errors import DataError, EngineError
from support.side_by_side import SideBySide, assert_close

INPUT = (
    'layer { name: "x" type: "Input" top: "x" '
    "input_param { shape { dim: 2 dim: 3 dim: 4 dim: 4 } } }\n"
)
NET = (
    INPUT
    + """\
layer { name: "conv" type: "Convolution" bottom: "x" top: "a"
  convolution_param { num_output: 4 kernel_size: 3 } }
layer { name: "relu" type: "ReLU" bottom: "a" top: "a" }
layer { name: "ip" type: "InnerProduct" bottom: "a" top: "b"
  inner_product_param { num_output: 5 } }
layer { name: "sig" type: "Sigmoid" bottom: "b" top: "code" }
"""
)


@pytest.fixture
def sides(tmp_path: Path) -> SideBySide:
    return SideBySide(NET, tmp_path)


def test_outputs_inputs_and_layers(sides: SideBySide) -> None:
    for name in ("inputs", "outputs"):
        assert getattr(sides.onnx, name) == getattr(sides.torch, name)
    assert list(sides.onnx.blobs) == list(sides.torch.blobs)
    assert {name: layer.type for name, layer in sides.onnx.layer_dict.items()} == {
        name: layer.type for name, layer in sides.torch.layer_dict.items()
    }
    for name, params in sides.torch.params.items():
        for ours, theirs in zip(sides.onnx.params[name], params, strict=True):
            assert np.array_equal(ours.data, theirs.data)


def test_blobs_hold_what_the_last_pass_made(sides: SideBySide) -> None:
    net = sides.onnx
    assert not net.blobs["a"].data.any()
    values = sides.random.uniform(-1, 1, (2, 3, 4, 4)).astype(np.float32)
    net.forward(x=values)
    sides.torch.forward(x=values)
    net.blobs["x"].data[...] = 0
    assert_close(net.blobs["a"].data, sides.torch.blobs["a"].data)
    assert net.blobs["code"].data is net.blobs["code"].data


def test_a_pass_may_end_before_a_layer_in_place(sides: SideBySide) -> None:
    values = sides.random.uniform(-1, 1, (2, 3, 4, 4)).astype(np.float32)
    for end in ("conv", "relu", "ip"):
        ours = sides.onnx.forward(end=end, x=values)
        theirs = sides.torch.forward(end=end, x=values)
        assert list(ours) == list(theirs)
        for name, found in ours.items():
            assert_close(found, theirs[name])
    ours = sides.onnx.forward(blobs=["b"], x=values)
    assert list(ours) == ["code", "b"]


def test_other_batches_and_sizes(tmp_path: Path) -> None:
    text = NET.replace(
        'layer { name: "ip"',
        'layer { name: "gap" type: "Pooling" bottom: "a" '
        'top: "a2" pooling_param { pool: AVE global_pooling: true } }\nlayer { name: "ip"',
    )
    sides = SideBySide(text.replace('"InnerProduct" bottom: "a"', '"InnerProduct" bottom: "a2"'),
                       tmp_path)  # fmt: skip
    sides.compare()
    for shape in ((1, 3, 4, 4), (5, 3, 4, 4), (5, 3, 9, 6)):
        for net in (sides.torch, sides.onnx):
            net.blobs["x"].reshape(*shape)
            net.reshape()
        assert tuple(sides.onnx.blobs["a"].shape) == tuple(sides.torch.blobs["a"].shape)
        sides.compare()


def test_a_layer_in_place_on_the_input(tmp_path: Path) -> None:
    text = INPUT + 'layer { name: "p" type: "ReLU" bottom: "x" top: "x" }\n'
    sides = SideBySide(text, tmp_path)
    values = sides.random.uniform(-1, 1, (2, 3, 4, 4)).astype(np.float32)
    assert np.array_equal(sides.onnx.forward(x=values)["x"], np.maximum(values, 0))
    sides.check()


def test_a_net_for_one_batch_only(tmp_path: Path) -> None:
    text = INPUT + (
        'layer { name: "r" type: "Reshape" bottom: "x" top: "r" '
        "reshape_param { shape { dim: 2 dim: -1 } } }\n"
        'layer { name: "ip" type: "InnerProduct" bottom: "r" top: "out" '
        "inner_product_param { num_output: 3 } }\n"
    )
    sides = SideBySide(text, tmp_path)
    model = sides.check()
    assert model.plan.bound_by == "layer 'ip' (InnerProduct) of line 3 accepts no other"
    sides.compare()
    assert not sides.with_batch(3)


def test_values_across_the_batch(tmp_path: Path) -> None:
    text = INPUT + (
        'layer { name: "cut" type: "Slice" bottom: "x" top: "one" top: "two" '
        "slice_param { axis: 0 } }\n"
        'layer { name: "sum" type: "Eltwise" bottom: "one" bottom: "two" top: "out" }\n'
    )
    sides = SideBySide(text, tmp_path)
    assert not sides.check().plan.is_bound
    sides.compare()
    assert sides.with_batch(6)
    sides.compare()


def test_shared_weights_and_hdf5(tmp_path: Path) -> None:
    shared = 'param { name: "w" } param { name: "v" }'
    text = (
        'layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 2 dim: 5 } } }\n'
        f'layer {{ name: "a" type: "InnerProduct" bottom: "x" top: "a" {shared} '
        "inner_product_param { num_output: 5 } }\n"
        f'layer {{ name: "b" type: "InnerProduct" bottom: "a" top: "b" {shared} '
        "inner_product_param { num_output: 5 } }\n"
    )
    sides = SideBySide(text, tmp_path)
    sides.compare()
    hdf5 = tmp_path / "w.caffemodel.h5"
    sides.torch.save(str(hdf5))
    again = open_net(sides.prototxt, hdf5, engine="onnx")
    assert np.array_equal(again.params["b"][0].data, sides.torch.params["b"][0].data)
    sides.onnx.save(str(tmp_path / "again.caffemodel"))
    ours = read_weights(tmp_path / "again.caffemodel").layers
    theirs = read_weights(sides.weights).layers
    for mine, other in zip(ours, theirs, strict=True):
        assert (mine.name, mine.type) == (other.name, other.type)
        assert all(map(np.array_equal, mine.blobs, other.blobs))


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda net: net.backward(), "the ONNX engine cannot run backward"),
        (lambda net: net.clear_param_diffs(), "the ONNX engine cannot hold diffs"),
        (lambda net: net.blobs["a"].diff, "the ONNX engine cannot hold diffs"),
        (lambda net: net.params["ip"][0].diff, "the ONNX engine cannot hold diffs"),
        (lambda net: net.share_with(net), "the ONNX engine cannot share params"),
        (
            lambda net: net.copy_from("w"),
            "the ONNX engine cannot take other weights: open the net again",
        ),
        (
            lambda net: net.forward(start="relu"),
            "the ONNX engine cannot start at layer 'relu': it always runs from the inputs on",
        ),
    ],
)
def test_what_it_cannot_do(sides: SideBySide, act, message) -> None:
    with pytest.raises(EngineError) as caught:
        act(sides.onnx)
    assert (caught.value.message, caught.value.hint) == (message, 'engine="torch" can')


def test_params_are_read_only(sides: SideBySide) -> None:
    with pytest.raises(ValueError, match="read-only"):
        sides.onnx.params["ip"][0].data[...] = 0


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda net: net.forward(end="rel"), "no layer is called 'rel'\nhint: did you mean"),
        (lambda net: net.forward(blobs=["cod"]), "no blob is called 'cod'\nhint: did you mean"),
        (lambda net: net.forward(y=1), "Input blob arguments do not match net inputs. Given: y;"),
        (lambda net: net.forward(x=np.zeros((3, 3, 4, 4))), "blob 'x' is 2 3 4 4 (96), the array"),
        (lambda net: net.blobs["a"].reshape(1), "the shape of blob 'a' follows from the inputs"),
    ],
)  # fmt: skip
def test_wrong_arguments(sides: SideBySide, act, message) -> None:
    with pytest.raises(EngineError) as caught:
        act(sides.onnx)
    assert str(caught.value).startswith(message)


def test_a_size_that_a_layer_refuses(sides: SideBySide) -> None:
    sides.onnx.blobs["x"].reshape(2, 3, 9, 9)
    with pytest.raises(EngineError) as caught:
        sides.onnx.forward()
    assert caught.value.message == (
        "layer 'ip' (InnerProduct): its weights are 5 16 (80), but these inputs need 5 196 (980)"
    )


def refused(tmp_path: Path, text: str, weights: list[LayerWeights] | None = None) -> str:
    path = tmp_path / "net.prototxt"
    path.write_text(text)
    file = None
    if weights is not None:
        file = tmp_path / "w.caffemodel"
        write_weights(file, weights)
    with pytest.raises((EngineError, DataError)) as caught:
        open_net(path, file, engine="onnx").forward()
    return str(caught.value).replace(f"{tmp_path}/", "")


def layer(kind: str, bottoms: str = 'bottom: "x"') -> str:
    return INPUT + f'layer {{ name: "l" type: "{kind}" {bottoms} top: "p" }}'


def test_refusals(tmp_path: Path) -> None:
    assert refused(tmp_path, layer("PriorBox")) == (
        "net.prototxt:2:15: layer 'l' has the type 'PriorBox', which ONNX cannot express\n"
        '  2 | layer { name: "l" type: "PriorBox" bottom: "x" top: "p" }\n'
        "    |               ^^^\n"
        "hint: --blob NAME stops at a blob below it"
    )
    assert refused(tmp_path, 'layer { name: "d" type: "Data" top: "x" }').endswith(
        "hint: a deploy net has an input instead: ssdh deploy makes one"
    )
    assert refused(tmp_path, layer("EuclideanLoss", 'bottom: "x" bottom: "x"')).endswith(
        "hint: a deploy net does not have it: ssdh deploy makes one"
    )
    assert refused(tmp_path, layer("ReLu")).endswith("hint: did you mean 'ReLU'?")
    assert refused(tmp_path, layer("ReLU", 'bottom: "y"')).startswith(
        "net.prototxt:2:40: unknown bottom blob 'y' (layer 'l', bottom index 0)\n"
    )
    assert refused(tmp_path, 'layer { name: "x" type: "Input" top: "x" }').endswith(
        "hint: --input-shape x=N,C,H,W"
    )
    filler = 'dummy_data_param { data_filler { type: "gaussian" } shape { dim: 2 } }'
    random = f'layer {{ name: "d" type: "DummyData" top: "d" {filler} }}'
    assert refused(tmp_path, INPUT + random).startswith(
        "net.prototxt:2:15: layer 'd' (DummyData): its filler 'gaussian' makes new values in "
        "each pass\n"
    )


def test_weights_that_lack_a_layer_or_clash(tmp_path: Path) -> None:
    conv = LayerWeights("conv", "", (np.zeros((4, 3, 3, 3), "f4"), np.zeros(4, "f4")))
    assert refused(tmp_path, NET).startswith(
        "net.prototxt:2:15: layer 'conv' has no weights (and 1 more): no weights file is given\n"
    )
    assert refused(tmp_path, NET, [conv, LayerWeights("ip_", "", conv.blobs)]) == (
        "net.prototxt:5:15: layer 'ip' has no weights: w.caffemodel does not contain it\n"
        '  5 | layer { name: "ip" type: "InnerProduct" bottom: "a" top: "b"\n'
        "    |               ^^^^\n"
        "hint: did you mean 'ip_'?"
    )
    wrong = LayerWeights("ip", "", (np.zeros((5, 9), "f4"), np.zeros(5, "f4")))
    assert refused(tmp_path, NET, [conv, wrong]).startswith(
        "w.caffemodel: Cannot copy param 0 weights from layer 'ip'; shape mismatch.  Source "
        "param shape is 5 9 (45); target param shape is 5 16 (80).\n"
    )


def test_train_is_another_engines(sides: SideBySide) -> None:
    with pytest.raises(EngineError, match="runs nets in phase TEST only"):
        open_net(sides.prototxt, sides.weights, "TRAIN", "onnx")
