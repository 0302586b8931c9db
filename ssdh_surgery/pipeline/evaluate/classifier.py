"""The accuracy of the net's own classifier, to compare its codes with, from a file of scores."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ssdh_surgery.errors import DataError
from ssdh_surgery.location import Location
from ssdh_surgery.retrieval.codes.code_file import read_features
from ssdh_surgery.retrieval.codes.codes import Codes, refuse_empty, refuse_unlabelled
from ssdh_surgery.retrieval.evaluate.metrics import accuracy


@dataclass(frozen=True)
class Classifier:
    """The accuracy of a classifier on the queries.

    Args:
        name: the file of its scores.
        blob: the blob of the scores, None if unknown.
        classes: the number of scores of a query.
        accuracy: top-k accuracy, by k as text.
        is_of_codes: whether the same weights made the codes.
        names: the number of class names of the queries; 0 if unknown.
    """

    name: str
    blob: str | None
    classes: int
    accuracy: dict[str, float]
    is_of_codes: bool
    names: int = 0

    @property
    def warning(self) -> str | None:
        """A reason to doubt the accuracy: the queries number other classes than the classifier."""
        if self.names in (0, self.classes):
            return None
        return (
            f"{self.name}: the classifier has {self.classes:,} classes, but the queries number "
            f"{self.names:,}, so its accuracy may compare different classes; encode them with the "
            "names of its classes: --labels-file FILE"
        )

    def words(self) -> str:
        """The classifier and how it was judged, in a sentence."""
        blob = f" '{self.blob}'" if self.blob else ""
        words = f"classifier:{blob} of {self.classes:,} classes, counted as Caffe's Accuracy layer"
        return words if self.is_of_codes else f"{words}; its weights differ from those of the codes"


def read_classifier(path: Path | str, queries: Codes) -> Classifier:
    """Judge a classifier by its scores of the queries, as `ssdh encode --blob` writes them.

    Raises:
        FileError: the file cannot be read.
        DataError: it has no scores of these queries, or a query does not have exactly one label.
    """
    scores = read_features(path)
    values = scores.activations
    where = Location(scores.name)
    if scores.bits or values is None:
        raise DataError(
            f"holds codes of {scores.bits} bits, not a classifier's scores",
            location=where,
            hint="ssdh deploy --with-classifier, then ssdh encode --blob CLASSIFIER",
        )
    if not np.isfinite(values).all():
        raise DataError("holds NaN or infinite values", location=where)
    refuse_empty(queries, "query")
    refuse_other_items(scores, queries)
    if queries.is_multi_label:
        raise DataError(
            f"items of {queries.name} have several labels each, but an accuracy needs one",
            location=where,
        )
    refuse_unlabelled(queries, "query")
    top = accuracy(values, queries.labels.astype(np.int64), scores.name)
    model = scores.model or {}
    is_of_codes = model.get("weights") == (queries.model or {}).get("weights")
    names = len(queries.class_names)
    return Classifier(scores.name, model.get("blob"), values.shape[1], top, is_of_codes, names)


def refuse_other_items(features: Codes, codes: Codes) -> None:
    """Refuse features of other items than the codes.

    Raises:
        DataError: their number, ids or order differ.
    """
    if not np.array_equal(features.ids, codes.ids):
        raise DataError(
            f"its items differ from those of {codes.name}",
            location=Location(features.name),
            hint="encode the same source for both",
        )
