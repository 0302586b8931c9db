"""click's types for options: those of the table of options, and sizes, shapes, GPUs, cutoffs."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from ssdh_surgery.errors import did_you_mean
from ssdh_surgery.pipeline.settings.value_types import (
    Choice,
    Integer,
    NonEmptyText,
    TextValue,
    ValueType,
)

_SIZE = re.compile(r"([1-9][0-9]{0,4})[xX]([1-9][0-9]{0,4})", re.ASCII)


_CHANNELS = 3
# A folder with such a name would be a mistake.
_FILE_SUFFIXES = (
    *(".prototxt", ".caffemodel", ".solverstate", ".toml", ".txt", ".npz", ".npy", ".h5"),
    *(".json", ".png", ".jpg"),
)
# Other names than these of a mean are taken for a binaryproto.
_OF_OTHER_DATA = frozenset({*_FILE_SUFFIXES, ".mat"}) - {".npy"}
_MOST_VALUES = (1 << 31) - 1  # a blob counts its values in 32 bits


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
            self.fail(f"'{value}' is larger than any blob in Caffe", param, ctx)
        return width, height


class ValueParam(click.ParamType[Any]):
    """A value of the table of options that is read from text."""

    def __init__(self, value_type: TextValue) -> None:
        self.value_type = value_type
        self.name = "value"

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """The value, or click's own error."""
        if not isinstance(value, str):
            return value
        try:
            return self.value_type.from_text(value)
        except ValueError as error:
            self.fail(f"'{value}' is not {error}", param, ctx)


class WordType(click.Choice[str]):
    """One of several words; the closest one is named where none fits."""

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """The word, or click's own error."""
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter as error:
            hint = did_you_mean(str(value), self.choices)
            if hint is None:
                raise
            self.fail(f"{error.message.rstrip('.')}; {hint}", param, ctx)


class WordsType(click.ParamType[tuple[str, ...]]):
    """Several words with commas between them, each one of a few."""

    name = "words"

    def __init__(self, words: Sequence[str]) -> None:
        self._word = WordType(words)

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, ...]:
        """The words without repetitions, or click's own error."""
        if isinstance(value, tuple):
            return value
        words = [word.strip() for word in str(value).split(",")]
        return tuple(dict.fromkeys(self._word.convert(word, param, ctx) for word in words))


def click_type(value_type: ValueType) -> click.ParamType[Any]:
    """The type that click has for a type of the table of options."""
    match value_type:
        case Integer(least, most):
            return click.IntRange(least, most)
        case Choice(words):
            return WordType(words)
        case TextValue():
            return ValueParam(value_type)
    raise TypeError(f"click has no type for {value_type}")


TEXT = ValueParam(NonEmptyText())


class OutputPath(click.Path):
    """The path of a file of one format, which its suffix names.

    Args:
        what: the contents of the file, with their article.
        suffixes: the suffixes that such a file may have.
    """

    def __init__(self, what: str, *suffixes: str) -> None:
        super().__init__(path_type=Path)
        self._what = what
        self._suffixes = suffixes

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """The path, or click's own error."""
        if value == "-":
            self.fail(f"{self._what} cannot go to standard output", param, ctx)
        if Path(value).suffix.lower() not in self._suffixes:
            endings = " or ".join(self._suffixes)
            self.fail(f"{self._what} is written to a file that ends in {endings}", param, ctx)
        return super().convert(value, param, ctx)


class MeanPath(click.Path):
    """The path of a mean file, which may have any name but that of another format."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """The path, or click's own error."""
        suffix = Path(value).suffix
        if value == "-":
            self.fail("a mean cannot go to standard output", param, ctx)
        if suffix in _OF_OTHER_DATA:
            self.fail(f"a mean is written as .binaryproto or .npy, not as {suffix}", param, ctx)
        return super().convert(value, param, ctx)


class FolderPath(click.Path):
    """The path of a folder to write into, which need not exist."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """The path, or click's own error."""
        path = Path(value)
        if path.suffix in _FILE_SUFFIXES and not path.exists():
            self.fail(f"'{value}' is the name of a file, not of a folder", param, ctx)
        return super().convert(value, param, ctx)


class ResizeType(SizeType):
    """`256x256`, or `none` for images as they are."""

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
            self.fail(f"'{value}' is not a finite number other than 0", param, ctx)
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


# A blob's name and its sizes.
BlobShape = tuple[str, tuple[int, ...]]


class InputShapeType(click.ParamType[BlobShape]):
    """A blob's name and its sizes."""

    name = "input-shape"

    def convert(self, value: Any, param: Any, ctx: Any) -> BlobShape:
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
