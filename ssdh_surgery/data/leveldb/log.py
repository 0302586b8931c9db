"""The framing of LevelDB's logs and manifests: records in fragments, in blocks of 32 KB."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

_BLOCK, _HEADER = 32768, 7
_FULL, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4

# The parts of a record: (offset in the file, length).
Spans = list[tuple[int, int]]


def log_records(file: BinaryIO) -> Iterator[Spans]:
    """The records of a log, by the places of their fragments.

    One that a killed process left incomplete at the end is left out, as LevelDB does.
    """
    spans: Spans = []
    base = 0
    while block := file.read(_BLOCK):
        at = 0
        while at + _HEADER <= len(block):
            length, kind = block[at + 4] | block[at + 5] << 8, block[at + 6]
            start = at + _HEADER
            if start + length > len(block) or kind not in (_FULL, _FIRST, _MIDDLE, _LAST):
                break  # the end, or space that was reserved
            if kind in (_FULL, _FIRST):
                spans = []
            spans.append((base + start, length))
            if kind in (_FULL, _LAST):
                yield spans
                spans = []
            at = start + length
        base += len(block)


def read_spans(file: BinaryIO, spans: Spans) -> bytes:
    """The bytes of a record."""
    parts = []
    for offset, length in spans:
        file.seek(offset)
        parts.append(file.read(length))
    return b"".join(parts)
