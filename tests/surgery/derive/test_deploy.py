"""A deploy net from a train net, as text: what goes, what stays, in every dialect."""

from __future__ import annotations

import pytest

from ssdh_surgery import parse
from ssdh_surgery.caffe.net.heads import heads
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.errors import SurgeryError
from ssdh_surgery.surgery.core.gate import prove
from ssdh_surgery.surgery.derive.deploy import deploy_needs, derive_deploy_net
from ssdh_surgery.surgery.verbs.fields import Removal

TRAIN = """# a net of mine
name: "n"
# what it learns from
layer {
  name: "data" type: "Data" top: "data" top: "label"
  include { phase: TRAIN }
}
layer {
  name: "data" type: "Data" top: "data" top: "label"
  include { phase: TEST }
}
# the features
layer {
  name: "ip1" type: "InnerProduct" bottom: "data" top: "ip1"
  param { lr_mult: 1 }
  inner_product_param { num_output: 5 weight_filler { type: "xavier" } }
}
layer { name: "relu" type: "ReLU" bottom: "ip1" top: "ip1" }
layer {
  name: "noise" type: "Dropout" bottom: "ip1" top: "ip1"
  include { phase: TRAIN }
}
layer {
  name: "norm" type: "Power" bottom: "ip1" top: "ip1"
  include { phase: TEST }  # only here
  power_param { scale: 2 }
}
layer {
  name: "fc" type: "InnerProduct" bottom: "ip1" top: "fc"
  exclude { phase: TRAIN stage: "x" }
  inner_product_param { num_output: 3 }
}
layer {
  name: "aux" type: "InnerProduct" bottom: "ip1" top: "aux"
  inner_product_param { num_output: 3 }
}
layer { name: "aux_loss" type: "SoftmaxWithLoss" bottom: "aux" bottom: "label" loss_weight: 0.3 }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "fc" bottom: "label" }
# that is all
"""

DEPLOY = """# a net of mine
name: "n"
layer {
  name: "data"
  type: "Input"
  top: "data"
  input_param {
    shape { dim: 1 dim: 4 }
  }
}
# the features
layer {
  name: "ip1" type: "InnerProduct" bottom: "data" top: "ip1"
  param { lr_mult: 1 }
  inner_product_param { num_output: 5 weight_filler { type: "xavier" } }
}
layer { name: "relu" type: "ReLU" bottom: "ip1" top: "ip1" }
layer {
  name: "norm" type: "Power" bottom: "ip1" top: "ip1"
  power_param { scale: 2 }
}
layer {
  name: "fc" type: "InnerProduct" bottom: "ip1" top: "fc"
  exclude { phase: TRAIN stage: "x" }
  inner_product_param { num_output: 3 }
}
# that is all
"""

V1 = """name: "n"
layers { name: "data" type: DATA top: "data" top: "label" }
layers { name: "fc" type: INNER_PRODUCT bottom: "data" top: "fc" blobs_lr: 1 }
layers { name: "loss" type: SOFTMAX_LOSS bottom: "fc" bottom: "label" }
"""
V0 = """name: "n"
layers { layer { name: "data" type: "data" } top: "data" top: "label" }
layers { layer { name: "fc" type: "innerproduct" blobs_lr: 1. } bottom: "data" top: "fc" }
layers { layer { name: "loss" type: "softmax_loss" } bottom: "fc" bottom: "label" }
"""


def derived(text: str, shape: tuple[int, ...], remove: Removal = "delete") -> str:
    net = Net(parse(text.encode(), "n.prototxt"))
    head = next(head for head in heads(net) if head.is_main)
    needed = deploy_needs(net, head)
    shapes = {blob.name: shape for blob in needed.data}
    change = derive_deploy_net(net, needed, shapes, remove).change
    return prove(net.document, change, "NetParameter").document.text


def test_only_what_the_classifier_needs_stays_byte_for_byte() -> None:
    assert derived(TRAIN, (1, 4)) == DEPLOY


def test_commented_out_every_line_is_still_there() -> None:
    text = derived(TRAIN, (1, 4), "comment")
    kept = [line.strip().lstrip("# ") for line in text.splitlines()]
    assert [line for line in TRAIN.splitlines() if line.strip().lstrip("# ") not in kept] == []
    layers = Net(parse(text.encode())).layers
    assert [layer.name for layer in layers] == ["data", "ip1", "relu", "norm", "fc"]


def test_a_deploy_net_of_a_deploy_net_is_the_same() -> None:
    assert derived(DEPLOY, ()) == DEPLOY


@pytest.mark.parametrize("text", [pytest.param(V1, id="V1"), pytest.param(V0, id="V0")])
def test_old_dialects_declare_their_input_as_they_did(text: str) -> None:
    name, _, fc, _ = text.splitlines()
    dims = ["input_dim: 1", "input_dim: 3", "input_dim: 8", "input_dim: 9"]
    expected = [name, 'input: "data"', *dims, fc]
    assert derived(text, (1, 3, 8, 9)) == "\n".join(expected) + "\n"


def test_an_input_of_two_axes_has_no_legacy_form() -> None:
    inputs = derived(V1, (1, 4)).splitlines()[1:-1]
    assert inputs == ['input: "data"', "input_shape { dim: 1 dim: 4 }"]


def test_the_hash_layer_of_a_train_net_is_where_its_deploy_net_ends() -> None:
    hash_layer = """layer { name: "h" type: "InnerProduct" bottom: "ip1" top: "h" }
layer { name: "code" type: "Sigmoid" bottom: "h" top: "code" }
layer {
  name: "fc" type: "InnerProduct" bottom: "code" top: "fc"
"""
    fc = 'layer {\n  name: "fc" type: "InnerProduct" bottom: "ip1" top: "fc"\n'
    hashed = TRAIN.replace(fc, hash_layer)
    names = [layer.name for layer in Net(parse(derived(hashed, (1, 4)).encode())).layers]
    assert names == ["data", "ip1", "relu", "norm", "h", "code"]


def test_data_of_the_other_phase_serves_where_a_phase_has_none() -> None:
    only_train = TRAIN.replace(
        """layer {
  name: "data" type: "Data" top: "data" top: "label"
  include { phase: TEST }
}
""",
        "",
    )
    assert derived(only_train, (1, 4)) == DEPLOY


def test_several_data_blobs_become_an_input_each() -> None:
    text = """layer { name: "a" type: "Data" top: "a" top: "label" }
layer { name: "b" type: "Data" top: "b" }
layer { name: "sum" type: "Eltwise" bottom: "a" bottom: "b" top: "sum" }
layer { name: "fc" type: "InnerProduct" bottom: "sum" top: "fc" }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "fc" bottom: "label" }
"""
    _, _, *kept, _ = text.splitlines()
    shape = 'type: "Input" top: "{0}" input_param {{ shape {{ dim: 1 dim: 4 }} }}'
    inputs = [f'layer {{ name: "{name}" {shape.format(name)} }}' for name in "ab"]
    assert derived(text, (1, 4)) == "\n".join([*inputs, *kept]) + "\n"


def test_a_blob_that_nobody_writes_is_an_error() -> None:
    norm = '"Power" bottom: "ip1"'
    with pytest.raises(SurgeryError) as caught:
        derived(TRAIN.replace(norm, norm + ' bottom: "mask"'), (1, 4))
    assert str(caught.value) == (
        "n.prototxt:24:52: unknown bottom blob 'mask' (layer 'norm', bottom index 1)\n"
        '  24 |   name: "norm" type: "Power" bottom: "ip1" bottom: "mask" top: "ip1"\n'
        "     |                                                    ^^^^^^"
    )
