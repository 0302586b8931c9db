"""What differs between two texts: paths, JSON natives, order, lines."""

from __future__ import annotations

from typing import Any

import pytest

from ssdh_surgery import parse
from ssdh_surgery.surgery.diff.differences import differences

NET, SOLVER = "NetParameter", "SolverParameter"
Change = tuple[str, Any, Any]


def found(old: str, new: str, kind: str = NET) -> list[Change]:
    made = differences(parse(old.encode()), parse(new.encode()), kind)
    return [(each.path, each.before, each.after) for each in made]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("base_lr: 0.1", "# why\nbase_lr : 1e-1"),
        ("base_lr: 0.1", "base_lr: 0.10000000149"),
        ("max_iter: 10", "max_iter: 0xA"),
        ("solver_mode: GPU", "solver_mode: 1"),
        ("debug_info: true", "debug_info: t"),
        ('net: "ab"', "net: 'a' \"b\""),
        ("test_iter: 1 test_iter: 2", "test_iter: [1, 2]"),
        ("base_lr: 1 max_iter: 2", "max_iter: 2; base_lr: 1,"),
        ("net_param { layer { name: 'a' } }", "net_param: < layer: [{ name: 'a' }] >"),
    ],
)
def test_layout_is_no_difference(old: str, new: str) -> None:
    assert found(old, new, SOLVER) == []


@pytest.mark.parametrize(
    ("old", "new", "change"),
    [
        ("base_lr: 0.1", "base_lr: 1", ("base_lr", 0.1, 1)),
        ("base_lr: .5", "", ("base_lr", 0.5, None)),
        ("", "type: 'SGD'", ("type", None, "SGD")),
        ("solver_mode: 0", "solver_mode: GPU", ("solver_mode", "CPU", "GPU")),
        ("debug_info: 0", "debug_info: True", ("debug_info", False, True)),
        ("test_iter: 1", "test_iter: 2", ("test_iter[0]", 1, 2)),
        ("test_iter: 1", "test_iter: 1 test_iter: 2", ("test_iter[1]", None, 2)),
        ("", "train_state { stage: 'a' }", ("train_state", None, {"stage": ["a"]})),
        ("forks_own: 1", "forks_own: many", ("forks_own", 1, "many")),
        ("forks_own: true", "forks_own: false", ("forks_own", True, False)),
        ("base_lr: inf", "base_lr: 1", ("base_lr", "inf", 1)),
        ("base_lr: 1e20", "base_lr: 1", ("base_lr", 1e20, 1)),
        ("snapshot: 1", "snapshot: 9007199254740993", ("snapshot", 1, 9007199254740993)),
    ],
)
def test_values_are_natives(old: str, new: str, change: Change) -> None:
    assert found(old, new, SOLVER) == [change]


def test_a_bool_is_no_number() -> None:
    assert found("forks_own: 1", "forks_own: true", SOLVER) == [("forks_own", 1, True)]


CONV = """\
layer {{
  name: "{0}"
  type: "Convolution"
  bottom: "{1}"
  top: "{0}"
  param {{ lr_mult: 1 }}
  convolution_param {{ num_output: {2} kernel_size: 3 }}
}}
"""
LOSS = 'layer {{ name: "loss" type: "SoftmaxWithLoss" bottom: "{0}" bottom: "label" }}\n'


def test_fields_of_a_layer() -> None:
    old, new = CONV.format("a", "data", 4), CONV.format("a", "data", 8).replace("3 }", "[3, 5] }")
    assert found(old, new) == [
        ("layer[a].convolution_param.num_output", 4, 8),
        ("layer[a].convolution_param.kernel_size[1]", None, 5),
    ]
    assert found(old, old.replace("lr_mult: 1", "lr_mult: 1 decay_mult: 0")) == [
        ("layer[a].param[0].decay_mult", None, 0)
    ]


def test_layers_that_come_and_go_are_whole() -> None:
    relu = 'layer { name: "r" type: "ReLU" bottom: "a" top: "a" relu_param { engine: 1 } }\n'
    whole = {
        "name": "r",
        "type": "ReLU",
        "bottom": ["a"],
        "top": ["a"],
        "relu_param": {"engine": "CAFFE"},
    }
    conv = CONV.format("a", "data", 4)
    assert found(conv, conv + relu) == [("layer[r]", None, whole)]
    assert found(relu + conv, conv) == [("layer[r]", whole, None)]


def test_the_order_is_the_files() -> None:
    a, b, c = (CONV.format(name, "data", 4) for name in "abc")
    assert [
        each[0] for each in found(f"name: 'x' {a}{b}{c}", f"name: 'y' {a}{c}force_backward: 1")
    ] == [
        "name",
        "layer[b]",
        "force_backward",
    ]
    solver = "base_lr: 1 gamma: 2 power: 3 max_iter: 4"
    assert [each[0] for each in found(solver, "gamma: 1 max_iter: 5", SOLVER)] == [
        "base_lr",
        "gamma",
        "power",
        "max_iter",
    ]


