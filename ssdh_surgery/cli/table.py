"""A table for people: aligned columns, cut to the width of a terminal; a pipe gets it whole."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ssdh_surgery.cli import terminal

_GAP = "  "
_ELLIPSIS = "…"
_MARK_RANK = 2


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        title: its title.
        is_number: whether its cells are aligned at their right ends.
        least: the width that its cells may be cut to; None keeps them whole.
        keeps_end: whether its cells keep their ends when they are cut, as names need.
        rank: 0 for a column that is always shown; where the terminal is too narrow for all of
            the others, those with the lowest ranks are.
    """

    title: str
    is_number: bool = False
    least: int | None = None
    keeps_end: bool = True
    rank: int = 0


Rows = Sequence[Sequence[str]]


def show(
    columns: Sequence[Column],
    rows: Rows,
    *,
    marks: Mapping[int, str] | None = None,
    has_titles: bool = True,
    indent: str = "",
) -> None:
    """Answer with a table.

    Args:
        columns: its columns.
        rows: the cells of each row.
        marks: words that follow some rows, by their number; these rows are colored.
        has_titles: whether the titles are shown.
        indent: what each line begins with.
    """
    marks = marks or {}
    width = terminal.width()
    room = None if width is None else width - len(indent)
    titles, *lines = fitted(columns, rows, room, marks)
    if has_titles:
        terminal.answer(indent + titles, dim=True)
    for number, line in enumerate(lines):
        style: dict[str, Any] = {"fg": "green"} if number in marks else {}
        terminal.answer(indent + line, **style)


def fitted(
    columns: Sequence[Column], rows: Rows, width: int | None, marks: Mapping[int, str]
) -> list[str]:
    """The line of the titles, and a line for each row; None is any width."""
    if width is None:
        lines = _lines(columns, rows, _widths(columns, rows))
        return [lines[0]] + [
            f"{line}{_GAP}{marks[number]}" if number in marks else line
            for number, line in enumerate(lines[1:])
        ]
    if marks:
        columns = [*columns, Column("", rank=_MARK_RANK)]
        rows = [[*row, marks.get(number, "")] for number, row in enumerate(rows)]
    widths = _widths(columns, rows)
    kept = _kept(columns, widths, width)
    columns = [columns[index] for index in kept]
    rows = [[row[index] for index in kept] for row in rows]
    return _lines(columns, rows, _cut_widths(columns, [widths[index] for index in kept], width))


def _widths(columns: Sequence[Column], rows: Rows) -> list[int]:
    titles = [column.title for column in columns]
    return [max(map(text_width, cells)) for cells in zip(titles, *rows, strict=True)]


def _kept(columns: Sequence[Column], widths: Sequence[int], width: int) -> list[int]:
    """The columns that are shown: all that fit when they are cut, by their rank."""
    kept: list[int] = []
    used = -len(_GAP)
    for index in sorted(range(len(columns)), key=lambda index: columns[index].rank):
        least = columns[index].least
        needed = len(_GAP) + (widths[index] if least is None else min(least, widths[index]))
        if columns[index].rank == 0 or used + needed <= width:
            kept.append(index)
            used += needed
    return sorted(kept)


def _cut_widths(columns: Sequence[Column], widths: list[int], width: int) -> list[int]:
    """The widths of columns; the widest are cut, one character at a time, until all fit."""
    widths = list(widths)
    room = width - len(_GAP) * (len(widths) - 1)
    while sum(widths) > room:
        able = [
            index
            for index, column in enumerate(columns)
            if column.least is not None and widths[index] > column.least
        ]
        if not able:
            break
        widths[max(able, key=widths.__getitem__)] -= 1
    return widths


def _lines(columns: Sequence[Column], rows: Rows, widths: Sequence[int]) -> list[str]:
    titles = [column.title for column in columns]
    return [
        _GAP.join(
            _aligned(cell, width, column)
            for column, cell, width in zip(columns, cells, widths, strict=True)
        ).rstrip()
        for cells in (titles, *rows)
    ]


def _aligned(text: str, width: int, column: Column) -> str:
    text = cut(text, width, keeps_end=column.keeps_end)
    blanks = " " * (width - text_width(text))
    return blanks + text if column.is_number else text + blanks


def cut(text: str, width: int, *, keeps_end: bool = True) -> str:
    """A text of at most a width, without its middle or without its end.

    >>> cut("inception_3a/5x5_reduce", 15)
    'incepti…_reduce'
    >>> cut("a sentence that is long", 14, keeps_end=False)
    'a sentence th…'
    """
    if text_width(text) <= width:
        return text
    ellipsis = _ELLIPSIS if terminal.can_print(_ELLIPSIS) else "..."
    room = max(0, width - len(ellipsis))
    end = room // 2 if keeps_end else 0
    head, tail = list(text), list(text)
    while text_width("".join(head)) > room - end:
        head.pop()
    while text_width("".join(tail)) > end:
        tail.pop(0)
    return "".join([*head, ellipsis, *tail])


def text_width(text: str) -> int:
    """The number of columns that a text takes in a terminal: two for a Chinese character.

    >>> text_width("fc7"), text_width("猫")
    (3, 2)
    """
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(char) else 1 + (unicodedata.east_asian_width(char) in "WF")
        for char in text
    )
