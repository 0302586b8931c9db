"""The types of the values in a net's record, other than its options: paths, names, geometry."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

# The most that a component of a path, and a whole path, may have on common file systems.
_NAME_BYTES = 255
_PATH_BYTES = 4095
_MOST_PIXELS = 65535


def _is_path(value: Any) -> bool:
    if not isinstance(value, str) or "\0" in value:
        return False
    data = value.encode("utf-8", "surrogatepass")
    return len(data) <= _PATH_BYTES and all(len(x) <= _NAME_BYTES for x in data.split(b"/"))


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_integer(least: int) -> Callable[[Any], bool]:
    def is_integer(value: Any) -> bool:
        is_whole = isinstance(value, int) and not isinstance(value, bool)
        return is_whole and least <= value <= _MOST_PIXELS

    return is_integer


def _is_number(value: Any) -> bool:
    is_real = isinstance(value, int | float) and not isinstance(value, bool)
    return is_real and abs(value) < 1e38 and not math.isnan(value)


def _is_list(is_item: Callable[[Any], bool], length: int | None = None) -> Callable[[Any], bool]:
    def is_list(value: Any) -> bool:
        is_long_enough = isinstance(value, list) and len(value) == (length or len(value))
        return is_long_enough and all(map(is_item, value))

    return is_list


def _is_table_of_files(value: Any) -> bool:
    if not isinstance(value, Mapping):
        return False
    return all(map(_is_path, value)) and all(map(_is_text, value.values()))


def _is_table(value: Any) -> bool:
    return isinstance(value, Mapping)


_PATHS = ("train", "solver", "deploy", "train_source", "solver_source", "deploy_source")
_PATH = (_is_path, "a path")
_TEXT = (_is_text, "text")

# By key: what its value is, as a test and in words.
RECORD_TYPES: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    **dict.fromkeys((*_PATHS, "snapshot_prefix", "mean_file"), _PATH),
    **dict.fromkeys(("features", "classifier", "classifier_source"), _TEXT),
    "channels": (("BGR", "RGB", "gray").__contains__, "BGR, RGB or gray"),
    "crop": (_is_integer(0), f"an integer from 0 to {_MOST_PIXELS}"),
    "resize": (_is_list(_is_integer(1), 2), f"a list of 2 integers from 1 to {_MOST_PIXELS}"),
    "scale": (_is_number, "a number"),
    "mean_value": (_is_list(_is_number), "a list of numbers"),
    "options": (_is_table, "a table"),
    "sources": (_is_table_of_files, "a table of paths with their SHA-256"),
    "written": (_is_table_of_files, "a table of paths with their SHA-256"),
}
