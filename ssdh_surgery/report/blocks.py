"""The blocks of a net: branches that split at one box and join in another.

Inception modules, fire modules and residual blocks all have this form, regardless of the names of
their layers.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import takewhile

from ssdh_surgery.report.boxes import Boxes

# The most and fewest boxes of a block; a skip over half a net is not a block.
_MOST = 32
_LEAST = 3


@dataclass(frozen=True)
class Block:
    """The boxes of a block by index, and the common part of their names."""

    members: frozenset[int]
    name: str


def blocks(boxes: Boxes, excluded: frozenset[int] = frozenset()) -> list[Block]:
    """The blocks of a net, from data to outputs; of nested blocks only the outermost.

    The `excluded` boxes are in no block.
    """
    sources = _sources(boxes)
    candidates = []
    for join, below in enumerate(sources):
        if len(below) > 1 and (members := _between(sources, join)):
            candidates.append(members)
    chosen: list[frozenset[int]] = []
    used = set(excluded)
    for members in sorted(candidates, key=len, reverse=True):
        if _LEAST <= len(members) <= _MOST and not members & used:
            chosen.append(members)
            used |= members
    return [Block(members, _name(boxes, members)) for members in sorted(chosen, key=min)]


def _sources(boxes: Boxes) -> list[set[int]]:
    sources: list[set[int]] = [set() for _ in boxes.boxes]
    for arrow in boxes.arrows:
        sources[arrow.target].add(arrow.source)
    return sources


def _between(sources: list[set[int]], join: int) -> frozenset[int]:
    """The join and all boxes below it, down to where its branches split.

    The walk always continues from the highest open box; once a single box is left, all paths
    lead through it. The result is empty if the branches begin at different data.
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


def _name(boxes: Boxes, members: frozenset[int]) -> str:
    """The words that all names begin with (`inception_3a`), otherwise the name of the join."""
    names = [boxes.boxes[index].name for index in sorted(members)]
    same = takewhile(lambda column: len(set(column)) == 1, zip(*names, strict=False))
    length = sum(1 for _ in same)
    while length and any(_is_inside_word(name, length) for name in names):
        length -= 1
    return names[0][:length].rstrip("/_-. ") or names[-1]


def _is_inside_word(name: str, at: int) -> bool:
    return name[at - 1 : at + 1].isalnum() and at < len(name)
