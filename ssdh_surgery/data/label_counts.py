"""How often each label occurs in a source, and where first: records, lines of a list, rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ssdh_surgery.names import count_text


@dataclass(frozen=True)
class LabelCounts:
    """The labels of a source.

    Attributes:
        path: the database, list or file.
        unit: what has a label there: `record`, `line` or `row`.
        counts: how often each label occurs.
        places: where each label occurs first: `key '00000001'`, `line 4`, `row 7`.
        is_complete: whether all of the source was read.
    """

    path: Path
    unit: str
    counts: Counter[int]
    places: Mapping[int, str]
    is_complete: bool = True

    @property
    def size(self) -> int:
        """The number of records, lines or rows that were read."""
        return self.counts.total()

    @property
    def text(self) -> str:
        """Them in words: `64 records of train_lmdb`."""
        part = count_text(self.size, self.unit)
        return f"{part} of {self.path}" if self.is_complete else f"{part} read of {self.path}"

    def without(self, label: int | None) -> Counter[int]:
        """The counts without a label that is ignored."""
        return Counter({each: count for each, count in self.counts.items() if each != label})
