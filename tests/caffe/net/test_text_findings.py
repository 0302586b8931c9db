"""Fields of another dialect and misspelt types, each with what to write; forks' own are silent."""

from __future__ import annotations

import pytest

from ssdh_surgery import parse
from ssdh_surgery.caffe.messages import schema
from ssdh_surgery.caffe.net.layer_rules import LAYER_RULES, nearest_type
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.net.text_findings import net_text_findings
from ssdh_surgery.errors import SchemaError

CONV = 'name: "a" type: "Convolution"'
OLD_CONV = 'name: "a" type: CONVOLUTION'


def messages(text: str) -> list[tuple[str, str | None]]:
    found = net_text_findings(Net(parse(text.encode(), "n")))
    return [(finding.message, finding.hint) for finding in found]


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        (f"layer {{ {CONV} blobs_lr: 2 }}", "write param { lr_mult: 2 }, one for each blob"),
        (f"layer {{ {CONV} weight_decay: 0 }}", "write param { decay_mult: 0 }, one for each blob"),
        (f"layer {{ {CONV} kernelsize: 3 }}", "write convolution_param { kernel_size: 3 }"),
        (f"layer {{ {CONV} num_output: 3 }}", "write convolution_param { num_output: 3 }"),
        (f"layer {{ {CONV} biasterm: false }}", "write convolution_param { bias_term: false }"),
        (f"layer {{ {CONV} cropsize: 8 }}", "write transform_param { crop_size: 8 }"),
        (
            f"layer {{ {CONV} convolution_param {{ kernelsize: 3 }} }}",
            "write kernel_size: 3",
        ),
        (
            f"layer {{ {CONV} transform_param {{ meanfile: 'm' }} }}",
            "write mean_file: 'm'",
        ),
        (f"layers {{ {OLD_CONV} kernelsize: 3 }}", "write convolution_param { kernel_size: 3 }"),
        (
            f"layers {{ {OLD_CONV} batch_norm_param {{ eps: 1 }} }}",
            "write 'layer' instead of 'layers', for all layers",
        ),
    ],
)
def test_fields_of_another_dialect(text: str, hint: str) -> None:
    # The judge is protobuf: it has no such field.
    with pytest.raises(SchemaError, match="has no field named"):
        schema.parse_text(text, "NetParameter")
    ((message, found),) = messages(text)
    assert message.startswith(f"Caffe cannot read this net: '{text.split()[0]}' has no field '")
    assert found == hint


@pytest.mark.parametrize(
    "text",
    [
        f"layer {{ {CONV} expand_ratio: 2 convolution_param {{ deformable_group: 1 }} }}",
        f"layer {{ {CONV} param {{ lr_mult: 1 }} convolution_param {{ kernel_size: 3 }} }}",
        f"layers {{ {OLD_CONV} blobs_lr: 1 weight_decay: 1 }}",
        'layers { layer { name: "a" type: "conv" kernelsize: 3 blobs_lr: 1 } }',
    ],
)
def test_fields_of_forks_and_of_the_own_dialect(text: str) -> None:
    assert messages(text) == []


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("innerproduct", "InnerProduct"),
        ("INNER_PRODUCT", "InnerProduct"),
        ("Inner_Product", "InnerProduct"),
        ("SOFTMAX_LOSS", "SoftmaxWithLoss"),
        ("SoftmaxLoss", "SoftmaxWithLoss"),
        ("SoftMaxWithLoss", "SoftmaxWithLoss"),
        ("Convlution", "Convolution"),
        ("InerProduct", "InnerProduct"),
        ("Relu", "ReLU"),
        *((name.lower(), name) for name in LAYER_RULES),
    ],
)
def test_misspelt_types(name: str, near: str) -> None:
    assert nearest_type(name) == (None if name == near else near)
    text = f'layer {{ name: "a" type: "{name}" }}'
    hint = [(f"Unknown layer type: {name} (layer 'a')", f"did you mean '{near}'?")]
    assert messages(text) == ([] if name == near else hint)


@pytest.mark.parametrize(
    "name",
    [
        *("Python", "ROIPooling", "PriorBox", "DetectionOutput", "MultiBoxLoss", "Interp", "BN"),
        *("CReLU", "RReLU", "Convolution3D", "BatchNormalization", "Upsample", "CenterLoss", ""),
        *LAYER_RULES,
    ],
)
def test_types_of_forks_are_not_misspelt(name: str) -> None:
    assert nearest_type(name) is None
