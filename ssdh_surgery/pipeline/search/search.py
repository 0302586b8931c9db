"""Asking an index: by codes, by an item of its own, or by a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ssdh_surgery.errors import DataError, UsageError
from ssdh_surgery.names import name_bytes
from ssdh_surgery.pipeline.search.features import FeatureFiles, needed_activations
from ssdh_surgery.pipeline.search.index_change import Report, tell_otherwise
from ssdh_surgery.retrieval.codes.code_file import read_codes
from ssdh_surgery.retrieval.codes.codes import Codes, refuse_empty
from ssdh_surgery.retrieval.index.backends import Packed
from ssdh_surgery.retrieval.index.index import ACTIVATIONS, Features, Index, Label

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ssdh_surgery.pipeline.encode.encoder import Encoder, EncoderOptions

_HEX = frozenset("0123456789abcdef")


@dataclass(frozen=True)
class Hit:
    """An item that was found; `label` is a number, several, or None where it is unknown.

    `distance` is the Hamming distance of the codes, `feature_distance` the Euclidean one of
    the features where the hits were re-ranked by them.
    """

    id: str
    distance: int
    label: Label
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


@dataclass(frozen=True)
class Wanted:
    """How many hits, and by what they are ranked.

    Args:
        count: hits for each query.
        feature: ranks the nearest codes anew; None leaves them in Hamming order.
        shortlist: so many codes are ranked anew.
    """

    count: int = 10
    feature: str | None = None
    shortlist: int = 100


def by_queries(
    index: Index,
    queries: Path,
    wanted: Wanted,
    features: Sequence[Path] = (),
    report: Report | None = None,
) -> list[Answer]:
    """What each code of a file finds.

    Args:
        index: an open index.
        queries: the file.
        wanted: how many, and ranked by what.
        features: files with activations of other blobs for the queries.
        report: told where the pictures were prepared otherwise than the index's.

    Raises:
        FileError: a file cannot be read.
        DataError: a file is damaged or empty, or the codes are another model's.
        MissingExtra: the index's backend is not installed.
    """
    codes = read_codes(queries)
    refuse_empty(codes, "query")
    index.refuse(codes)
    tell_otherwise(index, codes, report)
    found: Features = {}
    if wanted.feature is not None:
        index.refuse_feature(wanted.feature)
        is_own = wanted.feature == ACTIVATIONS
        found = FeatureFiles(features).of(codes, keep_activations=is_own)
        for blob in found:
            index.refuse_feature(blob)
        if wanted.feature not in found:
            raise UsageError(
                f"re-ranking by '{wanted.feature}' needs the queries' own",
                hint="--features FILE, made by ssdh encode --activations --blob " + wanted.feature,
            )
    return _answers(index, list(map(str, codes.ids)), codes.packed, wanted, found)


def by_picture(
    index: Index,
    picture: Path,
    options: EncoderOptions,
    wanted: Wanted,
    report: Report | None = None,
) -> list[Answer]:
    """What a picture finds, encoded by the net that made the index's codes.

    `report` is told where it was prepared otherwise than the index's pictures.

    Raises:
        FileError: a file cannot be read.
        DataError: the picture cannot be decoded, or the net is not the index's.
        UsageError: it was not said which net.
        MissingExtra: no engine, OpenCV or the index's backend is not installed.
    """
    from ssdh_surgery.pipeline.encode.encoder import Encoder

    if wanted.feature is not None:
        index.refuse_feature(wanted.feature)
    encoder = Encoder(replace(options, batch=1))
    codes = _codes_of(encoder, picture)
    index.refuse(codes)
    tell_otherwise(index, codes, report)
    found: Features = {}
    if wanted.feature == ACTIVATIONS:
        found = {ACTIVATIONS: needed_activations(codes)}
    elif wanted.feature is not None:
        other = Encoder(replace(encoder.options, blob=wanted.feature), encoder.net.source)
        found = {wanted.feature: needed_activations(_codes_of(other, picture))}
    return _answers(index, list(map(str, codes.ids)), codes.packed, wanted, found)


def _codes_of(encoder: Encoder, picture: Path) -> Codes:
    return encoder.codes_of([encoder.transform.read(picture)], [str(picture)], str(picture))


def by_ids(index: Index, ids: Sequence[str], wanted: Wanted) -> list[Answer]:
    """What items of the index itself find; each finds itself first, or one like it.

    Raises:
        DataError: the index has no such item.
        MissingExtra: its backend is not installed.
    """
    rows = index.rows(ids)
    found: Features = {}
    if wanted.feature is not None:
        index.refuse_feature(wanted.feature)
        found = {wanted.feature: index.features(wanted.feature, rows)}
    return _answers(index, ids, index.codes(rows), wanted, found)


def by_code(index: Index, texts: Sequence[str], wanted: Wanted) -> list[Answer]:
    """What codes find that are written as their bits, or as the hex of their packed bytes.

    Raises:
        DataError: one is no code of the index's width.
        UsageError: they are to be ranked by a feature, which they do not have.
    """
    if wanted.feature is not None:
        raise UsageError("a code alone has no features to re-rank by")
    packed = np.concatenate([_read_code(text, index) for text in texts])
    return _answers(index, texts, packed, wanted, {})


def _read_code(text: str, index: Index) -> Packed:
    bits = index.about.bits
    width = -(-bits // 8)
    digits = text.lower().removeprefix("0x")
    if len(text) == bits and set(text) <= set("01"):
        return np.packbits(np.frombuffer(text.encode(), np.uint8) - ord("0"))[None]
    if len(digits) != 2 * width or not set(digits) <= _HEX:
        raise DataError(
            f"'{text}' is no code of the {bits} bits of {index.name}",
            hint=f"{bits} zeros and ones, or {2 * width} digits of hex",
        )
    packed = np.frombuffer(bytes.fromhex(digits), np.uint8)[None]
    if packed[0, -1] & ((1 << (-bits % 8)) - 1):
        raise DataError(
            f"'{text}' has ones behind the {bits} bits of {index.name}",
            hint="the last byte of a code is padded with zeros",
        )
    return packed


def _answers(
    index: Index, names: Sequence[str], packed: Packed, wanted: Wanted, features: Features
) -> list[Answer]:
    shortlist = max(wanted.count, wanted.shortlist) if wanted.feature else wanted.count
    distances, rows = index.search(packed, shortlist)
    answers = []
    for number, name in enumerate(names):
        some, same = distances[number], rows[number]
        some, same = some[same >= 0], same[same >= 0]
        near: NDArray[np.float32] | None = None
        if wanted.feature is not None:
            near, kept = index.rerank(
                wanted.feature, features[wanted.feature][number], same, wanted.count
            )
            hamming = dict(zip(same.tolist(), some.tolist(), strict=True))
            some, same = np.array([hamming[row] for row in kept.tolist()], np.int32), kept
        closest = [None] * len(same) if near is None else near.tolist()
        hits = (
            Hit(item.id, distance, item.label, feature_distance)
            for item, distance, feature_distance in zip(
                index.items(same), some.tolist(), closest, strict=True
            )
        )
        answers.append(Answer(name, tuple(hits)))
    return answers


def _text(name: str) -> str:
    r"""A name as JSON can hold it: bytes that are not UTF-8 as `\xe9`."""
    return name_bytes(name).decode("utf-8", "backslashreplace")
