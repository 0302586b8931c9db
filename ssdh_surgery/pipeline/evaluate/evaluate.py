"""`ssdh evaluate`: judging codes, with baselines, a classifier, and files of the figures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ssdh_surgery.errors import DataError
from ssdh_surgery.files import refuse_existing
from ssdh_surgery.location import Location
from ssdh_surgery.pipeline.evaluate import evaluation_files
from ssdh_surgery.pipeline.evaluate.classifier import read_classifier, refuse_other_items
from ssdh_surgery.pipeline.evaluate.curves import CURVE_PLACES
from ssdh_surgery.pipeline.evaluate.evaluation import Evaluation
from ssdh_surgery.pipeline.evaluate.matched_names import MatchedNames
from ssdh_surgery.retrieval.codes.class_names import in_one_numbering
from ssdh_surgery.retrieval.codes.code_file import read_codes, read_features
from ssdh_surgery.retrieval.codes.codes import Codes, refuse_empty
from ssdh_surgery.retrieval.codes.compatibility import overlap
from ssdh_surgery.retrieval.evaluate.baselines import fitted_methods
from ssdh_surgery.retrieval.evaluate.metrics import evaluate_codes, evaluate_features
from ssdh_surgery.retrieval.evaluate.protocol import Protocol
from ssdh_surgery.retrieval.evaluate.tally import Cutoff, Measures

Progress = Callable[[str, int, int], None]
Report = Callable[[str], None]


@dataclass(frozen=True)
class EvaluationInputs:
    """The files to judge.

    Args:
        queries: the codes that search.
        database: the codes that are searched.
        scores: a classifier's scores of the queries, as activations.
        features: activations of both sets, for baselines.
    """

    queries: Path
    database: Path
    scores: Path | None = None
    features: tuple[Path, Path] | None = None


@dataclass(frozen=True)
class EvaluationFigures:
    """The figures to compute.

    Args:
        cutoffs: mAP within the first N items, for each N; None is all.
        places: precision among the first N items, for each N.
        voters: top-1 accuracy by the vote of the k nearest items, for each k.
        has_curves: whether to compute precision where a curve of it needs points, if `places` has
            none.
    """

    cutoffs: Sequence[Cutoff] = (None,)
    places: Sequence[int] = ()
    voters: Sequence[int] = ()
    has_curves: bool = False


@dataclass(frozen=True)
class EvaluationOutputs:
    """The files to write: a CSV table, a plot, an HTML page; None writes none."""

    table: Path | None = None
    plot: Path | None = None
    page: Path | None = None
    force: bool = False


def evaluate(
    inputs: EvaluationInputs,
    protocol: Protocol,
    figures: EvaluationFigures,
    outputs: EvaluationOutputs,
    *,
    progress: Progress,
    report: Report,
) -> Evaluation:
    """Judge the codes of two files, and write the figures to files.

    Args:
        inputs: the files to judge.
        protocol: the definitions.
        figures: the figures to compute.
        outputs: the files to write.
        progress: called with the set that is judged, the number of queries done, and of all.
        report: gets a warning for each reason to doubt the figures.

    Raises:
        FileError: a file cannot be read, or exists or cannot be written.
        DataError: a file does not hold codes, or the sets cannot be judged or compared.
        UsageError: the plot has an unknown suffix.
        MissingExtra: numba is not installed, or matplotlib or Jinja where they are needed.
    """
    read = (inputs.queries, inputs.database, inputs.scores, *(inputs.features or ()))
    for path in (outputs.table, outputs.plot, outputs.page):
        if path is not None:
            refuse_existing(path, force=outputs.force, inputs=read)
    if outputs.plot is not None:
        evaluation_files.refuse_plot_kind(outputs.plot)
    if outputs.plot is not None or outputs.page is not None:
        evaluation_files.refuse_without_extra(page=outputs.page is not None)
        figures = replace(figures, has_curves=True)
    result = _evaluation(inputs, protocol, figures, progress)
    for warning in result.warnings():
        report(warning)
    if outputs.table is not None:
        evaluation_files.write_csv(outputs.table, result)
    if outputs.plot is not None:
        evaluation_files.write_plot(outputs.plot, result)
    if outputs.page is not None:
        evaluation_files.write_page(outputs.page, result)
    return result


def _evaluation(
    inputs: EvaluationInputs, protocol: Protocol, figures: EvaluationFigures, progress: Progress
) -> Evaluation:
    queries, database = read_codes(inputs.queries), read_codes(inputs.database)
    names = MatchedNames.of(queries, database)
    classifier = None if inputs.scores is None else read_classifier(inputs.scores, queries)
    queries, database = in_one_numbering(queries, database)
    places = _up_to(len(database), figures.places)
    if figures.has_curves and not places:
        places = _up_to(len(database), CURVE_PLACES)
    features = None
    if inputs.features is not None:
        features = _read_features(inputs.features, queries, database)

    def judge(name: str, some: Codes, others: Codes) -> Measures:
        return evaluate_codes(
            some,
            others,
            protocol,
            figures.cutoffs,
            places,
            figures.voters,
            lambda count, total: progress(name, count, total),
        )

    measures = judge("queries", queries, database)
    baselines: dict[str, Measures] = {}
    if features is not None:
        for name, projection in fitted_methods(features[1], database.bits, protocol.seed):
            hashed = [
                Codes(np.packbits(projection(some) > 0, axis=1), database.bits, of.ids, of.labels)
                for some, of in zip(features, (queries, database), strict=True)
            ]
            baselines[name] = judge(name, hashed[0], hashed[1])
        baselines["features"] = evaluate_features(
            *features,
            queries.labels,
            database.labels,
            protocol,
            figures.cutoffs,
            places,
            figures.voters,
        )
    shared = tuple(map(str, queries.ids[overlap(queries, database)]))
    files = inputs.features and (str(inputs.features[0]), str(inputs.features[1]))
    beyond = [place for place in figures.places if place > len(database)]
    return Evaluation(
        protocol,
        queries,
        database,
        measures,
        names,
        shared,
        baselines,
        classifier,
        beyond,
        files,
    )


def _up_to(total: int, places: Sequence[int]) -> list[int]:
    """The places that a ranking of so many items has."""
    return [place for place in places if place <= total]


def _read_features(
    paths: tuple[Path, Path], queries: Codes, database: Codes
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The activations of the queries and of the database."""
    of_queries, of_database = (read_features(path) for path in paths)
    both = _activations(of_queries), _activations(of_database)
    refuse_other_items(of_queries, queries)
    refuse_other_items(of_database, database)
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
            "holds no activations to compute baselines from",
            location=Location(features.name),
            hint="ssdh encode --activations --blob FEATURES keeps them",
        )
    if not np.isfinite(features.activations).all():
        raise DataError("holds NaN or infinite values", location=Location(features.name))
    return features.activations
