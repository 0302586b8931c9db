"""Heads of all kinds from the command line: which is taken, what is told, what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from ssdh_surgery import parse
from ssdh_surgery.caffe.net.net import Net
from support.command_line import Ssdh

DATA = """layer {
  name: "data"
  type: "HDF5Data"
  top: "data"
  top: "label"
  hdf5_data_param { source: "list" batch_size: 2 }
}
"""
TRAIN, TEST = "include { phase: TRAIN }", "include { phase: TEST }"


def ip(name: str, bottom: str = "data", more: str = "", top: str = "") -> str:
    filler = 'weight_filler { type: "xavier" }'
    return (
        f'layer {{\n  name: "{name}"\n  type: "InnerProduct"\n  bottom: "{bottom}"\n'
        f'  top: "{top or name}"\n  {more}\n'
        f"  inner_product_param {{ num_output: 5 {filler} }}\n}}\n"
    )


def loss(bottom: str, kind: str = "SoftmaxWithLoss", more: str = "", label: str = "label") -> str:
    return (
        f'layer {{\n  name: "{kind}_{bottom}"\n  type: "{kind}"\n  bottom: "{bottom}"\n'
        f'  bottom: "{label}"\n  top: "{kind}_{bottom}"\n  {more}\n}}\n'
    )


def patch(ssdh: Ssdh, text: str, *words: str, code: int = 0) -> str:
    Path("n.prototxt").write_text(text)
    ran = ssdh("patch", "n.prototxt", "--bits", "8", *words, code=code)
    return ran.err if code else ran.out


def written() -> Net:
    return Net(parse(Path("n_ssdh.prototxt").read_bytes(), "n_ssdh.prototxt"))


TWINS = {
    "one loss": ip("fc", more=TRAIN) + ip("fc", more=TEST) + loss("fc"),
    "a loss and an accuracy": ip("fc", more=TRAIN)
    + loss("fc", more=TRAIN)
    + ip("fc", more=TEST)
    + loss("fc", "Accuracy", TEST),
    "another name": ip("fc", more=TRAIN) + ip("fc_test", top="fc", more=TEST) + loss("fc"),
    "stages": ip("fc", more='include { stage: "a" }')
    + ip("fc_b", top="fc", more='include { not_stage: "a" }')
    + loss("fc"),
}


@pytest.mark.parametrize("words", [(), ("--head", "fc")])
@pytest.mark.parametrize("twins", TWINS.values(), ids=TWINS)
def test_a_classifier_for_each_phase(ssdh: Ssdh, twins: str, words: tuple[str, ...]) -> None:
    said = patch(ssdh, DATA + twins, *words, code=3)
    assert "is written twice, for different phases or stages: here, and on line" in said
    assert said.endswith("hint: write it once, without include and exclude rules, then patch\n")


def test_branches_that_share_their_classifier(ssdh: Ssdh) -> None:
    second = DATA.replace('"data"', '"data2"').replace('"label"', '"label2"')
    both = ip("a", more='param { name: "w" }') + ip("b", "data2", 'param { name: "w" }')
    text = DATA + second + both + loss("a") + loss("b", label="label2")
    said = patch(ssdh, text, code=3)
    assert "the classifier 'a' shares its weights with 'b': the two branches would get" in said


def test_a_head_for_a_name_where_no_loss_tells(ssdh: Ssdh) -> None:
    fused = (
        'layer {\n  name: "sum"\n  type: "Eltwise"\n  bottom: "a"\n  bottom: "b"\n  top: "sum"\n}\n'
    )
    text = DATA + ip("a") + ip("b") + fused + loss("sum")
    said = patch(ssdh, text, code=3)
    assert "SoftmaxWithLoss_sum' judges 'sum', and Eltwise layer 'sum' is not a classifier" in said
    patch(ssdh, text, "--head", "a", "--objective", "ssdh", "--classes", "5")
    assert written().layer("a_change").bottoms == ("latent_SSDH_encode",)
    assert written().layer("sum").bottoms == ("a_change", "b")


def test_a_gradient_that_was_stopped(ssdh: Ssdh) -> None:
    stopped = ip("fc", "fc7", "propagate_down: false")
    said = patch(ssdh, DATA + ip("fc7") + stopped + loss("fc"))
    assert "note: 'fc' blocked the gradient (propagate_down: false): now 'latent_SSDH'" in said
    net = written()
    assert net.layer("latent_SSDH").outer.string("propagate_down") == "false"
    assert net.layer("fc_change").outer.entries("propagate_down") == []


@pytest.mark.parametrize(
    ("text", "note"),
    [
        pytest.param(
            ip("age") + loss("age", "EuclideanLoss"),
            "the loss of 'age' is EuclideanLoss: the codes learn from numbers, not from classes",
            id="regression",
        ),
        pytest.param(
            ip("fc") + loss("fc", "Accuracy"),
            "no loss depends on 'fc' in TRAIN: the hash layer is not trained",
            id="no-loss",
        ),
        pytest.param(
            ip("fc").replace('weight_filler { type: "xavier" }', "") + loss("fc"),
            "'fc' has no weight_filler, so under its new name it starts from zeros; "
            "--classifier-filler",
            id="no-filler",
        ),
    ],
)
def test_what_a_user_should_know(ssdh: Ssdh, text: str, note: str) -> None:
    assert f"note: {note}" in patch(ssdh, DATA + text)


def test_nothing_to_know(ssdh: Ssdh) -> None:
    said = patch(ssdh, DATA + ip("fc7") + ip("fc", "fc7") + loss("fc"))
    assert said.count("note: ") == said.count("note: data kept") == 1


def test_no_new_output(ssdh: Ssdh) -> None:
    text = DATA + ip("fc7") + ip("fc", "fc7") + loss("fc")
    second = DATA.replace('"data"', '"data2"').replace('"label"', '"box"')
    silenced = 'layer {\n  name: "unused"\n  type: "Silence"\n  bottom: "data2"\n}\n'
    text += second + silenced + ip("age", "fc7") + loss("age", "EuclideanLoss", label="box")
    said = patch(ssdh, text, "--aux", "drop")
    assert "note: auxiliary heads commented out: data2, unused, age, EuclideanLoss_age\n" in said
    said = patch(ssdh, text, "--aux", "drop", "--head", "age", "--force")
    assert (
        "note: no other layer reads 'label': a Silence layer keeps it from becoming an output\n"
        in said
    )
    assert written().layer("silence_label").type == "Silence"


TWO_HEADS = """\
layer { name: "data" type: "DummyData" top: "data" top: "age" top: "sex" dummy_data_param {
  shape { dim: [4, 3, 8, 8] } shape { dim: 4 } shape { dim: 4 } } }
