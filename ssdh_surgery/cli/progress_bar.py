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

    >>> progress_row(0.5, [Part("5/10"), Part("loss 0.5"), Part("lr 0.1", 1)], 26)
    '████░░░░░ 5/10, loss 0.5'
    """
    kept = list(parts)
    for is_short in (False, True):
        text = _text(kept, is_short)
        if len(text) + 1 + _SHORT_BELOW <= width:
            break
    while len(text) + 1 + _LEAST_BAR > width and any(part.rank for part in kept):
        kept.remove(max(reversed(kept), key=lambda part: part.rank))
        text = _text(kept, True)
    room = min(_MOST_BAR, width - len(text) - 1)
    return f"{bar(share, room)} {text}" if room >= _LEAST_BAR else text


def _text(parts: Sequence[Part], is_short: bool) -> str:
    return ", ".join(part.short or part.text if is_short else part.text for part in parts)


def bar(share: float, width: int) -> str:
    """A bar of so many columns, filled up to a share of 1."""
    filled = round(max(0.0, min(1.0, share)) * width)
    return "█" * filled + "░" * (width - filled)
