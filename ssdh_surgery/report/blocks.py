"""Blocks that repeat in a net: branches that begin at one box and are joined in another.

Inception modules, fire modules and residual blocks are all of this form, whatever their
layers are called.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import takewhile

from ssdh_surgery.report.boxes import Boxes

# What a person still sees as one block; a skip over half a net is none.
_MOST = 32
_LEAST = 3


@dataclass(frozen=True)
class Block:
    """Boxes (by index) that belong together, and what their names have in common."""

    members: frozenset[int]
    name: str


def blocks(found: Boxes, taken: frozenset[int] = frozenset()) -> list[Block]:
    """The blocks of a net, from data to outputs: the outermost, where one lies in another.

    Boxes that are `taken` are in none.
    """
    sources = _sources(found)
    candidates = []
    for join, below in enumerate(sources):
        if len(below) > 1 and (members := _between(sources, join)):
            candidates.append(members)
    chosen: list[frozenset[int]] = []
    used = set(taken)
    for members in sorted(candidates, key=len, reverse=True):
        if _LEAST <= len(members) <= _MOST and not members & used:
            chosen.append(members)
            used |= members
    return [Block(members, _name(found, members)) for members in sorted(chosen, key=min)]


def _sources(found: Boxes) -> list[set[int]]:
    sources: list[set[int]] = [set() for _ in found.boxes]
    for arrow in found.arrows:
        sources[arrow.target].add(arrow.source)
    return sources


def _between(sources: list[set[int]], join: int) -> frozenset[int]:
    """The join and all boxes below it, down to where its branches begin.

    Walks down from the highest box that is open: when a single one is left, all ways lead
    through it. Empty where they begin at different data.
    """
    pending = set(sources[join])
    members = {join}
    while len(pending) > 1:
        highest = max(pending)
        if not sources[highest] or len(members) > _MOST:
            return frozenset()
        pending.remove(highest)
        pending |= sources[highest]
        members.add(highest)
    return frozenset(members)


def _name(found: Boxes, members: frozenset[int]) -> str:
    """The words that all names begin with (`inception_3a`), else the name of the join."""
    names = [found.boxes[index].name for index in sorted(members)]
    same = takewhile(lambda column: len(set(column)) == 1, zip(*names, strict=False))
    length = sum(1 for _ in same)
    while length and any(_is_inside_word(name, length) for name in names):
        length -= 1
    return names[0][:length].rstrip("/_-. ") or names[-1]


def _is_inside_word(name: str, at: int) -> bool:
    return name[at - 1 : at + 1].isalnum() and at < len(name)
