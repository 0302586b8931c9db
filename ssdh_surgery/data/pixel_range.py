"""Means and scales that are for pixels of another range than those at hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

# Scales of trained nets are in this range, for pixels from 0 to 255.
_SMALLEST, _LARGEST = 1 / 1024, 2.0
# A mean of pixels up to 1 is not larger, and none of pixels up to 255 is this small.
_UNIT = 1.0


class RangeDoubt(NamedTuple):
    """What is doubtful about a setting, and what to do."""

    message: str
    hint: str


def scale_doubt(scale: float) -> RangeDoubt | None:
    """The doubt about a scale of pixels from 0 to 255."""
    if _SMALLEST <= abs(scale) <= _LARGEST:
        return None
    times = "large" if abs(scale) > _LARGEST else "small"
    return RangeDoubt(
        f"a scale of {scale:g} gives inputs of up to {255 * abs(scale):g}: they may be 255 times "
        f"too {times}",
        "pixels range from 0 to 255; a scale of 0.00390625 maps them to 0 to 1",
    )


def unit_mean_doubt(mean: Sequence[float], text: str) -> RangeDoubt | None:
    """The doubt about a mean of pixels from 0 to 255; `text` names it."""
    if not mean or not 0 < max(map(abs, mean)) <= _UNIT:
        return None
    return RangeDoubt(
        f"{text} for pixels from 0 to 1, but these range from 0 to 255",
        "the mean is subtracted before scaling: give it for pixels from 0 to 255",
    )
