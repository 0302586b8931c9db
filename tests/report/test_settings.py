"""What a box says of a layer's settings."""

from __future__ import annotations

import pytest

from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.prototxt.parser import parse
from ssdh_surgery.report.families import FAMILIES, HASH, OTHER, family_of
from ssdh_surgery.report.layer_settings import settings_text


def told(text: str) -> str:
    (layer,) = Net(parse(text.encode())).layers
    return settings_text(layer)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Convolution convolution_param { num_output: 8 kernel_size: 1 }", "1x1, 8"),
        (
            "Convolution convolution_param { num_output: 64 kernel_size: 7 stride: 2 pad: 3 }",
            "7x7, 64, /2, pad 3",
        ),
        (
            "Convolution convolution_param { num_output: 4 kernel_h: 1 kernel_w: 7 pad_w: 3 "
            "group: 2 dilation: 2 stride_h: 1 stride_w: 2 }",
            "1x7, 4, /1x2, pad 0x3, dilation 2, group 2",
        ),
        ("Convolution convolution_param { num_output: 4 kernel_size: [1, 3, 3] }", "1x3x3, 4"),
        (
            "Deconvolution convolution_param { num_output: 4 kernel_size: 4 stride: 2 }",
            "4x4, 4, /2",
        ),
        ("Pooling pooling_param { pool: MAX kernel_size: 3 stride: 2 }", "MAX 3x3, /2"),
        ("Pooling pooling_param { pool: AVE kernel_size: 3 pad: 1 }", "AVE 3x3, pad 1"),
        ("Pooling pooling_param { kernel_h: 1 kernel_w: 48 pool: AVE }", "AVE 1x48"),
        ("Pooling pooling_param { pool: AVE global_pooling: true }", "AVE global"),
        ("InnerProduct inner_product_param { num_output: 48 }", "48"),
        ("Dropout dropout_param { dropout_ratio: 0.4 }", "0.4"),
        ("LRN lrn_param { local_size: 5 }", "5"),
        ("Eltwise eltwise_param { operation: PROD }", "PROD"),
        ("Concat", ""),
        ("Concat concat_param { axis: 2 }", "axis 2"),
        ("Slice slice_param { slice_point: 1 slice_point: 3 }", "at 1 3"),
        ("ReLU", ""),
        ("ReLU relu_param { negative_slope: 0.1 }", "slope 0.1"),
        ("Power power_param { power: 2 shift: -0.5 }", "(-0.5 + x)^2"),
        ("Power power_param { scale: 3 }", "3x"),
        ("Reduction reduction_param { operation: MEAN axis: 1 }", "MEAN, axis 1"),
        ("Threshold threshold_param { threshold: 0.5 }", "0.5"),
        ("Reshape reshape_param { shape { dim: 0 dim: -1 } }", "0x-1"),
        ("Embed embed_param { num_output: 3 }", "3"),
        ("LSTM recurrent_param { num_output: 3 }", "3"),
        ("Accuracy", ""),
        ("Accuracy accuracy_param { top_k: 5 }", "top 5"),
        ("SoftmaxWithLoss", ""),
        ("SoftmaxWithLoss loss_weight: 0.3", "weight 0.3"),
        ('Reduction top: "r" loss_weight: -0.5', "SUM, weight -0.5"),
        ("NoSuchType", ""),
    ],
)
def test_settings(text: str, expected: str) -> None:
    kind, _, rest = text.partition(" ")
    assert told(f'layer {{ name: "l" type: "{kind}" {rest} }}') == expected


def test_settings_of_old_dialects() -> None:
    assert told('layers { name: "c" type: CONVOLUTION convolution_param { num_output: 2 '
                "kernel_size: 3 } }") == "3x3, 2"  # fmt: skip
    assert told(
        'layers { layer { name: "p" type: "pool" pool: MAX kernelsize: 3 stride: 2 } }'
    ) == ("MAX 3x3, /2")


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("Convolution", "convolution"), ("ReLU", "activation"), ("BatchNorm", "normalization"),
        ("SoftmaxWithLoss", "loss"), ("K1_EuclideanLoss", "loss"), ("VideoData", "data"),
        ("MultiLabelAccuracy", "score"), ("SomethingElse", "other"),
    ],
)  # fmt: skip
def test_families(kind: str, name: str) -> None:
    assert family_of(kind).name == name


def test_every_family_has_a_colour_of_its_own() -> None:
    fills = [family.fill for family in FAMILIES]
    assert len(set(fills)) == len(fills)
    assert HASH in FAMILIES
    assert OTHER in FAMILIES
