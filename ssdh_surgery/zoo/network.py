"""A network of the zoo: its three files and what is published about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ssdh_surgery.prototxt import render
from ssdh_surgery.prototxt.style import Style
from ssdh_surgery.zoo.kinds import FILE_NAMES, Kind
from ssdh_surgery.zoo.layers import Field, Value, fields

# Caffe's own files have one field a line, but for the shape of an input.
_STYLE = Style(one_line={"input_param": True})


@dataclass(frozen=True)
class Network:
    """A published network.

    `shape` is channels, height and width of the input; `parameters` the number of values that
    the deploy net learns (without BatchNorm's statistics), `counted_by` who published it.
    `source` is where the files were published; the kinds in `made_here` equal none of those,
    but are in the manner of the others. `train_val` and `deploy` give all fields of the two
    nets, in order; `solver` has Caffe's own field names, and needs no `net`.
    """

    title: str
    year: int
    shape: tuple[int, int, int]
    parameters: int
    counted_by: str
    source: str
    train_val: Callable[[], list[Field]]
    deploy: Callable[[], list[Field]]
    solver: Mapping[str, Value]
    made_here: tuple[Kind, ...] = ()

    def text(self, kind: Kind) -> str:
        """The text of one of the three files; the solver stands beside the train net."""
        if kind == "solver":
            return _text(fields({"net": FILE_NAMES["train_val"], **self.solver}))
        return _text(self.deploy() if kind == "deploy" else self.train_val())


def _text(values: list[Field]) -> str:
    rows = [row for name, value in values for row in render.field_lines(name, value, _STYLE)]
    return "\n".join(rows) + "\n"
