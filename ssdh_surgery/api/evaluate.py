"""`ssdh evaluate` as a function."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Literal

from ssdh_surgery.api.keywords import check, choice, integers, optional_path
from ssdh_surgery.pipeline.evaluate import evaluate as story
from ssdh_surgery.pipeline.evaluate.evaluation import Evaluation
from ssdh_surgery.pipeline.settings.value_types import Integer
from ssdh_surgery.retrieval.evaluate.protocol import (
    DIVISORS,
    NO_HITS,
    PRESETS,
    TIES,
    Divisor,
    NoHits,
    Ties,
)

Cutoff = int | Literal["all"]


def evaluate(
    queries: str | Path,
    database: str | Path,
    *,
    map: Cutoff | Iterable[Cutoff] = "all",  # noqa: A002 - the name of the option
    precision: int | Iterable[int] = (),
    knn: int | Iterable[int] = 10,
    scores: str | Path | None = None,
    features: tuple[str | Path, str | Path] | None = None,
    protocol: str = "authors",
    ties: Ties | None = None,
    divisor: Divisor | None = None,
    no_hits: NoHits | None = None,
    radius: int | None = None,
    seed: int | None = None,
    csv: str | Path | None = None,
    plot: str | Path | None = None,
    html: str | Path | None = None,
    force: bool = False,
    progress: Callable[[str, int, int], None] | None = None,
) -> Evaluation:
    """Judge codes by mean average precision and its relatives, as `ssdh evaluate` does.

    Args:
        queries: the codes that search.
        database: the codes that are searched.
        map: mAP within the first N items, or within `all`; one or several.
        precision: precision among the first N items; one or several.
        knn: top-1 accuracy by the vote of the k nearest items; one or several.
        scores: a classifier's scores of the queries, for its accuracy.
        features: activations of the queries and of the database, for untrained baselines.
        protocol: the definitions: `authors`, `hashnet` or `deephash`.
        ties: the order of items at one distance; None is the protocol's, here and below.
        divisor: what AP is divided by.
        no_hits: whether a query without a relevant item counts as 0 or is left out.
        radius: the radius of the precision within a radius.
        seed: the seed for ties and baselines.
        csv: write the figures as a table to this file.
        plot: draw the curves to this file: .png, .svg or .pdf.
        html: write figures and curves as one page to this file.
        force: replace existing files.
        progress: called with the set that is judged, the number of queries done, and of all.

    Raises:
        SsdhError: a file cannot be read or written, or the sets cannot be judged or compared.
    """
    choice("protocol", protocol, PRESETS)
    definitions = PRESETS[protocol].changed(
        ties=choice("ties", ties, TIES),
        divisor=choice("divisor", divisor, DIVISORS),
        no_hits=choice("no_hits", no_hits, NO_HITS),
        radius=check("radius", radius, Integer(0)),
        seed=check("seed", seed, Integer(0)),
    )
    cutoffs = [map] if isinstance(map, int | str) else list(map)
    return story.evaluate(
        story.EvaluationInputs(
            Path(queries),
            Path(database),
            optional_path(scores),
            None if features is None else (Path(features[0]), Path(features[1])),
        ),
        definitions,
        story.EvaluationFigures(
            [None if each == "all" else check("map", each, Integer(1)) for each in cutoffs],
            integers(precision, "precision"),
            integers(knn, "knn"),
        ),
        story.EvaluationOutputs(
            optional_path(csv), optional_path(plot), optional_path(html), force
        ),
        progress=progress or (lambda name, count, total: None),
        report=lambda warning: None,
    )
