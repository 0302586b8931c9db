"""Keyword arguments of the functions: checked by the types of options, as on the command line."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ssdh_surgery.errors import UsageError, did_you_mean
from ssdh_surgery.pipeline.settings.options import OPTIONS, Command, Option
from ssdh_surgery.pipeline.settings.settings import Settings
from ssdh_surgery.pipeline.settings.value_types import Assignments, Choice, Integer, ValueType
from ssdh_surgery.surgery.hashing.presets import PRESETS

PathLike = str | Path


def paths(names: PathLike | Iterable[PathLike]) -> list[Path]:
    """One path or several, as a list."""
    return [Path(names)] if isinstance(names, str | Path) else [Path(each) for each in names]


def optional_path(name: PathLike | None) -> Path | None:
    """A path, or None."""
    return None if name is None else Path(name)


def texts(names: str | Iterable[str]) -> list[str]:
    """One text or several, as a list."""
    return [names] if isinstance(names, str) else list(names)


def integers(values: int | Iterable[int], name: str, least: int = 1) -> list[int]:
    """One integer or several, as a list.

    Raises:
        UsageError: one is below the least.
    """
    each = Integer(least)
    return [check(name, value, each) for value in _list(values)]


def _list(values: Any) -> list[Any]:
    return list(values) if isinstance(values, Iterable) else [values]


def check(name: str, value: Any, value_type: ValueType) -> Any:
    """A value as its type reads it; None stays.

    Raises:
        UsageError: it has another type or is out of range.
    """
    if value is None:
        return None
    try:
        return value_type.from_toml(_plain(value))
    except ValueError as error:
        raise UsageError(f"{name} must be {error}, not {value!r}") from None


def choice(name: str, value: str | None, words: Iterable[str]) -> str | None:
    """A word, if it is one of some words; None stays.

    Raises:
        UsageError: it is another word.
    """
    words = tuple(words)
    if value is not None and value not in words:
        raise UsageError(
            f"{name} must be {Choice(words).requirement}, not {value!r}",
            hint=did_you_mean(str(value), words),
        )
    return value


def settings_of(command: Command, values: Mapping[str, Any], preset: str | None = None) -> Settings:
    """Keyword arguments as settings; None leaves an option open.

    Args:
        command: the command whose options they are.
        values: the keyword arguments.
        preset: the name of a preset, which they override.

    Raises:
        TypeError: there is no such option.
        UsageError: a value has another type or is out of range, two exclude each other, or there
            is no such preset.
    """
    choice("preset", preset, PRESETS)
    options = {keyword(option): option for option in OPTIONS.values() if command in option.commands}
    refuse_unknown(command, values, options)
    # In the order of the table, in which `ssdh.toml` has them.
    explicit = {
        option.name: _setting(name, values[name], option)
        for name, option in options.items()
        if values.get(name) is not None
    }
    if {"mean_file", "mean_value"} <= explicit.keys():
        raise UsageError("mean_file and mean_value exclude each other")
    return Settings(explicit).over(Settings(PRESETS[preset].settings if preset else {}))


def refuse_unknown(function: str, values: Iterable[str], names: Iterable[str]) -> None:
    """Refuse keyword arguments that a function does not have.

    Raises:
        TypeError: as Python's own, with the closest name.
    """
    names = list(names)
    for name in values:
        if name not in names:
            hint = did_you_mean(name, names)
            raise TypeError(
                f"{function}() got an unexpected keyword argument '{name}'"
                + (f"; {hint}" if hint else "")
            )


def keyword(option: Option) -> str:
    """The keyword argument of an option: its name on the command line, with underscores."""
    return option.flag.removeprefix("--").replace("-", "_")


def _setting(name: str, value: Any, option: Option) -> Any:
    if isinstance(option.type, Assignments) and isinstance(value, Mapping):
        value = [
            f"{field}={_field_value(each)}"
            for field, values in value.items()
            for each in ([values] if isinstance(values, str) else _list(values))
        ]
    return check(name, value, option.type)


def _field_value(value: Any) -> str:
    """The value of a solver's field as it is written in a prototxt, without quotes."""
    return str(value).lower() if isinstance(value, bool) else str(_plain(value))


def _plain(value: Any) -> Any:
    """A value in the types that TOML has: paths as text, tuples and arrays as lists."""
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if hasattr(value, "tolist"):  # NumPy's
        return value.tolist()
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value
