"""Old nets as current messages: what Caffe's own upgrade makes of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ssdh_surgery import parse
from ssdh_surgery.caffe.messages import schema
from ssdh_surgery.caffe.net.kind import Kind, kind_of
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.net.net_message import net_parameter


def upgraded(text: str) -> Any:
    return net_parameter(Net(parse(text.encode())))


def message(text: str) -> Any:
    return schema.parse_text(text, "NetParameter")


@pytest.mark.corpus
def test_records_of_caffes_own_upgrade(corpus: Path) -> None:
    records = sorted((corpus.parent / "golden" / "upgrade").iterdir())
    assert len(records) == 61
    compared = 0
    for record in records:
        file = corpus / record.name.replace("__", "/")
        document = parse(file.read_bytes(), file.name)
        if kind_of(document) is not Kind.SOLVER:
            wanted = schema.parse_text(record.read_text(), "NetParameter")
            assert net_parameter(Net(document)) == wanted, file
            compared += 1
    assert compared == 59


@pytest.mark.corpus
def test_a_current_net_without_inputs_is_what_protobuf_reads(corpus: Path) -> None:
    compared = 0
    for file in corpus.rglob("*.prototxt"):
        text = file.read_text()
        if "layers {" in text or "input" in text or "BatchNorm" in text:
            continue
        document = parse(file.read_bytes(), file.name)
        if kind_of(document) is Kind.TRAIN:
            assert net_parameter(Net(document)) == message(text), file
            compared += 1
    assert compared > 10


# Each as Caffe 1.0's upgrade_net_proto_text has it, by its source.
UPGRADES = [
    (
        "V1",
        'layers { name: "c" type: CONVOLUTION bottom: "x" top: "c" blobs_lr: [1, 2] '
        'weight_decay: 1 weight_decay: 0 param: "w" blob_share_mode: PERMISSIVE '
        "convolution_param { num_output: 3 } loss_weight: 2 include { phase: TEST } }",
        'layer { name: "c" type: "Convolution" bottom: "x" top: "c" loss_weight: 2 '
        'param { name: "w" share_mode: PERMISSIVE lr_mult: 1 decay_mult: 1 } '
        "param { lr_mult: 2 decay_mult: 0 } convolution_param { num_output: 3 } "
        "include { phase: TEST } }",
    ),
    (
        "V1-transform",
        'layers { name: "d" type: DATA data_param { source: "s" scale: 0.5 mean_file: "m" '
        "crop_size: 5 mirror: true batch_size: 1 } }",
        'layer { name: "d" type: "Data" data_param { source: "s" batch_size: 1 } '
        'transform_param { scale: 0.5 mean_file: "m" crop_size: 5 mirror: true } }',
    ),
    (
        "V1-transform-of-one-of-two",
        "layers { type: IMAGE_DATA image_data_param { crop_size: 5 } } "
        "layers { type: WINDOW_DATA } layers { type: RELU }",
        'layer { type: "ImageData" image_data_param { } transform_param { crop_size: 5 } } '
        'layer { type: "WindowData" window_data_param { } transform_param { } } '
        'layer { type: "ReLU" }',
    ),
    (
        "V1-without-old-transforms",
        "layers { type: DATA }",
        'layer { type: "Data" }',
    ),
    (
        "current-transforms-stay",
        'layer { type: "Data" data_param { scale: 2 } }',
        'layer { type: "Data" data_param { scale: 2 } }',
    ),
    (
        "V0",
        'layers { layer { name: "c" type: "conv" num_output: 3 kernelsize: 5 stride: 2 pad: 1 '
        'group: 1 biasterm: false weight_filler { type: "xavier" } blobs_lr: 1. } '
        'bottom: "x" top: "c" }',
        'layer { name: "c" type: "Convolution" bottom: "x" top: "c" param { lr_mult: 1 } '
        "convolution_param { num_output: 3 kernel_size: 5 stride: 2 pad: 1 group: 1 "
        'bias_term: false weight_filler { type: "xavier" } } }',
    ),
    (
        "V0-data",
        'layers { layer { name: "d" type: "data" source: "s" meanfile: "m" batchsize: 4 '
        'cropsize: 5 mirror: true scale: 2 rand_skip: 1 } top: "d" }',
        'layer { name: "d" type: "Data" top: "d" data_param { source: "s" batch_size: 4 '
        'rand_skip: 1 } transform_param { scale: 2 mirror: true crop_size: 5 mean_file: "m" } }',
    ),
    (
        "V0-keeps-connections-alone",
        'force_backward: true debug_info: true layers { layer { name: "a" type: "relu" } '
        'bottom: "x" include { phase: TRAIN } loss_weight: 1 }',
        'force_backward: true layer { name: "a" type: "ReLU" bottom: "x" }',
    ),
    (
        "V0-padding",
        'layers { layer { name: "p" type: "padding" pad: 2 } bottom: "x" top: "p" } '
        'layers { layer { name: "c" type: "conv" kernelsize: 5 pad: 7 } bottom: "p" top: "c" }',
        'layer { name: "c" type: "Convolution" bottom: "x" top: "c" '
        "convolution_param { kernel_size: 5 pad: 2 } }",
    ),
    (
        "V0-padding-of-a-pool",
        'layers { layer { name: "p" type: "padding" pad: 2 } bottom: "x" top: "p" } '
        'layers { layer { name: "c" type: "pool" pool: AVE } bottom: "p" top: "c" }',
        'layer { name: "c" type: "Pooling" bottom: "x" top: "c" '
        "pooling_param { pool: AVE pad: 2 } }",
    ),
    (
        "input-shape",
        'input: "x" input: "y" input_shape { dim: 1 dim: 2 } input_shape { dim: 3 } '
        'layer { type: "ReLU" }',
        'layer { name: "input" type: "Input" top: "x" top: "y" input_param { '
        'shape { dim: 1 dim: 2 } shape { dim: 3 } } } layer { type: "ReLU" }',
    ),
    (
        "input-dim",
        'input: "x" input: "y" input_dim: [1, 2, 3, 4, 5, 6, 7, 8]',
        'layer { name: "input" type: "Input" top: "x" top: "y" input_param { '
        "shape { dim: [1, 2, 3, 4] } shape { dim: [5, 6, 7, 8] } } }",
    ),
    (
        "input-shape-wins",
        'input: "x" input_shape { dim: 9 } input_shape { dim: 8 } input_dim: [1, 2, 3, 4]',
        'layer { name: "input" type: "Input" top: "x" input_param { shape { dim: 9 } } }',
    ),
    ("input-without-a-shape", 'input: "x" layer { type: "ReLU" }', 'layer { type: "ReLU" }'),
    (
        "batch-norm",
        'layer { type: "BatchNorm" param { lr_mult: 1 } param { } param { name: "c" } }',
        'layer { type: "BatchNorm" param { lr_mult: 0 decay_mult: 0 } '
        'param { lr_mult: 0 decay_mult: 0 } param { name: "c" lr_mult: 0 decay_mult: 0 } }',
    ),
    (
        "batch-norm-of-two",
        'layer { type: "BatchNorm" param { lr_mult: 1 } param { } }',
        'layer { type: "BatchNorm" param { lr_mult: 1 } param { } }',
    ),
    (
        "root-fields-stay",
        'name: "n" state { phase: TEST stage: "s" } debug_info: true layers { type: NONE }',
        'name: "n" state { phase: TEST stage: "s" } debug_info: true layer { type: "" }',
    ),
]


@pytest.mark.parametrize(("old", "new"), [pytest.param(*case[1:], id=case[0]) for case in UPGRADES])
def test_upgrade(old: str, new: str) -> None:
    assert upgraded(old) == message(new)


def test_what_no_schema_knows_is_left_aside() -> None:
    found = upgraded('layer { name: "a" fork { x: 1 } pooling_param { pool: MEDIAN pad: 1 } }')
    assert found == message('layer { name: "a" pooling_param { pad: 1 } }')


def test_of_a_field_given_twice_the_last_counts() -> None:
    assert upgraded('layer { name: "a" name: "b" }') == message('layer { name: "b" }')
