"""A network of the zoo: its three files and the published facts about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ssdh_surgery.prototxt import render
from ssdh_surgery.prototxt.style import Style
from ssdh_surgery.zoo.catalogue import FILE_NAMES, FileKind
from ssdh_surgery.zoo.layers import Field, Value, fields

# Caffe's own files have one field per line, except for the shape of an input.
_STYLE = Style(one_line={"input_param": True})


@dataclass(frozen=True)
class Network:
    """A published network.

    Attributes:
        title: one line about it.
        year: the year of publication.
        shape: channels, height and width of the input.
        parameters: the number of values that the deploy net learns, without the statistics of
            BatchNorm.
        count_source: who published that number.
        source: where the files were published.
        train_val: makes all fields of the train net, in order.
        deploy: makes all fields of the deploy net, in order.
        solver: the fields of the solver under Caffe's names; `net` is added.
        unpublished: the files that match no published one and follow the style of the others.
    """

    title: str
    year: int
    shape: tuple[int, int, int]
    parameters: int
    count_source: str
    source: str
    train_val: Callable[[], list[Field]]
    deploy: Callable[[], list[Field]]
    solver: Mapping[str, Value]
    unpublished: tuple[FileKind, ...] = ()

    def text(self, kind: FileKind) -> str:
        """The text of one of the three files; the solver expects the train net next to it."""
        if kind == "solver":
            return _text(fields({"net": FILE_NAMES["train_val"], **self.solver}))
        return _text(self.deploy() if kind == "deploy" else self.train_val())


def _text(values: list[Field]) -> str:
    rows = [row for name, value in values for row in render.field_lines(name, value, _STYLE)]
    return "\n".join(rows) + "\n"
