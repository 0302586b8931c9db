"""Where an index is kept: a file, or a table of PostgreSQL; made and opened by its place."""

from __future__ import annotations

from types import ModuleType

from ssdh_surgery.errors import of_extra
from ssdh_surgery.retrieval.index.index import About, Index


def is_database(place: str) -> bool:
    """Whether a place is the URL of a PostgreSQL, else it is a file."""
    return place.startswith(("postgresql://", "postgres://"))


def create_index(place: str, about: About, *, force: bool = False) -> Index:
    """A new index without items; nothing is written before it is saved.

    Args:
        place: a file, or `postgresql://HOST/DATABASE#TABLE`.
        about: what it is.
        force: replace an index that is there.

    Raises:
        FileError: something is there, or the database cannot be reached.
        UsageError: the URL names no table, or there is no such kind in a database.
        MissingExtra: psycopg is not installed.
    """
    if is_database(place):
        made: Index = _postgres().create_postgres_index(place, about, force=force)
        return made
    from ssdh_surgery.retrieval.index.file_index import create_file_index

    return create_file_index(place, about, force=force)


def open_index(place: str) -> Index:
    """Open an index, a file or a table of a database; a context manager that closes it.

    Raises:
        FileError: it is missing or cannot be read, or the database cannot be reached.
        DataError: it is no index, cut short or damaged, or of a newer form.
        UsageError: a URL names no table.
        MissingExtra: psycopg is not installed.
    """
    if is_database(place):
        found: Index = _postgres().open_postgres_index(place)
        return found
    from ssdh_surgery.retrieval.index.file_index import open_file_index

    return open_file_index(place)


def _postgres() -> ModuleType:
    with of_extra("postgres", "an index in PostgreSQL"):
        from ssdh_surgery.retrieval.index.postgres import postgres_index
    return postgres_index
