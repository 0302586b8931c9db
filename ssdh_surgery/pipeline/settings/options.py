"""The table of options: how each value is read from `ssdh.toml` and written to it."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from ssdh_surgery.errors import UsageError
from ssdh_surgery.pipeline.settings.settings import Settings
from ssdh_surgery.surgery.hashing.recipe import Filler


def _number(value: Decimal) -> int | float:
    return int(value) if value == value.to_integral_value() else float(value)


def filler_text(filler: Filler) -> str:
    """A filler as the command line takes it."""
    values = dict(filler.fields)
    rest = values.get("std") or str(values.get("variance_norm", "")).lower()
    return f"{values['type']}:{rest}" if rest else str(values["type"])


def as_toml(settings: Settings) -> dict[str, Any]:
    """The values as a table of the workspace has them."""
    return {
        "set" if name == "sets" else name: _toml_value(value)
        for name, value in settings.values.items()
    }


def _toml_value(value: Any) -> Any:
    if isinstance(value, Decimal):
        return _number(value)
    if isinstance(value, Filler):
        return filler_text(value)
    if isinstance(value, tuple):
        return ["=".join(each) if isinstance(each, tuple) else _number(each) for each in value]
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("a text")
    return str(value)


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError("a whole number of at least 1")
    return int(value)


def _decimal(value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError("a number")
    try:
        number = Decimal(str(value))
    except ArithmeticError:
        raise ValueError("a number") from None
    if not number.is_finite():
        raise ValueError("a number")
    return number


def _above_zero(value: Any) -> Decimal:
    number = _decimal(value)
    if number <= 0:
        raise ValueError("a number above 0")
    return number


def _numbers(*counts: int) -> Callable[[Any], tuple[Decimal, ...]]:
    def read(value: Any) -> tuple[Decimal, ...]:
        if not isinstance(value, list) or len(value) not in counts:
            raise ValueError(f"a list of {' or '.join(map(str, counts))} numbers")
        return tuple(map(_decimal, value))

    return read


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return bool(value)


def _removal(value: Any) -> str:
    if value not in ("comment", "delete"):
        raise ValueError("'comment' or 'delete'")
    return str(value)


def _at_least_zero(value: Any) -> Decimal:
    number = _decimal(value)
    if number < 0:
        raise ValueError("a number of at least 0")
    return number


def _one_of(*words: str) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if value not in words:
            raise ValueError(" or ".join(f"'{word}'" for word in words))
        return str(value)

    return read


def _filler(value: Any) -> Filler:
    try:
        return Filler.parse(_text(value))
    except UsageError as error:
        raise ValueError(f"a filler ({error.hint})") from error


def _sets(value: Any) -> tuple[tuple[str, str], ...]:
    pairs = [str(each).partition("=") for each in value] if isinstance(value, list) else []
    if not pairs or not all(name and text for name, _, text in pairs):
        raise ValueError("a list of FIELD=VALUE")
    return tuple((name, text) for name, _, text in pairs)


def _suffix(value: Any) -> str:
    if not isinstance(value, str) or "/" in value or "\0" in value:
        raise ValueError("a part of a file name")
    return str(value)


# How each value is read from a workspace; what it must be is the ValueError's text.
READERS: dict[str, Callable[[Any], Any]] = {
    "at": _text,
    "head": _text,
    "bits": _whole,
    "filler": _filler,
    "bias": _decimal,
    "lr_mult": _numbers(2),
    "decay_mult": _numbers(2),
    "classifier_lr": _above_zero,
    "latent_name": _text,
    "code_name": _text,
    "classifier_name": _text,
    "remove": _removal,
    "mark": _flag,
    "upgrade": _flag,
    "aux": _one_of("keep", "drop", "retarget"),
    "classes": _whole,
    "classifier_filler": _filler,
    "objective": _one_of("sigmoid", "ssdh"),
    "objective_layers": _one_of("stock", "fork"),
    "objective_phase": _one_of("both", "train"),
    "weight_binary": _at_least_zero,
    "weight_fire": _at_least_zero,
    "weight_class": _above_zero,
    "lr_divide": _above_zero,
    "weight_decay": _decimal,
    "gamma": _above_zero,
    "sets": _sets,
    "train_data": _text,
    "test_data": _text,
    "train_batch": _whole,
    "test_batch": _whole,
    "mean_file": _text,
    "mean_value": _numbers(1, 3),
    "freeze": _text,
    "suffix": _suffix,
}
