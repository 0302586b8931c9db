"""The net's own classifier beside its codes: a file of scores in, its accuracy out."""

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
    """How often a classifier is right about the queries.

    Args:
        name: the file of its scores.
        blob: what held them, None where that is not known.
        classes: how many scores a query has.
        accuracy: by k as text.
        is_of_codes: whether the weights are those that made the codes.
    """

    name: str
    blob: str | None
    classes: int
    accuracy: dict[str, float]
    is_of_codes: bool

    def words(self) -> str:
        """What was counted."""
        blob = f" '{self.blob}'" if self.blob else ""
        words = f"classifier:{blob} of {self.classes:,} classes, counted as Caffe's Accuracy layer"
        return words if self.is_of_codes else f"{words}; by other weights than the codes"


def read_classifier(path: Path | str, queries: Codes) -> Classifier:
    """Judge a classifier by its scores of the queries, which `ssdh encode --blob` writes.

    Raises:
        FileError: the file cannot be read.
        DataError: it holds no scores of these queries, or the queries have not one label each.
    """
    scores = read_features(path)
    values = scores.activations
    where = Location(scores.name)
    if scores.bits or values is None:
        raise DataError(
            f"holds codes of {scores.bits} bits and no classifier's scores",
            location=where,
            hint="ssdh deploy --with-classifier, then ssdh encode --blob CLASSIFIER",
        )
    if not np.isfinite(values).all():
        raise DataError("holds values that are no numbers", location=where)
    refuse_empty(queries, "query")
    refuse_other_items(scores, queries)
    if queries.is_multi_label:
        raise DataError(
            f"items of {queries.name} have several labels each, an accuracy needs one",
            location=where,
        )
    refuse_unlabelled(queries, "query")
    right = accuracy(values, queries.labels.astype(np.int64), scores.name)
    mine, theirs = scores.model or {}, queries.model or {}
    is_same = mine.get("weights") == theirs.get("weights")
    return Classifier(scores.name, mine.get("blob"), values.shape[1], right, is_same)


def refuse_other_items(features: Codes, codes: Codes) -> None:
    """Refuse features that are not of the very items that the codes are of.

    Raises:
        DataError: number, ids or order differ.
    """
    if not np.array_equal(features.ids, codes.ids):
        raise DataError(
            f"its items are not those of {codes.name}",
            location=Location(features.name),
            hint="encode the same source for both",
        )
