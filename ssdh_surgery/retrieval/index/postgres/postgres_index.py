"""An index in a table: searched by the server, changed in one transaction or not at all.

Kind `flat` compares all codes with `<~>`; `hnsw` has an index with `bit_hamming_ops`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, LiteralString

import numpy as np
from numpy.typing import NDArray
from psycopg.sql import SQL, Identifier, Literal

from ssdh_surgery.errors import DataError, FileError, UsageError
from ssdh_surgery.names import printable
from ssdh_surgery.retrieval.codes.codes import Codes
from ssdh_surgery.retrieval.index.backends import Neighbours, Packed
from ssdh_surgery.retrieval.index.index import (
    REPLACE_OR_ADD,
    About,
    Features,
    Index,
    IndexItem,
    Report,
)
from ssdh_surgery.retrieval.index.kinds import KINDS, alternatives, postgres_kinds
from ssdh_surgery.retrieval.index.postgres.address import read_address
from ssdh_surgery.retrieval.index.postgres.layout import (
    bit_type,
    create_table,
    describe,
    feature_column,
    read_about,
)
from ssdh_surgery.retrieval.index.postgres.rows import (
    bit_texts,
    id_of,
    id_text,
    packed_bits,
    rows_of,
    vectors,
)
from ssdh_surgery.retrieval.index.postgres.table import Table, names

# Candidates in the search of the graph, at least and at most: pgvector's limit.
_SEARCHED = (128, 1000)


class PostgresIndex(Index):
    """An index in a table; its changes are one transaction, which `save` commits.

    Args:
        table: the table.
        about: what the index is.
        is_new: whether the table was created in this transaction.
    """

    def __init__(self, table: Table, about: About, *, is_new: bool = False) -> None:
        self.name = table.where.file
        self.about = about
        self._table = table
        self._is_new = is_new
        self._is_graph = KINDS[about.kind].pgvector == "hnsw"

    def close(self) -> None:
        """See `Index.close`."""
        self._table.close()

    def __len__(self) -> int:
        return int(self._table.query("SELECT count(*) FROM {table}")[0][0])

    def search(self, queries: Packed, k: int) -> Neighbours:
        """See `Index.search`."""
        if self._is_graph:
            least, most = _SEARCHED
            self._table.query(
                "SET LOCAL hnsw.ef_search = {count}; SET LOCAL hnsw.iterative_scan = strict_order",
                count=Literal(min(most, max(least, 2 * k))),
            )
        return self._nearest(queries, k)

    def exact(self, queries: Packed, k: int) -> Neighbours:
        """See `Index.exact`."""
        self._table.query("SET LOCAL enable_indexscan = off")
        neighbours = self._nearest(queries, k)
        self._table.query("SET LOCAL enable_indexscan = on")
        return neighbours

    def _nearest(self, queries: Packed, k: int) -> Neighbours:
        answer = self._table.query(
            "SELECT number - 1, distance, place FROM unnest(%s::{type}[]) "
            "WITH ORDINALITY AS query (code, number), LATERAL ("
            "SELECT (stored.code <~> query.code)::int AS distance, place FROM {table} AS stored "
            "ORDER BY stored.code <~> query.code, place LIMIT %s) AS nearest "
            "ORDER BY number, distance, place",
            ["{" + ",".join(bit_texts(queries, self.about.bits)) + "}", k],
            type=bit_type(self.about),
        )
        counts = np.bincount([number for number, _, _ in answer], minlength=len(queries))
        is_found = np.arange(counts.max(initial=0)) < counts[:, None]
        distances = np.full(is_found.shape, -1, np.int32)
        rows = np.full(is_found.shape, -1, np.int64)
        # Answers are ordered by query and distance, as the cells are.
        distances[is_found] = [distance for _, distance, _ in answer]
        rows[is_found] = [place for _, _, place in answer]
        return distances, rows

    def _of_rows(self, rows: NDArray[np.int64], *columns: str) -> list[tuple[Any, ...]]:
        """Columns of rows, in the order of the rows."""
        text: LiteralString = "SELECT place, {columns} FROM {table} WHERE place = ANY(%s)"
        answer = self._table.query(text, [rows.tolist()], columns=names(columns))
        by_place = {place: values for place, *values in answer}
        return [tuple(by_place[row]) for row in rows.tolist()]

    def items(self, rows: NDArray[np.int64]) -> list[IndexItem]:
        """See `Index.items`."""
        columns = self._of_rows(rows, "id", self._label_column)
        return [self.item(id_of(name), label) for name, label in columns]

    def largest_label(self) -> int:
        """See `Index.largest_label`."""
        if self.about.classes is None:
            text: LiteralString = "SELECT max(label) FROM {table}"
        else:
            text = "SELECT max(label) FROM {table}, unnest(labels) AS label"
        largest = self._table.query(text)[0][0]
        return -1 if largest is None else int(largest)

    @property
    def _label_column(self) -> str:
        return "label" if self.about.classes is None else "labels"

    def rows(self, ids: Sequence[str]) -> NDArray[np.int64]:
        """See `Index.rows`."""
        texts = [id_text(each) for each in ids]
        text_ids: LiteralString = "SELECT id, place FROM {table} WHERE id = ANY(%s)"
        places = dict(self._table.query(text_ids, [texts]))
        for name, text in zip(ids, texts, strict=True):
            if text not in places:
                raise DataError(f"no item has the id '{printable(name)}'", location=self.where)
        return np.array([places[text] for text in texts], np.int64)

    def codes(self, rows: NDArray[np.int64]) -> Packed:
        """See `Index.codes`."""
        return packed_bits([code for (code,) in self._of_rows(rows, "code")], self.about.bits)

    def features(self, name: str, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """See `Index.features`."""
        texts = [text for (text,) in self._of_rows(rows, feature_column(name))]
        return vectors(texts, self.about.features[name])

    def sample(self, count: int) -> Packed:
        """See `Index.sample`."""
        step = max(1, len(self) // count)
        rows = self._table.query(
            "SELECT code FROM (SELECT code, row_number() OVER (ORDER BY place) AS number "
            "FROM {table}) AS numbered WHERE (number - 1) %% %s = 0 ORDER BY number LIMIT %s",
            [step, count],
        )
        return packed_bits([code for (code,) in rows], self.about.bits)

    def add(
        self,
        codes: Codes,
        features: Features | None = None,
        *,
        replace: bool = False,
        report: Report | None = None,
    ) -> tuple[int, int]:
        """See `Index.add`."""
        class_names = self.about.class_names
        codes, kept = self.prepare_new(codes, features, report)
        if self.about.class_names != class_names:
            describe(self._table, self.about)
        columns = ["id", "code", self._label_column, *map(feature_column, kept)]
        self._table.query("DROP TABLE IF EXISTS pg_temp.incoming")  # of codes that were refused
        self._table.query(
            "CREATE TEMPORARY TABLE incoming ON COMMIT DROP AS "
            "SELECT 0::bigint AS number, {columns} FROM {table} WITH NO DATA",
            columns=names(columns),
        )
        rows = ((number, *row) for number, row in enumerate(rows_of(codes, kept)))
        self._table.copy("incoming", ["number", *columns], rows)
        text: LiteralString = "SELECT number FROM incoming JOIN {table} USING (id) ORDER BY number"
        duplicates = [number for (number,) in self._table.query(text)]
        if not replace:
            self.refuse_duplicates(codes, duplicates)
        if duplicates:
            changed = [SQL("{0} = incoming.{0}").format(Identifier(each)) for each in columns]
            self._table.query(
                "UPDATE {table} AS mine SET {changed} FROM incoming WHERE mine.id = incoming.id",
                changed=SQL(", ").join(changed),
            )
        self._table.query(
            "INSERT INTO {table} ({columns}) SELECT {columns} FROM incoming WHERE NOT EXISTS "
            "(SELECT FROM {table} AS mine WHERE mine.id = incoming.id) ORDER BY number",
            columns=names(columns),
        )
        self._table.query("DROP TABLE incoming")
        return len(codes) - len(duplicates), len(duplicates)

    def remove(self, ids: Sequence[str]) -> int:
        """See `Index.remove`."""
        rows = set(self.rows(ids).tolist())
        self._table.query("DELETE FROM {table} WHERE place = ANY(%s)", [list(rows)])
        return len(rows)

    def save(self) -> None:
        """See `Index.save`; the graph of a new index is built here, from all codes."""
        if self._is_new and self._is_graph:
            self._table.query("CREATE INDEX ON {table} USING hnsw (code bit_hamming_ops)")
        self._table.query("ANALYZE {table}")
        describe(self._table, self.about)
        self._table.commit()
        self._is_new = False


def create_postgres_index(url: str, about: About, *, force: bool = False) -> PostgresIndex:
    """A new table without items; `force` drops an index of that name first.

    Raises:
        UsageError: the URL names no table, or a table cannot have this kind.
        FileError: the database cannot be reached, or the table exists.
        DataError: the database lacks pgvector, or the existing table is not an index.
    """
    address = read_address(url)
    if about.kind not in (kinds := postgres_kinds()):
        raise UsageError(
            f"an index in PostgreSQL is of kind {alternatives(kinds)}, not {about.kind}"
        )
    table = Table(address)
    try:
        if table.exists():
            if not force:
                raise FileError(
                    "the table exists; nothing was written",
                    location=table.where,
                    hint=REPLACE_OR_ADD,
                )
            read_about(table)  # refuses to drop any other table
            table.query("DROP TABLE {table}")
        create_table(table, about)
    except BaseException:
        table.close()
        raise
    return PostgresIndex(table, about, is_new=True)


def open_postgres_index(url: str, *, is_changed: bool = False) -> PostgresIndex:
    """Open the index in a table; where it is changed, other changes of it wait for the end.

    Raises:
        UsageError: the URL names no table.
        FileError: the database cannot be reached, or has no such table.
        DataError: it lacks pgvector, or the table is not an index.
    """
    table = Table(read_address(url))
    try:
        if not table.exists():
            raise FileError(
                "the database has no such table",
                location=table.where,
                hint="'ssdh index build' makes it",
            )
        if is_changed:
            table.lock()
        return PostgresIndex(table, read_about(table))
    except BaseException:
        table.close()
        raise
