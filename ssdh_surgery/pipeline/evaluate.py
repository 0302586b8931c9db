"""Judging codes: two files in, figures with their protocol and their baselines out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssdh_surgery.errors import DataError, Location
from ssdh_surgery.retrieval import metrics
from ssdh_surgery.retrieval.baselines import METHODS
from ssdh_surgery.retrieval.codes import Codes, overlap, read_codes, read_features, refuse_empty
from ssdh_surgery.retrieval.metrics import Cutoff, Measures
from ssdh_surgery.retrieval.protocol import Protocol

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

    @property
    def title(self) -> str:
        """What was judged, in words."""
        sets = f"{len(self.queries):,} queries, {len(self.database):,} in the database"
        return f"{sets}, {self.database.bits} bits"

    @property
    def figures(self) -> dict[str, dict[str, float]]:
        """The figures of the codes and of each baseline, by their titles."""
        rows: dict[str, dict[str, float]] = {}
        for name, each in {"codes": self.measures, **self.baselines}.items():
            rows[name] = {f"mAP@{at}": value for at, value in each.map.items()}
            rows[name] |= {f"precision@{at}": value for at, value in each.precision.items()}
            if each.radius_precision is not None:
                rows[name][f"radius {self.protocol.radius}"] = each.radius_precision
        return rows

    @property
    def conditions(self) -> list[str]:
        """The protocol, and what it came to here, a sentence each."""
        sentences = self.protocol.words()
        if self.measures.no_hits:
            sentences.append(f"{self.measures.no_hits:,} queries have no relevant item")
        return sentences

    def as_json(self) -> dict[str, Any]:
        """The answer of `evaluate --json`."""
        sets = {
            "queries": {"file": self.queries.name, "items": len(self.queries)},
            "database": {"file": self.database.name, "items": len(self.database)},
            "overlap": len(self.overlap),
            "bits": self.database.bits,
            "queries_without_hits": self.measures.no_hits,
        }
        found = self.measures
        return {
            "protocol": {**self.protocol.as_json(), **sets},
            "map": found.map,
            "precision": found.precision,
            "radius_precision": found.radius_precision,
            "curve": [list(point) for point in found.curve],
            "baselines": {
                name: {
                    "map": each.map,
                    "precision": each.precision,
                    "radius_precision": each.radius_precision,
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
        features: files of both sets with activations, of which baselines are made.
        progress: told what is done, queries done and in all.

    Raises:
        FileError: a file cannot be read.
        DataError: a file is none of codes, or the sets cannot be judged or compared.
        MissingExtra: numba is not installed.
    """
    asked, stored = read_codes(queries), read_codes(database)

    def judged(label: str, some: Codes, others: Codes) -> Measures:
        told = None if progress is None else lambda done, total: progress(label, done, total)
        return metrics.evaluate(some, others, protocol, cutoffs, places, told)

    measures = judged("queries", asked, stored)
    baselines: dict[str, Measures] = {}
    if features is not None:
        wide_asked, wide_stored = (_features(path) for path in features)
        for one, other in ((wide_asked, asked), (wide_stored, stored)):
            _refuse_other_items(one, other)
        both = _activations(wide_asked), _activations(wide_stored)
        if both[0].shape[1] != both[1].shape[1]:
            raise DataError(
                f"features of {both[0].shape[1]} dimensions, those of {wide_stored.name} have "
                f"{both[1].shape[1]}",
                location=Location(wide_asked.name),
            )
        for name, method in METHODS.items():
            if name != "lsh" and stored.bits > both[1].shape[1]:
                continue
            projection = method(both[1], stored.bits, protocol.seed)
            made = [
                Codes(np.packbits(projection(some) > 0, axis=1), stored.bits, like.ids, like.labels)
                for some, like in zip(both, (asked, stored), strict=True)
            ]
            baselines[name] = judged(name, made[0], made[1])
        baselines["features"] = metrics.evaluate_features(
            *both, asked.labels, stored.labels, protocol, cutoffs, places
        )
    both_ids = tuple(map(str, asked.ids[overlap(asked, stored)]))
    return Evaluation(protocol, asked, stored, measures, both_ids, baselines)


def _features(path: Path | str) -> Codes:
    codes = read_features(path)
    refuse_empty(codes, "feature")
    _activations(codes)
    return codes


def _activations(codes: Codes) -> NDArray[np.float32]:
    if codes.activations is None:
        raise DataError(
            "holds no activations to make baselines of",
            location=Location(codes.name),
            hint="ssdh encode --activations --blob FEATURES keeps them",
        )
    return codes.activations


def _refuse_other_items(features: Codes, codes: Codes) -> None:
    if not np.array_equal(features.ids, codes.ids):
        raise DataError(
            f"its items are not those of {codes.name}",
            location=Location(features.name),
            hint="encode the same source for both",
        )
