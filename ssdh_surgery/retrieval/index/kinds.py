"""The table of index kinds: how each searches, what it needs, and where such an index can live.

A new kind is a line here and a class in `backends/`; everything else reads this table.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from ssdh_surgery.errors import UsageError


@dataclass(frozen=True)
class IndexKind:
    """One way to search codes.

    Args:
        name: its name in `--kind` and in the index.
        summary: what it is, for help texts.
        backend: the class that searches an index in a file, `MODULE:CLASS` below `backends/`.
        options: what the backend is tuned by.
        is_exact: whether it finds the true nearest codes.
        min_codes: a smaller index in a file is searched by `DEFAULT` instead.
        pgvector: how a table of PostgreSQL is searched; None where no table has this kind.
    """

    name: str
    summary: str
    backend: str
    options: Mapping[str, float] = field(default_factory=dict)
    is_exact: bool = False
    min_codes: int = 0
    pgvector: Literal["scan", "hnsw"] | None = None


# FAISS cannot train inverted lists on fewer codes, and an exact search is fast enough there.
_MIN_CODES = 1024
_TABLE = (
    IndexKind("flat", "exact, by FAISS", "faiss:Flat", is_exact=True, pgvector="scan"),
    IndexKind(
        "ivf", "approximate, inverted lists", "faiss:InvertedLists",
        {"share_probed": 0.05}, min_codes=_MIN_CODES,
    ),
    IndexKind(
        "hnsw", "approximate, a graph", "graph:Graph",
        {"links": 32, "searched": 128}, min_codes=_MIN_CODES, pgvector="hnsw",
    ),
    IndexKind(
        "multihash", "approximate, hash tables", "faiss:MultiHash",
        {"tables": 4}, min_codes=_MIN_CODES,
    ),
    IndexKind(
        "hash", "approximate, one hash table", "faiss:Hash",
        {"flips": 2}, min_codes=_MIN_CODES,
    ),
    IndexKind("numpy", "exact, without FAISS", "plain:Plain", is_exact=True),
)  # fmt: skip
KINDS: dict[str, IndexKind] = {kind.name: kind for kind in _TABLE}
# Exact, and in every place.
DEFAULT = "flat"


def index_kind(name: str) -> IndexKind:
    """The kind of a name.

    Raises:
        UsageError: there is none.
    """
    if name not in KINDS:
        raise UsageError(f"no kind of index is called '{name}'", hint=f"one of {', '.join(KINDS)}")
    return KINDS[name]


def postgres_kinds() -> list[str]:
    """The names of the kinds that a table of PostgreSQL can have."""
    return [kind.name for kind in KINDS.values() if kind.pgvector is not None]


def alternatives(names: Iterable[str]) -> str:
    """Names joined for a sentence: `flat or hnsw`."""
    *others, last = names
    return f"{', '.join(others)} or {last}" if others else last
