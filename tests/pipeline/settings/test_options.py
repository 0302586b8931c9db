"""The table of options: both forms of every value, and one range for both."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import click
import pytest

from ssdh_surgery.cli.types import click_type
from ssdh_surgery.pipeline.settings.options import OPTIONS, Option
from ssdh_surgery.pipeline.settings.settings import RECIPE, SOLVER
from ssdh_surgery.pipeline.settings.value_types import Assignments, Flag
from ssdh_surgery.surgery.hashing.recipe import Recipe, SolverRecipe

TEXTS = {
    "bits": "48",
    "filler": "xavier:fan_in",
    "classifier_filler": "gaussian:0.2",
    "remove": "delete",
    "aux": "drop",
    "objective": "ssdh",
    "objective_layers": "fork",
    "objective_phase": "train",
    "mean_value": "104,117,122.5",
    "lr_mult": "1,2.5",
    "decay_mult": "0,1",
}


def text_of(option: Option) -> str:
    """A text that the option takes."""
    return TEXTS.get(option.name) or ("3" if option.name.endswith(("classes", "batch")) else "0.5")


def from_text(option: Option, text: str) -> Any:
    """The value of a text, as the command line reads it."""
    return click_type(option.type).convert(text, None, None)


@pytest.mark.parametrize("option", OPTIONS.values(), ids=list(OPTIONS))
def test_a_value_comes_back_from_toml(option: Option) -> None:
    if isinstance(option.type, Flag):
        values: tuple[Any, ...] = (True, False)
    elif isinstance(option.type, Assignments):
        values = ((("max_iter", "5"), ("type", "Adam=x")),)
    else:
        values = (from_text(option, text_of(option)),)
        assert option.type.to_text(values[0]) == text_of(option)
    for value in values:
        assert option.type.from_toml(option.type.to_toml(value)) == value


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("bits", "0", 0),
        ("bits", "65537", 65537),
        ("classes", "0", 0),
        ("train_batch", "-1", -1),
        ("weight_decay", "-0.1", -0.1),
        ("weight_class", "0", 0),
        ("lr_mult", "1,-1", [1, -1]),
        ("lr_mult", "1,2,3", [1, 2, 3]),
        ("mean_value", "1,2", [1, 2]),
        ("bias", "nan", float("nan")),
        ("gamma", "inf", float("inf")),
        ("filler", "uniform", "uniform"),
        ("remove", "hide", "hide"),
        ("at", "", ""),
        ("suffix", "a/b", "a/b"),
        ("sets", "max_iter", ["max_iter"]),
    ],
)
def test_a_range_holds_in_both_forms(name: str, text: str, value: object) -> None:
    option = OPTIONS[name]
    with pytest.raises(click.BadParameter):
        from_text(option, text)
    with pytest.raises(ValueError, match=r"^(a|an|part|FIELD|')\b"):
        option.type.from_toml(value)


@pytest.mark.parametrize("value", [True, None, {}, 1.5j])
@pytest.mark.parametrize("name", ["bits", "filler", "bias", "lr_mult", "at", "sets", "remove"])
def test_another_type_is_refused(name: str, value: object) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the text is the requirement, tested above
        OPTIONS[name].type.from_toml(value)


def test_the_sections_are_the_recipes() -> None:
    recipe, solver = Recipe(), SolverRecipe()
    assert set(RECIPE) == set(vars(recipe))
    assert {*SOLVER, "remove"} == set(vars(solver))
    values = {**vars(solver), **vars(recipe)}
    for name in (*RECIPE, *SOLVER):
        if OPTIONS[name].default is not None and values[name] is not None:
            assert OPTIONS[name].default == values[name]


def test_help_lines() -> None:
    assert OPTIONS["lr_mult"].help_line.endswith("(default: 1,2).")
    assert OPTIONS["mark"].help_line.endswith("(default: no).")
    assert "(default" not in OPTIONS["classes"].help_line
    assert replace(OPTIONS["suffix"], default="_x").help_line.endswith("(default: _x).")
