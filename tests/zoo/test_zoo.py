"""What every network of the zoo gives, and how it is asked for."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from ssdh_surgery import parse, zoo
from ssdh_surgery.caffe.messages import schema
from ssdh_surgery.errors import UsageError
from ssdh_surgery.zoo import catalogue
from ssdh_surgery.zoo.catalogue import KINDS

each = pytest.mark.parametrize("name", zoo.names())


@cache
def message(name: str, kind: str) -> Any:
    return schema.parse_text(
        zoo.text(name, kind), "SolverParameter" if kind == "solver" else "NetParameter"
    )


@each
def test_each_kind_is_a_message_of_its_own(name: str) -> None:
    train_val = message(name, "train_val")
    deploy = message(name, "deploy")
    solver = message(name, "solver")
    assert [layer.type for layer in train_val.layer][:2] == ["Data", "Data"]
    assert deploy.layer[0].type == "Input"
    shape = deploy.layer[0].input_param.shape[0].dim
    assert tuple(shape[1:]) == zoo.find(name).shape
    assert solver.net == catalogue.FILE_NAMES["train_val"]
    assert solver.snapshot_prefix == name


@each
@pytest.mark.parametrize("kind", KINDS)
def test_layout_is_that_of_caffes_own_files(name: str, kind: str) -> None:
    text = zoo.text(name, kind)
    assert bytes(parse(text.encode())) == text.encode()
    assert text.endswith("\n")
    for row in text.splitlines():
        assert row.strip(), "a blank line"
        assert (len(row) - len(row.lstrip(" "))) % 2 == 0, row
        assert "{" not in row or row.endswith("{") or "input_param" in row, row


@each
def test_weights_load_by_name_into_the_deploy_net(name: str) -> None:
    train_val = message(name, "train_val")
    deploy = message(name, "deploy")
    learn = {"Convolution", "InnerProduct", "BatchNorm", "Scale"}
    of_train = {layer.name: layer for layer in train_val.layer}
    assert len(of_train) == len(train_val.layer) - 1, "only the two data layers share a name"
    for layer in deploy.layer:
        if layer.type not in learn:
            continue
        twin = of_train[layer.name]
        assert (twin.type, twin.bottom, twin.top) == (layer.type, layer.bottom, layer.top)
        for field in ("num_output", "kernel_size", "stride", "pad", "group", "bias_term"):
            for parameters in ("convolution_param", "inner_product_param"):
                ours, theirs = getattr(layer, parameters), getattr(twin, parameters)
                if hasattr(ours, field):
                    assert getattr(ours, field) == getattr(theirs, field), (layer.name, field)


@each
@pytest.mark.parametrize("kind", ["train_val", "deploy"])
@pytest.mark.parametrize("phase", ["TRAIN", "TEST"])
def test_every_bottom_is_made_above_and_no_top_dangles(name: str, kind: str, phase: str) -> None:
    number = schema.enum_values("Phase")[phase]
    layers = [
        layer
        for layer in message(name, kind).layer
        if not layer.include or layer.include[0].phase == number
    ]
    makers: dict[str, Any] = {}
    used: set[str] = set()
    for layer in layers:
        assert set(layer.bottom) <= set(makers), layer.name
        used |= set(layer.bottom) - set(layer.top)
        for top in layer.top:
            assert top not in makers or top in layer.bottom, layer.name
            makers[top] = layer
    outputs = {makers[top].type for top in set(makers) - used}
    # DenseNet was published without probabilities.
    ends = {"Softmax"} if name != "densenet-121" else {"Convolution"}
    assert outputs <= (ends if kind == "deploy" else {"Accuracy", "SoftmaxWithLoss"})
    assert outputs


@each
def test_parameters_are_as_published(name: str, count: Callable[[str], Any]) -> None:
    assert count(name).learned == zoo.find(name).parameters


@pytest.mark.parametrize(
    ("argument", "meant"),
    [
        ("zoo:googlenet", ("googlenet", "train_val")),
        ("zoo:googlenet/train_val", ("googlenet", "train_val")),
        ("zoo:googlenet/deploy", ("googlenet", "deploy")),
        ("zoo:googlenet/solver", ("googlenet", "solver")),
    ],
)
def test_names_on_the_command_line(argument: str, meant: tuple[str, str]) -> None:
    assert zoo.is_zoo_name(argument)
    assert zoo.parse_name(argument) == meant


def test_a_path_is_no_name_of_the_zoo() -> None:
    assert not zoo.is_zoo_name("zoo/googlenet/deploy.prototxt")


@pytest.mark.parametrize(
    ("argument", "said"),
    [
        (
            "zoo:GoogleNet",
            "the zoo has no network 'GoogleNet'\nhint: did you mean 'googlenet'?",
        ),
        (
            "zoo:googlenet/deploi",
            "a network of the zoo has no file 'deploi'\nhint: did you mean 'deploy'?",
        ),
        (
            "zoo:googlenet/weights.caffemodel",
            "a network of the zoo has no file 'weights.caffemodel'\n"
            "hint: it has train_val, solver, deploy",
        ),
        (
            "zoo:",
            f"the zoo has no network ''\nhint: it has {', '.join(zoo.names())}",
        ),
    ],
)
def test_what_the_zoo_does_not_have(argument: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        zoo.parse_name(argument)
    assert str(caught.value) == said


def test_text_says_what_is_not_there() -> None:
    with pytest.raises(UsageError) as caught:
        zoo.text("xyz", "deploy")
    assert caught.value.message == "the zoo has no network 'xyz'"
    with pytest.raises(UsageError) as caught:
        zoo.text("googlenet", "train")
    assert str(caught.value) == (
        "a network of the zoo has no file 'train'\nhint: did you mean 'train_val'?"
    )


def test_nothing_is_imported_before_it_is_needed() -> None:
    program = (
        "import sys, ssdh_surgery.zoo as zoo\n"
        "found = {'numpy', 'google.protobuf', 'ssdh_surgery.zoo.network'} & set(sys.modules)\n"
        "assert not found, found\n"
        "zoo.text('googlenet', 'train_val')\n"
        "found = {'numpy', 'google.protobuf', 'ssdh_surgery.zoo.alexnet'} & set(sys.modules)\n"
        "assert not found, found\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
