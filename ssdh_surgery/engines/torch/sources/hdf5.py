"""The source of an HDF5Data layer: the rows of the files that a list names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ssdh_surgery.caffe.weights import hdf5
from ssdh_surgery.engines.torch.layers.blob import Shape
from ssdh_surgery.engines.torch.sources.chance import CountedChance
from ssdh_surgery.engines.torch.sources.prefetch import Reading, Record
from ssdh_surgery.errors import DataError
from ssdh_surgery.files import read_bytes
from ssdh_surgery.location import Location

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ssdh_surgery.engines.torch.sources.prefetch import Array


@dataclass(frozen=True)
class _File:
    path: Path
    rows: int
    shapes: tuple[Shape, ...]


class Hdf5Reader:
    """Reads rows, one dataset for each top's name; files and rows shuffled where asked.

    `folder` is what the list, and the files in it, are looked up from. One file is held in
    memory at a time, as in Caffe.

    Raises:
        FileError: the list or a file cannot be read.
        DataError: the list is empty, a file is not HDF5, or lacks rows that go together.
        MissingExtra: h5py is not installed.
    """

    def __init__(
        self,
        source: str,
        tops: Sequence[str],
        chance: CountedChance | None,
        folder: Path,
    ) -> None:
        self._tops = tops
        self._chance = chance
        listed = read_bytes(folder / source).decode("utf-8", "surrogateescape").split()
        if not listed:
            raise DataError("the list names no HDF5 files", location=Location(str(folder / source)))
        self._files = [self._look(folder / name) for name in listed]
        self.shapes: Sequence[Shape] = self._files[0].shapes
        self.count = sum(file.rows for file in self._files)
        # The order of the files in a pass, and the rows in memory: what they are, then they.
        self._order: tuple[tuple[int, ...], list[int]] | None = None
        self._loaded: tuple[int, list[Array]] | None = None
        self._row_order: tuple[tuple[int, ...], NDArray[np.intp]] | None = None

    def read(self, numbers: range) -> Reading:
        """Some rows."""
        rows = [self._row(number) for number in numbers]
        shapes = tuple(value.shape for value in rows[0][1])
        for name, values in rows:
            if (found := tuple(value.shape for value in values)) != shapes:
                raise DataError(f"{name} has the shapes {found}, the batch has {shapes}")
        records = [Record(name, _label(values), partial(_fill, values)) for name, values in rows]
        return Reading(shapes, records)

    def close(self) -> None:
        """Let go of the rows in memory."""
        self._loaded = None

    def _look(self, path: Path) -> _File:
        """The number of rows in a file, and the shapes of one."""
        with hdf5.open_file(path) as file:
            shapes = [hdf5.dataset(file, top, path).shape for top in self._tops]
        rows = {shape[0] if shape else 0 for shape in shapes}
        if len(rows) != 1 or 0 in rows:
            listed = ", ".join(f"'{t}' {s}" for t, s in zip(self._tops, shapes, strict=True))
            raise DataError(
                f"datasets need one number of rows, and at least one: {listed}",
                location=Location(str(path)),
            )
        return _File(path, rows.pop(), tuple(tuple(shape[1:]) for shape in shapes))

    def _row(self, number: int) -> tuple[str, list[Array]]:
        """A record's name, and its values for each top."""
        which, place = divmod(number, self.count)
        for index in self._files_of(which):
            file = self._files[index]
            if place < file.rows:
                break
            place -= file.rows
        row = int(self._rows_of(which, index)[place]) if self._chance else place
        return f"row {row} of {file.path}", [array[row] for array in self._load(index)]

    def _files_of(self, which: int) -> list[int]:
        """The order of the files in a pass."""
        count = len(self._files)
        if self._chance is None:
            return list(range(count))
        key = (self._chance.seed, which)
        if self._order is None or self._order[0] != key:
            self._order = key, self._chance.order(count, which).tolist()
        return self._order[1]

    def _rows_of(self, which: int, index: int) -> NDArray[np.intp]:
        """The order of a file's rows in a pass."""
        assert self._chance is not None
        key = (self._chance.seed, which, index)
        if self._row_order is None or self._row_order[0] != key:
            order = self._chance.order(self._files[index].rows, which, index)
            self._row_order = key, order
        return self._row_order[1]

    def _load(self, index: int) -> list[Array]:
        """The rows of a file, which stay in memory until those of another are wanted."""
        if self._loaded is None or self._loaded[0] != index:
            path = self._files[index].path
            with hdf5.open_file(path) as file:
                self._loaded = index, [hdf5.floats(file, top, path) for top in self._tops]
        return self._loaded[1]


def _label(values: Sequence[Array]) -> float | None:
    """The last value of a row, if it is a single number: most often the label."""
    return float(values[-1]) if values[-1].ndim == 0 else None


def _fill(values: Sequence[Array], arrays: Sequence[Array]) -> None:
    for array, value in zip(arrays, values, strict=True):
        array[0] = value
