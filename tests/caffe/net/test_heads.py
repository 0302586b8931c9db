"""Heads are found by structure: what classifies, what judges it, and which features it reads."""

from __future__ import annotations

import pytest

from ssdh_surgery import parse
from ssdh_surgery.caffe.net.heads import find_head, hash_layer_below, heads, heads_text
from ssdh_surgery.caffe.net.net import Net

DATA = 'layer { name: "data" type: "Data" top: "data" top: "label" }\n'
FC = 'layer {{ name: "{0}" type: "InnerProduct" bottom: "{1}" top: "{0}" {2} }}\n'


def ip(name: str, bottom: str, more: str = "inner_product_param { num_output: 10 }") -> str:
    return FC.format(name, bottom, more)


def layer(name: str, kind: str, bottoms: str, tops: str = "", more: str = "") -> str:
    links = [f'bottom: "{blob}"' for blob in bottoms.split()]
    links += [f'top: "{blob}"' for blob in tops.split()]
    return f'layer {{ name: "{name}" type: "{kind}" {" ".join(links)} {more} }}\n'


def net(*parts: str) -> Net:
    return Net(parse("".join(parts).encode(), "n.prototxt"))


def shown(of: Net) -> list[str]:
    """Heads as `CLASSIFIER on FEATURES: LOSSES; ACCURACIES`, the main one with a star."""
    return [
        f"{'*' if head.is_main else ''}{head.classifier.name} on {head.features}: "
        f"{' '.join(each.name for each in head.losses)}; "
        f"{' '.join(each.name for each in head.accuracies)}"
        for head in heads(of)
    ]


LOSS = layer("loss", "SoftmaxWithLoss", "fc8 label", "loss")
ACCURACY = layer("acc", "Accuracy", "fc8 label", "acc", "include { phase: TEST }")
IN_PLACE = layer("relu", "ReLU", "fc7 ", "fc7") + layer("drop", "Dropout", "fc7", "fc7")

