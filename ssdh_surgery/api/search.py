"""`ssdh search` as a function."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Unpack

from ssdh_surgery.api.encoder_keywords import EncoderKeywords, encoder_options
from ssdh_surgery.api.keywords import check, optional_path, paths, texts
from ssdh_surgery.pipeline.search import search as story
from ssdh_surgery.pipeline.settings.value_types import Integer


def search(
    index: str | Path,
    *,
    queries: str | Path | None = None,
    image: str | Path | None = None,
    ids: str | Iterable[str] = (),
    codes: str | Iterable[str] = (),
    k: int = 10,
    rerank: str | None = None,
    shortlist: int | None = None,
    features: str | Path | Iterable[str | Path] = (),
    sheet: str | Path | None = None,
    root: str | Path | None = None,
    force: bool = False,
    **encoder: Unpack[EncoderKeywords],
) -> story.SearchResult:
    """Find the items whose codes are nearest by Hamming distance, as `ssdh search` does.

    One of `queries`, `image`, `ids` and `codes` says what to search with.

    Args:
        index: a file, or `postgresql://USER@HOST/DATABASE#TABLE`.
        queries: a file of codes.
        image: an image, which is encoded first.
        ids: items of the index.
        codes: codes as zeros and ones, or as the hex of their packed bytes.
        k: the number of hits of each query.
        rerank: re-rank the nearest codes by a feature that the index keeps: `activations`, or
            the name of a blob.
        shortlist: the number of nearest codes to re-rank; by default ten times `k`, at least 100.
        features: activations of the queries, to re-rank by a blob.
        sheet: draw the hits on this PNG.
        root: the folder of the images of the sheet; by default the source of the index.
        force: replace an existing PNG.
        encoder: with `image`, the net and the preparation of its input, as in the options of the
            command; by default those of `ssdh.toml`.

    Raises:
        SsdhError: a file cannot be read or written, or the codes are those of another model.
    """
    query = story.SearchQuery(
        optional_path(queries),
        paths(features),
        optional_path(image),
        texts(ids),
        texts(codes),
        encoder_options("search", encoder),
    )
    ranking = story.Ranking(
        check("k", k, Integer(1)), rerank, check("shortlist", shortlist, Integer(1))
    )
    drawing = None
    if sheet is not None:
        drawing = story.SearchSheet(Path(sheet), None if root is None else str(root), force)
    return story.search(str(index), query, ranking, drawing)
