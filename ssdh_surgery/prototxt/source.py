"""A file as text: bytes to code points and back without loss, offsets to lines and columns."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property

from ssdh_surgery.errors import Location

BOM = "\ufeff"


@dataclass(frozen=True)
class Source:
    """The text of a file and the name that the user knows it by.

    Bytes that are not UTF-8 become lone surrogates, which encode back to the same bytes.
    """

    text: str
    file: str = "<text>"

    @classmethod
    def from_bytes(cls, data: bytes, file: str = "<text>") -> Source:
        """Decode a file. Never fails and never loses a byte."""
        return cls(data.decode("utf-8", "surrogateescape"), file)

    def __bytes__(self) -> bytes:
        return self.text.encode("utf-8", "surrogateescape")

    @cached_property
    def line_starts(self) -> tuple[int, ...]:
        """The offset at which each line begins; only a newline ends a line."""
        starts = [0]
        find = self.text.find
        at = find("\n")
        while at >= 0:
            starts.append(at + 1)
            at = find("\n", at + 1)
        return tuple(starts)

    def line(self, offset: int) -> int:
        """The line of an offset, counted from 1."""
        return bisect_right(self.line_starts, offset)

    def location(self, offset: int, width: int = 1) -> Location:
        """The place of an offset, with its line's text. A byte order mark is not a column."""
        line = self.line(offset)
        start = self.line_starts[line - 1]
        end = self.text.find("\n", start)
        text = self.text[start : end if end >= 0 else len(self.text)].removesuffix("\r")
        column = offset - start + 1
        if line == 1 and text.startswith(BOM):
            text, column = text[1:], max(1, column - 1)
        return Location(self.file, line, column, text, width)