CASES: list[tuple[str, list[str], list[str]]] = [
    ("plain", [DATA, ip("fc8", "data"), LOSS, ACCURACY], ["*fc8 on data: loss; acc"]),
    (
        "in-place-chain",
        [DATA, ip("fc7", "data"), IN_PLACE, ip("fc8", "fc7"), LOSS],
        ["*fc8 on fc7: loss; "],
    ),
    (
        "in-place-after-the-classifier",
        [DATA, ip("fc8", "data"), layer("relu", "ReLU", "fc8", "fc8"), LOSS],
        ["*fc8 on data: loss; "],
    ),
    (
        "softmax-apart-from-the-loss",
        [
            DATA,
            ip("fc8", "data"),
            layer("prob", "Softmax", "fc8", "prob"),
            layer("loss", "MultinomialLogisticLoss", "prob label"),
        ],
        ["*fc8 on data: loss; "],
    ),
    ("test-only", [DATA, ip("fc8", "data"), ACCURACY], ["*fc8 on data: ; acc"]),
    (
        "two-accuracies",
        [DATA, ip("fc8", "data"), LOSS, ACCURACY, ACCURACY.replace("acc", "top5")],
        ["*fc8 on data: loss; acc top5"],
    ),
    (
        "a-regressor-that-weighs-more",
        [
            DATA,
            ip("fc8", "data"),
            LOSS,
            ip("age", "data"),
            layer("age_loss", "EuclideanLoss", "age label", "l", "loss_weight: 9"),
        ],
        ["*fc8 on data: loss; ", "age on data: age_loss; "],
    ),
    (
        "a-regressor-alone",
        [DATA, ip("age", "data"), layer("l", "EuclideanLoss", "age label", "l")],
        ["*age on data: l; "],
    ),
    (
        "scores-sliced-for-two-losses",
        [
            DATA,
            ip("fc8", "data"),
            layer("slice", "Slice", "fc8", "one other"),
            layer("l1", "SoftmaxWithLoss", "one label", "l1"),
            layer("l2", "SoftmaxWithLoss", "other label", "l2"),
        ],
        ["*fc8 on data: l1 l2; "],
    ),
    (
        "auxiliary-by-weight",
        [
            DATA,
            ip("aux", "data"),
            layer("aux_loss", "SoftmaxWithLoss", "aux label", "l", "loss_weight: 0.3"),
            ip("fc7", "data"),
            ip("fc8", "fc7"),
            LOSS,
        ],
        ["aux on data: aux_loss; ", "*fc8 on fc7: loss; "],
    ),
    (
        "auxiliary-by-weight-though-deeper",
        [
            DATA,
            ip("fc8", "data"),
            LOSS,
            ip("fc7", "data"),
            ip("aux", "fc7"),
            layer("aux_loss", "SoftmaxWithLoss", "aux label", "l", "loss_weight: 0.3"),
        ],
        ["*fc8 on data: loss; ", "aux on fc7: aux_loss; "],
    ),
    (
        "auxiliary-by-depth",
        [
            DATA,
            ip("aux", "data"),
            layer("aux_loss", "SoftmaxWithLoss", "aux label", "l"),
            ip("fc7", "data"),
            ip("fc8", "fc7"),
            LOSS,
        ],
        ["aux on data: aux_loss; ", "*fc8 on fc7: loss; "],
    ),
    (
        "equal-heads",
        [DATA, ip("a", "data"), ip("b", "data")]
        + [layer(f"l{x}", "SoftmaxWithLoss", f"{x} label", f"l{x}") for x in "ab"],
        ["a on data: la; ", "b on data: lb; "],
    ),
    (
        "multi-label",
        [DATA, ip("fc8", "data"), layer("loss", "SigmoidCrossEntropyLoss", "fc8 label", "l")],
        ["*fc8 on data: loss; "],
    ),
    (
        "labels-in-slices",
        [
            DATA,
            layer("slice", "Slice", "label", "l1 l2"),
            ip("a", "data"),
            ip("b", "a"),
            layer("la", "SoftmaxWithLoss", "a l1", "la"),
            layer("lb", "SoftmaxWithLoss", "b l2", "lb"),
        ],
        ["a on data: la; ", "*b on a: lb; "],
    ),
    (
        "convolutional",
        [
            DATA,
            layer("conv", "Convolution", "data", "c", "convolution_param { num_output: 10 }"),
            layer("pool", "Pooling", "c", "p", "pooling_param { global_pooling: true }"),
            layer("loss", "SoftmaxWithLoss", "p label", "l"),
        ],
        ["*conv on data: loss; "],
    ),
    (
        "hashed",
        [
            DATA,
            ip("latent", "data"),
            layer("code", "Sigmoid", "latent", "code"),
            ip("fc8", "code"),
            LOSS,
        ],
        ["*fc8 on code: loss; "],
    ),
    (
        "one-classifier-for-each-phase",
        [
            DATA,
            ip("fc8", "data", "include { phase: TRAIN }"),
            ip("fc8", "data", "include { phase: TEST }"),
            LOSS,
            ACCURACY,
        ],
        ["fc8 on data: loss; ", "fc8 on data: loss; acc"],
    ),
    (
        "autoencoder",
        [
            DATA,
            ip("encode", "data"),
            ip("decode", "encode"),
            layer("loss", "SigmoidCrossEntropyLoss", "decode data", "l"),
        ],
        [],
    ),
    (
        "siamese",
        [
            DATA.replace('"label"', '"pair" top: "sim"'),
            ip("feat", "data"),
            ip("feat_p", "pair"),
            layer("loss", "ContrastiveLoss", "feat feat_p sim", "l"),
        ],
        [],
    ),
    (
        "siamese-of-one-blob",
        [
            DATA.replace('"data" top: "label"', '"pairs" top: "sim"'),
            layer("slice", "Slice", "pairs", "data data_p"),
            ip("feat", "data"),
            ip("feat_p", "data_p"),
            layer("loss", "ContrastiveLoss", "feat feat_p sim", "l"),
        ],
        [],
    ),
    (
        "penalty-on-the-code",
        [
            DATA,
            ip("latent", "data"),
            layer("code", "Sigmoid", "latent", "code"),
            layer("binary", "K1_EuclideanLoss", "code code", "b"),
            ip("fc8", "code"),
            LOSS,
        ],
        ["*fc8 on code: loss; "],
    ),
    ("deploy", ['input: "data"\n', ip("fc8", "data")], ["*fc8 on data: ; "]),
    (
        "deploy-with-softmax",
        ['input: "data"\n', ip("fc8", "data"), layer("prob", "Softmax", "fc8", "prob")],
        ["*fc8 on data: ; "],
    ),
    (
        "deploy-convolutional",
        [
            'input: "data"\n',
            layer("conv", "Convolution", "data", "c"),
            layer("pool", "Pooling", "c", "p"),
            layer("prob", "Softmax", "p", "prob"),
        ],
        ["*conv on data: ; "],
    ),
    ("no-layers", ['input: "data"\n'], []),
    (
        "a-loss-on-data-alone",
        [DATA, layer("loss", "EuclideanLoss", "data label", "l")],
        [],
    ),
    (
        "labels-and-scores-through-a-filter",
        [
            DATA.replace('top: "label"', 'top: "label" top: "some"'),
            ip("fc8", "data"),
            layer("filter", "Filter", "fc8 label some", "scores labels"),
            layer("loss", "SoftmaxWithLoss", "scores labels", "l"),
        ],
        ["*fc8 on data: loss; "],
    ),
    (
        "images-and-labels-transformed-together",
        [
            DATA,
            layer("t", "DetectNetTransformation", "data label", "t_data t_label"),
            ip("fc8", "t_data"),
            layer("loss", "SoftmaxWithLoss", "fc8 t_label", "l"),
        ],
        ["*fc8 on t_data: loss; "],
    ),
    (
        "labels-of-a-Python-layer",
        [
            DATA,
            layer("p", "Python", "label", "coarse"),
            ip("fc8", "data"),
            layer("loss", "SoftmaxWithLoss", "fc8 coarse", "l"),
        ],
        ["*fc8 on data: loss; "],
    ),
    (
        "labels-sliced-reshaped-and-joined",
        [
            DATA,
            layer("slice", "Slice", "label", "l1 l2"),
            layer("reshape", "Reshape", "l2", "l3"),
            layer("join", "Concat", "l1 l3", "l4"),
            layer("quiet", "Silence", "l3"),
            ip("fc8", "data"),
            layer("loss", "SigmoidCrossEntropyLoss", "fc8 l4", "l"),
        ],
        ["*fc8 on data: loss; "],
    ),
    (
        "a-loss-in-Python",
        [DATA, ip("fc8", "data"), layer("loss", "Python", "fc8 label", "l", "loss_weight: 2")],
        ["*fc8 on data: loss; "],
    ),
    (
        "a-Python-layer-without-a-weight",
        [DATA, ip("fc8", "data"), layer("score", "Python", "fc8 label", "s")],
        [],
    ),
    (
        "a-fork-loss-that-reads-the-label-first",
        [DATA, ip("fc8", "data"), layer("loss", "FocalLoss", "label fc8", "l")],
        ["*fc8 on data: loss; "],
    ),
    (
        "a-fork-loss-with-a-longer-name",
        [DATA, ip("fc8", "data"), layer("loss", "SoftmaxWithLossOHEM", "fc8 label", "l")],
        ["*fc8 on data: loss; "],
    ),
    (
        "a-loss-of-stock-layers",
        [
            DATA,
            ip("fc8", "data"),
            layer("log", "LogSoftmax", "fc8", "log"),
            layer("product", "Eltwise", "log label", "product"),
            layer("loss", "Reduction", "product", "l", "loss_weight: -1"),
        ],
        ["*fc8 on data: loss; "],
    ),
    (
        "a-margin-of-stock-layers",
        [
            DATA,
            ip("fc8", "data"),
            layer("sign", "Power", "label", "sign"),
            layer("signed", "Eltwise", "fc8 sign", "signed"),
            layer("short", "Eltwise", "signed label", "short"),
            layer("margin", "ReLU", "short", "margin"),
            layer("each", "Reduction", "margin", "each"),
            layer("loss", "Reduction", "each", "l", "loss_weight: 0.5"),
        ],
        ["*fc8 on data: loss; "],
    ),
    (
        "a-term-of-stock-layers-on-the-code",
        [
            DATA,
            ip("latent", "data"),
            layer("code", "Sigmoid", "latent", "code"),
            layer("square", "Power", "code", "square"),
            layer("term", "Reduction", "square", "t", "loss_weight: 1"),
            ip("fc8", "code"),
            LOSS,
        ],
        ["*fc8 on code: loss; "],
    ),
    ("a-judge-of-one-bottom", [DATA, ip("fc8", "data"), layer("l", "HingeLoss", "fc8")], []),
]