def test_a_layer_that_moved() -> None:
    a, b, c = (CONV.format(name, "data", 4) for name in "abc")
    assert found(a + b + c, b + c + a) == [("layer[a]", {"index": 0}, {"index": 2})]


def test_layers_of_one_name() -> None:
    train, test = (
        f'layer {{ name: "data" type: "Data" top: "data" include {{ phase: {phase} }} '
        f"data_param {{ batch_size: {batch} }} }}\n"
        for phase, batch in (("TRAIN", 64), ("TEST", 100))
    )
    assert found(train + test, train + test.replace("100", "50")) == [
        ("layer[data#2].data_param.batch_size", 100, 50)
    ]
    assert [each[0] for each in found(train, train + test)] == ["layer[data#2]"]
    assert [each[0] for each in found(train + test, train)] == ["layer[data#2]"]


@pytest.mark.parametrize("name", ["fc8_change", "fc8_flickr", "my_own", "x"])
def test_a_renamed_layer_keeps_its_old_name_in_the_path(name: str) -> None:
    fc7, fc8 = CONV.format("fc7", "data", 4), CONV.format("fc8", "fc7", 10)
    new = CONV.format(name, "fc7", 20)
    changes = found(fc7 + fc8 + LOSS.format("fc8"), fc7 + new + LOSS.format(name))
    assert changes == [
        ("layer[fc8].name", "fc8", name),
        ("layer[fc8].top[0]", "fc8", name),
        ("layer[fc8].convolution_param.num_output", 10, 20),
        ("layer[loss].bottom[0]", "fc8", name),
    ]


def test_a_renamed_loss() -> None:
    conv = CONV.format("a", "data", 4)
    new = LOSS.format("a").replace('"loss"', '"cost"')
    assert found(conv + LOSS.format("a"), conv + new) == [("layer[loss].name", "loss", "cost")]


def test_a_chain_of_renamed_layers() -> None:
    old = [CONV.format("a", "data", 1), CONV.format("b", "a", 2), CONV.format("c", "b", 3)]
    new = [CONV.format("x", "data", 1), CONV.format("y", "x", 2), CONV.format("z", "y", 3)]
    assert [
        each[0] for each in found("".join(old) + LOSS.format("c"), "".join(new) + LOSS.format("z"))
    ] == [
        *("layer[a].name", "layer[a].top[0]"),
        *("layer[b].name", "layer[b].bottom[0]", "layer[b].top[0]"),
        *("layer[c].name", "layer[c].bottom[0]", "layer[c].top[0]"),
        "layer[loss].bottom[0]",
    ]


def test_another_type_is_another_layer() -> None:
    conv = CONV.format("a", "data", 4)
    for kind in ("InnerProduct", "Deconvolution"):
        other = conv.replace("Convolution", kind).replace('"a"', '"a2"')
        assert sorted(each[0] for each in found(conv, other)) == ["layer[a2]", "layer[a]"]


def test_old_dialects() -> None:
    v1 = 'layers { name: "a" type: RELU bottom: "x" top: "x" blobs_lr: 1 }\n'
    assert found(v1, v1.replace("RELU", "18")) == []
    assert found(v1, v1.replace("blobs_lr: 1", "blobs_lr: 2")) == [("layers[a].blobs_lr[0]", 1, 2)]
    v0 = 'layers { layer { name: "a" type: "relu" } bottom: "x" top: "x" }\n'
    assert found(v0, v0.replace('"relu"', '"tanh"')) == [("layers[a].layer.type", "relu", "tanh")]
    assert found(v0, v0.replace('"a"', '"ab"')) == [("layers[a].layer.name", "a", "ab")]


def test_nets_inside_a_solver() -> None:
    a, b = CONV.format("a", "data", 4), CONV.format("b", "a", 4)
    old, new = f"net_param {{ {a}{b} }}", f"net_param {{ {b} }}"
    assert [each[0] for each in found(old, new, SOLVER)] == ["net_param.layer[a]"]


def test_lines_are_those_of_the_new_text_or_of_the_old_where_it_is_gone() -> None:
    made = differences(
        parse(b"base_lr: 1\ngamma: 2\nmax_iter: 3\n"),
        parse(b"\n\nbase_lr: 2\nmax_iter: 3\npower: 1\n"),
        SOLVER,
    )
    assert [(each.path, each.line) for each in made] == [("base_lr", 3), ("gamma", 2), ("power", 5)]
