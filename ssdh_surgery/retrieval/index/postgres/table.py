"""A table of a database in one transaction: queries, with readable errors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, LiteralString

import psycopg
from psycopg.sql import SQL, Composable, Composed, Identifier, Literal

from ssdh_surgery.errors import DataError, FileError
from ssdh_surgery.location import Location
from ssdh_surgery.retrieval.index.postgres.address import Address

# The first version of pgvector with iterative scans of the graph.
_OLDEST = (0, 8)


class Table:
    """A table, existing or not, of a database that has pgvector.

    No change is permanent before `commit`.

    Raises:
        FileError: the database cannot be reached.
        DataError: it lacks pgvector, or has one that is too old.
    """

    def __init__(self, address: Address) -> None:
        self.where = Location(str(address))
        self._address = address
        self._name = Identifier(*address.table)
        try:
            # No prepared plans: they would outlive the settings that they were made for.
            self._connection = psycopg.connect(**address.server, prepare_threshold=None)
        except psycopg.Error as error:
            # Not chained, because a traceback would show the connection parameters.
            raise FileError(
                f"cannot connect to PostgreSQL: {self._reason(error)}",
                location=self.where,
                hint="check that the server runs, and that psql connects with this URL",
            ) from None
        # What another transaction changed before the table was locked is seen.
        self._connection.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
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
        versions = self.query(
            "SELECT installed_version FROM pg_available_extensions WHERE name = 'vector'"
        )
        if not versions:
            message = "the server has no pgvector"
            hint = "install it there: a package such as postgresql-17-pgvector"
        elif versions[0][0] is None:
            message = "the database has not enabled the extension pgvector"
            hint = "once, as its owner: psql -c 'CREATE EXTENSION vector'"
        elif tuple(map(int, versions[0][0].split(".")[:2])) < _OLDEST:
            oldest = ".".join(map(str, _OLDEST))
            message = f"pgvector {versions[0][0]} is too old; {oldest} or newer is needed"
            hint = "update it there, then: psql -c 'ALTER EXTENSION vector UPDATE'"
        else:
            return
        raise DataError(message, location=self.where, hint=hint)

    def query(
        self, text: LiteralString, values: Any = None, **parts: Composable
    ) -> list[tuple[Any, ...]]:
        """The rows that a query returns; `{table}` is the table, other names in braces are `parts`.

        Raises:
            FileError: the server refuses it.
        """
        written = {
            name: part.as_string(self._connection)
            for name, part in {"table": self._name, **parts}.items()
        }
        if values is not None:
            # A name may contain a percent sign, which would stand for a value.
            written = {name: part.replace("%", "%%") for name, part in written.items()}
        with self._explained():
            answer = self._connection.execute(text.format(**written).encode(), values)
            return answer.fetchall() if answer.description else []

    def copy(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        """Copy many rows into the table of a name.

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

    def lock(self) -> None:
        """Let others read the table, and change it when this transaction has ended.

        Raises:
            FileError: the server refuses it.
        """
        self.query("LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE")

    def comment(self) -> str | None:
        """The comment on the table, if it has one."""
        text: LiteralString = "SELECT obj_description(to_regclass({name}), 'pg_class')"
        comment: str | None = self.query(text, name=self._quoted)[0][0]
        return comment

    @property
    def _quoted(self) -> Literal:
        return Literal(self._name.as_string(self._connection))

    def commit(self) -> None:
        """Make all changes permanent.

        Raises:
            FileError: the server refuses it.
        """
        with self._explained():
            self._connection.commit()

    def close(self) -> None:
        """Close the connection; uncommitted changes are lost."""
        self._connection.close()


def names(columns: Iterable[str]) -> Composed:
    """Names of columns, separated by commas."""
    return SQL(", ").join(map(Identifier, columns))
