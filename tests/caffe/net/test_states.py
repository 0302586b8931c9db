"""The states that a net's rules distinguish, those that it runs in, and those of a solver."""

from __future__ import annotations

import pytest

from ssdh_surgery import parse
from ssdh_surgery.caffe.net.heads import heads
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.net.solver import Solver
from support.staged_nets import ALL_IN_ONE, HEAD, LOSS, STAGED, TRUNK, data, judge, product


def net(text: str) -> Net:
    return Net(parse(text.encode(), "n.prototxt"))


def solver(text: str) -> Solver:
    return Solver(parse(text.encode(), "s.prototxt"))


@pytest.mark.parametrize(
    ("text", "states"),
    [
        pytest.param(data("d") + TRUNK + HEAD + LOSS, ["TRAIN", "TEST"], id="no rules"),
        pytest.param(
            data("d", "include { phase: TRAIN }") + TRUNK + HEAD + LOSS, ["TRAIN"], id="TRAIN data"
        ),
        pytest.param(
            data("d", "include { phase: TEST }") + TRUNK + HEAD + LOSS, ["TEST"], id="TEST data"
        ),
        pytest.param(
            ALL_IN_ONE,
            [
                f"{phase} with stage '{stage}'"
                for phase in ("TRAIN", "TEST")
                for stage in ("train", "val")
            ],
            id="stages",
        ),
        pytest.param(
            STAGED["a deeper stage"][0], ["TRAIN", "TRAIN with stage 'deep'"], id="deeper"
        ),
        pytest.param(
            STAGED["max_level"][0],
            ["TRAIN", "TRAIN with level 1", "TEST", "TEST with level 1"],
            id="levels",
        ),
        pytest.param(
            data("d", 'include { phase: TRAIN stage: "a" stage: "b" }') + TRUNK + HEAD + LOSS,
            ["TRAIN with stages 'a' and 'b'"],
            id="both stages of a rule",
        ),
        # A mistake is not a reason to look at other states.
        pytest.param(
            data("d", 'include { phase: TRAIN }') + TRUNK + judge("acc", "Accuracy", "fc"),
            ["TRAIN"],
            id="a typo",
        ),
        pytest.param(TRUNK + HEAD, ["TRAIN"], id="no data at all"),
        pytest.param('input: "data" ' + TRUNK, ["TRAIN", "TEST"], id="an input"),
    ],
)  # fmt: skip
def test_run_states_without_a_solver(text: str, states: list[str]) -> None:
    assert list(map(str, net(text).run_states)) == states


def test_stages_that_layers_need_together() -> None:
    of = net(STAGED["two stages at once"][0])
    both = [state for state in of.states if len(state.stages) > 1]
    assert list(map(str, both)) == [
        f"{phase} with stages 'classify' and 'factored'" for phase in ("TRAIN", "TEST")
    ]


@pytest.mark.parametrize(
    "rule", ['include { stage: "sN" stage: "tN" }', "include { min_level: N }"]
)
def test_hundreds_of_rules(rule: str) -> None:
    """The number of states is bounded, whatever the rules; both phases are among them."""
    layers = (product(f"f{i}", "data", 2, rule.replace("N", str(i))) for i in range(1, 500))
    of = net(data("d") + "".join(layers))
    assert len(of.states) <= 202
    assert {state.phase for state in of.states} == {"TRAIN", "TEST"}
    assert of.run_states[0] == of.state("TRAIN")


def test_the_states_of_a_solver() -> None:
    """As in `InitTrainNet` and `InitTestNets` of Caffe's solver.cpp: later ones take precedence."""
    of = net('state { phase: TEST level: 3 stage: "net" } ' + TRUNK)
    text = 'net: "n" train_state { level: 0 stage: "train" } test_iter: 1 test_iter: 1'
    text += ' test_state { } test_state { level: 5 phase: TRAIN stage: "b" }'
    runs = solver(text).runs([("net", of)])
    assert [str(state) for _, state in runs] == [
        "TEST with stages 'net' and 'train'",
        "TEST with stage 'net' and level 3",
        "TRAIN with stages 'b' and 'net' and level 5",
    ]


def test_heads_are_those_of_the_solver_states() -> None:
    rules = {name: f'include {{ stage: "{name}" }}' for name in ("a", "b")}
    of = net(
        data("d")
        + TRUNK
        + "".join(
            product(f"cls_{name}", "feat", 5, rule)
            + judge(f"loss_{name}", "SoftmaxWithLoss", f"cls_{name}", rule)
            for name, rule in rules.items()
        )
    )
    assert [head.is_main for head in heads(of)] == [False, False]
    for name in rules:
        (_, staged), *_ = solver(f'net: "n" train_state {{ stage: "{name}" }}').in_run_states(
            [("net", of)]
        )
        assert [(head.classifier.name, head.is_main) for head in heads(staged)] == [
            (f"cls_{name}", True)
        ]


def test_a_loss_of_another_state_has_no_weight() -> None:
    val = judge("val_loss", "SoftmaxWithLoss", "cls", 'include { stage: "val" }')
    of = net(data("d") + TRUNK + HEAD + LOSS + val)
    (head,) = heads(of.in_states([of.state("TRAIN")]))
    assert ([loss.name for loss in head.losses], head.weight) == (["loss", "val_loss"], 1)
    assert heads(of)[0].weight == 2
