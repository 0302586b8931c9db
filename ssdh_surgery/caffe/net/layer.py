"""One layer, the same in every dialect: name, type, bottoms, tops, params, phase rules."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from ssdh_surgery.caffe.messages.dialect import (
    TRANSFORM_FIELDS,
    V1_TRANSFORMS,
    Dialect,
    current_type,
)
from ssdh_surgery.caffe.messages.v0_fields import place_in_v0
from ssdh_surgery.caffe.net.layer_rules import DATA_TYPES, LAYER_RULES
from ssdh_surgery.caffe.net.phase import PhaseRule, State, takes_part
from ssdh_surgery.location import Location
from ssdh_surgery.prototxt import literals
from ssdh_surgery.prototxt.cst import Entry, Message, Scalar

if TYPE_CHECKING:
    from ssdh_surgery.caffe.messages.schema import LayerParameter


# Forks add words: SmoothL1LossOHEM.
_LOSS = re.compile("Loss(?![a-z])")


@dataclass(frozen=True)
class ParamSpec:
    """The `param` of one blob: its shared name and its multipliers (1 by default)."""

    name: str
    lr_mult: float
    decay_mult: float


class Layer:
    """A read-only view of a layer in the text.

    `outer` holds the connections and phase rules, `core` the name, type and parameters; these
    are two messages in V0, and one in the other dialects. `index` is its position in the net.
    """

    def __init__(self, entry: Entry, dialect: Dialect, index: int) -> None:
        assert isinstance(entry.value, Message)
        self.entry = entry
        self.dialect = dialect
        self.index = index
        self.outer: Message = entry.value
        self.core: Message = entry.value
        if dialect is Dialect.V0:
            self.core = entry.value.message("layer") or entry.value

    def __repr__(self) -> str:
        return f"<{self.type} layer {self.name!r}>"

    @cached_property
    def name(self) -> str:
        """The layer's name; empty if it has none."""
        return self.core.string("name")

    @cached_property
    def type(self) -> str:
        """The layer's type in the current dialect."""
        return current_type(self.dialect, self.core.string("type"))

    @cached_property
    def bottoms(self) -> tuple[str, ...]:
        """The names of the blobs that it reads."""
        return tuple(scalar.string for scalar in self.outer.scalars("bottom"))

    @cached_property
    def tops(self) -> tuple[str, ...]:
        """The names of the blobs that it writes."""
        return tuple(scalar.string for scalar in self.outer.scalars("top"))

    @property
    def is_data(self) -> bool:
        """Whether it brings data into the net: a data layer, or one without bottoms."""
        return self.type in DATA_TYPES or (not self.bottoms and bool(self.tops))

    @property
    def is_foreign(self) -> bool:
        """Whether its type is not Caffe's: a fork's, or Python, whose code is not at hand."""
        return self.type not in LAYER_RULES

    @property
    def is_connected(self) -> bool:
        """Whether it reads a blob and writes one."""
        return bool(self.bottoms and self.tops)

    @property
    def is_loss(self) -> bool:
        """Whether its type is a loss, by the name of the type."""
        return bool(_LOSS.search(self.type))

    @property
    def is_judge(self) -> bool:
        """Whether it judges scores: a loss, a layer with a weight in the loss, or an accuracy."""
        return self.is_loss or any(self.loss_weights) or self.type.endswith("Accuracy")

    @property
    def is_padding(self) -> bool:
        """Whether it is a padding layer of V0, which Caffe folds into the layer that reads it."""
        return self.dialect is Dialect.V0 and self.type == "padding"

    def is_in_place(self, top: int = 0) -> bool:
        """Whether a top overwrites the bottom of the same index."""
        return self.tops[top : top + 1] == self.bottoms[top : top + 1] != ()

    @cached_property
    def include(self) -> tuple[PhaseRule, ...]:
        """The rules of which at least one must hold; Caffe reads none in V0."""
        return tuple(map(PhaseRule.read, self._phase_rules("include")))

    @cached_property
    def exclude(self) -> tuple[PhaseRule, ...]:
        """The rules of which none may hold."""
        return tuple(map(PhaseRule.read, self._phase_rules("exclude")))

    def _phase_rules(self, name: str) -> list[Message]:
        return [] if self.dialect is Dialect.V0 else self.outer.messages(name)

    def is_in(self, state: State) -> bool:
        """Whether the layer is part of the net in a state."""
        return takes_part(self.include, self.exclude, state)

    @cached_property
    def params(self) -> tuple[ParamSpec, ...]:
        """The params that the text states, one per blob."""
        if self.dialect is Dialect.CURRENT:
            return tuple(
                ParamSpec(
                    message.string("name"),
                    number(message, "lr_mult", 1.0),
                    number(message, "decay_mult", 1.0),
                )
                for message in self.outer.messages("param")
            )
        rates = [_real(scalar) for scalar in self.core.scalars("blobs_lr")]
        decays = [_real(scalar) for scalar in self.core.scalars("weight_decay")]
        names = [scalar.string for scalar in self.core.scalars("param")]
        count = max(len(rates), len(decays), len(names))
        return tuple(
            ParamSpec(
                names[i] if i < len(names) else "",
                rates[i] if i < len(rates) else 1.0,
                decays[i] if i < len(decays) else 1.0,
            )
            for i in range(count)
        )

    @cached_property
    def loss_weights(self) -> tuple[float, ...]:
        """The weight of each top in the loss; by default 1 for the first top of a loss layer."""
        weights = [] if self.dialect is Dialect.V0 else self.outer.scalars("loss_weight")
        explicit = [_real(scalar) for scalar in weights]
        if not explicit and self.is_loss:
            explicit = [1.0]
        # Caffe adds a top to a loss layer without one.
        count = max(len(self.tops), int(self.is_loss))
        return tuple((explicit + [0.0] * count)[:count])

    def holder(self, message: str) -> Message | None:
        """The message that holds the fields of a settings message; in V0, the layer itself."""
        return self.core if self.dialect is Dialect.V0 else self.core.message(message)

    def settings(self, message: str, name: str) -> list[Entry]:
        """The values of a field of a message of the current dialect, in any dialect."""
        if self.dialect is Dialect.V0:
            old = place_in_v0(self.core.string("type"), message, name)
            return self.core.entries(old) if old else []
        holders = [self.core.message(message)]
        if self.dialect is Dialect.V1 and message == "transform_param" and name in TRANSFORM_FIELDS:
            # The old field takes precedence.
            holders.append(self.core.message(V1_TRANSFORMS.get(self.type, "")))
        return [entry for holder in holders if holder for entry in holder.entries(name)]

    def setting(self, message: str, name: str) -> str:
        """The value of such a field as text; empty if it is not set."""
        values = [entry.value for entry in self.settings(message, name)]
        return values[-1].string if values and isinstance(values[-1], Scalar) else ""

    @cached_property
    def parameter(self) -> LayerParameter:
        """The layer as Caffe reads it: a LayerParameter of the current dialect."""
        from ssdh_surgery.caffe.messages.layer_message import layer_parameter

        return layer_parameter(self.outer, self.dialect)

    @property
    def line(self) -> int:
        """The line on which it begins."""
        return self.entry.line

    @property
    def location(self) -> Location:
        """The place of its name, or of the layer if it has none."""
        name = self.core.entry("name")
        return name.location if name else self.entry.location

    def bottom_location(self, index: int) -> Location:
        """The place of one of its bottoms."""
        return self.outer.entries("bottom")[index].location


def number(message: Message, name: str, default: float) -> float:
    """A number field of a message."""
    scalar = message.scalar(name)
    return _real(scalar, default) if scalar else default


def integer(message: Message | None, name: str, default: int | None = None) -> int | None:
    """An integer field of a message."""
    scalar = message.scalar(name) if message else None
    value = literals.integer(scalar.text) if scalar else None
    return default if value is None else value


def _real(scalar: Scalar, default: float = 1.0) -> float:
    value = literals.real(scalar.text)
    if value is None:
        value = literals.integer(scalar.text)
    return default if value is None else float(value)
