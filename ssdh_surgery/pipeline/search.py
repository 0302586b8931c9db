"""Asking an index: by codes, by an item of its own, or by a picture."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ssdh_surgery.data.names import name_bytes
from ssdh_surgery.retrieval.backends.base import Packed
from ssdh_surgery.retrieval.codes import UNKNOWN_LABEL, Codes, read_codes, refuse_empty
from ssdh_surgery.retrieval.index import Index, open_index

if TYPE_CHECKING:
    from ssdh_surgery.pipeline.encoder import EncoderOptions


@dataclass(frozen=True)
class Hit:
    """An item that was found; `label` is a number, several, or None where it is unknown."""

    id: str
    distance: int
    label: int | list[int] | None


@dataclass(frozen=True)
class Answer:
    """What one query found, nearest first."""

    query: str
    hits: tuple[Hit, ...]

    def as_json(self) -> dict[str, Any]:
        """The answer as `search --json` has it."""
        hits = [
            {"id": _text(each.id), "distance": each.distance, "label": each.label}
            for each in self.hits
        ]
        return {"query": _text(self.query), "hits": hits}


def by_queries(index_file: Path, queries: Path, k: int) -> list[Answer]:
    """What each code of a file finds.

    Raises:
        FileError: a file cannot be read.
        DataError: a file is damaged or empty, or the codes are another model's.
        MissingExtra: the index's backend is not installed.
    """
    index, codes = open_index(index_file), read_codes(queries)
    return by_codes(index, codes, k)


def by_codes(index: Index, codes: Codes, k: int) -> list[Answer]:
    """What each code finds.

    Raises:
        DataError: there are none, or they are another model's or of another width.
        MissingExtra: the index's backend is not installed.
    """
    refuse_empty(codes, "query")
    index.refuse(codes)
    return _answers(index, map(str, codes.ids), codes.packed, k)


def by_picture(index_file: Path, picture: Path, options: EncoderOptions, k: int) -> list[Answer]:
    """What a picture finds, encoded by the net that made the index's codes.

    Raises:
        FileError: a file cannot be read.
        DataError: the picture cannot be decoded, or the net is not the index's.
        UsageError: it was not said which net.
        MissingExtra: no engine, OpenCV or the index's backend is not installed.
    """
    from ssdh_surgery.data.picture import planar, read_picture
    from ssdh_surgery.pipeline.encoder import Encoder

    index = open_index(index_file)
    encoder = Encoder(options)
    pixels = planar(read_picture(picture, size=encoder.picture_size(), gray=encoder.shape[0] == 1))
    return by_codes(index, encoder.codes_of([pixels], [str(picture)], str(picture)), k)


def by_ids(index_file: Path, ids: list[str], k: int) -> list[Answer]:
    """What items of the index itself find; each finds itself first, or one like it.

    Raises:
        FileError: the index cannot be read.
        DataError: it is damaged, or has no such item.
        MissingExtra: its backend is not installed.
    """
    index = open_index(index_file)
    rows = [index.row(each) for each in ids]
    return _answers(index, ids, index.packed[rows], k)


def _answers(index: Index, names: Iterable[str], packed: Packed, k: int) -> list[Answer]:
    distances, rows = index.search(packed, k)
    return [
        Answer(
            name,
            tuple(
                Hit(index.ids[row], distance, _label(index, row))
                for distance, row in zip(some.tolist(), same.tolist(), strict=True)
                if row >= 0
            ),
        )
        for name, some, same in zip(names, distances, rows, strict=True)
    ]


def _label(index: Index, row: int) -> int | list[int] | None:
    label = index.labels[row]
    if np.ndim(label):
        return [int(each) for each in np.flatnonzero(label)]
    return None if label == UNKNOWN_LABEL else int(label)


def _text(name: str) -> str:
    r"""A name as JSON can hold it: bytes that are not UTF-8 as `\xe9`."""
    return name_bytes(name).decode("utf-8", "backslashreplace")
