"""The place of an index, a file or a table of PostgreSQL: where one is created and opened."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from types import ModuleType

from ssdh_surgery.errors import of_extra
from ssdh_surgery.retrieval.index.index import About, Index


def is_database(place: str) -> bool:
    """Whether a place is the URL of a PostgreSQL; else it is a file."""
    return place.startswith(("postgresql://", "postgres://"))


def create_index(place: str, about: About, *, force: bool = False) -> Index:
    """A new index without items; `save` writes it.

    Args:
        place: a file, or `postgresql://HOST/DATABASE#TABLE`.
        about: the description of the index.
        force: replace an existing index.

    Raises:
        FileError: the place exists, or the database cannot be reached.
        UsageError: the URL names no table, or a table cannot have this kind.
        MissingExtra: psycopg is not installed.
    """
    if is_database(place):
        index: Index = _postgres().create_postgres_index(place, about, force=force)
        return index
    from ssdh_surgery.retrieval.index.file_index import create_file_index

    return create_file_index(place, about, force=force)


def open_index(place: str) -> Index:
    """Open an index; it is a context manager that closes it.

    Raises:
        FileError: it is missing or cannot be read, or the database cannot be reached.
        DataError: it is not an index, truncated or damaged, or made by a newer version.
        UsageError: a URL names no table.
        MissingExtra: psycopg is not installed.
    """
    if is_database(place):
        index: Index = _postgres().open_postgres_index(place)
        return index
    from ssdh_surgery.retrieval.index.file_index import open_file_index

    return open_file_index(place)


@contextlib.contextmanager
def changing_index(place: str) -> Iterator[Index]:
    """Open an index for a block that changes it; other processes wait until its end.

    Raises:
        FileError, DataError, UsageError, MissingExtra: see `open_index`; or it is read-only.
    """
    if is_database(place):
        with _postgres().open_postgres_index(place, is_changed=True) as index:
            yield index
        return
    from ssdh_surgery.retrieval.index.file_index import changing_file_index

    with changing_file_index(place) as index:
        yield index


def _postgres() -> ModuleType:
    with of_extra("postgres", "an index in PostgreSQL"):
        from ssdh_surgery.retrieval.index.postgres import postgres_index
    return postgres_index
