"""Weights that hold nan or infinite values: what a training that diverged leaves behind."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path

from ssdh_surgery.caffe.weights.weights_summary import LayerSummary, weights_summary
from ssdh_surgery.errors import MissingExtra
from ssdh_surgery.findings import WEIGHTS_NOT_FINITE, Finding
from ssdh_surgery.location import Location

# Layers that a message names.
_NAMED = 3


def weights_not_finite(path: Path | str, names: Collection[str] | None = None) -> Finding | None:
    """The finding that a weights file holds nan or infinite values; None where it holds none.

    `names` are the layers that are read of it, None for all. HDF5 without h5py is not looked into.

    Raises:
        FileError: the file cannot be read.
        DataError: it holds no weights or is truncated.
    """
    try:
        layers = weights_summary(path).layers
    except MissingExtra:
        return None
    return not_finite(path, (each for each in layers if names is None or each.name in names))


def not_finite(path: Path | str, layers: Iterable[LayerSummary]) -> Finding | None:
    """The finding about the layers of a file, None where all of their values are finite."""
    bad = [layer for layer in layers if not layer.is_finite]
    if not bad:
        return None
    nans, infs = sum(layer.nans for layer in bad), sum(layer.infs for layer in bad)
    values = " and ".join(
        f"{count:,} {word}" for count, word in ((nans, "nan"), (infs, "inf")) if count
    )
    place = f"layer '{bad[0].name}'"
    if len(bad) > 1:
        named = ", ".join(f"'{layer.name}'" for layer in bad[:_NAMED])
        more = f" and {len(bad) - _NAMED:,} more" if len(bad) > _NAMED else ""
        place = f"{len(bad)} layers: {named}{more}"
    return WEIGHTS_NOT_FINITE.at(
        Location(str(path)),
        f"{path} holds {values} in {place}",
        "such weights come from a training run that diverged: take an earlier snapshot, or train "
        "again with a lower base_lr and data without nan",
    )
