"""Update rules against their formulas, written out for one number at a time."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch

from ssdh_surgery.caffe.messages import schema
from ssdh_surgery.engines.torch.solver.update_rule import Clipping, Learnable
from ssdh_surgery.engines.torch.solver.updates import solver_type, update_rule
from ssdh_surgery.errors import EngineError

State = dict[str, float]
Formula = Callable[[schema.SolverParameter, State, float, float, int], float]


def solver(text: str) -> schema.SolverParameter:
    message = schema.parse_text(text, "SolverParameter")
    assert isinstance(message, schema.SolverParameter)
    return message


def sgd(param: schema.SolverParameter, h: State, g: float, rate: float, _t: int) -> float:
    h["a"] = param.momentum * h["a"] + rate * g
    return h["a"]


def nesterov(param: schema.SolverParameter, h: State, g: float, rate: float, _t: int) -> float:
    before = h["a"]
    h["a"] = param.momentum * h["a"] + rate * g
    return (1 + param.momentum) * h["a"] - param.momentum * before


def ada_grad(param: schema.SolverParameter, h: State, g: float, rate: float, _t: int) -> float:
    h["a"] += g * g
    return rate * g / (math.sqrt(h["a"]) + param.delta)


def rms_prop(param: schema.SolverParameter, h: State, g: float, rate: float, _t: int) -> float:
    h["a"] = param.rms_decay * h["a"] + (1 - param.rms_decay) * g * g
    return rate * g / (math.sqrt(h["a"]) + param.delta)


def ada_delta(param: schema.SolverParameter, h: State, g: float, rate: float, _t: int) -> float:
    h["a"] = param.momentum * h["a"] + (1 - param.momentum) * g * g
    step = g * math.sqrt((h["b"] + param.delta) / (h["a"] + param.delta))
    h["b"] = param.momentum * h["b"] + (1 - param.momentum) * step * step
    return rate * step


def adam(param: schema.SolverParameter, h: State, g: float, rate: float, t: int) -> float:
    h["a"] = param.momentum * h["a"] + (1 - param.momentum) * g
    h["b"] = param.momentum2 * h["b"] + (1 - param.momentum2) * g * g
    correction = math.sqrt(1 - param.momentum2 ** (t + 1)) / (1 - param.momentum ** (t + 1))
    return rate * correction * h["a"] / (math.sqrt(h["b"]) + param.delta)


FORMULAS: dict[str, tuple[Formula, int, str]] = {
    "SGD": (sgd, 1, "momentum: 0.9"),
    "Nesterov": (nesterov, 1, "momentum: 0.9"),
    "AdaGrad": (ada_grad, 1, ""),
    "RMSProp": (rms_prop, 1, "rms_decay: 0.9"),
    "AdaDelta": (ada_delta, 2, "momentum: 0.95 delta: 1e-6"),
    "Adam": (adam, 2, "momentum: 0.9 momentum2: 0.99"),
}


@pytest.mark.parametrize("regularization", ["L1", "L2"])
@pytest.mark.parametrize("kind", FORMULAS)
def test_rules_follow_their_formulas(kind: str, regularization: str) -> None:
    formula, blobs, fields = FORMULAS[kind]
    param = solver(
        f"type: '{kind}' {fields} weight_decay: 0.01 iter_size: 2 "
        f"regularization_type: '{regularization}'"
    )
    random = np.random.default_rng(7)
    multipliers = [(1.0, 1.0), (2.0, 0.0), (1.0, 1.0), (0.0, 1.0)]
    values = [random.normal(size=(2, 3)) for _ in multipliers]
    leaves = [torch.tensor(value, dtype=torch.float32, requires_grad=True) for value in values]
    rule = update_rule(
        param, [Learnable(*x) for x in zip(leaves, *zip(*multipliers, strict=True), strict=True)]
    )
    states: list[list[State]] = [[{"a": 0, "b": 0} for _ in range(6)] for _ in multipliers]
    assert len(rule.history) == blobs * len(leaves)

    for iteration in range(4):
        rate = 0.1 / (iteration + 1)
        gradients = [random.normal(size=(2, 3)) for _ in multipliers]
        for index, (lr_mult, decay_mult) in enumerate(multipliers):
            flat = values[index].reshape(-1)
            for place, (weight, gradient) in enumerate(
                zip(flat, gradients[index].flat, strict=True)
            ):
                pull = weight if regularization == "L2" else np.sign(weight)
                full = gradient / 2 + 0.01 * decay_mult * pull
                state = states[index][place]
                flat[place] -= formula(param, state, full, rate * lr_mult, iteration)
            leaves[index].grad = torch.tensor(gradients[index], dtype=torch.float32)
        assert rule.apply(rate, iteration) is None

    for leaf, value in zip(leaves, values, strict=True):
        np.testing.assert_allclose(leaf.detach(), value, rtol=2e-5, atol=1e-6)
    for blob, name in enumerate("ab"[:blobs]):
        for index, state in enumerate(states):
            expected = np.array([entry[name] for entry in state]).reshape(2, 3)
            history = rule.history[blob * len(leaves) + index]
            np.testing.assert_allclose(history, expected, rtol=2e-5, atol=1e-6)


def two_leaves() -> list[torch.Tensor]:
    return [torch.ones(2, requires_grad=True), torch.ones(1, requires_grad=True)]


def test_clipping_scales_all_gradients_before_they_are_averaged() -> None:
    leaves = two_leaves()
    leaves[0].grad, leaves[1].grad = torch.tensor([3.0, 0.0]), torch.tensor([4.0])
    rule = update_rule(solver("clip_gradients: 2.5 iter_size: 2"), [*map(Learnable, leaves)])
    assert rule.apply(1.0, 0) == Clipping(norm=5.0, factor=0.5)
    np.testing.assert_allclose(leaves[0].detach(), [1 - 3 * 0.5 / 2, 1])
    np.testing.assert_allclose(leaves[1].detach(), [1 - 4 * 0.5 / 2])


def test_small_gradients_are_not_clipped() -> None:
    leaves = two_leaves()
    leaves[0].grad, leaves[1].grad = torch.tensor([3.0, 0.0]), torch.tensor([4.0])
    rule = update_rule(solver("clip_gradients: 5"), [*map(Learnable, leaves)])
    assert rule.apply(1.0, 0) is None
    np.testing.assert_allclose(leaves[1].detach(), [-3])


def test_a_param_without_a_gradient_only_decays() -> None:
    leaves = two_leaves()
    rule = update_rule(solver("weight_decay: 0.5"), [*map(Learnable, leaves)])
    rule.apply(0.1, 0)
    np.testing.assert_allclose(leaves[0].detach(), [0.95, 0.95])


@pytest.mark.parametrize("kind", ["SGD", "Nesterov"])
def test_a_frozen_param_goes_on_with_the_momentum_that_it_has(kind: str) -> None:
    """As in Caffe, where a resumed run freezes a layer that was moving."""
    leaf = torch.ones(1, requires_grad=True)
    rule = update_rule(solver(f"type: '{kind}' momentum: 0.5"), [Learnable(leaf, lr_mult=0)])
    rule.apply(0.1, 0)
    assert leaf.item() == 1
    rule.restore([torch.tensor([0.4])])
    rule.apply(0.1, 1)
    assert rule.history[0].item() == pytest.approx(0.2)
    assert leaf.item() == pytest.approx(0.8 if kind == "SGD" else 1.0 - (1.5 * 0.2 - 0.5 * 0.4))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("SGD", "SGD"),
        ("NESTEROV", "Nesterov"),
        ("ADAGRAD", "AdaGrad"),
        ("RMSPROP", "RMSProp"),
        ("ADADELTA", "AdaDelta"),
        ("ADAM", "Adam"),
    ],
)
def test_the_old_enum_names_the_same_types(old: str, new: str) -> None:
    assert solver_type(solver(f"solver_type: {old}")) == new
    assert type(update_rule(solver(f"type: '{new}'"), [])).__name__ == new


@pytest.mark.parametrize(
    ("text", "field", "message"),
    [
        ("type: 'Adma'", "type", "unknown solver type 'Adma'\nhint: did you mean 'Adam'?"),
        (
            "type: 'Adam' solver_type: ADAM",
            "solver_type",
            "solver_type and type cannot both be set\n"
            "hint: solver_type is the deprecated form of type: remove it",
        ),
        (
            "type: 'AdaGrad' momentum: 0.9",
            "momentum",
            "momentum cannot be used with AdaGrad",
        ),
        (
            "type: 'RMSProp' rms_decay: 1",
            "rms_decay",
            "rms_decay must be at least 0 and below 1, not 1",
        ),
        (
            "type: 'Adam' momentum: 1",
            "momentum",
            "momentum must be at least 0 and below 1, not 1",
        ),
        (
            "weight_decay: 0.1 regularization_type: 'L3'",
            "regularization_type",
            "unknown regularization type 'L3'\nhint: Caffe has L1 and L2",
        ),
    ],
    ids=["misspelt", "both", "momentum", "decay", "adam", "regularization"],
)
def test_refusals(text: str, field: str, message: str) -> None:
    with pytest.raises(EngineError) as caught:
        update_rule(solver(text), [])
    assert str(caught.value) == message
    assert caught.value.data["field"] == field
