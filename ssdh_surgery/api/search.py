"""`ssdh search` as a function."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Unpack

from ssdh_surgery.api.encoder_keywords import EncoderKeywords, encoder_options
from ssdh_surgery.api.keywords import check, optional_path, paths, texts
from ssdh_surgery.errors import UsageError
from ssdh_surgery.pipeline.search import search as story
from ssdh_surgery.pipeline.settings.value_types import Integer


@dataclass(frozen=True)
class SearchResult:
    """The answers to all queries, in their order, and the reasons to doubt them."""

    answers: tuple[story.Answer, ...]
    warnings: tuple[str, ...]


def search(
    index: str | Path,
    *,
    queries: str | Path | None = None,
    images: str | Path | Iterable[str | Path] = (),
    ids: str | Iterable[str] = (),
    codes: str | Iterable[str] = (),
    k: int = 10,
    rerank: str | None = None,
    shortlist: int | None = None,
    features: str | Path | Iterable[str | Path] = (),
    **encoder: Unpack[EncoderKeywords],
) -> SearchResult:
    """Find the items whose codes are nearest by Hamming distance, as `ssdh search` does.

    One of `queries`, `images`, `ids` and `codes` says what to search with.

    Args:
        index: a file, or `postgresql://USER@HOST/DATABASE#TABLE`.
        queries: a file of codes.
        images: images, which are encoded first.
        ids: items of the index.
        codes: codes as zeros and ones, or as the hex of their packed bytes.
        k: the number of hits of each query.
        rerank: re-rank the nearest codes by a feature that the index keeps: `activations`, or
            the name of a blob.
        shortlist: the number of nearest codes to re-rank; by default ten times `k`, at least 100.
        features: activations of the queries, to re-rank by a blob.
        encoder: with `images`, the net and the preparation of its input, as in the options of the
            command; by default those of `ssdh.toml`.

    Raises:
        SsdhError: a file cannot be read, or the codes are those of another model.
    """
    query = story.SearchQuery(
        codes=optional_path(queries),
        features=paths(features),
        images=paths(images),
        ids=texts(ids),
        texts=texts(codes),
        encoder=encoder_options("search", encoder),
    )
    kinds = (queries is not None, bool(query.images), bool(query.ids), bool(query.texts))
    if sum(kinds) != 1:
        raise UsageError("search needs one of queries, images, ids and codes")
    if rerank is None and (shortlist is not None or query.features):
        raise UsageError("shortlist and features belong to rerank")
    if query.features and queries is None:
        raise UsageError("features belong to queries")
    count = check("k", k, Integer(1))
    candidates = check("shortlist", shortlist, Integer(1)) or max(100, 10 * count)
    warnings: list[str] = []
    result = story.search(
        str(index), query, story.Ranking(count, rerank, candidates), report=warnings.append
    )
    return SearchResult(tuple(result.answers), tuple(warnings))
