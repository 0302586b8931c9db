"""Verbs on fields: set, scale, add, put, take out.

Each returns a `Change`, without edits if there is nothing to do.
"""

from __future__ import annotations

from collections.abc import Collection
from decimal import Context, Decimal, InvalidOperation
from typing import Literal

from ssdh_surgery.errors import SurgeryError
from ssdh_surgery.prototxt import insertion, literals, removal, render
from ssdh_surgery.prototxt.cst import Entry, Field, Message, Scalar, Value
from ssdh_surgery.prototxt.edits import Edit
from ssdh_surgery.prototxt.render import NewFields, Word
from ssdh_surgery.prototxt.style import neighbour_style, style_of
from ssdh_surgery.surgery.core.change import (
    Change,
    insertions_after,
    insertions_before,
    insertions_inside,
    merge,
    path_of,
)
from ssdh_surgery.surgery.core.step import Delete, Set

# How a field is taken out: commented out, so that a person can restore it, or deleted.
Removal = Literal["comment", "delete"]

# A product that is not a short decimal is written with the precision of Caffe's 32-bit floats.
_EXACT = Context(prec=40, traps=[])
_FLOAT = Context(prec=9, traps=[])
_MOST_DIGITS = 15


def set_value(entry: Entry, value: object) -> Change:
    """Set the value of an existing field.

    Raises:
        SurgeryError: the field holds a message, or a value where a message is set.

    >>> from ssdh_surgery import parse
    >>> from ssdh_surgery.prototxt.edits import apply
    >>> document = parse(b"base_lr: 0.01  # as published")
    >>> apply(document.text, set_value(document.root.entry("base_lr"), 0.001).edits)
    'base_lr: 0.001  # as published'
    """
    if isinstance(entry.value, Message):
        raise SurgeryError(
            f"'{entry.field.name}' is a message, not a value", location=entry.location
        )
    if render.is_message(value):
        raise SurgeryError(
            f"'{entry.field.name}' is a value, not a message", location=entry.location
        )
    if _is_same(entry.value, value):
        return Change()
    return Change.of([render.replacement(entry, value)], [Set(path_of(entry), value)])


def _is_same(old: Scalar, value: object) -> bool:
    if isinstance(value, str) and not isinstance(value, Word):
        return old.is_string and old.string == value
    if isinstance(value, bool):
        return literals.boolean(old.text) is value
    new = render.scalar_text(value)
    if old.text == new:
        return True
    return not old.is_string and number_of(old.text) == number_of(new) is not None


def number_of(text: str) -> Decimal | None:
    """The finite number that a token stands for, exactly as written, or None."""
    whole = literals.integer(text)
    if whole is not None:
        return Decimal(whole)
    try:
        number = Decimal(text.rstrip("fF"))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def scale(entry: Entry, factor: Decimal) -> Change:
    """Multiply a number in decimal arithmetic: 0.01 by 0.1 is 0.001.

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
    scaled = None if number is None else _EXACT.multiply(number, factor)
    if scaled is None or not scaled.is_finite():
        raise SurgeryError(f"'{entry.field.name}' is not a number", location=entry.location)
    is_long = len(scaled.normalize().as_tuple().digits) > _MOST_DIGITS
    return set_value(entry, _FLOAT.plus(scaled) if is_long else scaled)


def add_after(entry: Entry, new: NewFields) -> Change:
    r"""Add fields after an entry, in its style.

    >>> from ssdh_surgery import parse
    >>> from ssdh_surgery.prototxt.edits import apply
    >>> document = parse(b"momentum: 0.9\ndisplay: 20\n")
    >>> change = add_after(document.root.entry("momentum"), [("weight_decay", 0.1)])
    >>> apply(document.text, change.edits)
    'momentum: 0.9\nweight_decay: 0.1\ndisplay: 20\n'
    """
    if not new:
        return Change()
    edits = insertion.after(entry, new, neighbour_style(entry))
    return Change.of(edits, insertions_after(entry, new))


def add_before(entry: Entry, new: NewFields) -> Change:
    r"""Add fields before an entry and its comments, in its style.

    >>> from ssdh_surgery import parse
    >>> from ssdh_surgery.prototxt.edits import apply
    >>> document = parse(b"net: 'n'\n# in iterations\ndisplay: 20\n")
    >>> change = add_before(document.root.entry("display"), [("type", "Adam")])
    >>> apply(document.text, change.edits)
    "net: 'n'\ntype: 'Adam'\n# in iterations\ndisplay: 20\n"
    """
    if not new:
        return Change()
    edits = insertion.before(entry, new, neighbour_style(entry))
    return Change.of(edits, insertions_before(entry, new))


def add_inside(message: Message, new: NewFields) -> Change:
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
    edits = insertion.inside(message, new, style_of(message.document, message))
    return Change.of(edits, insertions_inside(message, new))


def put(message: Message, name: str, value: object) -> Change:
    r"""Set a field, or add it to its message if it is missing.

    A message in the field keeps its place and its comments, and has the fields of the new
    value and no others.

    >>> from ssdh_surgery import parse
    >>> from ssdh_surgery.prototxt.edits import apply
    >>> document = parse(b"display: 20\n")
    >>> apply(document.text, put(document.root, "display", 100).edits)
    'display: 100\n'
    >>> apply(document.text, put(document.root, "max_iter", 9).edits)
    'display: 20\nmax_iter: 9\n'
    """
    return put_all(message, [(name, value)])


def put_all(message: Message, new: NewFields) -> Change:
    """Set the fields that a message has, and add those that it lacks, as `put` does."""
    missing = [(name, value) for name, value in new if not message.entry(name)]
    present = [
        _replace_fields(entry.value, value)
        if isinstance(entry.value, Message) and render.is_message(value)
        else set_value(entry, value)
        for name, value in new
        if (entry := message.entry(name))
    ]
    return merge([*present, add_inside(message, missing)])


def _replace_fields(message: Message, new: NewFields) -> Change:
    """Give a message the new fields and no others."""
    names = {name for name, _ in new}
    others = [each for field in message.fields if field.name not in names for each in field.entries]
    present = [(name, value) for name, value in new if message.entry(name)]
    missing = [(name, value) for name, value in new if not message.entry(name)]
    return merge(
        [put_all(message, present), add_inside(message, missing), take_out(others, "delete")]
    )


def take_out(entries: Collection[Entry], how: Removal, followed: Field | None = None) -> Change:
    r"""Delete values or comment them out.

    Deleting takes their comments along, and one blank line above; commenting out keeps them.
    `followed` is a list in brackets at whose end something new takes their place.

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
        edits: list[Edit] = removal.remove(entries, followed)
    else:
        newline = style_of(next(iter(entries)).document).newline
        edits = removal.comment_out(entries, newline, followed)
    return Change.of(edits, [Delete(path_of(entry)) for entry in entries])


def copy_fields(message: Message) -> list[tuple[str, object]]:
    """The fields of a message as new fields, with their values as written.

    >>> from ssdh_surgery import parse
    >>> copy_fields(parse(b'type: "gaussian" std: 1e-2').root)
    [('type', 'gaussian'), ('std', '1e-2')]
    """
    return [(field.name, _copy(value)) for field in message.fields for value in field.values]


def _copy(value: Value) -> object:
    if isinstance(value, Message):
        return copy_fields(value)
    return value.string if value.is_string else Word(value.text)
