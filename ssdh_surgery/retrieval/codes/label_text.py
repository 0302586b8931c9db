"""The text of a label: the name of its class, or its number."""

from __future__ import annotations

from collections.abc import Sequence

from ssdh_surgery.names import printable

Label = int | list[int] | None


def label_text(label: Label, names: Sequence[str] = ()) -> str:
    """A label, or several, for people: names where they are known, else numbers.

    Args:
        label: a number, several, or None if unknown, which is no text.
        names: the name of each label; empty if unknown.
    """
    if label is None:
        return ""
    if isinstance(label, list):
        return ", ".join(label_text(each, names) for each in label)
    return printable(names[label]) if 0 <= label < len(names) else str(label)


def share_class(
    label: Label, names: Sequence[str], other: Label, other_names: Sequence[str]
) -> bool | None:
    """Whether two labels share a class, None if one is unknown.

    Classes are compared by name where both sides have names, else by number.
    """
    if label is None or other is None:
        return None
    if not (names and other_names):
        names = other_names = ()
    mine, others = _classes(label, names), _classes(other, other_names)
    return not mine.isdisjoint(others)


def _classes(label: int | list[int], names: Sequence[str]) -> set[str]:
    return {label_text(each, names) for each in (label if isinstance(label, list) else [label])}
