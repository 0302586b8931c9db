"""Weights as Caffe wrote them, in every form, damaged, and written back."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from google.protobuf.message import DecodeError, Message

from ssdh_surgery.caffe.messages import schema
from ssdh_surgery.caffe.messages.dialect import Dialect
from ssdh_surgery.caffe.weights.binary_weights import read_weights, write_weights
from ssdh_surgery.caffe.weights.layer_weights import LayerWeights, Weights
from ssdh_surgery.errors import DataError, FileError
from support.paths import GOLDEN

TRAIN = GOLDEN / "train"
SNAPSHOT = TRAIN / "snap_sgd_step_ssdh_iter_20.caffemodel"


def read(folder: Path, content: bytes | Message) -> Weights:
    """Weights from bytes or from a message."""
    path = folder / "x.caffemodel"
    path.write_bytes(content.SerializeToString() if isinstance(content, Message) else content)
    return read_weights(path)


def refusal(folder: Path, content: bytes | Message) -> str:
    """What is said of a file that is no weights file, without the folder."""
    with pytest.raises(DataError) as caught:
        read(folder, content)
    return str(caught.value).removeprefix(f"{folder}/")


def net(text: str) -> Message:
    return schema.parse_text(text, "NetParameter")


def test_a_snapshot_has_the_params_that_caffe_held() -> None:
    weights = read_weights(SNAPSHOT)
    assert weights.name == "golden_ssdh"
    read_params = {
        f"{layer.name}/{index}": blob
        for layer in weights.layers
        for index, blob in enumerate(layer.blobs)
    }
    with np.load(TRAIN / "golden_sgd_step_ssdh.npz") as record:
        held = {name: record[name] for name in record.files if "/" in name}
        assert read_params.keys() == held.keys()
        for name, values in held.items():
            np.testing.assert_array_equal(read_params[name], values, err_msg=name)


def test_layers_are_those_of_the_file_in_its_order() -> None:
    message = schema.NetParameter.FromString(SNAPSHOT.read_bytes())
    layers = read_weights(SNAPSHOT).layers
    assert [(layer.name, layer.type) for layer in layers] == [
        (layer.name, layer.type) for layer in message.layer
    ]
    for ours, theirs in zip(layers, message.layer, strict=True):
        assert ours.shapes == tuple(tuple(blob.shape.dim) for blob in theirs.blobs)
        assert ours.legacy == frozenset()


def test_arrays_are_whole_and_can_be_written_to() -> None:
    for layer in read_weights(SNAPSHOT).layers:
        for blob in layer.blobs:
            assert blob.dtype == np.float32
            assert blob.flags.writeable
            assert blob.flags.aligned
            assert blob.flags.c_contiguous


BLOBS = """
  blobs { num: 1 channels: 1 height: 2 width: 3 data: [1, 2, 3, 4, 5, 6] diff: [9, 9] }
  blobs { shape { dim: 2 } data: [7, 8] }
