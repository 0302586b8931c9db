"""The ids of an index as one array of bytes, which is fast to load and to search."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssdh_surgery.names import name_bytes, name_text


class Ids(Sequence[str]):
    """Distinct ids.

    Args:
        data: their concatenated bytes, uint8.
        ends: the end of each in `data`, int64 [N].
    """

    def __init__(self, data: NDArray[np.uint8], ends: NDArray[np.int64]) -> None:
        self.data = data
        self.ends = ends

    @classmethod
    def of(cls, ids: Iterable[str]) -> Ids:
        """Ids from text."""
        names = [name_bytes(str(each)) for each in ids]
        ends = np.cumsum([len(each) for each in names], dtype=np.int64)
        return cls(np.frombuffer(b"".join(names), np.uint8), ends)

    def __len__(self) -> int:
        return len(self.ends)

    def __getitem__(self, row: Any) -> Any:
        if isinstance(row, slice):
            return [self[each] for each in range(*row.indices(len(self)))]
        row = range(len(self))[row]
        return name_text(self.data[self._start(row) : int(self.ends[row])].tobytes())

    def __iter__(self) -> Iterator[str]:
        start = 0
        for end in self.ends.tolist():
            yield name_text(self._bytes[start:end])
            start = end

    def _start(self, row: int) -> int:
        return int(self.ends[row - 1]) if row else 0

    @cached_property
    def _bytes(self) -> bytes:
        return self.data.tobytes()

    def row(self, name: str) -> int | None:
        """The row of an id, None if there is no such id."""
        needle = name_bytes(name)
        if not needle:
            empty = np.flatnonzero(np.diff(self.ends, prepend=0) == 0)
            return int(empty[0]) if len(empty) else None
        # The bytes may also span two ids, or be part of a longer one.
        at = self._bytes.find(needle)
        while at >= 0:
            row = int(np.searchsorted(self.ends, at, "right"))
            if self._start(row) == at and int(self.ends[row]) == at + len(needle):
                return row
            at = self._bytes.find(needle, at + 1)
        return None
