"""The table of an index: its columns, and the comment that describes the index.

A row is an item: `place` (the order in which items were added), `id`, `code` (`bit(K)`),
`label` (or `labels`, if items have several) and a column `feature_NAME` for each feature. The
recipe of the codes is in the comment of the table, and so goes wherever the table goes.
"""

from __future__ import annotations

import json

from psycopg.sql import SQL, Composed, Identifier, Literal

from ssdh_surgery.errors import DataError
from ssdh_surgery.retrieval.index.index import About
from ssdh_surgery.retrieval.index.kinds import postgres_kinds
from ssdh_surgery.retrieval.index.postgres.address import NAME_BYTES
from ssdh_surgery.retrieval.index.postgres.table import Table

_VERSION = 1


def create_table(table: Table, about: About) -> None:
    """Create the table of an index without items.

    Raises:
        DataError: a feature has a name too long for a column.
    """
    columns = [
        SQL("place bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY"),
        SQL("id text NOT NULL UNIQUE"),
        SQL("code {} NOT NULL").format(bit_type(about)),
        SQL("label bigint" if about.classes is None else "labels bigint[] NOT NULL"),
    ]
    for name, width in about.features.items():
        column = feature_column(name)
        if len(column.encode()) > NAME_BYTES:
            raise DataError(
                f"the name of the feature '{name}' is too long for a column of PostgreSQL",
                location=table.where,
            )
        form = SQL("{} vector({}) NOT NULL")
        columns.append(form.format(Identifier(column), Literal(width)))
    table.query("CREATE TABLE {table} ({columns})", columns=SQL(", ").join(columns))
    describe(table, about)


def describe(table: Table, about: About) -> None:
    """Write the description of an index to the comment of its table."""
    description = {
        "ssdh_index": _VERSION,
        "kind": about.kind,
        "bits": about.bits,
        "classes": about.classes,
        "features": dict(about.features),
        "recipe": dict(about.recipe),
        "class_names": about.class_names,
    }
    table.query("COMMENT ON TABLE {table} IS {comment}", comment=Literal(json.dumps(description)))


def read_about(table: Table) -> About:
    """The description of an index in the comment of its table.

    Raises:
        DataError: it is not an index, or was made by a newer version.
    """
    try:
        values = json.loads(table.comment() or "")
        version = values["ssdh_index"]
        names = ("kind", "bits", "recipe", "classes", "features")
        about = About(
            **{name: values[name] for name in names},
            class_names=tuple(values.get("class_names", ())),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(
            "the table is not an index: its comment does not describe one",
            location=table.where,
            hint="use another name for the index",
        ) from error
    if version != _VERSION or about.kind not in postgres_kinds():
        raise DataError(
            f"an index of version {version} and kind '{about.kind}': a newer ssdh-surgery made it",
            location=table.where,
        )
    return about


def bit_type(about: About) -> Composed:
    """The type of the codes of an index."""
    return SQL("bit({})").format(Literal(about.bits))


def feature_column(feature: str) -> str:
    """The column of a feature."""
    return f"feature_{feature}"
