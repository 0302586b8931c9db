"""Verbs on one field: set, scale, add, remove, comment out.

Each returns a `Change`; where there is nothing to do, one without edits.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from decimal import Decimal, InvalidOperation
from typing import Literal

from ssdh_surgery.errors import SurgeryError
from ssdh_surgery.prototxt import literals, render, trivia
from ssdh_surgery.prototxt.cst import Entry, Message, Scalar
from ssdh_surgery.prototxt.edits import Edit
from ssdh_surgery.prototxt.render import Word
from ssdh_surgery.prototxt.style import style_of
from ssdh_surgery.surgery.change import (
    Change,
    Delete,
    Insert,
    Set,
    path_after,
    path_before,
    path_of,
    path_of_message,
)

# How a thing is taken out: as a comment that a person can put back, or for good.
Removal = Literal["comment", "delete"]


def set_value(entry: Entry, value: object) -> Change:
    """Give a field that exists another value.

    >>> from ssdh_surgery import parse
    >>> from ssdh_surgery.prototxt.edits import apply
    >>> document = parse(b"base_lr: 0.01  # as published")
    >>> apply(document.text, set_value(document.root.entry("base_lr"), 0.001).edits)
    'base_lr: 0.001  # as published'
    """
    if _is_same(entry, value):
        return Change()
    return Change.of([render.replaced(entry, value)], [Set(path_of(entry), value)])


def _is_same(entry: Entry, value: object) -> bool:
    old = entry.value
    if not isinstance(old, Scalar):
        return False
    new = render.scalar_text(value)
    if isinstance(value, str) and not isinstance(value, Word):
        return old.is_string and old.string == value
    return old.text == new or (
        not old.is_string and number_of(old.text) == number_of(new) is not None
    )


def number_of(text: str) -> Decimal | None:
    """The decimal number that a word of the text stands for, exactly as written."""
    whole = literals.integer(text)
    if whole is not None:
        return Decimal(whole)
    try:
        return Decimal(text.rstrip("fF"))
    except InvalidOperation:
        return None


def scale(entry: Entry, factor: Decimal) -> Change:
    """Multiply a number, in decimal: 0.01 by 0.1 is 0.001.

    Raises:
        SurgeryError: the field does not hold a number.

    >>> from ssdh_surgery import parse
    >>> from ssdh_surgery.prototxt.edits import apply
    >>> document = parse(b"lr_mult: 2")
    >>> apply(document.text, scale(document.root.entry("lr_mult"), Decimal(10)).edits)
    'lr_mult: 20'
    """
    old = entry.value
    number = number_of(old.text) if isinstance(old, Scalar) else None
    if number is None or not number.is_finite():
        raise SurgeryError(f"'{entry.field.name}' is not a number", location=entry.location)
    return set_value(entry, number * factor)


def add_after(entry: Entry, new: Sequence[tuple[str, object]]) -> Change:
    r"""Add fields after another one, in its style.

    >>> from ssdh_surgery import parse
    >>> from ssdh_surgery.prototxt.edits import apply
    >>> document = parse(b"momentum: 0.9\ndisplay: 20\n")
    >>> change = add_after(document.root.entry("momentum"), [("weight_decay", 0.1)])
    >>> apply(document.text, change.edits)
    'momentum: 0.9\nweight_decay: 0.1\ndisplay: 20\n'
    """
    if not new:
        return Change()
    edit = render.after(entry, new, render.neighbour_style(entry))
    return Change.of([edit], [Insert(path_after(entry, name), value) for name, value in new])


def add_before(entry: Entry, new: Sequence[tuple[str, object]]) -> Change:
    """Add fields before another one and its comments."""
    if not new:
        return Change()
    edit = render.before(entry, new, render.neighbour_style(entry))
    return Change.of([edit], [Insert(path_before(entry, name), value) for name, value in new])


def add_inside(message: Message, new: Sequence[tuple[str, object]]) -> Change:
    """Add fields at the end of a message.

    >>> from ssdh_surgery import parse
    >>> from ssdh_surgery.prototxt.edits import apply
    >>> document = parse(b"param { lr_mult: 1 }")
    >>> change = add_inside(document.root.message("param"), [("decay_mult", 0)])
    >>> apply(document.text, change.edits)
    'param { lr_mult: 1 decay_mult: 0 }'
    """
    if not new:
        return Change()
    edit = render.inside(message, new, style_of(message.document, message))
    counts = {name: len(message.entries(name)) for name, _ in new}
    path = path_of_message(message)
    return Change.of([edit], [Insert((*path, (name, counts[name])), value) for name, value in new])


def put(message: Message, name: str, value: object) -> Change:
    """Set a field, or add it to its message where it is missing."""
    entry = message.entry(name)
    return set_value(entry, value) if entry else add_inside(message, [(name, value)])


def take_out(entries: Collection[Entry], how: Removal) -> Change:
    r"""Remove values or comment them out.

    Removing takes their comments along, and one blank line above; commenting keeps them.

    >>> from ssdh_surgery import parse
    >>> from ssdh_surgery.prototxt.edits import apply
    >>> document = parse(b"display: 20\ngamma: 0.96\nmax_iter: 9\n")
    >>> gamma = document.root.entry("gamma")
    >>> apply(document.text, take_out([gamma], "comment").edits)
    'display: 20\n# gamma: 0.96\nmax_iter: 9\n'
    >>> apply(document.text, take_out([gamma], "delete").edits)
    'display: 20\nmax_iter: 9\n'
    """
    if not entries:
        return Change()
    if how == "delete":
        edits: list[Edit] = trivia.removal(entries)
    else:
        newline = style_of(next(iter(entries)).document).newline
        edits = trivia.commenting(entries, newline)
    return Change.of(edits, [Delete(path_of(entry)) for entry in entries])