layer { name: "f" type: "InnerProduct" bottom: "data" top: "f" inner_product_param { num_output: 6 } }
layer { name: "a" type: "InnerProduct" bottom: "f" top: "a" inner_product_param { num_output: 7 } }
layer { name: "s" type: "InnerProduct" bottom: "f" top: "s" inner_product_param { num_output: 2 } }
layer { name: "of_a" type: "SoftmaxWithLoss" bottom: "a" bottom: "age" top: "of_a" }
layer { name: "of_s" type: "SoftmaxWithLoss" bottom: "s" bottom: "sex" top: "of_s" }
"""  # noqa: E501


@pytest.mark.parametrize("head", ["s", "of_s"])
@pytest.mark.parametrize("more", [(), ("--aux", "drop"), ("--objective", "ssdh")])
def test_the_head_that_was_named_is_found_under_its_new_name(
    ssdh: Ssdh, head: str, more: tuple[str, ...]
) -> None:
    Path("net.prototxt").write_text(TWO_HEADS)
    ssdh("patch", "net.prototxt", "--bits", "8", "--head", head, *more)
    for again in ((), ("--head", head)):
        assert "nothing to do" in ssdh("patch", "net_ssdh.prototxt", *again).out
        assert "(line 5)" not in ssdh("patch", "net_ssdh.prototxt", *again, "--explain").err
        assert "'s_change'" in ssdh("patch", "net_ssdh.prototxt", *again, "--explain").err
    ssdh("patch", "net.prototxt", "--check")
    ssdh("deploy")
    error = ssdh("patch", "net_ssdh.prototxt", "--head", "z", code=3).err
    assert error.startswith("net_ssdh.prototxt: no layer or blob is called 'z'\n")


def test_a_bottom_that_nobody_writes_is_why_there_is_no_classifier(ssdh: Ssdh) -> None:
    Path("net.prototxt").write_text(TWO_HEADS.replace('bottom: "data"', 'bottom: "dota"'))
    error = ssdh("patch", "net.prototxt", code=3).err
    assert error.startswith(
        "net.prototxt:6:15: no classifier found:\n  SoftmaxWithLoss layer 'of_a' "
    )
    assert "net.prototxt:3:48: error SSDH201 unknown-bottom: unknown bottom blob 'dota'" in error
    assert error.endswith("hint: did you mean 'data'?\n")


@pytest.mark.parametrize("name", ["s", ""])
def test_a_classifier_that_its_name_does_not_tell_apart(ssdh: Ssdh, name: str) -> None:
    text = TWO_HEADS.replace('name: "f"', f'name: "{name}"').replace('name: "s"', f'name: "{name}"')
    Path("net.prototxt").write_text(text)
    error = ssdh("patch", "net.prototxt", "--head", "of_s", code=3).err
    assert error.startswith(
        "net.prototxt:5:15: the classifier has the same name as another layer, on line 3: "
        f"'{name}'; Caffe copies weights by name\n  5 | "
    )
    assert error.endswith("hint: give each layer its own name, then patch\n")


# A classifier as NormFace has it: a fork's InnerProduct of features and weights, both normalised.
NORMALISED = """\
layer { name: "data" type: "DummyData" top: "data" top: "label"
  dummy_data_param { shape { dim: [4, 3, 8, 8] } shape { dim: 4 } } }
