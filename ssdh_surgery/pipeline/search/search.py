"""`ssdh search`: querying an index by codes, by its own items, or by an image."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ssdh_surgery.errors import DataError, UsageError
from ssdh_surgery.findings import Finding
from ssdh_surgery.names import readable
from ssdh_surgery.pipeline.encode.encoder import Encoder, EncoderOptions
from ssdh_surgery.pipeline.encode.findings import collapse_finding
from ssdh_surgery.pipeline.search.features import FeatureFiles, needed_activations
from ssdh_surgery.report.hit_sheet import (
    HitSheet,
    ItemSource,
    SheetFile,
    SheetItem,
    SheetRow,
    write_hit_sheet,
)
from ssdh_surgery.retrieval.codes.class_names import LabelName
from ssdh_surgery.retrieval.codes.code_file import read_codes
from ssdh_surgery.retrieval.codes.codes import Codes, refuse_empty
from ssdh_surgery.retrieval.codes.health import health_of
from ssdh_surgery.retrieval.codes.label_text import Label
from ssdh_surgery.retrieval.index.backends import Packed
from ssdh_surgery.retrieval.index.index import ACTIVATIONS, Features, Index, label_value
from ssdh_surgery.retrieval.index.kinds import DEFAULT
from ssdh_surgery.retrieval.index.places import open_index

if TYPE_CHECKING:
    from numpy.typing import NDArray

Report = Callable[[str], None]
_HEX = frozenset("0123456789abcdef")
# Codes of the index whose health is measured.
_SAMPLE = 1000


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
    """The hits of one query, nearest first; `label` is the query's, None if unknown."""

    query: str
    hits: tuple[Hit, ...]
    label: Label = None

    def as_json(self) -> dict[str, Any]:
        """The answer of `search --json`."""
        return {"query": readable(self.query), "hits": [each.as_json() for each in self.hits]}


@dataclass(frozen=True)
class SearchResult:
    """The answers to all queries, and where the images of queries and of hits are.

    `queries` is None where queries are codes alone, which have no images. `note` says why queries
    have fewer hits than they should, `findings` what looks wrong about the codes of the index.
    """

    answers: Sequence[Answer]
    queries: ItemSource | None
    items: ItemSource
    note: str | None = None
    findings: tuple[Finding, ...] = ()

    @property
    def has_hits(self) -> bool:
        """Whether any query has a hit."""
        return any(each.hits for each in self.answers)

    def as_json(self) -> dict[str, Any]:
        """The result of `search --json`."""
        return {"results": [each.as_json() for each in self.answers]}

    def write_sheet(self, file: SheetFile, report: Report) -> HitSheet:
        """Draw the queries and their hits; `report` gets a warning if images are missing.

        Raises:
            DataError: none of the images exists.
            FileError: the PNG exists, or cannot be written.
            MissingExtra: OpenCV is not installed.
        """
        items = self.items.below(file.root)
        queries = items if self.queries is self.items else self.queries
        return write_hit_sheet(file, self._sheet_rows(), queries, items, report)

    def _sheet_rows(self) -> list[SheetRow]:
        return [
            SheetRow(
                SheetItem(each.query, each.label),
                [(SheetItem(hit.id, hit.label), hit.distance) for hit in each.hits],
            )
            for each in self.answers
        ]


def search(
    place: str,
    query: SearchQuery,
    ranking: Ranking,
    report: Report | None = None,
    narrate: Report | None = None,
) -> SearchResult:
    """Find the items of an index that are nearest to a query.

    `report` gets a warning if images were prepared differently from the index's, and `narrate`
    the net and the weights that encode an image, if the weights were not named.

    Raises:
        FileError: a file cannot be read.
        DataError: a file is damaged or empty, the codes are another model's, or the index has no
            such item.
        UsageError: the net is ambiguous or unknown, or features to re-rank by are missing.
        MissingExtra: a library that is needed is not installed.
    """
    with open_index(place) as index:
        items = ItemSource(index.name, index.about.recipe, index.about.class_names)
        queries: ItemSource | None = items
        if query.codes is not None:
            codes = read_codes(query.codes)
            queries = ItemSource(codes.name, codes.recipe, codes.class_names)
            answers = _by_codes(index, codes, query.features, ranking, report)
        elif query.images:
            queries = ItemSource("")
            answers = _by_images(index, query.images, query.encoder, ranking, report, narrate)
        elif query.ids:
            answers = _by_ids(index, query.ids, ranking)
        else:
            queries = None
            answers = _by_texts(index, query.texts, ranking)
        note = _shortage(index, answers, ranking.count)
        return SearchResult(answers, queries, items, note, _findings(index))


def _shortage(index: Index, answers: Sequence[Answer], count: int) -> str | None:
    """A sentence if an approximate search found fewer items than there are."""
    most = min(count, len(index))
    short = [each for each in answers if len(each.hits) < most]
    if not short:
        return None
    if len(answers) == 1:
        hits = len(answers[0].hits)
        found = f"{hits:,} hit{'s' * (hits != 1)} of {most:,}"
    else:
        found = f"{len(short):,} of {len(answers):,} queries have fewer than {most:,} hits"
    return f"{found}: {index.about.kind} looks near the query alone; {DEFAULT} finds the rest"


def _findings(index: Index) -> tuple[Finding, ...]:
    """What looks wrong about the codes of an index, by a sample of them."""
    if not len(index):
        return ()
    health = health_of(index.sample(_SAMPLE), index.about.bits)
    finding = collapse_finding(health) if health.is_constant else None
    return () if finding is None else (finding,)


def _by_codes(
    index: Index,
    codes: Codes,
    feature_files: Sequence[Path],
    ranking: Ranking,
    report: Report | None,
) -> list[Answer]:
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
    answers = _answers(index, list(map(str, codes.ids)), codes.packed, ranking, features)
    labels = map(label_value, codes.labels)
    return [replace(each, label=label) for each, label in zip(answers, labels, strict=True)]


def _by_images(
    index: Index,
    images: Sequence[Path],
    options: EncoderOptions,
    ranking: Ranking,
    report: Report | None,
    narrate: Report | None,
) -> list[Answer]:
    if ranking.feature is not None:
        index.refuse_feature(ranking.feature)
    encoder = Encoder(replace(options, batch=min(options.batch, len(images))))
    if report is not None:
        for sentence in encoder.passed_over:
            report(sentence)
    if narrate is not None and options.weights is None:
        narrate(f"{encoder.net.source.name} with {encoder.weights}")
    codes = _codes_of(encoder, images)
    index.refuse(codes)
    index.report_other_transform(codes, report)
    features: Features = {}
    if ranking.feature == ACTIVATIONS:
        features = {ACTIVATIONS: needed_activations(codes)}
    elif ranking.feature is not None:
        same_weights = replace(encoder.options, blob=ranking.feature, weights=encoder.weights)
        other = Encoder(same_weights, encoder.net.source)
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
    answers = _answers(index, ids, index.codes(rows), ranking, features)
    items = index.items(rows)
    return [replace(each, label=item.label) for each, item in zip(answers, items, strict=True)]


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
