"""`ssdh search`: querying an index by codes, by its own items, or by an image."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ssdh_surgery.errors import DataError, UsageError
from ssdh_surgery.files import refuse_existing
from ssdh_surgery.names import readable
from ssdh_surgery.pipeline.encode.encoder import Encoder, EncoderOptions
from ssdh_surgery.pipeline.search.features import FeatureFiles, needed_activations
from ssdh_surgery.pipeline.search.sheet import write_search_sheet
from ssdh_surgery.report.contact_sheet import refuse_sheet_kind
from ssdh_surgery.retrieval.codes.class_names import Label, LabelName
from ssdh_surgery.retrieval.codes.code_file import read_codes
from ssdh_surgery.retrieval.codes.codes import Codes, refuse_empty
from ssdh_surgery.retrieval.index.backends import Packed
from ssdh_surgery.retrieval.index.index import ACTIVATIONS, Features, Index
from ssdh_surgery.retrieval.index.places import open_index

if TYPE_CHECKING:
    from numpy.typing import NDArray

Report = Callable[[str], None]
_HEX = frozenset("0123456789abcdef")


@dataclass(frozen=True)
class Ranking:
    """How many hits a query gets, and how they are ranked.

    Args:
        count: the number of hits.
        feature: re-ranks the nearest codes; None keeps the Hamming order.
        shortlist: the number of codes to re-rank.
    """

    count: int = 10
    feature: str | None = None
    shortlist: int = 100


@dataclass(frozen=True)
class SearchQuery:
    """What to search with: one of codes in a file, images, ids of the index, or codes as text.

    Args:
        codes: a file of codes.
        features: files with activations of another blob for these codes.
        images: image files.
        ids: items of the index.
        texts: codes as bits, or as the hex of their packed bytes.
        encoder: the net that encodes the images.
    """

    codes: Path | None = None
    features: Sequence[Path] = ()
    images: Sequence[Path] = ()
    ids: Sequence[str] = ()
    texts: Sequence[str] = ()
    encoder: EncoderOptions = field(default_factory=EncoderOptions)


@dataclass(frozen=True)
class SearchSheet:
    """A PNG of the hits.

    Args:
        path: the PNG.
        root: the folder that ids are relative to; None for the source of the index.
        force: replace an existing file.
    """

    path: Path
    root: str | None = None
    force: bool = False


@dataclass(frozen=True)
class Hit:
    """An item near a query; `label` is a number, several, or None if unknown, as is its name.

    `distance` is the Hamming distance of the codes, `feature_distance` the Euclidean distance of
    the features if the hits were re-ranked by them.
    """

    id: str
    distance: int
    label: Label
    label_name: LabelName = None
    feature_distance: float | None = None

    def as_json(self) -> dict[str, Any]:
        """The hit of `search --json`; `feature_distance` only if it was re-ranked."""
        hit = {
            "id": readable(self.id),
            "distance": self.distance,
            "label": self.label,
            "label_name": _readable(self.label_name),
        }
        if self.feature_distance is not None:
            hit["feature_distance"] = self.feature_distance
        return hit


def _readable(name: LabelName) -> LabelName:
    if isinstance(name, list):
        return [each if each is None else readable(each) for each in name]
    return name if name is None else readable(name)


@dataclass(frozen=True)
class Answer:
    """The hits of one query, nearest first."""

    query: str
    hits: tuple[Hit, ...]

    def as_json(self) -> dict[str, Any]:
        """The answer of `search --json`."""
        return {"query": readable(self.query), "hits": [each.as_json() for each in self.hits]}


@dataclass(frozen=True)
class SearchResult:
    """The answers to all queries; `images` is the number of images on the sheet, if any."""

    answers: Sequence[Answer]
    images: int | None = None

    @property
    def has_hits(self) -> bool:
        """Whether any query has a hit."""
        return any(each.hits for each in self.answers)

    def as_json(self) -> dict[str, Any]:
        """The result of `search --json`."""
        return {"results": [each.as_json() for each in self.answers]}


def search(
    place: str,
    query: SearchQuery,
    ranking: Ranking,
    sheet: SearchSheet | None = None,
    report: Report | None = None,
) -> SearchResult:
    """Find the items of an index that are nearest to a query.

    `report` gets a warning if images were prepared differently from the index's.

    Raises:
        FileError: a file cannot be read, or the sheet exists or cannot be written.
        DataError: a file is damaged or empty, the codes are another model's, or the index has no
            such item.
        UsageError: the net is ambiguous or unknown, or features to re-rank by are missing.
        MissingExtra: a library that is needed is not installed.
    """
    if sheet is not None:
        refuse_sheet_kind(sheet.path)
        inputs = [query.codes, *query.images, *query.features]
        refuse_existing(sheet.path, force=sheet.force, inputs=inputs)
    with open_index(place) as index:
        if query.codes is not None:
            answers = _by_codes(index, query.codes, query.features, ranking, report)
        elif query.images:
            answers = _by_images(index, query.images, query.encoder, ranking, report)
        elif query.ids:
            answers = _by_ids(index, query.ids, ranking)
        else:
            answers = _by_texts(index, query.texts, ranking)
    if sheet is None:
        return SearchResult(answers)
    ids = [[hit.id for hit in answer.hits] for answer in answers]
    count = write_search_sheet(sheet.path, ids, index.about.recipe, sheet.root)
    return SearchResult(answers, count)


def _by_codes(
    index: Index,
    path: Path,
    feature_files: Sequence[Path],
    ranking: Ranking,
    report: Report | None,
) -> list[Answer]:
    codes = read_codes(path)
    refuse_empty(codes, "query")
    index.refuse(codes)
    index.report_other_transform(codes, report)
    features: Features = {}
    if ranking.feature is not None:
        index.refuse_feature(ranking.feature)
        is_own = ranking.feature == ACTIVATIONS
        features = FeatureFiles(feature_files).of(codes, keep_activations=is_own)
        for blob in features:
            index.refuse_feature(blob)
        if ranking.feature not in features:
            raise UsageError(
                f"re-ranking by '{ranking.feature}' needs that feature of the queries",
                hint="--features FILE, made by ssdh encode --activations --blob " + ranking.feature,
            )
    return _answers(index, list(map(str, codes.ids)), codes.packed, ranking, features)


def _by_images(
    index: Index,
    images: Sequence[Path],
    options: EncoderOptions,
    ranking: Ranking,
    report: Report | None,
) -> list[Answer]:
    if ranking.feature is not None:
        index.refuse_feature(ranking.feature)
    encoder = Encoder(replace(options, batch=min(options.batch, len(images))))
    codes = _codes_of(encoder, images)
    index.refuse(codes)
    index.report_other_transform(codes, report)
    features: Features = {}
    if ranking.feature == ACTIVATIONS:
        features = {ACTIVATIONS: needed_activations(codes)}
    elif ranking.feature is not None:
        other = Encoder(replace(encoder.options, blob=ranking.feature), encoder.net.source)
        features = {ranking.feature: needed_activations(_codes_of(other, images))}
    return _answers(index, list(map(str, codes.ids)), codes.packed, ranking, features)


def _codes_of(encoder: Encoder, images: Sequence[Path]) -> Codes:
    pixels = (encoder.transform.read(each) for each in images)
    return encoder.codes_of(pixels, list(map(str, images)), str(images[0]))


def _by_ids(index: Index, ids: Sequence[str], ranking: Ranking) -> list[Answer]:
    """The neighbours of items of the index; each finds itself first, or an equal item."""
    rows = index.rows(ids)
    features: Features = {}
    if ranking.feature is not None:
        index.refuse_feature(ranking.feature)
        features = {ranking.feature: index.features(ranking.feature, rows)}
    return _answers(index, ids, index.codes(rows), ranking, features)


def _by_texts(index: Index, texts: Sequence[str], ranking: Ranking) -> list[Answer]:
    if ranking.feature is not None:
        raise UsageError("a code alone has no features to re-rank by")
    packed = np.concatenate([_parse_code(text, index) for text in texts])
    return _answers(index, texts, packed, ranking, {})


def _parse_code(text: str, index: Index) -> Packed:
    bits = index.about.bits
    width = -(-bits // 8)
    digits = text.lower().removeprefix("0x")
    if len(text) == bits and set(text) <= set("01"):
        return np.packbits(np.frombuffer(text.encode(), np.uint8) - ord("0"))[None]
    if len(digits) != 2 * width or not set(digits) <= _HEX:
        raise DataError(
            f"'{text}' is not a code of the {bits} bits of {index.name}",
            hint=f"{bits} zeros and ones, or {2 * width} hex digits",
        )
    packed = np.frombuffer(bytes.fromhex(digits), np.uint8)[None]
    if packed[0, -1] & ((1 << (-bits % 8)) - 1):
        raise DataError(
            f"'{text}' has ones after the {bits} bits of {index.name}",
            hint="the last byte of a code is padded with zeros",
        )
    return packed


def _answers(
    index: Index, queries: Sequence[str], packed: Packed, ranking: Ranking, features: Features
) -> list[Answer]:
    """The hits of packed codes [Q, B], whose features are [Q, D]."""
    feature, count = ranking.feature, ranking.count
    shortlist = max(count, ranking.shortlist) if feature else count
    all_distances, all_rows = index.search(packed, shortlist)
    answers = []
    for number, query in enumerate(queries):
        is_found = all_rows[number] >= 0
        distances, rows = all_distances[number][is_found], all_rows[number][is_found]
        feature_distances: list[Any] = [None] * len(rows)
        if feature is not None:
            near: NDArray[np.float32]
            near, ranked = index.rerank(feature, features[feature][number], rows, count)
            by_row = dict(zip(rows.tolist(), distances.tolist(), strict=True))
            distances = np.array([by_row[row] for row in ranked.tolist()], np.int32)
            rows, feature_distances = ranked, near.tolist()
        items = zip(index.items(rows), distances.tolist(), feature_distances, strict=True)
        hits = [
            Hit(item.id, near, item.label, item.label_name, euclidean)
            for item, near, euclidean in items
        ]
        answers.append(Answer(query, tuple(hits)))
    return answers
