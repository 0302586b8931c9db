"""A value of a solver that Caffe refuses."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ssdh_surgery.errors import EngineError
from ssdh_surgery.location import Location

if TYPE_CHECKING:
    from ssdh_surgery.caffe.net.solver import Solver


@dataclass(frozen=True)
class FieldRefusal:
    """Why Caffe refuses a solver.

    Attributes:
        field: the field to change.
        message: what is wrong.
        hint: what to do about it.
        near: a field that shows the place where `field` is not set.
        forks: the forks of Caffe that accept the value.
    """

    field: str
    message: str
    hint: str | None = None
    near: str | None = None
    forks: tuple[str, ...] = ()

    def location(self, solver: Solver) -> Location:
        """The place of the field, or of the one near it; the file if neither is set."""
        for name in (self.field, self.near):
            entry = solver.root.entry(name) if name else None
            if entry is not None:
                return entry.location
        return Location(solver.file)


def refuse(refusals: Iterable[FieldRefusal], solver: Solver | None = None) -> None:
    """Raise the first refusal, at its place in a solver if that is given.

    Raises:
        EngineError: there is one; `error.data["field"]` names the field.
    """
    for each in refusals:
        location = each.location(solver) if solver else None
        raise EngineError(each.message, location=location, hint=each.hint, field=each.field)
