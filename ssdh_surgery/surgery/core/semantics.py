"""What a text means, without a schema: fields by name, values in order, layout forgotten."""

from __future__ import annotations

from typing import Any

from ssdh_surgery.prototxt import literals
from ssdh_surgery.prototxt.cst import Message, Scalar
from ssdh_surgery.prototxt.render import is_message, scalar_text

# A message: the values of each field by name. A scalar: the bytes of a string, or its text.
Tree = dict[str, list[Any]]


def tree_of(message: Message) -> Tree:
    """The tree of a parsed message (refuse deep nesting before: see `net.refuse_depth`)."""
    tree: Tree = {}
    for field in message.fields:
        for value in field.values:
            inner = tree_of(value) if isinstance(value, Message) else _scalar(value)
            tree.setdefault(field.name, []).append(inner)
    return tree


def _scalar(value: Scalar) -> bytes | str:
    return value.data if value.is_string else value.text


def tree_of_value(value: object) -> Tree | bytes | str:
    """The tree of a value that is about to be written."""
    if not is_message(value):
        text = scalar_text(value)
        return (literals.unescape([text[1:-1]]) or b"") if text.startswith('"') else text
    tree: Tree = {}
    for name, inner in value:
        tree.setdefault(name, []).append(tree_of_value(inner))
    return tree


def first_difference(expected: Any, found: Any, path: str = "") -> str | None:
    """Where two trees differ first, as a path with both values, or None."""
    if expected == found:
        return None
    if isinstance(expected, dict) and isinstance(found, dict):
        for name in [*expected, *(name for name in found if name not in expected)]:
            here = f"{path}.{name}" if path else name
            said = _first_in_list(expected.get(name, []), found.get(name, []), here)
            if said:
                return said
        return None
    return f"{path}: promised {expected!r}, found {found!r}"


def _first_in_list(expected: list[Any], found: list[Any], path: str) -> str | None:
    for index, (one, other) in enumerate(zip(expected, found, strict=False)):
        if said := first_difference(one, other, f"{path}[{index}]"):
            return said
    if len(expected) != len(found):
        return f"{path}: promised {len(expected)} values, found {len(found)}"
    return None
