"""Edits as values: replacements of text, and the text that results from them.

Bytes outside edits are copied, never rendered again: losslessness is by construction.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from ssdh_surgery.errors import OverlappingEdits


@dataclass(frozen=True, order=True)
class Edit:
    """Replace the code points from `start` to `end` (exclusive) by `text`."""

    start: int
    end: int
    text: str

    @classmethod
    def insertion(cls, offset: int, text: str) -> Edit:
        """Insert text at an offset."""
        return cls(offset, offset, text)

    @classmethod
    def deletion(cls, start: int, end: int) -> Edit:
        """Delete text."""
        return cls(start, end, "")

    @property
    def is_deletion(self) -> bool:
        """Whether it deletes text and inserts none."""
        return self.end > self.start and not self.text


def sort_edits(edits: Iterable[Edit]) -> tuple[Edit, ...]:
    """Edits sorted by position; insertions at one offset keep their order.

    An insertion may touch the border of a deletion.

    Raises:
        OverlappingEdits: two edits touch the same text.
    """
    result = tuple(sorted(edits, key=lambda edit: (edit.start, edit.end)))
    for before, after in pairwise(result):
        same_place = before.end > before.start and (before.start, before.end) == (
            after.start,
            after.end,
        )
        if after.start < before.end or same_place:
            raise OverlappingEdits(
                f"two edits touch the same text: {before.start}-{before.end} "
                f"and {after.start}-{after.end}"
            )
    return result


def apply(text: str, edits: Iterable[Edit]) -> str:
    """The text after the edits.

    >>> apply("abc", [Edit(1, 2, "X"), Edit.insertion(3, "!")])
    'aXc!'
    """
    parts: list[str] = []
    at = 0
    for edit in sort_edits(edits):
        parts += text[at : edit.start], edit.text
        at = edit.end
    parts.append(text[at:])
    return "".join(parts)


def merge_deletions(deletions: Iterable[Edit]) -> list[Edit]:
    """Deletions, with overlapping ones merged.

    Adjacent parts that are deleted together may both claim the line break between them.
    """
    result: list[Edit] = []
    for edit in sorted(deletions):
        if result and edit.start < result[-1].end:
            last = result.pop()
            edit = Edit.deletion(last.start, max(last.end, edit.end))
        result.append(edit)
    return result
