"""`--input-shape NAME=N,C,H,W`: the shapes of blobs that only their data know."""

from __future__ import annotations

from typing import Any

import click

Given = tuple[str, tuple[int, ...]]


class InputShapeType(click.ParamType[Given]):
    """A blob's name and its sizes."""

    name = "input-shape"

    def convert(self, value: Any, param: Any, ctx: Any) -> Given:
        """The name and the sizes, or click's own error."""
        if isinstance(value, tuple):
            return value
        name, _, sizes = value.rpartition("=")
        parts = [part.strip() for part in sizes.split(",")]
        if not name or not all(part.isascii() and part.isdigit() and int(part) for part in parts):
            self.fail(f"'{value}' is not NAME=N,C,H,W with sizes above 0", param, ctx)
        return name, tuple(map(int, parts))


input_shape_option = click.option(
    "--input-shape",
    "input_shapes",
    type=InputShapeType(),
    metavar="NAME=N,C,H,W",
    multiple=True,
    help="The shape of an input or of a data layer's top; may be given for several.",
)
