"""The source of an HDF5Data layer: the rows of the files that a list names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ssdh_surgery.caffe.shapes.layer_setup import Shape
from ssdh_surgery.caffe.weights import hdf5
from ssdh_surgery.data.hdf5_child import described
from ssdh_surgery.data.hdf5_source import Dataset, listed_files, refusals
from ssdh_surgery.engines.torch.sources.counted_chance import CountedChance
from ssdh_surgery.engines.torch.sources.prefetch import BatchRecord, Reading
from ssdh_surgery.errors import DataError
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
    """Reads rows, from one dataset per top; with `chance`, files and rows are shuffled.

    `folder` is the folder that the list, and the files in it, are relative to. One file at a
    time is in memory, as in Caffe.

    Raises:
        FileError: the list or a file cannot be read.
        DataError: the list is empty, a file is not HDF5, or its datasets do not match.
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
        self._first: dict[str, Dataset] | None = None
        self._files = [self._inspect(folder / name) for name in listed_files(folder, source)]
        self.shapes: Sequence[Shape] = self._files[0].shapes
        self.count = sum(file.rows for file in self._files)
        # The order of files in a pass, the file in memory, the order of its rows; with their keys.
        self._order: tuple[tuple[int, ...], list[int]] | None = None
        self._file_rows: tuple[int, list[Array]] | None = None
        self._row_order: tuple[tuple[int, ...], NDArray[np.intp]] | None = None

    def read(self, numbers: range) -> Reading:
        """Read rows."""
        rows = [self._row(number) for number in numbers]
        shapes = tuple(value.shape for value in rows[0][1])
        records = [
            BatchRecord(name, _label(values), partial(_fill, values)) for name, values in rows
        ]
        return Reading(shapes, records)

    def close(self) -> None:
        """Free the rows in memory."""
        self._file_rows = None

    def _inspect(self, path: Path) -> _File:
        """The number of rows in a file, and the shapes of a row."""
        with hdf5.open_file(path) as file:
            datasets = {name: Dataset(*described(file[name])) for name in file}
        for refusal in refusals(self._tops, datasets, self._first):
            raise DataError(refusal.message, location=Location(str(path)), hint=refusal.hint)
        self._first = self._first or datasets
        shapes = [datasets[top].shape or () for top in self._tops]
        return _File(path, shapes[0][0], tuple(shape[1:] for shape in shapes))

    def _row(self, number: int) -> tuple[str, list[Array]]:
        """A record's name, and its values for each top."""
        pass_number, row = divmod(number, self.count)
        for index in self._file_order(pass_number):
            file = self._files[index]
            if row < file.rows:
                break
            row -= file.rows
        if self._chance:
            row = int(self._order_of_rows(pass_number, index)[row])
        return f"row {row} of {file.path}", [array[row] for array in self._load(index)]

    def _file_order(self, pass_number: int) -> list[int]:
        """The order of the files in a pass."""
        count = len(self._files)
        if self._chance is None:
            return list(range(count))
        key = (self._chance.seed, pass_number)
        if self._order is None or self._order[0] != key:
            self._order = key, self._chance.order(count, pass_number).tolist()
        return self._order[1]

    def _order_of_rows(self, pass_number: int, index: int) -> NDArray[np.intp]:
        """The order of a file's rows in a pass."""
        assert self._chance is not None
        key = (self._chance.seed, pass_number, index)
        if self._row_order is None or self._row_order[0] != key:
            order = self._chance.order(self._files[index].rows, pass_number, index)
            self._row_order = key, order
        return self._row_order[1]

    def _load(self, index: int) -> list[Array]:
        """The rows of a file, which stay in memory until another file is needed."""
        if self._file_rows is None or self._file_rows[0] != index:
            path = self._files[index].path
            with hdf5.open_file(path) as file:
                self._file_rows = index, [hdf5.floats(file, top, path) for top in self._tops]
        return self._file_rows[1]


def _label(values: Sequence[Array]) -> float | None:
    """The last value of a row if it is a single number: usually the label."""
    return float(values[-1]) if values[-1].ndim == 0 else None


def _fill(values: Sequence[Array], arrays: Sequence[Array]) -> None:
    for array, value in zip(arrays, values, strict=True):
        # Rows of other files may be of another shape with as many values.
        array[0] = value.reshape(array.shape[1:])
