"""Whether codes are collapsing during training, judged by the terms of the objective.

With the full objective, the term that pushes bits towards 0 and 1 lies in [-0.125, 0]. Near
-0.125 every bit is decided; if the classification loss is at chance then, ln(classes), every
image has the same code.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ssdh_surgery.engines import events
from ssdh_surgery.engines.events import TrainOutput
from ssdh_surgery.pipeline.train.alarm import Alarm

_DECIDED = -0.12
# Losses within this share of ln(classes) are at chance.
_AT_CHANCE = 0.02


@dataclass(frozen=True)
class CodeHealth:
    """The state of the codes in words; `is_collapsed` means that the run is lost."""

    words: str
    is_collapsed: bool = False


def code_health(terms: Mapping[str, TrainOutput], classes: int | None) -> CodeHealth | None:
    """The health of the codes by the last terms of the objective, None where it is unknown.

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
    """Whether it is the term that pushes bits apart, the only negative one of the objective."""
    return term.weighted is not None and -0.1251 <= term.weighted < 0


class CollapseWatch:
    """Judges the terms of each display; `classes` is the number of classes of the classifier."""

    def __init__(self, classes: int | None = None) -> None:
        self._classes = classes
        self._terms: dict[str, TrainOutput] = {}

    def feed(self, event: events.Event) -> Iterator[Alarm]:
        """The alarms that an event gives rise to."""
        if isinstance(event, TrainOutput):
            self._terms[event.name] = event
        elif isinstance(event, events.Iteration):
            health = code_health(self._terms, self._classes)
            if health and health.is_collapsed:
                message = f"iteration {event.iteration}: {health.words}"
                yield Alarm("collapse", message, event.iteration)
