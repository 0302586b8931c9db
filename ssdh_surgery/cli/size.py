"""The option type `WxH`: a width and a height in pixels."""

from __future__ import annotations

import re
from typing import Any

import click

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
