"""New values are read together, and apart where that names the one that is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from ssdh_surgery.errors import SchemaError
from ssdh_surgery.prototxt.render import Word
from ssdh_surgery.surgery.core import new_values as module
from ssdh_surgery.surgery.core.new_values import new_values, strict_message
from ssdh_surgery.surgery.core.step import Delete, Insert, Path, PromiseStep, Set


def _in_layer(index: int, name: str) -> Path:
    return (("layer", index), (name, 0))


def _values(*steps: PromiseStep) -> list[Any]:
    values = new_values(steps, "NetParameter")
    return [values.get(id(step)) for step in steps]


def test_values_of_many_layers_are_read_in_one_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []

    def counted(document: Any, message_name: str) -> Any:
        calls.append(message_name)
        return judged(document, message_name)

    judged = module.protobuf_message
    monkeypatch.setattr(module, "protobuf_message", counted)
    steps = [Set(_in_layer(index, "name"), f"n{index}") for index in range(5)]
    assert _values(*steps, Delete(_in_layer(9, "name"))) == ["n0", "n1", "n2", "n3", "n4", None]
    assert calls == ["NetParameter"]


def test_values_for_one_single_field_are_read_in_turn() -> None:
    path: Path = (("state", 0), ("level", 0))
    message = [("level", 7)]
    one, two, whole, inside = _values(
        Set(path, 1), Set(path, 2), Set((("state", 0),), message), Insert(path, 3)
    )
    assert (one, two, whole.level, inside) == (1, 2, 7, 3)
    assert message == [("level", 7)]


def test_the_one_wrong_value_of_several_is_named() -> None:
    steps = [
        Set(_in_layer(0, "name"), "right"),
        Insert(_in_layer(1, "phase"), Word("TRIAN")),
        Insert(_in_layer(2, "param"), [("lr_mult", 1)]),
    ]
    with pytest.raises(SchemaError) as caught:
        _values(*steps)
    assert str(caught.value) == (
        '<new text>:1:8: Enum type "Phase" has no value named TRIAN\n'
        "  1 | phase: TRIAN\n    |        ^"
    )


def test_a_word_that_is_two_values_is_named_among_others() -> None:
    with pytest.raises(SchemaError) as caught:
        _values(
            Set((("name", 0),), "n"),
            Set(_in_layer(0, "phase"), Word('TEST name: "m"')),
        )
    assert str(caught.value) == "'TEST name: \"m\"' is more than one value of 'phase'"


@pytest.mark.parametrize(
    ("word", "verdict"), [("[1, 2]", "more than one value"), ("[]", "not one value")]
)
def test_a_list_is_not_one_value(word: str, verdict: str) -> None:
    with pytest.raises(SchemaError) as caught:
        strict_message("NetParameter", "input_dim", Word(word))
    assert str(caught.value) == f"'{word}' is {verdict} of 'input_dim'"


def test_values_whose_text_reads_back_in_other_words_are_read_alone() -> None:
    name, level = _values(
        Set(_in_layer(0, "name"), "a"), Set((("state", 0), ("level", 0)), Word("- 1"))
    )
    assert (name, level) == ("a", -1)


def test_a_path_that_the_schema_does_not_have_is_an_error() -> None:
    with pytest.raises(SchemaError) as caught:
        _values(Set((("lyer", 0), ("name", 0)), "a"))
    assert str(caught.value) == ("NetParameter has no field 'lyer'\nhint: did you mean 'layer'?")
