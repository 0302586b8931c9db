"""Judging codes: two files in, figures with their protocol and their baselines out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssdh_surgery.errors import DataError
from ssdh_surgery.location import Location
from ssdh_surgery.pipeline.evaluate.classifier import (
    Classifier,
    read_classifier,
    refuse_other_items,
)
from ssdh_surgery.retrieval.codes.code_file import read_codes, read_features
from ssdh_surgery.retrieval.codes.codes import Codes, refuse_empty
from ssdh_surgery.retrieval.codes.compatibility import other_transform, overlap
from ssdh_surgery.retrieval.evaluate import metrics
from ssdh_surgery.retrieval.evaluate.baselines import METHODS
from ssdh_surgery.retrieval.evaluate.protocol import Protocol
from ssdh_surgery.retrieval.evaluate.tally import Cutoff, Measures

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Evaluation:
    """Figures, and everything that they depend on.

    `overlap` holds the ids of the queries that are in the database too.
    """

    protocol: Protocol
    queries: Codes
    database: Codes
    measures: Measures
    overlap: Sequence[str] = ()
    baselines: dict[str, Measures] = field(default_factory=dict)
    classifier: Classifier | None = None

    @property
    def title(self) -> str:
        """What was judged, in words."""
        count = len(self.queries)
        queries = f"{count:,} quer{'y' if count == 1 else 'ies'}"
        sets = f"{queries}, {len(self.database):,} in the database"
        return f"{sets}, {self.database.bits} bits"

    @property
    def figures(self) -> dict[str, dict[str, float]]:
        """The figures of the codes, of each baseline and of the classifier, by their titles."""
        rows: dict[str, dict[str, float]] = {}
        for name, each in {"codes": self.measures, **self.baselines}.items():
            rows[name] = {f"mAP@{at}": value for at, value in each.map.items()}
            rows[name] |= {f"precision@{at}": value for at, value in each.precision.items()}
            if each.radius_precision is not None:
                rows[name][f"radius {self.protocol.radius}"] = each.radius_precision
            rows[name] |= {f"top-1 {k}-NN": value for k, value in each.knn.items()}
        if self.classifier is not None:
            right = self.classifier.accuracy
            rows["classifier"] = {f"top-{k}": value for k, value in right.items()}
        return rows

    @property
    def strange_labels(self) -> list[int]:
        """The labels of queries that no item of the database has; none where there are several."""
        if self.database.is_multi_label:
            return []
        found: list[int] = np.setdiff1d(self.queries.labels, self.database.labels).tolist()
        return found

    @property
    def other_transform(self) -> str | None:
        """What was done otherwise to the queries' pictures than to the database's."""
        return other_transform(self.queries, self.database.recipe, self.database.name)

    @property
    def conditions(self) -> list[str]:
        """The protocol, and what it came to here, a sentence each."""
        sentences = self.protocol.words()
        if self.measures.no_hits:
            count = self.measures.no_hits
            said = "1 query has" if count == 1 else f"{count:,} queries have"
            sentences.append(f"{said} no relevant item")
        if self.measures.knn:
            sentences.append(
                "k-NN: the label that most of the k nearest have, of equals the one ranked first"
            )
        elif self.database.is_multi_label:
            sentences.append("no top-1 by k-NN: items have several labels")
        elif self.protocol.ties == "expected":
            sentences.append("no top-1 by k-NN: expected ties leave no order to vote in")
        if self.classifier is not None:
            sentences.append(self.classifier.words())
        return sentences

    def as_json(self) -> dict[str, Any]:
        """The answer of `evaluate --json`."""
        judge = self.classifier
        sets = {
            "queries": {"file": self.queries.name, "items": len(self.queries)},
            "database": {"file": self.database.name, "items": len(self.database)},
            "overlap": len(self.overlap),
            "bits": self.database.bits,
            "queries_without_hits": self.measures.no_hits,
            "classifier": judge and {"file": judge.name, "blob": judge.blob},
        }
        found = self.measures
        return {
            "protocol": {**self.protocol.as_json(), **sets},
            "map": found.map,
            "precision": found.precision,
            "radius_precision": found.radius_precision,
            "curve": [list(point) for point in found.curve],
            "knn": found.knn,
            "accuracy": judge and judge.accuracy,
            "baselines": {
                name: {
                    "map": each.map,
                    "precision": each.precision,
                    "radius_precision": each.radius_precision,
                    "knn": each.knn,
                }
                for name, each in self.baselines.items()
            },
        }


def evaluation(
    queries: Path | str,
    database: Path | str,
    protocol: Protocol,
    cutoffs: Sequence[Cutoff] = (None,),
    places: Sequence[int] = (),
    voters: Sequence[int] = (),
    scores: Path | str | None = None,
    features: tuple[Path | str, Path | str] | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """Judge the codes of two files.

    Args:
        queries: the file of the queries' codes.
        database: the file of what they search.
        protocol: the definitions.
        cutoffs: mAP within so many items; None is all.
        places: precision among so many first items.
        voters: top-1 by the vote of so many nearest items.
        scores: a file of the classifier's scores of the queries, as activations.
        features: files of both sets with activations, of which baselines are made.
        progress: told what is done, queries done and in all.

    Raises:
        FileError: a file cannot be read.
        DataError: a file is none of codes, or the sets cannot be judged or compared.
        MissingExtra: numba is not installed.
    """
    asked, stored = read_codes(queries), read_codes(database)
    classifier = None if scores is None else read_classifier(scores, asked)
    wide = None if features is None else _both_features(features, asked, stored)

    def judged(label: str, some: Codes, others: Codes) -> Measures:
        told = None if progress is None else lambda done, total: progress(label, done, total)
        return metrics.evaluate_codes(some, others, protocol, cutoffs, places, voters, told)

    measures = judged("queries", asked, stored)
    baselines: dict[str, Measures] = {}
    if wide is not None:
        for name, method in METHODS.items():
            if name != "lsh" and stored.bits > wide[1].shape[1]:
                continue
            projection = method(wide[1], stored.bits, protocol.seed)
            made = [
                Codes(np.packbits(projection(some) > 0, axis=1), stored.bits, like.ids, like.labels)
                for some, like in zip(wide, (asked, stored), strict=True)
            ]
            baselines[name] = judged(name, made[0], made[1])
        baselines["features"] = metrics.evaluate_features(
            *wide, asked.labels, stored.labels, protocol, cutoffs, places, voters
        )
    both_ids = tuple(map(str, asked.ids[overlap(asked, stored)]))
    return Evaluation(protocol, asked, stored, measures, both_ids, baselines, classifier)


def _both_features(
    paths: tuple[Path | str, Path | str], asked: Codes, stored: Codes
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The activations of the queries and of the database."""
    of_queries, of_database = (read_features(path) for path in paths)
    both = _activations(of_queries), _activations(of_database)
    refuse_other_items(of_queries, asked)
    refuse_other_items(of_database, stored)
    if both[0].shape[1] != both[1].shape[1]:
        raise DataError(
            f"features of {both[0].shape[1]} dimensions, those of {of_database.name} have "
            f"{both[1].shape[1]}",
            location=Location(of_queries.name),
        )
    return both


def _activations(features: Codes) -> NDArray[np.float32]:
    refuse_empty(features, "feature")
    if features.activations is None:
        raise DataError(
            "holds no activations to make baselines of",
            location=Location(features.name),
            hint="ssdh encode --activations --blob FEATURES keeps them",
        )
    if not np.isfinite(features.activations).all():
        raise DataError("holds values that are no numbers", location=Location(features.name))
    return features.activations
