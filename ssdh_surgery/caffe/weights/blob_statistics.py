"""Statistics of a blob: mean, deviation, range, zeros, and values that are not finite."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Values at a time: a layer may be larger than the memory for copies of it.
_VALUES = 1 << 18


@dataclass(frozen=True)
class BlobStatistics:
    """Statistics of values; mean, deviation and range are those of the finite ones, if any.

    Attributes:
        count: the number of values.
        mean: their mean.
        std: their standard deviation.
        least: the lowest one.
        most: the highest one.
        zeros: how many are 0.
        nans: how many are nan.
        infs: how many are infinite.
    """

    count: int
    mean: float | None
    std: float | None
    least: float | None
    most: float | None
    zeros: int
    nans: int
    infs: int

    @property
    def is_zero(self) -> bool:
        """Whether there are values, and all are 0."""
        return 0 < self.count == self.zeros

    @property
    def is_finite(self) -> bool:
        """Whether no value is nan or infinite."""
        return not self.nans and not self.infs


def blob_statistics(values: NDArray[np.float32]) -> BlobStatistics:
    """The statistics of a blob, computed in double precision.

    >>> import numpy as np
    >>> blob_statistics(np.float32([1, 3, 0, np.nan])).mean
    1.3333333333333333
    """
    import numpy as np

    zeros = nans = infs = number = 0
    mean = squares = 0.0
    least, most = math.inf, -math.inf
    for part in parts(values):
        finite = part
        part_nans, part_infs = bad_values(part)
        if part_nans or part_infs:
            nans, infs = nans + part_nans, infs + part_infs
            finite = part[np.isfinite(part)]
        if not finite.size:
            continue
        zeros += finite.size - int(np.count_nonzero(finite))
        least, most = min(least, float(finite.min())), max(most, float(finite.max()))
        # The parts' means and squares are merged as Chan, Golub and LeVeque do.
        doubles = finite.astype(np.float64)
        part_mean = float(doubles.mean())
        doubles -= part_mean
        step, total = part_mean - mean, number + finite.size
        squares += sum_of_squares(doubles) + step * step * number * finite.size / total
        mean, number = mean + step * finite.size / total, total
    if not number:
        return BlobStatistics(values.size, None, None, None, None, zeros, nans, infs)
    std = math.sqrt(squares / number)
    return BlobStatistics(values.size, mean, std, least, most, zeros, nans, infs)


def parts(values: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
    """The values of a blob as flat pieces, aligned in memory, which NumPy is faster with."""
    import numpy as np

    flat = values.reshape(-1)
    for start in range(0, flat.size, _VALUES):
        yield np.require(flat[start : start + _VALUES], requirements="A")


def sum_of_squares(values: NDArray[np.float64]) -> float:
    """The sum of the squares; BLAS would start threads for it."""
    import numpy as np

    return float(np.square(values).sum())


def bad_values(values: NDArray[np.float32]) -> tuple[int, int]:
    """How many values are nan, and how many infinite."""
    import numpy as np

    bad = values.size - int(np.count_nonzero(np.isfinite(values)))
    nans = int(np.count_nonzero(np.isnan(values))) if bad else 0
    return nans, bad - nans
