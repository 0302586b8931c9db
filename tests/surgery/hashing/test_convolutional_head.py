"""Convolutional classifiers: made InnerProducts on pooled features, and hashed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ssdh_surgery import parse, zoo
from ssdh_surgery.caffe.net.heads import Head, heads
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.net.phase import PHASES
from ssdh_surgery.caffe.shapes import shapes
from ssdh_surgery.errors import SurgeryError
from ssdh_surgery.surgery.core.change import Change
from ssdh_surgery.surgery.core.gate import prove
from ssdh_surgery.surgery.hashing.convolutional_head import to_inner_product
from ssdh_surgery.surgery.hashing.insert import hash_deploy_net, hash_train_net
from ssdh_surgery.surgery.hashing.recipe import Recipe
from ssdh_surgery.surgery.verbs.fields import Removal

POOLED_AFTER = """layer { name: "data" type: "Input" top: "data" \
input_param { shape { dim: 2 dim: 8 dim: 6 dim: 6 } } }
layer { name: "drop9" type: "Dropout" bottom: "data" top: "drop9" }
layer {
  name: "conv10"  # one score for each place
  type: "Convolution"
  bottom: "drop9"
  top: "conv10"
  convolution_param {
    num_output: 5
    pad: 1
    kernel_size: 1
    weight_filler { type: "gaussian" std: 0.01 }
  }
}
layer { name: "relu" type: "ReLU" bottom: "conv10" top: "conv10" }
layer { name: "pool10" type: "Pooling" bottom: "conv10" top: "pool10" \
pooling_param { pool: AVE global_pooling: true } }
layer { name: "prob" type: "Softmax" bottom: "pool10" top: "prob" }
"""
CONVERTED = """layer { name: "data" type: "Input" top: "data" \
input_param { shape { dim: 2 dim: 8 dim: 6 dim: 6 } } }
layer { name: "drop9" type: "Dropout" bottom: "data" top: "drop9" }
layer {
  name: "pool10"
  type: "Pooling"
  bottom: "drop9"
  top: "pool10"
  pooling_param { pool: AVE global_pooling: true }
}
layer {
  name: "conv10"  # one score for each place
  type: "InnerProduct"
  bottom: "pool10"
  top: "conv10"
  inner_product_param {
    num_output: 5
    weight_filler { type: "gaussian" std: 0.01 }
  }
}
layer { name: "prob" type: "Softmax" bottom: "conv10" top: "prob" }
"""
V1 = """layers { name: "data" type: DATA top: "data" top: "label" }
layers { name: "conv" type: CONVOLUTION bottom: "data" top: "conv" blobs_lr: 1 blobs_lr: 2 \
convolution_param { num_output: 5 kernel_size: 1 } }
layers { name: "pool" type: POOLING bottom: "conv" top: "pool" \
pooling_param { pool: AVE global_pooling: true } }
layers { name: "drop" type: DROPOUT bottom: "pool" top: "pool" }
layers { name: "loss" type: SOFTMAX_LOSS bottom: "pool" bottom: "label" }
"""
V1_CONVERTED = """layers { name: "data" type: DATA top: "data" top: "label" }
layers { name: "pool" type: POOLING bottom: "data" top: "pool" \
pooling_param { pool: AVE global_pooling: true } }
layers { name: "conv" type: INNER_PRODUCT bottom: "pool" top: "conv" blobs_lr: 1 blobs_lr: 2 \
inner_product_param { num_output: 5 } }
layers { name: "drop" type: DROPOUT bottom: "conv" top: "conv" }
layers { name: "loss" type: SOFTMAX_LOSS bottom: "conv" bottom: "label" }
"""
V0 = """layers { layer { name: "data" type: "data" batchsize: 2 cropsize: 6 } \
top: "data" top: "label" }
layers { layer { name: "conv" type: "conv" num_output: 5 kernelsize: 6 stride: 1 } \
bottom: "data" top: "conv" }
layers { layer { name: "loss" type: "softmax_loss" } bottom: "conv" bottom: "label" }
"""


def net(text: str) -> Net:
    return Net(parse(text.encode(), "n.prototxt"))


def main_of(of: Net) -> Head:
    return next(head for head in heads(of) if head.is_main)


def made(of: Net, change: Change) -> str:
    return prove(of.document, change, "NetParameter").document.text


@pytest.mark.parametrize(
    ("before", "after", "features", "removed"),
    [
        pytest.param(POOLED_AFTER, CONVERTED, "pool10", ["relu", "pool10"], id="pooled after"),
        pytest.param(V1, V1_CONVERTED, "pool", ["pool"], id="V1"),
    ],
)
def test_the_pooling_goes_below(before: str, after: str, features: str, removed: list[str]) -> None:
    of = net(before)
    converted = to_inner_product(of, main_of(of), "delete")
    assert made(of, converted.change) == after
    assert converted.features == features
    assert [layer.name for layer in converted.removed] == removed
    again = net(after)
    assert to_inner_product(again, main_of(again), "delete").change == Change()


def test_the_note_says_what_goes() -> None:
    of = net(POOLED_AFTER)
    assert to_inner_product(of, main_of(of), "delete").notes == (
        "the classifier 'conv10' was a Convolution with the global pooling 'pool10' after it: it "
        "becomes an InnerProduct on the pooled features; relu between them is removed",
    )


def test_commented_out() -> None:
    of = net(POOLED_AFTER)
    text = made(of, to_inner_product(of, main_of(of), "comment").change)
    assert "    # kernel_size: 1\n" in text
    assert '# layer { name: "relu"' in text
    assert [layer.name for layer in net(text).layers] == [
        layer.name for layer in net(CONVERTED).layers
    ]


def test_a_convolution_over_all_places() -> None:
    # A record of V0 has 3 channels, which no text says: the shapes come from the kernel.
    text = V0.replace(
        'layers { layer { name: "data" type: "data" batchsize: 2 cropsize: 6 } \
top: "data" top: "label" }\n',
        'input: "data" input_dim: 2 input_dim: 3 input_dim: 6 \
input_dim: 6\n',
    ).replace(
        'layers { layer { name: "loss" type: "softmax_loss" } bottom: "conv" \
bottom: "label" }',
        'layers { layer { name: "prob" type: "softmax" } bottom: "conv" top: "prob" }',
    )
    of = net(text)
    converted = to_inner_product(of, main_of(of), "delete")
    assert made(of, converted.change) == text.replace('"conv" num', '"innerproduct" num').replace(
        " kernelsize: 6 stride: 1", ""
    )
    assert converted.notes == (
        "the classifier 'conv' was a Convolution: it becomes an InnerProduct",
    )


def test_places_that_nothing_pools() -> None:
    of = net(
        POOLED_AFTER.replace("global_pooling: true", "kernel_size: 3").replace(
            'bottom: "pool10"', 'bottom: "conv10"'
        )
    )
    (head, *_) = heads(of)
    with pytest.raises(SurgeryError) as caught:
        to_inner_product(of, head, "delete")
    assert caught.value.message == (
        "the classifier 'conv10' is a Convolution whose scores no global pooling averages: it "
        "classifies positions, not images"
    )


NETS = ["squeezenet-1.0", "squeezenet-1.1", "mobilenet-v1", "mobilenet-v2", "densenet-121"]


def hashed(name: str, how: Removal) -> Net:
    """A net of the zoo, its classifier converted and hashed."""
    of = net(zoo.text(*zoo.parse_name(f"zoo:{name}")))
    of = net(made(of, to_inner_product(of, main_of(of), how).change))
    hash_net = hash_deploy_net if "deploy" in name else hash_train_net
    return net(made(of, hash_net(of, main_of(of), Recipe(bits=48, remove=how)).change))


@pytest.mark.parametrize("name", NETS)
def test_shapes_of_real_nets(name: str) -> None:
    of = hashed(name, "comment")
    for phase in PHASES:
        found = shapes(of, phase)
        assert not found.findings
        assert found.blobs["latent_SSDH_encode"][1:] == (48,)  # type: ignore[index]
        latent = found.params["latent_SSDH"][0]
        assert latent[0] == 48
        (head,) = heads(of)
        assert found.blobs[head.classifier.tops[0]][1:] == (1000,)  # type: ignore[index]
        assert {blob.name for blob in of.graph(phase).outputs} == {
            top
            for each in (*head.losses, *head.accuracies)
            if of.graph(phase).takes_part(each)
            for top in each.tops
        }


@pytest.mark.caffe
# DenseNet's `round_mode` is a field that the Caffe at hand does not have.
@pytest.mark.parametrize("name", NETS[:-1])
def test_caffe_loads_the_deploy_nets(name: str, tmp_path: Path, caffe: Path) -> None:
    from ssdh_surgery.engines.caffe_binary.executable import built_pycaffe

    of = hashed(f"{name}/deploy", "delete")
    (tmp_path / "net.prototxt").write_text(of.document.text)
    script = (
        "import sys; sys.path.insert(0, sys.argv[1]); import caffe\n"
        "net = caffe.Net('net.prototxt', caffe.TEST)\n"
        "print([tuple(net.blobs[name].shape) for name in net.outputs])"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script, str(built_pycaffe())],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    batch = shapes(of, "TEST").blobs["data"]
    assert batch is not None
    assert ran.stdout.strip() == f"[({batch[0]}, 48)]"
