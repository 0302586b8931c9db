"""Types of options: sizes, shapes, numbers, fillers, assignments."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import Any

import click

from ssdh_surgery.errors import SsdhError
from ssdh_surgery.surgery.hashing.recipe import Filler

_SIZE = re.compile(r"([1-9][0-9]{0,4})[xX]([1-9][0-9]{0,4})", re.ASCII)


# A blob counts its values in 32 bits.
_CHANNELS = 3


_MOST_VALUES = (1 << 31) - 1


class SizeType(click.ParamType[tuple[int, int]]):
    """`256x256`: width and height."""

    name = "WxH"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[int, int]:
        """The two numbers, or click's own error."""
        if isinstance(value, tuple):
            return value
        match = _SIZE.fullmatch(str(value))
        if match is None:
            self.fail(f"'{value}' is not WIDTHxHEIGHT", param, ctx)
        width, height = int(match[1]), int(match[2])
        if _CHANNELS * width * height > _MOST_VALUES:
            self.fail(f"'{value}' is larger than any blob of Caffe can be", param, ctx)
        return width, height


class DecimalType(click.ParamType[Decimal]):
    """A decimal number, kept exactly as written; `above` excludes what is not greater."""

    name = "number"

    def __init__(self, above: int | None = None, least: int | None = None) -> None:
        self.above = above
        self.least = least

    def convert(self, value: Any, param: Any, ctx: Any) -> Decimal:
        """The number, or click's own error."""
        try:
            number = value if isinstance(value, Decimal) else Decimal(str(value))
        except ArithmeticError:
            self.fail(f"'{value}' is not a number", param, ctx)
        if not number.is_finite():
            self.fail(f"'{value}' is not a finite number", param, ctx)
        if self.above is not None and number <= self.above:
            self.fail(f"{value} is not above {self.above}", param, ctx)
        if self.least is not None and number < self.least:
            self.fail(f"{value} is below {self.least}", param, ctx)
        return number


class NumbersType(click.ParamType[tuple[Decimal, ...]]):
    """Numbers with commas between: `W,B`, `B,G,R`."""

    name = "numbers"

    def __init__(self, counts: tuple[int, ...], least: int | None = None) -> None:
        self.counts = counts
        self.each = DecimalType(least=least)

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[Decimal, ...]:
        """The numbers, or click's own error."""
        if isinstance(value, tuple):
            return value
        numbers = tuple(self.each.convert(part, param, ctx) for part in str(value).split(","))
        if len(numbers) not in self.counts:
            wanted = " or ".join(map(str, self.counts))
            self.fail(f"'{value}' has {len(numbers)} numbers, not {wanted}", param, ctx)
        return numbers


class FillerType(click.ParamType[Filler]):
    """`gaussian:STD`, `xavier[:fan_in|fan_out|average]`, `msra`."""

    name = "filler"

    def convert(self, value: Any, param: Any, ctx: Any) -> Filler:
        """The filler, or click's own error."""
        if isinstance(value, Filler):
            return value
        try:
            return Filler.parse(value)
        except SsdhError as error:
            self.fail(f"{error.message}: {error.hint}", param, ctx)


class TextType(click.ParamType[str]):
    """A name or a path: any text but an empty one; `what` is what the message calls it."""

    def __init__(self, what: str) -> None:
        self.name = what

    def convert(self, value: Any, param: Any, ctx: Any) -> str:
        """The text, or click's own error."""
        if not value:
            self.fail(f"a {self.name} is not empty", param, ctx)
        return str(value)


NAME = TextType("name")


PATH = TextType("path")


class AssignmentType(click.ParamType[tuple[str, str]]):
    """`FIELD=VALUE`."""

    name = "assignment"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, str]:
        """The field and the value, or click's own error."""
        if isinstance(value, tuple):
            return value
        field, equals, text = value.partition("=")
        if not equals or not field or not text:
            self.fail(f"'{value}' is not FIELD=VALUE", param, ctx)
        return field, text


class ResizeType(SizeType):
    """`256x256`, or `none` for pictures as they are."""

    name = "WxH|none"

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """The two numbers, the word, or click's own error."""
        return value if value == "none" else super().convert(value, param, ctx)


class ScaleType(click.ParamType[float]):
    """A finite number other than 0."""

    name = "X"

    def convert(self, value: Any, param: Any, ctx: Any) -> float:
        """The number, or click's own error."""
        number = float(click.FLOAT.convert(value, param, ctx))
        if not math.isfinite(number) or number == 0:
            self.fail(f"'{value}' leaves nothing of a picture", param, ctx)
        return number


class GpuType(click.ParamType[int | None]):
    """The number of one GPU, or `none`."""

    name = "N|none"

    def convert(self, value: Any, param: Any, ctx: Any) -> int | None:
        """The number, None, or click's own error."""
        if value is None or value == "none":
            return None
        return int(click.IntRange(0).convert(value, param, ctx))


class CutoffType(click.ParamType[int | None]):
    """`all` (None), or a number of items."""

    name = "all|N"

    def convert(self, value: Any, param: Any, ctx: Any) -> int | None:
        """The cut-off, or click's own error."""
        if value is None or value == "all":
            return None
        if not str(value).lstrip("+-").isdecimal():
            self.fail(f"'{value}' is neither 'all' nor a number", param, ctx)
        return int(click.IntRange(1).convert(value, param, ctx))


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


class GpusType(click.ParamType[str]):
    """`0`, `0,1`, `all` or `none`."""

    name = "gpus"

    def convert(self, value: Any, param: Any, ctx: Any) -> str:
        """The numbers as caffe takes them, or click's own error."""
        text = str(value)
        if text not in ("all", "none") and not all(map(str.isdecimal, text.split(","))):
            self.fail(f"'{text}' is not a GPU: 0, 0,1, all or none", param, ctx)
        return text
