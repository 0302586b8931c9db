"""forward_all: any number of items, in the batches of the net, equal to pycaffe's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ssdh_surgery import EngineError, open_net

NET = """\
name: "small"
layer { name: "data" type: "Input" top: "data" top: "other"
  input_param { shape { dim: 4 dim: 3 } shape { dim: 4 dim: 2 } } }
layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip"
  inner_product_param { num_output: 5 weight_filler { type: "xavier" } } }
layer { name: "all" type: "Concat" bottom: "ip" bottom: "other" top: "all" }
"""
ENGINES = ["torch", "onnx", pytest.param("pycaffe", marks=pytest.mark.caffe)]


@pytest.fixture
def net_files(tmp_path: Path) -> tuple[Path, Path]:
    prototxt, weights = tmp_path / "net.prototxt", tmp_path / "net.caffemodel"
    prototxt.write_text(NET)
    open_net(prototxt, engine="torch").save(str(weights))
    return prototxt, weights


def items(count: int) -> dict[str, Any]:
    random = np.random.default_rng(count)
    return {"data": random.random((count, 3), np.float32), "other": random.random((count, 2))}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("count", [1, 4, 9])
def test_every_item_has_its_row(engine: Any, count: int, net_files: tuple[Path, Path]) -> None:
    net = open_net(*net_files, engine=engine)
    inputs = items(count)
    result = net.forward_all(blobs=["ip"], **inputs)
    weight, bias = (param.data for param in net.params["ip"])
    expected = inputs["data"] @ weight.T + bias
    assert set(result) == {"all", "ip"}
    np.testing.assert_allclose(result["ip"], expected, atol=1e-6)
    np.testing.assert_allclose(result["all"], np.hstack([expected, inputs["other"]]), atol=1e-6)


@pytest.mark.parametrize("engine", ["torch", "onnx"])
def test_no_items(engine: Any, net_files: tuple[Path, Path]) -> None:
    result = open_net(*net_files, engine=engine).forward_all(**items(0))
    assert result["all"].shape == (0, 7)


def test_the_next_batch_does_not_overwrite_a_result(net_files: tuple[Path, Path]) -> None:
    net = open_net(*net_files)
    before = net.forward_all(**items(4))["all"]
    copy = before.copy()
    net.forward_all(**items(9))
    np.testing.assert_array_equal(before, copy)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({}, r"Input blob arguments do not match net inputs. Given: ; the net has: data, other"),
        ({"data": np.zeros((2, 3))}, r"Given: data; the net has: data, other"),
        (
            {"data": np.zeros((2, 3)), "other": np.zeros((3, 2))},
            r"the inputs must have the same number of items: 'data' has 2, 'other' has 3",
        ),
    ],
)
def test_refusals(inputs: Any, message: str, net_files: tuple[Path, Path]) -> None:
    with pytest.raises(EngineError, match=message):
        open_net(*net_files).forward_all(**inputs)


def test_a_blob_without_a_row_for_each_item(tmp_path: Path) -> None:
    path = tmp_path / "net.prototxt"
    path.write_text(
        'layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 4 dim: 3 } } }\n'
        'layer { name: "sum" type: "Reduction" bottom: "data" top: "sum" }\n'
    )
    with pytest.raises(EngineError, match=r"blob 'sum' is \[\]: it has no row for each of the 4"):
        open_net(path).forward_all(data=np.zeros((4, 3)))


@pytest.mark.parametrize(("engine", "name"), [("torch", "TorchNet"), ("onnx", "OnnxNet")])
def test_reprs_say_what_a_net_is(engine: Any, name: str, net_files: tuple[Path, Path]) -> None:
    net = open_net(*net_files, engine=engine)
    assert repr(net) == (f"<{name} 'small' in TEST: 3 layers, data 4x3, other 4x2 -> all 4x7>")
    kind = {"torch": "Tensor", "onnx": "Onnx"}[engine]
    assert repr(net.blobs["ip"]) == f"<{kind}Blob 'ip' 4x5>"
    assert repr(net.params["ip"][0]) == f"<{kind}Param 5x3>"


def test_the_repr_of_a_layer_names_its_blobs(net_files: tuple[Path, Path]) -> None:
    layers = open_net(*net_files).layers
    assert [repr(layer) for layer in layers] == [
        "<Input 'data': -> data, other>",
        "<InnerProduct 'ip': data -> ip>",
        "<Concat 'all': ip, other -> all>",
    ]
