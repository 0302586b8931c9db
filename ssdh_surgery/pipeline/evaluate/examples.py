"""A few queries of an evaluation with the items that rank first, to look at on a sheet."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ssdh_surgery.pipeline.evaluate.evaluation import Evaluation
from ssdh_surgery.report.hit_sheet import (
    HitSheet,
    ItemSource,
    SheetFile,
    SheetItem,
    SheetRow,
    write_hit_sheet,
)
from ssdh_surgery.retrieval.index.backends.plain import Plain
from ssdh_surgery.retrieval.index.index import label_value

Report = Callable[[str], None]
# Queries and their first items that fit on a screen.
_QUERIES, _HITS = 20, 10


def write_examples(file: SheetFile, evaluation: Evaluation, report: Report) -> HitSheet:
    """Draw a few queries and the items that rank first.

    Args:
        file: the PNG.
        evaluation: the evaluation of the queries.
        report: gets a warning if images are missing.

    Raises:
        DataError: none of the images exists.
        FileError: the PNG exists, or cannot be written.
        MissingExtra: OpenCV is not installed.
    """
    queries, database = (
        ItemSource(each.name, each.recipe, each.class_names)
        for each in (evaluation.queries, evaluation.database)
    )
    rows = _example_rows(evaluation)
    return write_hit_sheet(file, rows, queries, database.below(file.root), report)


def _example_rows(evaluation: Evaluation) -> list[SheetRow]:
    """Queries spread evenly over the set, with their nearest items, ties in database order."""
    queries, database = evaluation.queries, evaluation.database
    count = min(_QUERIES, len(queries))
    some = np.linspace(0, len(queries) - 1, count).round().astype(np.int64)
    backend = Plain(database.packed.shape[1], {})
    backend.add(database.packed)
    all_distances, all_rows = backend.search(queries.packed[some], min(_HITS, len(database)))
    return [
        SheetRow(
            SheetItem(str(queries.ids[query]), label_value(queries.labels[query])),
            [
                (SheetItem(str(database.ids[row]), label_value(database.labels[row])), distance)
                for row, distance in zip(rows, distances, strict=True)
            ],
        )
        for query, rows, distances in zip(
            some.tolist(), all_rows.tolist(), all_distances.tolist(), strict=True
        )
    ]
