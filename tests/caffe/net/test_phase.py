"""Which layers take part: Caffe's rules for phases, levels and stages."""

from __future__ import annotations

import pytest

from ssdh_surgery import parse
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.net.phase import Phase, PhaseRule, State, takes_part


def rule(text: str) -> PhaseRule:
    message = parse(f"include {{ {text} }}".encode()).root.message("include")
    assert message is not None
    return PhaseRule.read(message)


def state(phase: Phase = "TRAIN", level: int = 0, *stages: str) -> State:
    return State(phase, level, frozenset(stages))


@pytest.mark.parametrize(
    ("text", "met", "not_met"),
    [
        pytest.param("", [state(), state("TEST", 5, "a")], [], id="asks-nothing"),
        pytest.param("phase: TEST", [state("TEST")], [state("TRAIN")], id="phase"),
        pytest.param("phase: 1", [state("TEST")], [state("TRAIN")], id="phase-by-number"),
        pytest.param("min_level: 2", [state("TEST", 2)], [state("TEST", 1)], id="min-level"),
        pytest.param("max_level: 2", [state("TEST", 2)], [state("TEST", 3)], id="max-level"),
        pytest.param("min_level: -1", [state("TEST", -1)], [state("TEST", -2)], id="negative"),
        pytest.param(
            'stage: "a" stage: "b"',
            [state("TRAIN", 0, "a", "b", "c")],
            [state("TRAIN", 0, "a"), state()],
            id="all-stages",
        ),
        pytest.param(
            'not_stage: ["a", "b"]',
            [state(), state("TRAIN", 0, "c")],
            [state("TRAIN", 0, "a"), state("TRAIN", 0, "b", "c")],
            id="no-stage",
        ),
        pytest.param(
            'phase: TEST stage: "a" min_level: 1',
            [state("TEST", 1, "a")],
            [state("TRAIN", 1, "a"), state("TEST", 0, "a"), state("TEST", 1)],
            id="all-parts",
        ),
    ],
)
def test_rule(text: str, met: list[State], not_met: list[State]) -> None:
    assert all(rule(text).is_met(each) for each in met)
    assert not any(rule(text).is_met(each) for each in not_met)


TRAIN, TEST = rule("phase: TRAIN"), rule("phase: TEST")


@pytest.mark.parametrize(
    ("include", "exclude", "phases"),
    [
        pytest.param([], [], ["TRAIN", "TEST"], id="no-rules"),
        pytest.param([TRAIN], [], ["TRAIN"], id="include"),
        pytest.param([TRAIN, TEST], [], ["TRAIN", "TEST"], id="include-either"),
        pytest.param([], [TRAIN], ["TEST"], id="exclude"),
        pytest.param([], [TRAIN, TEST], [], id="exclude-both"),
    ],
)
def test_takes_part(
    include: list[PhaseRule], exclude: list[PhaseRule], phases: list[Phase]
) -> None:
    found = [each for each in ("TRAIN", "TEST") if takes_part(include, exclude, state(each))]
    assert found == phases


NET = """state {{ {state} }}
layer {{ name: "a" include {{ phase: TRAIN }} }}
layer {{ name: "b" exclude {{ phase: TRAIN }} }}
layer {{ name: "c" include {{ stage: "s" }} }}
layer {{ name: "d" include {{ min_level: 3 }} }}
layer {{ name: "e" include {{ phase: TEST not_stage: "s" }} }}
"""


@pytest.mark.parametrize(
    ("own", "phase", "names"),
    [
        pytest.param("", "TRAIN", "a", id="train"),
        pytest.param("", "TEST", "be", id="test"),
        pytest.param('stage: "s"', "TRAIN", "ac", id="stage-of-the-file"),
        pytest.param('stage: "s"', "TEST", "bc", id="stage-of-the-file-in-test"),
        pytest.param("level: 3", "TEST", "bde", id="level-of-the-file"),
        pytest.param("phase: TEST", "TRAIN", "a", id="phase-of-the-file-gives-way"),
    ],
)
def test_layers_of_a_phase(own: str, phase: Phase, names: str) -> None:
    net = Net(parse(NET.format(state=own).encode()))
    assert "".join(layer.name for layer in net.layers_in(phase)) == names


def test_layers_of_a_state() -> None:
    net = Net(parse(NET.format(state="").encode()))
    assert [layer.name for layer in net.layers_in(state("TEST", 4, "s"))] == ["b", "c", "d"]


@pytest.mark.parametrize(
    ("rules", "phase"),
    [
        pytest.param("", None, id="both"),
        pytest.param("include { phase: TRAIN }", "TRAIN", id="include"),
        pytest.param("exclude { phase: TRAIN }", "TEST", id="exclude"),
        pytest.param('include { phase: TEST stage: "s" }', "TEST", id="in-a-stage"),
        pytest.param('include { stage: "s" }', None, id="a-stage-in-both"),
        pytest.param("include { phase: TRAIN } include { phase: TEST }", None, id="either"),
        pytest.param("exclude { }", None, id="never"),
        pytest.param("include { min_level: 5 phase: TEST }", "TEST", id="in-a-level"),
    ],
)
def test_the_only_phase_of_a_layer(rules: str, phase: Phase | None) -> None:
    net = Net(parse(f"layer {{ {rules} }}".encode()))
    assert net.phase_of(net.layers[0]) == phase


def test_merged_states_add_stages_and_take_the_level() -> None:
    message = parse(b'state { level: 2 stage: "b" }').root.message("state")
    assert state("TEST", 1, "a").merged(message) == state("TEST", 2, "a", "b")
    assert state("TEST", 1, "a").merged(None) == state("TEST", 1, "a")
    zero = parse(b"state { level: 0 phase: TRAIN }").root.message("state")
    assert state("TEST", 1, "a").merged(zero) == state("TRAIN", 0, "a")


def test_a_state_in_words() -> None:
    assert str(state()) == "TRAIN"
    assert str(state("TEST", 0, "b", "a")) == "TEST with stages 'a' and 'b'"
    assert str(state("TEST", 2, "a")) == "TEST with stage 'a' and level 2"
    assert str(state("TRAIN", 2)) == "TRAIN with level 2"
