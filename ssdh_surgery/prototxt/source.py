"""A file as text: lossless decoding and encoding, and offsets as lines and columns."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property

from ssdh_surgery.location import Location

BOM = "\ufeff"


@dataclass(frozen=True)
class Source:
    """The text of a file, and its name as the user gave it.

    Bytes that are not UTF-8 become lone surrogates, which encode to the same bytes again.
    """

    text: str
    file: str = "<text>"

    @classmethod
    def from_bytes(cls, data: bytes, file: str = "<text>") -> Source:
        """Decode a file, without failures and without loss."""
        return cls(data.decode("utf-8", "surrogateescape"), file)

    def __bytes__(self) -> bytes:
        return self.text.encode("utf-8", "surrogateescape")

    @cached_property
    def line_starts(self) -> tuple[int, ...]:
        """The offset at which each line begins; only a newline ends a line."""
        return (0, *(match.end() for match in re.finditer("\n", self.text)))

    @cached_property
    def lines(self) -> tuple[str, ...]:
        """The text of each line, without its line end and without a byte order mark."""
        lines = self.text.removeprefix(BOM).split("\n")
        return tuple(line.removesuffix("\r") for line in lines)

    def line(self, offset: int) -> int:
        """The line of an offset, counted from 1."""
        return bisect_right(self.line_starts, offset)

    def location(self, offset: int, width: int = 1) -> Location:
        """The place of an offset, with the text of its line; a byte order mark is not a column."""
        line = self.line(offset)
        column = offset - self.line_starts[line - 1] + 1
        if line == 1 and self.text.startswith(BOM):
            column = max(1, column - 1)
        return Location(self.file, line, column, self.lines[line - 1], width)
