"""A net's state, and the include and exclude rules that select layers by it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from ssdh_surgery.prototxt import literals
from ssdh_surgery.prototxt.cst import Message

Phase = Literal["TRAIN", "TEST"]
PHASES: tuple[Phase, Phase] = ("TRAIN", "TEST")
# An enum value may be given by its number.
_NAMES: dict[str, Phase] = {"TRAIN": "TRAIN", "TEST": "TEST", "0": "TRAIN", "1": "TEST"}


@dataclass(frozen=True)
class State:
    """The state that a net is built for: phase, level and stages."""

    phase: Phase
    level: int = 0
    stages: frozenset[str] = frozenset()

    def __str__(self) -> str:
        """The state in words: `TRAIN with stage 'deep' and level 2`."""
        listed = " and ".join(f"'{stage}'" for stage in sorted(self.stages))
        stages = f"stage{'s' if len(self.stages) > 1 else ''} {listed}" if listed else ""
        level = f"level {self.level}" if self.level else ""
        selection = " and ".join(filter(None, [stages, level]))
        return f"{self.phase} with {selection}" if selection else self.phase

    def merged(self, message: Message | None) -> State:
        """This state merged with a `NetState` message; stages accumulate."""
        if message is None:
            return self
        level = _integer(message, "level")
        return State(
            _NAMES.get(message.string("phase"), self.phase),
            self.level if level is None else level,
            self.stages | {stage.string for stage in message.scalars("stage")},
        )

    def with_arguments(self, level: int, stages: Iterable[str]) -> State:
        """This state with pycaffe's arguments: the level replaced, the stages added."""
        return State(self.phase, level, self.stages | set(stages))


@dataclass(frozen=True)
class PhaseRule:
    """A `NetStateRule`; an unset field imposes no condition."""

    phase: Phase | None
    min_level: int | None
    max_level: int | None
    stages: frozenset[str]
    not_stages: frozenset[str]

    @classmethod
    def read(cls, message: Message) -> PhaseRule:
        """The rule of an `include` or `exclude` message."""
        return cls(
            _NAMES.get(message.string("phase")),
            _integer(message, "min_level"),
            _integer(message, "max_level"),
            frozenset(stage.string for stage in message.scalars("stage")),
            frozenset(stage.string for stage in message.scalars("not_stage")),
        )

    def is_met(self, state: State) -> bool:
        """Whether a state meets all conditions, as in `Net::StateMeetsRule`."""
        return (
            self.phase in (None, state.phase)
            and (self.min_level is None or state.level >= self.min_level)
            and (self.max_level is None or state.level <= self.max_level)
            and self.stages <= state.stages
            and not self.not_stages & state.stages
        )


def takes_part(include: Sequence[PhaseRule], exclude: Sequence[PhaseRule], state: State) -> bool:
    """Whether a layer with these rules is in the net in a state."""
    if include:
        return any(rule.is_met(state) for rule in include)
    return not any(rule.is_met(state) for rule in exclude)


def can_take_part(include: Sequence[PhaseRule], exclude: Sequence[PhaseRule], phase: Phase) -> bool:
    """Whether a layer with these rules is in a phase for some level and stages."""
    if include:
        return any(rule.phase in (None, phase) for rule in include)
    # Only exclude rules without a condition on level and stages remove it from every state.
    return not any(rule in (_ALWAYS, replace(_ALWAYS, phase=phase)) for rule in exclude)


_ALWAYS = PhaseRule(None, None, None, frozenset(), frozenset())


def _integer(message: Message, name: str) -> int | None:
    scalar = message.scalar(name)
    return literals.integer(scalar.text) if scalar else None
