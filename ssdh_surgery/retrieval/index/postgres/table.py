"""A table of a database in one transaction: queries on it, and errors in sentences."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, LiteralString

import psycopg
from psycopg.sql import SQL, Composable, Composed, Identifier, Literal

from ssdh_surgery.errors import DataError, FileError
from ssdh_surgery.location import Location
from ssdh_surgery.retrieval.index.postgres.address import Address

# Searching on in the graph until enough is found came with this version of pgvector.
_OLDEST = (0, 8)


class Table:
    """A table, which need not exist, of a database that has pgvector.

    Nothing that is done lasts before `commit`.

    Raises:
        FileError: the database cannot be reached.
        DataError: it lacks pgvector, or has one that is too old.
    """

    def __init__(self, address: Address) -> None:
        self.where = Location(str(address))
        self._address = address
        self._name = Identifier(*address.table)
        try:
            # Plans are not kept: they would outlive the settings that they were made under.
            self._connection = psycopg.connect(**address.server, prepare_threshold=None)
        except psycopg.Error as error:
            # Not chained: a traceback would show how the connection was asked for.
            raise FileError(
                f"cannot connect to PostgreSQL: {self._reason(error)}",
                location=self.where,
                hint="is the server running, and does psql connect with this URL?",
            ) from None
        try:
            self._refuse_without_vector()
        except BaseException:
            self.close()
            raise

    def _reason(self, error: psycopg.Error) -> str:
        lines = str(error).strip().splitlines() or ["no reason given"]
        reason = lines[0].removeprefix("connection failed: ").removeprefix("connection is bad: ")
        password = self._address.server.get("password")
        return reason.replace(password, "***") if password else reason

    def _refuse_without_vector(self) -> None:
        found = self.query(
            "SELECT installed_version FROM pg_available_extensions WHERE name = 'vector'"
        )
        if not found:
            message = "the server has no pgvector"
            hint = "install it there: a package such as postgresql-17-pgvector"
        elif found[0][0] is None:
            message = "the database does not use the extension pgvector yet"
            hint = "once, as its owner: psql -c 'CREATE EXTENSION vector'"
        elif tuple(map(int, found[0][0].split(".")[:2])) < _OLDEST:
            message = f"pgvector {found[0][0]} is too old, {'.'.join(map(str, _OLDEST))} is needed"
            hint = "update it there, then: psql -c 'ALTER EXTENSION vector UPDATE'"
        else:
            return
        raise DataError(message, location=self.where, hint=hint)

    def query(
        self, text: LiteralString, values: Any = None, **parts: Composable
    ) -> list[tuple[Any, ...]]:
        """What a query answers; `{table}` is the table, other names in braces are `parts`.

        Raises:
            FileError: the server refuses it.
        """
        written = {
            name: part.as_string(self._connection)
            for name, part in {"table": self._name, **parts}.items()
        }
        if values is not None:
            # A name may have a sign in it that would stand for a value.
            written = {name: part.replace("%", "%%") for name, part in written.items()}
        with self._explained():
            answer = self._connection.execute(text.format(**written).encode(), values)
            return answer.fetchall() if answer.description else []

    def copy(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        """Put many rows into a table of that name.

        Raises:
            FileError: the server refuses them.
        """
        query = SQL("COPY {} ({}) FROM STDIN").format(Identifier(table), names(columns))
        with self._explained(), self._connection.cursor() as cursor, cursor.copy(query) as copy:
            for row in rows:
                copy.write_row(row)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except psycopg.Error as error:
            reason = error.diag.message_primary or self._reason(error)
            raise FileError(f"PostgreSQL says: {reason}", location=self.where) from error

    def exists(self) -> bool:
        """Whether the database has the table."""
        return self.query("SELECT to_regclass({name})", name=self._quoted)[0][0] is not None

    def comment(self) -> str | None:
        """The comment on the table, if it has one."""
        text: LiteralString = "SELECT obj_description(to_regclass({name}), 'pg_class')"
        found: str | None = self.query(text, name=self._quoted)[0][0]
        return found

    @property
    def _quoted(self) -> Literal:
        return Literal(self._name.as_string(self._connection))

    def commit(self) -> None:
        """Make all that was done last.

        Raises:
            FileError: the server refuses it.
        """
        with self._explained():
            self._connection.commit()

    def close(self) -> None:
        """Close the connection; what was not committed is lost."""
        self._connection.close()


def names(columns: Iterable[str]) -> Composed:
    """Names of columns, with commas between."""
    return SQL(", ").join(map(Identifier, columns))
