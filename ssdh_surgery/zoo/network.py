"""A network of the zoo: its three files and what is published about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ssdh_surgery.prototxt import render
from ssdh_surgery.prototxt.style import Style
from ssdh_surgery.zoo import FILE_NAMES, Kind
from ssdh_surgery.zoo.layers import Field, Value, fields

# Caffe's own files have one field a line, but for the shape of an input.
_STYLE = Style(one_line={"input_param": True})


@dataclass(frozen=True)
class Network:
    """A published network.

    `shape` is channels, height and width of the input; `parameters` the number of learned
    values of the deploy net as published by `counted_by` (without BatchNorm's statistics).
    `train_layers` and `deploy_layers` are all layers of the two nets, in order. `solver` has
    Caffe's own field names; `net` and `snapshot_prefix` are added.
    """

    title: str
    year: int
    shape: tuple[int, int, int]
    parameters: int
    counted_by: str
    source: str
    net_name: str
    train_layers: Callable[[], list[Field]]
    deploy_layers: Callable[[], list[Field]]
    solver: Mapping[str, Value]
    deploy_name: str | None = None

    def text(self, kind: Kind) -> str:
        """The text of one of the three files."""
        if kind == "solver":
            return _text(fields({"net": FILE_NAMES["train_val"], **self.solver}))
        if kind == "deploy":
            return _text([("name", self.deploy_name or self.net_name), *self.deploy_layers()])
        return _text([("name", self.net_name), *self.train_layers()])


def _text(values: list[Field]) -> str:
    rows = [row for name, value in values for row in render.lines(name, value, _STYLE)]
    return "\n".join(rows) + "\n"
