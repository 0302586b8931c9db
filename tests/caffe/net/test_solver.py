"""A solver: what it trains, and its fields as they are written."""

from __future__ import annotations

from decimal import Decimal

import pytest

from ssdh_surgery import parse
from ssdh_surgery.caffe.net.solver import Solver
from ssdh_surgery.errors import SurgeryError


def solver(text: str) -> Solver:
    return Solver(parse(text.encode(), "s.prototxt"))


@pytest.mark.parametrize(
    ("text", "train", "tests"),
    [
        pytest.param('net: "a"', "a", [], id="net"),
        pytest.param('train_net: "a" test_net: "b" test_net: "c"', "a", ["b", "c"], id="apart"),
        pytest.param('test_net: ["b", "c"] train_net: "a"', "a", ["b", "c"], id="in-any-order"),
        pytest.param("net_param { } base_lr: 1", None, [], id="inside"),
    ],
)
def test_nets(text: str, train: str | None, tests: list[str]) -> None:
    of = solver(text)
    assert (of.train_net.path if of.train_net else None) == train
    assert [net.path for net in of.test_nets] == tests
    assert all(net.entry.value.string == net.path for net in of.nets)  # type: ignore[union-attr]


def test_nets_inside() -> None:
    of = solver('test_net_param { name: "t" } test_net_param { } train_net_param { name: "a" }')
    assert [(field, net.string("name")) for field, net in of.inner_nets] == [
        ("train_net_param", "a"),
        ("test_net_param", "t"),
        ("test_net_param", ""),
    ]


def test_fields() -> None:
    of = solver('base_lr: 1e-2 max_iter: 0x10 type: "Adam" test_initialization: f debug_info: 1')
    assert of.decimal("base_lr") == Decimal("0.01")
    assert of.integer("max_iter") == 16
    assert of.string("type") == "Adam"
    assert of.flag("test_initialization", True) is False
    assert of.flag("debug_info", False) is True
    assert of.file == "s.prototxt"


def test_fields_that_are_not_there() -> None:
    of = solver("")
    assert (of.decimal("base_lr"), of.integer("max_iter"), of.integer("x", 5)) == (None, None, 5)
    assert (of.string("type", "SGD"), of.flag("x", True)) == ("SGD", True)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.0010", "0.0010"),
        ("- .5", "-.5"),
        ("1f", "1"),
        ("1.F", "1"),
    ],
)
def test_decimals_are_as_written(text: str, value: str) -> None:
    assert solver(f"base_lr: {text}").decimal("base_lr") == Decimal(value)


def test_the_last_of_a_doubled_field_counts() -> None:
    assert solver("base_lr: 1 base_lr: 2").decimal("base_lr") == 2


def test_a_solver_nested_too_deep_is_refused() -> None:
    with pytest.raises(SurgeryError, match="messages are nested 101 deep"):
        solver("m {" * 101 + "}" * 101)
