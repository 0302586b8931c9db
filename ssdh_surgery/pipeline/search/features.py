"""Features to re-rank by: the activations of codes, and those of other blobs in other files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ssdh_surgery.errors import DataError
from ssdh_surgery.location import Location
from ssdh_surgery.names import count_text, printable
from ssdh_surgery.pipeline.encode.findings import DIVERGED
from ssdh_surgery.retrieval.codes.code_file import read_features
from ssdh_surgery.retrieval.codes.codes import Codes
from ssdh_surgery.retrieval.codes.compatibility import refuse_other_model
from ssdh_surgery.retrieval.index.index import ACTIVATIONS, Features


class FeatureFiles:
    """Files with activations of blobs, looked up by the ids of codes.

    Raises:
        FileError: a file cannot be read.
        DataError: a file is not one of codes, or lacks activations or the name of their blob.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self._by_blob: dict[str, list[Codes]] = {}
        for path in paths:
            codes = read_features(path)
            needed_activations(codes)
            self._by_blob.setdefault(_blob_of(codes), []).append(codes)

    def of(self, codes: Codes, *, keep_activations: bool) -> Features:
        """The features of the items of some codes by their blobs, float32 [N, D] each.

        Args:
            codes: the codes of the items.
            keep_activations: include the codes' own activations.

        Raises:
            DataError: an item lacks a feature, or the features are another model's.
        """
        features = {ACTIVATIONS: needed_activations(codes)} if keep_activations else {}
        for blob, files in self._by_blob.items():
            features[blob] = _looked_up(blob, codes, files)
        return features


def needed_activations(codes: Codes) -> NDArray[np.float32]:
    """The activations of codes.

    Raises:
        DataError: the file has none, or NaN or infinite ones.
    """
    if codes.activations is None:
        raise DataError(
            "holds no activations to re-rank by",
            location=Location(codes.name),
            hint="ssdh encode --activations keeps them",
        )
    bad = ~np.isfinite(codes.activations).all(1)
    if bad.any():
        raise DataError(
            f"{count_text(int(bad.sum()), 'item has', 'items have')} NaN or infinite activations, "
            f"the first is '{printable(str(codes.ids[int(bad.argmax())]))}'",
            location=Location(codes.name),
            hint=DIVERGED,
        )
    return codes.activations


def _blob_of(features: Codes) -> str:
    blob = (features.model or {}).get("blob")
    if not blob:
        raise DataError(
            "does not name the blob of its activations", location=Location(features.name)
        )
    return str(blob)


def _looked_up(blob: str, codes: Codes, files: Sequence[Codes]) -> NDArray[np.float32]:
    """The activations of a blob in files, for the ids of codes."""
    values = [needed_activations(each) for each in files]
    widths = {each.shape[1] for each in values}
    if len(widths) > 1:
        raise DataError(
            f"activations of '{blob}' of several widths: {', '.join(map(str, sorted(widths)))}",
            location=Location(files[-1].name),
        )
    for each in files:
        if codes.model is not None:
            # The blob differs on purpose.
            refuse_other_model(each, {**codes.model, "blob": blob}, codes.name)
    if len(files) == 1 and np.array_equal(files[0].ids, codes.ids):
        return values[0]
    names = [str(name) for each in files for name in each.ids]
    rows = {name: row for row, name in enumerate(names)}
    missing = next((name for name in codes.ids if str(name) not in rows), None)
    if missing is not None:
        raise DataError(
            f"no activations of '{blob}' for '{printable(str(missing))}' of {codes.name}",
            location=Location(files[0].name),
            hint="encode the same source for both",
        )
    return np.concatenate(values)[[rows[str(name)] for name in codes.ids]]
