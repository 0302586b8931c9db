"""Where a key is in the text of a TOML file: the place for an error about its value."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from typing import Any

from ssdh_surgery.location import Location

_NAME = r"(?:[\w-]+|\"(?:[^\"\\]|\\.)*\"|'[^']*')"
_NAMES = rf"{_NAME}(?:\s*\.\s*{_NAME})*"
_HEADER = re.compile(rf"\s*\[\[?\s*({_NAMES})\s*\]\]?")
_KEY = re.compile(rf"\s*({_NAMES})\s*=")


def place_of(file: str, text: str, keys: Sequence[str]) -> Location:
    """The line of a key, or of the innermost table around it that the text has.

    Args:
        file: the name of the file in messages.
        text: its text.
        keys: the key and the tables that it is in, outermost first.
    """
    best, best_place = 0, Location(file)
    table: tuple[str, ...] = ()
    for number, row in enumerate(text.split("\n"), 1):
        header, key = _HEADER.match(row), _KEY.match(row)
        if header:
            table = here = _parts(header[1])
        elif key:
            here = (*table, *_parts(key[1]))
        else:
            continue
        if len(here) > best and tuple(keys[: len(here)]) == here:
            start, end = (header or key).span(1)  # type: ignore[union-attr]
            best = len(here)
            best_place = Location(file, number, start + 1, row.rstrip("\r"), end - start)
    return best_place


def _parts(names: str) -> tuple[str, ...]:
    """The parts of a dotted key."""
    try:
        value: Any = tomllib.loads(f"{names} = 0")
    except tomllib.TOMLDecodeError:
        return ()
    parts = []
    while isinstance(value, dict):
        ((part, value),) = value.items()
        parts.append(part)
    return tuple(parts)