@pytest.mark.parametrize(
    ("parts", "expected"), [pytest.param(*case[1:], id=case[0]) for case in CASES]
)
def test_heads(parts: list[str], expected: list[str]) -> None:
    assert shown(net(*parts)) == expected


def test_what_a_head_says() -> None:
    of = net(DATA, ip("fc8", "data"), LOSS, ACCURACY)
    (head,) = heads(of)
    assert head.classes == 10
    assert head.weight == 1.0
    assert [each.name for each in head.layers] == ["fc8", "loss", "acc"]
    assert heads_text([head]) == "  fc8 (line 2): 10 classes on 'data', weight 1, 2 layers deep"


def test_the_number_of_classes_may_be_unknown() -> None:
    (head,) = heads(net(DATA, ip("fc8", "data", ""), LOSS))
    assert head.classes is None
    assert (
        heads_text([head]) == "  fc8 (line 2): unknown classes on 'data', weight 1, 2 layers deep"
    )


FUSED = [DATA, ip("a", "data"), ip("b", "data"), layer("sum", "Eltwise", "a b", "sum")]


def test_a_classifier_that_a_name_makes() -> None:
    of = net(*FUSED, layer("loss", "SoftmaxWithLoss", "sum label", "l"))
    assert heads(of) == ()
    head = find_head(of, "a")
    assert head is not None
    assert (head.classifier.name, head.features) == ("a", "data")


