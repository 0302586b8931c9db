"""The meaning of a text without a schema: fields by name, values in order, no layout."""

from __future__ import annotations

from typing import Any

from ssdh_surgery.prototxt import literals
from ssdh_surgery.prototxt.cst import Message, Scalar
from ssdh_surgery.prototxt.render import is_message, scalar_text

# A message: the values of each field, by name. A scalar: the bytes of a string, or else its text.
Tree = dict[str, list[Any]]


def tree_of(message: Message) -> Tree:
    """The tree of a parsed message (refuse deep nesting first: see `net.refuse_depth`)."""
    tree: Tree = {}
    for field in message.fields:
        for value in field.values:
            inner = tree_of(value) if isinstance(value, Message) else _scalar(value)
            tree.setdefault(field.name, []).append(inner)
    return tree


def _scalar(value: Scalar) -> bytes | str:
    return value.data if value.is_string else value.text


def tree_of_value(value: object) -> Tree | bytes | str:
    """The tree of a new value, which is yet to be written."""
    if not is_message(value):
        text = scalar_text(value)
        return (literals.unescape([text[1:-1]]) or b"") if text.startswith('"') else text
    tree: Tree = {}
    for name, inner in value:
        tree.setdefault(name, []).append(tree_of_value(inner))
    return tree


def first_difference(expected: Any, actual: Any, path: str = "") -> str | None:
    """The path where two trees first differ, with both values, or None."""
    if expected == actual:
        return None
    if isinstance(expected, dict) and isinstance(actual, dict):
        for name in [*expected, *(name for name in actual if name not in expected)]:
            here = f"{path}.{name}" if path else name
            if difference := _first_in_list(expected.get(name, []), actual.get(name, []), here):
                return difference
        return None
    return f"{path}: promised {expected!r}, found {actual!r}"


def _first_in_list(expected: list[Any], actual: list[Any], path: str) -> str | None:
    for index, (one, other) in enumerate(zip(expected, actual, strict=False)):
        if difference := first_difference(one, other, f"{path}[{index}]"):
            return difference
    if len(expected) != len(actual):
        return f"{path}: promised {len(expected)} values, found {len(actual)}"
    return None
