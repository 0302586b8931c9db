"""A row of a terminal: a bar, and as many parts of a text as its width has room for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_LEAST_BAR, _MOST_BAR = 6, 40
# With less room for the bar, parts take their short form.
_SHORT_BELOW = 12


@dataclass(frozen=True)
class Part:
    """A part of the text; the higher its rank, the sooner it is left out."""

    text: str
    rank: int = 0
    short: str | None = None


def progress_row(share: float, parts: Sequence[Part], width: int) -> str:
    """The bar and the parts, in at most so many columns.

    >>> progress_row(0.5, [Part("5/10"), Part("loss 0.5"), Part("lr 0.1", 1)], 25)
    '█████░░░░░ 5/10, loss 0.5'
    """
    text = _text(parts, is_short=False)
    if len(text) + 1 + _SHORT_BELOW > width:
        text = _text(_fitting(parts, width - 1 - _LEAST_BAR), is_short=True)
    room = min(_MOST_BAR, width - len(text) - 1)
    return f"{bar(share, room)} {text}" if room >= _LEAST_BAR else text


def _fitting(parts: Sequence[Part], width: int) -> list[Part]:
    """The parts that fit in their short form: those of rank 0, then others by their rank."""
    kept = [part for part in parts if not part.rank]
    for part in sorted(parts, key=lambda part: part.rank):
        more = [each for each in parts if each in kept or each is part]
        if len(_text(more, is_short=True)) <= width:
            kept = more
    return kept


def _text(parts: Sequence[Part], *, is_short: bool) -> str:
    return ", ".join(part.short or part.text if is_short else part.text for part in parts)


def bar(share: float, width: int) -> str:
    """A bar of so many columns, filled up to a share of 1."""
    filled = round(max(0.0, min(1.0, share)) * width)
    return "█" * filled + "░" * (width - filled)
