"""A train net from a deploy net, as text: what it gets, and what stays as it is."""

from __future__ import annotations

from decimal import Decimal

import pytest

from ssdh_surgery import parse
from ssdh_surgery.caffe.net.heads import heads
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.shapes import shapes
from ssdh_surgery.errors import SurgeryError
from ssdh_surgery.surgery.core.gate import prove
from ssdh_surgery.surgery.derive.records import Records, Transform
from ssdh_surgery.surgery.derive.train import TrainDerivation, derive_train_net
from ssdh_surgery.surgery.verbs.fields import Removal

DEPLOY = """name: "n"  # mine
input: "data"
input_dim: 1
input_dim: 3
input_dim: 8
input_dim: 8
layer {
  name: "conv"
  type: "Convolution"
  bottom: "data"
  top: "conv"
  convolution_param { num_output: 4 kernel_size: 3 }
}
layer {
  name: "bn"
  type: "BatchNorm"
  bottom: "conv"
  top: "conv"
  batch_norm_param {
    use_global_stats: true  # as published
    eps: 0.001
  }
}
layer {
  name: "ip"
  type: "InnerProduct"
  bottom: "conv"
  top: "ip"
  param { lr_mult: 3 }
  inner_product_param { num_output: 5 bias_term: false }
}
layer {
  name: "fc"
  type: "InnerProduct"
  bottom: "ip"
  top: "fc"
  inner_product_param { num_output: 9 weight_filler { type: "msra" } }
}
layer {
  name: "prob"
  type: "Softmax"
  bottom: "fc"
  top: "prob"
}
"""
DATA = """layer {
  name: "data"
  type: "Data"
  top: "data"
  top: "label"
  include { phase: TRAIN }
  transform_param { mirror: true crop_size: 8 mean_value: 1.5 scale: 0.5 }
  data_param { source: "train" batch_size: 4 backend: LMDB }
}
layer {
  name: "data"
  type: "Data"
  top: "data"
  top: "label"
  include { phase: TEST }
  transform_param { mirror: false crop_size: 8 mean_value: 1.5 scale: 0.5 }
  data_param { source: "test" batch_size: 2 backend: LMDB }
}
"""
CONV = """layer {
  name: "conv"
  type: "Convolution"
  bottom: "data"
  top: "conv"
  convolution_param { num_output: 4 kernel_size: 3 weight_filler { type: "msra" } }
}
"""
FROZEN_CONV = """layer {
  name: "conv"
  type: "Convolution"
  bottom: "data"
  top: "conv"
  param { lr_mult: 0 decay_mult: 0 }
  param { lr_mult: 0 decay_mult: 0 }
  convolution_param { num_output: 4 kernel_size: 3 }
}
"""
FIXED = "  param { lr_mult: 0 decay_mult: 0 }\n" * 3
BN = f"""layer {{
  name: "bn"
  type: "BatchNorm"
  bottom: "conv"
  top: "conv"
{FIXED}  batch_norm_param {{
    eps: 0.001
  }}
}}
"""
FROZEN_BN = BN.replace("    eps", "    use_global_stats: true  # as published\n    eps")
IP = """layer {
  name: "ip"
  type: "InnerProduct"
  bottom: "conv"
  top: "ip"
  param { lr_mult: 3 }
  inner_product_param { num_output: 5 bias_term: false weight_filler { type: "xavier" } }
}
"""
FROZEN_IP = """layer {
  name: "ip"
  type: "InnerProduct"
  bottom: "conv"
  top: "ip"
  param { lr_mult: 0 decay_mult: 0 }
  inner_product_param { num_output: 5 bias_term: false }
}
"""
FC = """layer {
  name: "fc"
  type: "InnerProduct"
  bottom: "ip"
  top: "fc"
  inner_product_param { num_output: 9 weight_filler { type: "msra" } }
}
"""
JUDGES = """layer {
  name: "loss"
  type: "SoftmaxWithLoss"
  bottom: "fc"
  bottom: "label"
  top: "loss"
}
layer {
  name: "accuracy"
  type: "Accuracy"
  bottom: "fc"
  bottom: "label"
  top: "accuracy"
  include { phase: TEST }
}
"""
TRANSFORM = Transform(8, (Decimal("1.5"),), Decimal("0.5"), mirror=True)


def made(
    text: str, freeze: str | None = None, remove: Removal = "delete"
) -> tuple[str, TrainDerivation]:
    net = Net(parse(text.encode(), "n.prototxt"))
    head = next(head for head in heads(net) if head.is_main)
    data = (Records("train", 4), Records("test", 2))
    trainable = derive_train_net(net, head, shapes(net, "TEST"), data, TRANSFORM, freeze, remove)
    return prove(net.document, trainable.change, "NetParameter").document.text, trainable


def test_fine_tuned_whole() -> None:
    text, trainable = made(DEPLOY)
    assert text == 'name: "n"  # mine\n' + DATA + CONV + BN + IP + FC + JUDGES
    assert trainable.notes == (
        "1 BatchNorm layer goes on learning: TRAIN uses the statistics of the batch, which "
        "are rough for 4 images: see --train-batch and --freeze",
    )