"""


@pytest.mark.parametrize(
    ("text", "layer_type"),
    [
        (f'layer {{ name: "ip" type: "InnerProduct" {BLOBS} }}', "InnerProduct"),
        (f'layers {{ name: "ip" type: INNER_PRODUCT {BLOBS} }}', "InnerProduct"),
        (f'layers {{ layer {{ name: "ip" type: "innerproduct" {BLOBS} }} }}', "InnerProduct"),
        (f'layer {{ name: "ip" {BLOBS} }}', ""),
        (f'layers {{ name: "ip" {BLOBS} }}', ""),
        (f'layer {{ name: "ip" type: "OfAFork" {BLOBS} }}', "OfAFork"),
        (f'layers {{ layer {{ name: "ip" type: "of_a_fork" {BLOBS} }} }}', "of_a_fork"),
    ],
    ids=["current", "v1", "v0", "current without type", "v1 without type", "fork", "v0 fork"],
)
def test_every_form_of_layer(text: str, layer_type: str, tmp_path: Path) -> None:
    (layer,) = read(tmp_path, net(text)).layers
    assert (layer.name, layer.type) == ("ip", layer_type)
    assert layer.shapes == ((1, 1, 2, 3), (2,))
    assert layer.legacy == {0}
    np.testing.assert_array_equal(layer.blobs[0].ravel(), [1, 2, 3, 4, 5, 6])
    np.testing.assert_array_equal(layer.blobs[1], [7, 8])


def test_a_type_number_of_a_fork_is_no_type(tmp_path: Path) -> None:
    # layers { name: "a" type: 99 }
    assert read(tmp_path, b"\x12\x05\x22\x01a\x28\x63").layers[0].type == ""


def blob(dims: list[int], data: list[float], doubles: list[float] | None = None) -> Message:
    shape = schema.BlobShape(dim=dims)
    proto = schema.BlobProto(shape=shape, data=data, double_data=doubles)
    return schema.NetParameter(layer=[schema.LayerParameter(name="a", blobs=[proto])])


def test_doubles_are_read_and_come_before_floats(tmp_path: Path) -> None:
    message = blob([2], [5, 6, 7], [0.1, 1e-3])
    (layer,) = read(tmp_path, message).layers
    np.testing.assert_array_equal(layer.blobs[0], np.array([0.1, 1e-3], np.float32))


def test_legacy_dims_come_before_a_shape_and_are_0_where_missing(tmp_path: Path) -> None:
    text = "layer { blobs { shape { dim: 6 } num: 1 height: 2 width: 3 } }"
    (layer,) = read(tmp_path, net(text)).layers
    assert layer.shapes == ((1, 0, 2, 3),)
    assert layer.legacy == {0}


def test_a_shape_of_no_axes_is_one_value(tmp_path: Path) -> None:
    (layer,) = read(tmp_path, blob([], [3])).layers
    assert layer.shapes == ((),)
    assert layer.blobs[0] == 3


def test_an_empty_blob(tmp_path: Path) -> None:
    assert read(tmp_path, blob([0, 4], [])).layers[0].shapes == ((0, 4),)


def wrapped(blob_bytes: bytes) -> bytes:
    """layer { name: "a" blobs { ... } }"""
    layer = b"\x0a\x01a\x3a" + bytes([len(blob_bytes)]) + blob_bytes
    return b"\xa2\x06" + bytes([len(layer)]) + layer


ONE, TWO = b"\x00\x00\x80\x3f", b"\x00\x00\x00\x40"


@pytest.mark.parametrize(
    "data",
    [
        b"\x2a\x08" + ONE + TWO,
        b"\x2a\x04" + ONE + b"\x2a\x04" + TWO,
        b"\x2d" + ONE + b"\x2d" + TWO,
        b"\x2a\x04" + ONE + b"\x2d" + TWO,
        # The same floats between fields that no BlobProto has.
        b"\x79" + ONE + TWO + b"\x2a\x08" + ONE + TWO + b"\xa8\x06\x96\x01",
    ],
    ids=["packed", "packed in two", "one by one", "mixed", "unknown fields"],
)
@pytest.mark.parametrize("shape", [b"\x3a\x03\x0a\x01\x02", b"\x3a\x02\x08\x02"])
def test_wire_forms_that_protobuf_takes(data: bytes, shape: bytes, tmp_path: Path) -> None:
    for content in (data + shape, shape + data):
        assert list(schema.BlobProto.FromString(content).data) == [1, 2]
        (layer,) = read(tmp_path, wrapped(content)).layers
        np.testing.assert_array_equal(layer.blobs[0], np.array([1, 2], np.float32))


def test_a_fixed_width_field_of_the_wrong_width_is_no_value(tmp_path: Path) -> None:
    content = b"\x29" + ONE + TWO + b"\x3a\x03\x0a\x01\x00"
    assert list(schema.BlobProto.FromString(content).data) == []
    assert read(tmp_path, wrapped(content)).layers[0].shapes == ((0,),)


def test_names_that_are_not_utf8_compare_with_those_of_a_prototxt(tmp_path: Path) -> None:
    (layer,) = read(tmp_path, b"\xa2\x06\x04\x0a\x02\xb2\xe3").layers
    assert layer.name == b"\xb2\xe3".decode("utf-8", "surrogateescape")


def test_every_cut_is_noticed_unless_protobuf_too_finds_a_whole_message(tmp_path: Path) -> None:
    text = f'name: "n" layer {{ name: "ip" type: "InnerProduct" {BLOBS} }} layer {{ name: "x" }}'
    data = net(text).SerializeToString()
    layers_in_whole = []
    # A first byte alone is a line feed, and so a text.
    for size in range(2, len(data)):
        try:
            message = schema.NetParameter.FromString(data[:size])
        except DecodeError:
            said = refusal(tmp_path, data[:size])
            assert said.startswith("x.caffemodel: is truncated or corrupt: "), size
            continue
        layers_in_whole.append(len(message.layer))
        if message.layer:
            assert len(read(tmp_path, data[:size]).layers) == len(message.layer)
        else:
            said = refusal(tmp_path, data[:size])
            assert said == "x.caffemodel: is not a .caffemodel: it contains no layers"
    # Behind the net's name, and behind the first layer.
    assert layers_in_whole == [0, 1]


def test_damage_is_read_or_refused_and_nothing_else(tmp_path: Path) -> None:
    dice = random.Random(7)
    text = f'name: "n" layer {{ name: "ip" {BLOBS} }} layer {{ name: "x" {BLOBS} }}'
    data = net(text).SerializeToString()
    outcomes: set[type] = set()
    for _ in range(1000):
        damaged = bytearray(data)
        for _ in range(dice.randint(1, 4)):
            damaged[dice.randrange(len(damaged))] = dice.randrange(256)
        try:
            outcomes.add(type(read(tmp_path, bytes(damaged))))
        except DataError as error:
            outcomes.add(type(error))
    assert outcomes == {Weights, DataError}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (
            b"PK\x03\x04" + bytes(100),
            "is an archive of NumPy or PyTorch, not weights",
        ),
        (
            b"\x89HDF\r\n\x1a\n" + bytes(100),
            "is an HDF5 file: only binary .caffemodel files can be read",
        ),
        (b'name: "n"\nlayer {\n  name: "x"\n}\n', "is a prototxt, not weights"),
        (b"# V1\r\nlayers\r\n{ type: DATA }\r\n", "is a prototxt, not weights"),
        (
            b"<!DOCTYPE html>\n<html>Not found</html>\n",
            "is text, not weights\n"
            "hint: this looks like a web page: download the raw file instead",
        ),
        (b"\x0a\x01n\x38\x00", "is not a .caffemodel: it contains no layers"),
        (
            b"\x1f\x8b\x08\x00\x00\x00",
            "is truncated or corrupt: no field begins at byte 0",
        ),
        (b"\x00\x00\x00", "is truncated or corrupt: no field begins at byte 0"),
        (b"\x18" + b"\xff" * 20, "is truncated or corrupt: the number at byte 1 has no end"),
        (
            b"\x18" + b"\xff" * 10 + b"\x01",
            "is truncated or corrupt: the number at byte 1 has no end",
        ),
        (
            SNAPSHOT.read_bytes()[:-5],
            "is truncated or corrupt: the field at byte 12210 needs 5 more bytes\n"
            "hint: copy or download it again, and compare its size",
        ),
        (
            net('layer { name: "a" } layers { name: "b" }'),
            "mixes 'layer' and 'layers', which Caffe refuses",
        ),
        (
            blob([2, 3], [1, 2]),
            "blob 0 of layer 'a' has the shape (2, 3) and 2 values",
        ),
        (
            blob([-1, -2], [1, 2]),
            "blob 0 of layer 'a' has the shape (-1, -2) and 2 values",
        ),
        (
            blob([1] * 33, [1]),
            "blob 0 of layer 'a' has 33 axes, and Caffe allows 32",
        ),
        (
            wrapped(b"\x2a\x05" + ONE + b"\x00"),
            "is truncated or corrupt: a value of blob 0 of layer 'a' has no end",
        ),
        (
            wrapped(b"\x2d" + ONE + b"\x3a\x01\x08"),
            "is truncated or corrupt: protobuf cannot read a blob's values",
        ),
    ],
    ids=[
        "empty", "archive", "hdf5", "prototxt", "v1 prototxt", "html", "no layers", "gzip",
        "zeros", "ones", "long number",
        "cut", "mixed forms", "too few values", "negative dims", "too many axes",
        "cut value", "damaged loose values",
    ],
)  # fmt: skip
def test_what_is_no_weights_file(content: bytes | Message, said: str, tmp_path: Path) -> None:
    assert refusal(tmp_path, content) == f"x.caffemodel: {said}"


def test_other_files_of_caffe() -> None:
    with pytest.raises(DataError) as caught:
        read_weights(TRAIN / "mean.binaryproto")
    assert caught.value.message == "is a mean image, not weights"
    with pytest.raises(DataError) as caught:
        read_weights(TRAIN / "snap_sgd_step_ssdh_iter_20.solverstate")
    assert caught.value.message == "holds a solver's state, not weights"
    assert caught.value.hint == f"its weights are in {SNAPSHOT}"


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileError) as caught:
        read_weights(tmp_path / "none.caffemodel")
    assert str(caught.value) == f"{tmp_path}/none.caffemodel: cannot read: no such file"


def test_what_is_written_is_read_by_protobuf(tmp_path: Path) -> None:
    path = tmp_path / "out.caffemodel"
    weight = np.arange(6, dtype=np.float32).reshape(2, 3)[:, ::-1]
    bias = np.array([1, 2], np.float32)
    layers = [
        LayerWeights("ip", "InnerProduct", (weight, bias)),
        LayerWeights("relu", "ReLU", ()),
    ]
    write_weights(path, layers, name="n")
    assert schema.NetParameter.FromString(path.read_bytes()) == net(
        'name: "n"'
        'layer { name: "ip" type: "InnerProduct"'
        "  blobs { shape { dim: [2, 3] } data: [2, 1, 0, 5, 4, 3] }"
        "  blobs { shape { dim: 2 } data: [1, 2] } }"
        'layer { name: "relu" type: "ReLU" }'
    )


def test_what_is_written_for_v1_is_read_by_protobuf(tmp_path: Path) -> None:
    path = tmp_path / "out.caffemodel"
    weight = np.arange(6, dtype=np.float32).reshape(1, 1, 2, 3)
    layers = [
        LayerWeights("ip", "InnerProduct", (weight, weight.ravel()[:2]), frozenset({0})),
        LayerWeights("loss", "SoftmaxWithLoss", ()),
    ]
    write_weights(path, layers, name="n", dialect=Dialect.V1)
    assert schema.NetParameter.FromString(path.read_bytes()) == net(
        'name: "n"'
        'layers { name: "ip" type: INNER_PRODUCT'
        "  blobs { num: 1 channels: 1 height: 2 width: 3 data: [0, 1, 2, 3, 4, 5] }"
        "  blobs { shape { dim: 2 } data: [0, 1] } }"
        'layers { name: "loss" type: SOFTMAX_LOSS }'
    )
    again = read_weights(path).layers
    assert [(layer.name, layer.type) for layer in again] == [
        (layer.name, layer.type) for layer in layers
    ]


def test_v1_has_no_layer_of_a_later_type(tmp_path: Path) -> None:
    path = tmp_path / "out.caffemodel"
    with pytest.raises(DataError, match="layer 'bn' is a BatchNorm, which V1 does not have"):
        write_weights(path, [LayerWeights("bn", "BatchNorm", ())], dialect=Dialect.V1)
    assert not path.exists()


@pytest.mark.parametrize("form", ["current", "v1"])
def test_written_and_read_again(form: str, tmp_path: Path) -> None:
    v1 = read(tmp_path, net(f'layers {{ name: "\\303\\251" type: CONVOLUTION {BLOBS} }}'))
    weights = read_weights(SNAPSHOT) if form == "current" else v1
    path = tmp_path / "again.caffemodel"
    write_weights(path, weights.layers, name=weights.name)
    again = read_weights(path)
    assert again.name == weights.name
    for ours, theirs in zip(again.layers, weights.layers, strict=True):
        assert (ours.name, ours.type, ours.legacy) == (theirs.name, theirs.type, theirs.legacy)
        for a, b in zip(ours.blobs, theirs.blobs, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(("number", "dtype"), [(0, "<f8"), (1, "<f4"), (2, "<f2")])
def test_raw_values_of_nvcaffe(number: int, dtype: str, tmp_path: Path) -> None:
    values = np.array([0.5, -2, 0.125], dtype)
    raw = b"\x50" + bytes([number]) + b"\x62" + bytes([values.nbytes]) + values.tobytes()
    path = tmp_path / "x.caffemodel"
    path.write_bytes(wrapped(raw + b"\x3a\x03\x0a\x01\x03"))
    (blob,) = read_weights(path).layers[0].blobs
    np.testing.assert_array_equal(blob, values.astype(np.float32), strict=True)
