"""Whether codes are collapsing, as far as the objective's terms in a log can tell.

With the full objective the term that forces bits apart lies in [-0.125, 0]. Near -0.125
every bit is decided; together with a classification loss at chance, ln(classes), and a
fire-rate term that no longer moves, every image has the same code.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from ssdh_surgery.engines.events import TrainOutput

_DECIDED = -0.12
# Losses within this share of ln(classes) are at chance.
_AT_CHANCE = 0.02


@dataclass(frozen=True)
class CodeHealth:
    """What the terms say; `collapsed` is the warning that a run is lost."""

    words: str
    collapsed: bool = False


def code_health(terms: Mapping[str, TrainOutput], classes: int | None) -> CodeHealth | None:
    """Judge the last terms of the objective, or None where they cannot tell.

    Args:
        terms: the outputs of the train net by name.
        classes: the number of outputs of the classifier.
    """
    binary = next((term for term in terms.values() if _is_binary(term)), None)
    if binary is None or binary.weighted is None:
        return None
    share = min(1.0, binary.weighted / -0.125)
    words = f"codes {share:.0%} decided"
    if binary.weighted > _DECIDED or not classes:
        return CodeHealth(words)
    chance = math.log(classes)
    at_chance = any(
        term.weighted is not None and abs(term.value - chance) < _AT_CHANCE * chance
        for term in terms.values()
    )
    if at_chance:
        return CodeHealth(f"{words}, loss at chance: every image may have the same code", True)
    return CodeHealth(words)


def _is_binary(term: TrainOutput) -> bool:
    """The only term of the objective that is negative."""
    return term.weighted is not None and -0.1251 <= term.weighted < 0