@pytest.mark.parametrize(
    ("freeze", "layers", "notes"),
    [
        pytest.param(
            "conv",
            FROZEN_CONV + FROZEN_BN + IP,
            (
                "frozen up to 'conv': 1 layer with weights has lr_mult 0, so Caffe does not "
                "backpropagate below 'conv'",
                "1 frozen BatchNorm layer has use_global_stats: the same statistics in "
                "training as in use",
            ),
            id="up-to-a-layer-and-what-is-done-in-place",
        ),
        pytest.param(
            "ip",
            FROZEN_CONV + FROZEN_BN + FROZEN_IP,
            (
                "frozen up to 'ip': 2 layers with weights have lr_mult 0, so Caffe does not "
                "backpropagate below 'ip'",
                "1 frozen BatchNorm layer has use_global_stats: the same statistics in "
                "training as in use",
            ),
            id="all-of-the-backbone",
        ),
    ],
)
def test_frozen(freeze: str, layers: str, notes: tuple[str, ...]) -> None:
    text, trainable = made(DEPLOY, freeze)
    assert text == 'name: "n"  # mine\n' + DATA + layers + FC + JUDGES
    assert trainable.notes == notes


def test_a_frozen_batch_norm_that_states_nothing_is_told() -> None:
    text = DEPLOY.replace(
        "  batch_norm_param {\n    use_global_stats: true  # as published\n    eps: 0.001\n  }\n",
        "",
    )
    frozen, _ = made(text, "bn")
    assert "  batch_norm_param { use_global_stats: true }\n" in frozen


def test_commented_out_what_goes_can_be_put_back() -> None:
    text, _ = made(DEPLOY, remove="comment")
    assert '# input: "data"\n# input_dim: 1\n' in text
    assert "    # use_global_stats: true  # as published\n" in text
    assert '# layer {\n#   name: "prob"\n' in text


def test_scores_in_another_shape_go_with_their_softmax() -> None:
    reshape = """layer {
  name: "flat"
  type: "Reshape"
  bottom: "fc"
  top: "flat"
  reshape_param { shape { dim: 0 dim: -1 } }
}
"""
    head, rest = DEPLOY.split('layer {\n  name: "prob"\n')
    prob = 'layer {\n  name: "prob"\n' + rest.replace('bottom: "fc"', 'bottom: "flat"')
    assert made(head + reshape + prob)[0] == made(DEPLOY)[0]


def test_an_input_layer_becomes_data_layers() -> None:
    shape = "input_param { shape { dim: 1 dim: 3 dim: 8 dim: 8 } }"
    head, rest = DEPLOY.split('input: "data"\n')
    layer = f'layer {{\n  name: "data"\n  type: "Input"\n  top: "data"\n  {shape}\n}}\n'
    text, _ = made(head + layer + rest.split("input_dim: 8\n")[-1])
    assert text == 'name: "n"  # mine\n' + DATA + CONV + BN + IP + FC + JUDGES


def test_names_that_are_taken_are_passed_over() -> None:
    text, _ = made(DEPLOY.replace('"ip"', '"loss"').replace('"conv"', '"label"'))
    assert [layer.name for layer in Net(parse(text.encode())).layers][-2:] == ["loss_2", "accuracy"]
    assert 'top: "data"\n  top: "label_2"\n' in text


@pytest.mark.parametrize(
    ("text", "freeze", "message"),
    [
        pytest.param(
            DEPLOY.replace("Softmax", "Sigmoid"),
            None,
            "n.prototxt:40:9: the scores of 'fc' go through 'prob' (Sigmoid); only a Softmax can "
            "become a SoftmaxWithLoss\n"
            '  40 |   name: "prob"\n'
            "     |         ^^^^^^\n"
            "hint: write the train net by hand, and patch that",
            id="no-softmax",
        ),
        pytest.param(
            DEPLOY.replace('input: "data"', 'input: "data" input: "mask"'),
            None,
            "n.prototxt: data layers need a net with one input, and this one has data, mask",
            id="two-inputs",
        ),
        pytest.param(
            DEPLOY,
            "cnv",
            "n.prototxt: no layer or blob to freeze is called 'cnv'\nhint: did you mean 'conv'?",
            id="unknown-layer-to-freeze",
        ),
        pytest.param(
            DEPLOY,
            "fc",
            "n.prototxt:33:9: 'fc' is not below the classifier 'fc'\n"
            '  33 |   name: "fc"\n'
            "     |         ^^^^\n"
            "hint: freeze layers that the features depend on",
            id="freeze-the-classifier",
        ),
    ],
)
def test_what_cannot_be_trained_is_refused(text: str, freeze: str | None, message: str) -> None:
    with pytest.raises(SurgeryError) as caught:
        made(text, freeze)
    assert str(caught.value) == message