def test_no_layer_below_a_classifier_is_one() -> None:
    of = net(DATA, ip("fc7", "data"), ip("fc8", "fc7"), LOSS)
    assert find_head(of, "fc7") is None
    assert find_head(of, "loss") is None


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(
            'layers { name: "d" type: DATA top: "d" top: "l" }'
            'layers { name: "fc8" type: INNER_PRODUCT bottom: "d" top: "fc8" '
            "inner_product_param { num_output: 10 } }"
            'layers { name: "loss" type: SOFTMAX_LOSS bottom: "fc8" bottom: "l" }',
            id="V1",
        ),
        pytest.param(
            'layers { layer { name: "d" type: "data" } top: "d" top: "l" }'
            'layers { layer { name: "fc8" type: "innerproduct" num_output: 10 } bottom: "d" '
            'top: "fc8" }'
            'layers { layer { name: "loss" type: "softmax_loss" } bottom: "fc8" bottom: "l" }',
            id="V0",
        ),
    ],
)
def test_old_dialects(text: str) -> None:
    of = net(text)
    assert shown(of) == ["*fc8 on d: loss; "]
    assert heads(of)[0].classes == 10


HASHED = [DATA, ip("latent", "data"), layer("code", "Sigmoid", "latent", "code")]


def test_hash_layer() -> None:
    of = net(*HASHED, ip("fc8", "code"), LOSS)
    found = hash_layer_below(of, of.layer("fc8"))
    assert found is not None
    assert (found.latent.name, found.code.name, found.bits) == ("latent", "code", 10)


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param([DATA, ip("latent", "data"), ip("fc8", "latent")], id="no-sigmoid"),
        pytest.param([DATA, layer("s", "Sigmoid", "data", "s"), ip("fc8", "s")], id="no-latent"),
        pytest.param(
            [*HASHED, layer("relu", "ReLU", "code", "code"), ip("fc8", "code")],
            id="something-between",
        ),
        pytest.param([DATA, ip("fc8", "data")], id="data"),
        pytest.param([ip("fc8", "nothing")], id="nothing"),
        pytest.param(['layer { name: "fc8" type: "InnerProduct" }'], id="no-bottom"),
    ],
)
def test_no_hash_layer(parts: list[str]) -> None:
    of = net(*parts)
    assert hash_layer_below(of, of.layer("fc8")) is None


def test_a_hash_layer_of_one_phase() -> None:
    of = net(DATA, ip("latent", "data"), HASHED[2], ip("fc8", "code", "include { phase: TEST }"))
    assert hash_layer_below(of, of.layer("fc8")) is not None