layer { name: "f" type: "InnerProduct" bottom: "data" top: "f"
  inner_product_param { num_output: 6 } }
layer { name: "f_norm" type: "Normalize" bottom: "f" top: "f_norm" }
layer { name: "w" type: "Parameter" top: "w" parameter_param { shape { dim: [5, 6] } } }
layer { name: "w_norm" type: "Normalize" bottom: "w" top: "w_norm" }
layer { name: "fc" type: "InnerProduct" bottom: "f_norm" bottom: "w_norm" top: "fc"
  inner_product_param { num_output: 5 bias_term: false } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "fc" bottom: "label" top: "loss" }
"""


@pytest.mark.parametrize("words", [("patch",), ("patch", "--explain"), ("patch", "--head", "fc"),
                                   ("deploy", "--from", "train")])  # fmt: skip
def test_a_classifier_that_reads_its_weights_from_a_blob(
    ssdh: Ssdh, words: tuple[str, ...]
) -> None:
    Path("net.prototxt").write_text(NORMALISED)
    error = ssdh(words[0], "net.prototxt", *words[1:], code=3).err
    assert error.startswith(
        "net.prototxt:8:66: the classifier 'fc' has a second bottom, 'w_norm', which forks of "
        "Caffe read as its weights: these fit 'f_norm', and would not fit a code\n"
    )
    assert [path.name for path in Path().iterdir()] == ["net.prototxt"]


def test_a_classifier_that_reads_the_label_for_its_margin(ssdh: Ssdh) -> None:
    Path("net.prototxt").write_text(NORMALISED.replace('bottom: "w_norm"', 'bottom: "label"'))
    ssdh("patch", "net.prototxt", "--bits", "8")
    net = Net(parse(Path("net_ssdh.prototxt").read_bytes()))
    assert net.layer("fc_change").bottoms == ("latent_SSDH_encode", "label")
