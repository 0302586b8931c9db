"""An evaluation: figures with their protocol, their baselines and the reasons to doubt them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ssdh_surgery.names import count_text, printable
from ssdh_surgery.pipeline.evaluate.classifier import Classifier
from ssdh_surgery.retrieval.codes.codes import Codes
from ssdh_surgery.retrieval.codes.compatibility import other_transform
from ssdh_surgery.retrieval.evaluate.protocol import Protocol
from ssdh_surgery.retrieval.evaluate.tally import Measures

# Ids and labels that a warning names.
_NAMED = 3


@dataclass(frozen=True)
class Evaluation:
    """Figures, and everything that they depend on.

    `overlap` has the ids of the queries that are in the database too.
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
        """The sets that were judged, in words."""
        count = len(self.queries)
        queries = f"{count:,} quer{'y' if count == 1 else 'ies'}"
        sets = f"{queries}, {len(self.database):,} in the database"
        return f"{sets}, {count_text(self.database.bits, 'bit')}"

    @property
    def figures(self) -> dict[str, dict[str, float]]:
        """The figures of the codes, each baseline and the classifier, by their titles."""
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

    def warnings(self) -> list[str]:
        """The reasons to doubt the figures: overlap, unknown labels, different preparation."""
        count = len(self.queries)
        queries = f"of {count:,} quer{'y' if count == 1 else 'ies'}"
        warnings = []
        if self.overlap:
            ids = _first([f"'{printable(each)}'" for each in self.overlap])
            warnings.append(
                f"{len(self.overlap):,} {queries} are in the database too ({ids}): each finds "
                "itself, so the figures are too good"
            )
        unknown: list[int] = []
        if not self.database.is_multi_label:
            unknown = np.setdiff1d(self.queries.labels, self.database.labels).tolist()
        if unknown:
            warnings.append(
                f"{self.measures.no_hits:,} {queries} have labels that the database lacks "
                f"({_first(list(map(str, unknown)))}): do both sets number their classes alike?"
            )
        other = other_transform(self.queries, self.database.recipe, self.database.name)
        return warnings if other is None else [*warnings, other]

    @property
    def conditions(self) -> list[str]:
        """The protocol and how it applied here, a sentence each."""
        sentences = self.protocol.words()
        if self.measures.no_hits:
            count = self.measures.no_hits
            queries = "1 query has" if count == 1 else f"{count:,} queries have"
            sentences.append(f"{queries} no relevant item")
        if self.measures.knn:
            sentences.append(
                "k-NN: the most frequent label of the k nearest; of equals, the one ranked first"
            )
        elif self.database.is_multi_label:
            sentences.append("no top-1 by k-NN: items have several labels")
        elif self.protocol.ties == "expected":
            sentences.append("no top-1 by k-NN: expected ties leave no order")
        if self.classifier is not None:
            sentences.append(self.classifier.words())
        return sentences

    def as_json(self) -> dict[str, Any]:
        """The answer of `evaluate --json`."""
        classifier = self.classifier
        sets = {
            "queries": {"file": self.queries.name, "items": len(self.queries)},
            "database": {"file": self.database.name, "items": len(self.database)},
            "overlap": len(self.overlap),
            "bits": self.database.bits,
            "queries_without_hits": self.measures.no_hits,
            "classifier": classifier and {"file": classifier.name, "blob": classifier.blob},
        }
        measures = self.measures
        return {
            "protocol": {**self.protocol.as_json(), **sets},
            "map": measures.map,
            "precision": measures.precision,
            "radius_precision": measures.radius_precision,
            "curve": [list(point) for point in measures.curve],
            "knn": measures.knn,
            "accuracy": classifier and classifier.accuracy,
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


def _first(names: list[str]) -> str:
    return ", ".join(names[:_NAMED]) + (", ..." if len(names) > _NAMED else "")
