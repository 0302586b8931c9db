"""Asking an index: by codes, by an item of its own, or by a picture."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ssdh_surgery.data.names import name_bytes
from ssdh_surgery.retrieval.backends.base import Packed
from ssdh_surgery.retrieval.codes import UNKNOWN_LABEL, Codes, read_codes, refuse_empty
from ssdh_surgery.retrieval.index import Index, needed_activations, open_index

if TYPE_CHECKING:
    from ssdh_surgery.pipeline.encoder import EncoderOptions


@dataclass(frozen=True)
class Hit:
    """An item that was found; `label` is a number, several, or None where it is unknown.

    `distance` is the Hamming distance of the codes, `feature_distance` the Euclidean one of
    the activations where the hits were re-ranked by it.
    """

    id: str
    distance: int
    label: int | list[int] | None
    feature_distance: float | None = None

    def as_json(self) -> dict[str, Any]:
        """The hit as `search --json` has it; `feature_distance` only where it was re-ranked."""
        hit: dict[str, Any] = {"id": _text(self.id), "distance": self.distance, "label": self.label}
        if self.feature_distance is not None:
            hit["feature_distance"] = self.feature_distance
        return hit


@dataclass(frozen=True)
class Answer:
    """What one query found, nearest first."""

    query: str
    hits: tuple[Hit, ...]

    def as_json(self) -> dict[str, Any]:
        """The answer as `search --json` has it."""
        return {"query": _text(self.query), "hits": [each.as_json() for each in self.hits]}


def by_queries(index_file: Path, queries: Path, k: int, rerank: int | None = None) -> list[Answer]:
    """What each code of a file finds.

    Raises:
        FileError: a file cannot be read.
        DataError: a file is damaged or empty, or the codes are another model's.
        MissingExtra: the index's backend is not installed.
    """
    index, codes = open_index(index_file), read_codes(queries)
    return by_codes(index, codes, k, rerank)


def by_codes(index: Index, codes: Codes, k: int, rerank: int | None = None) -> list[Answer]:
    """What each code finds.

    With `rerank` the nearest so many codes are ranked anew by their activations.

    Raises:
        DataError: there are none, or they are another model's or of another width.
        MissingExtra: the index's backend is not installed.
    """
    refuse_empty(codes, "query")
    index.refuse(codes)
    activations = needed_activations(codes) if rerank else None
    return _answers(index, list(map(str, codes.ids)), codes.packed, k, rerank, activations)


def by_picture(
    index_file: Path, picture: Path, options: EncoderOptions, k: int, rerank: int | None = None
) -> list[Answer]:
    """What a picture finds, encoded by the net that made the index's codes.

    Raises:
        FileError: a file cannot be read.
        DataError: the picture cannot be decoded, or the net is not the index's.
        UsageError: it was not said which net.
        MissingExtra: no engine, OpenCV or the index's backend is not installed.
    """
    from ssdh_surgery.pipeline.encoder import Encoder

    index = open_index(index_file)
    encoder = Encoder(replace(options, batch=1))
    codes = encoder.codes_of([encoder.transform.read(picture)], [str(picture)], str(picture))
    return by_codes(index, codes, k, rerank)


def by_ids(index_file: Path, ids: list[str], k: int, rerank: int | None = None) -> list[Answer]:
    """What items of the index itself find; each finds itself first, or one like it.

    Raises:
        FileError: the index cannot be read.
        DataError: it is damaged, or has no such item.
        MissingExtra: its backend is not installed.
    """
    index = open_index(index_file)
    rows = [index.row(each) for each in ids]
    activations = None if index.activations is None else index.activations[rows]
    return _answers(index, ids, index.packed[rows], k, rerank, activations)


def _answers(
    index: Index,
    names: list[str],
    packed: Packed,
    k: int,
    rerank: int | None,
    activations: NDArray[np.float32] | None,
) -> list[Answer]:
    distances, rows = index.search(packed, max(k, rerank or 0))
    answers = []
    for number, name in enumerate(names):
        some, same = distances[number], rows[number]
        near: list[float | None] = [None] * len(same)
        if rerank:
            wanted = np.empty(0, np.float32) if activations is None else activations[number]
            closeness, kept = index.rerank(wanted, same, k)
            hamming = dict(zip(same.tolist(), some.tolist(), strict=True))
            some, same = np.array([hamming[row] for row in kept.tolist()], np.int32), kept
            near = [*closeness.tolist()]
        hits = (
            Hit(index.ids[row], distance, _label(index, row), closest)
            for distance, row, closest in zip(some.tolist(), same.tolist(), near, strict=True)
            if row >= 0
        )
        answers.append(Answer(name, tuple(hits)))
    return answers


def _label(index: Index, row: int) -> int | list[int] | None:
    label = index.labels[row]
    if np.ndim(label):
        return [int(each) for each in np.flatnonzero(label)]
    return None if label == UNKNOWN_LABEL else int(label)


def _text(name: str) -> str:
    r"""A name as JSON can hold it: bytes that are not UTF-8 as `\xe9`."""
    return name_bytes(name).decode("utf-8", "backslashreplace")
