"""An evaluation: figures with their protocol, their baselines and the reasons to doubt them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ssdh_surgery.findings import Finding
from ssdh_surgery.names import count_text, printable, readable
from ssdh_surgery.pipeline.encode.findings import collapse_finding
from ssdh_surgery.pipeline.evaluate.classifier import Classifier
from ssdh_surgery.pipeline.evaluate.matched_names import MatchedNames
from ssdh_surgery.retrieval.codes.class_names import label_name
from ssdh_surgery.retrieval.codes.codes import Codes
from ssdh_surgery.retrieval.codes.compatibility import other_transform
from ssdh_surgery.retrieval.codes.health import health_of
from ssdh_surgery.retrieval.codes.label_text import label_text
from ssdh_surgery.retrieval.evaluate.protocol import Protocol
from ssdh_surgery.retrieval.evaluate.tally import Measures

# Ids and labels that a warning names.
_NAMED = 3
# With fewer classes, their figures are those of all queries.
_FEWEST_CLASSES = 2


@dataclass(frozen=True)
class ClassFigures:
    """The figures of the queries of one class by measure; `name` is its number if it has none."""

    name: str
    queries: int
    figures: dict[str, float]


@dataclass(frozen=True)
class Evaluation:
    """Figures, and everything that they depend on.

    Both sets have their labels in one numbering: that of the database, if both have class names.
    `overlap` has the ids of the queries that are in the database too, `beyond` the ranks of a
    precision that the database has too few items for, and `features` the files of the baselines.
    """

    protocol: Protocol
    queries: Codes
    database: Codes
    measures: Measures
    names: MatchedNames = field(default_factory=MatchedNames)
    overlap: Sequence[str] = ()
    baselines: dict[str, Measures] = field(default_factory=dict)
    classifier: Classifier | None = None
    beyond: Sequence[int] = ()
    features: tuple[str, str] | None = None

    @property
    def title(self) -> str:
        """The sets that were judged, in words."""
        count = len(self.queries)
        queries = f"{count:,} quer{'y' if count == 1 else 'ies'}"
        sets = f"{queries}, {len(self.database):,} in the database"
        return f"{sets}, {count_text(self.database.bits, 'bit')}"

    @property
    def files(self) -> dict[str, str]:
        """The files that were judged, by what they are."""
        files = {"queries": self.queries.name, "database": self.database.name}
        if self.features is not None:
            files["features"] = ", ".join(self.features)
        if self.classifier is not None:
            files["scores"] = self.classifier.name
        return {role: printable(name) for role, name in files.items()}

    @property
    def columns(self) -> list[str]:
        """What has figures: the codes, each baseline and the classifier."""
        classifier = [] if self.classifier is None else ["classifier"]
        return ["codes", *self.baselines, *classifier]

    @property
    def figures(self) -> dict[str, dict[str, float]]:
        """The figures by measure, and for each by column."""
        rows: dict[str, dict[str, float]] = {}
        for column, each in {"codes": self.measures, **self.baselines}.items():
            figures = _maps(each.map)
            figures |= {f"precision@{at}": value for at, value in each.precision.items()}
            if each.radius_precision is not None:
                figures[f"radius {self.protocol.radius}"] = each.radius_precision
            figures |= _votes(each.knn)
            for title, value in figures.items():
                rows.setdefault(title, {})[column] = value
        if self.classifier is not None:
            for k, value in self.classifier.accuracy.items():
                rows[f"top-{k}"] = {"classifier": value}
        return rows

    @property
    def class_figures(self) -> list[ClassFigures]:
        """MAP and top-1 of the queries of each class, by label; none where all have one class."""
        classes = self.measures.classes
        if len(classes) < _FEWEST_CLASSES:
            return []
        return [
            ClassFigures(
                label_text(each.label, self.class_names),
                each.queries,
                {**_maps(each.map), **_votes(each.knn)},
            )
            for each in classes
        ]

    @property
    def class_names(self) -> Sequence[str]:
        """The name of each label; empty if unknown."""
        return self.queries.class_names or self.database.class_names

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What looks wrong about the codes."""
        packed = self.database.packed
        if (packed != packed[0]).any():
            return ()
        finding = collapse_finding(health_of(packed, self.database.bits))
        return () if finding is None else (finding,)

    def warnings(self) -> list[str]:
        """The reasons to doubt the figures, or the codes: a sentence each."""
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
                f"({_first([self._class_text(label) for label in unknown])}): "
                + (
                    "names are compared exactly, upper and lower case included"
                    if self.names.by_name
                    else "do both sets number their classes alike?"
                )
            )
        if self.names.warning is not None:
            warnings.append(self.names.warning)
        if self.classifier is not None and self.classifier.warning is not None:
            warnings.append(self.classifier.warning)
        other = other_transform(self.queries, self.database.recipe, self.database.name)
        warnings += [] if other is None else [other]
        if self.beyond:
            places = ", ".join(f"precision@{place}" for place in self.beyond)
            warnings.append(f"no {places}: the database has {len(self.database):,} items")
        return [*warnings, *self._lost()]

    def _lost(self) -> list[str]:
        """A sentence if codes that need no training are better."""
        at, value = next(iter(self.measures.map.items()))
        untrained = {name: each.map[at] for name, each in self.baselines.items() if each.curve}
        best = max(untrained, key=untrained.__getitem__, default=None)
        if best is None or untrained[best] <= value:
            return []
        return [
            f"the codes lose to {best}, which makes codes of the same features without training: "
            f"mAP@{at} {value:.4f} against {untrained[best]:.4f}. Check that the weights are those "
            "of the end of the training, and mean and resize those of its data; then train longer "
            "('ssdh train --resume --iterations N'), or patch again with --lr-divide 1, with "
            "--filler xavier --bias 0, or with more --bits"
        ]

    def _class_text(self, label: int) -> str:
        """A class in a sentence: its name, or its number if it has none."""
        name = label_name(label, self.queries.class_names)
        return f"'{printable(name)}'" if isinstance(name, str) else str(label)

    @property
    def conditions(self) -> list[str]:
        """The protocol and how it applied here, a sentence each."""
        sentences = self.protocol.words()
        if self.names.sentence is not None:
            sentences.append(self.names.sentence)
        total = len(self.database)
        for at in self.measures.map:
            if at != "all" and int(at) > total:
                sentences.append(f"mAP@{at} is that of all {total:,} items of the database")
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
            "labels_by": "name" if self.names.by_name else "number",
            "classifier": classifier and {"file": classifier.name, "blob": classifier.blob},
            "features": self.features
            and dict(zip(("queries", "database"), self.features, strict=True)),
        }
        measures = self.measures
        return {
            "protocol": {**self.protocol.as_json(), **sets},
            "map": measures.map,
            "precision": {**measures.precision, **{str(place): None for place in self.beyond}},
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
            "classes": [
                {
                    "label": each.label,
                    "name": _name(each.label, self.class_names),
                    "queries": each.queries,
                    "map": each.map,
                    "precision": each.precision,
                    "knn": each.knn,
                }
                for each in measures.classes
            ],
            "warnings": self.warnings(),
            "findings": [each.as_json() for each in self.findings],
        }


def _name(label: int, names: Sequence[str]) -> str | None:
    return readable(names[label]) if 0 <= label < len(names) else None


def _maps(values: dict[str, float]) -> dict[str, float]:
    return {f"mAP@{at}": value for at, value in values.items()}


def _votes(knn: dict[str, float]) -> dict[str, float]:
    return {f"top-1 {k}-NN": value for k, value in knn.items()}


def _first(names: list[str]) -> str:
    return ", ".join(names[:_NAMED]) + (", ..." if len(names) > _NAMED else "")
