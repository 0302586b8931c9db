"""The address of a table: `postgresql://USER@HOST/DATABASE#TABLE`, shown without a password."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from psycopg.conninfo import conninfo_to_dict
from psycopg.errors import ProgrammingError

from ssdh_surgery.errors import UsageError
from ssdh_surgery.names import name_bytes, printable

# PostgreSQL truncates longer names, so that two become one.
NAME_BYTES = 63
# Seconds to wait for a server that does not answer.
_PATIENCE = "10"
_EXAMPLE = "postgresql://USER@HOST/DATABASE#TABLE, or #SCHEMA.TABLE"


@dataclass(frozen=True)
class Address:
    """A table of a database.

    Args:
        server: libpq's parameters, including the password.
        table: its name, after its schema if the URL has one.
    """

    server: dict[str, Any]
    table: tuple[str, ...]

    def __str__(self) -> str:
        user, host, port, database = (
            self.server.get(key) or "" for key in ("user", "host", "port", "dbname")
        )
        server = f"{user}@{host}" if user else host
        return f"postgresql://{server}{port and f':{port}'}/{database}#{'.'.join(self.table)}"


def read_address(url: str) -> Address:
    """Parse a URL.

    Parts that the URL leaves out come from the usual places of PostgreSQL clients, such as
    `PGHOST`, `PGPASSWORD` and `~/.pgpass`.

    Raises:
        UsageError: it is not such a URL, or names no table; the message does not quote it.
    """
    server, _, name = url.rpartition("#")
    table = tuple(name.split(".", 1))
    # Server syntax after '#' means that a '#' in the password is not spelled '%23'.
    if not server or not all(table) or set("@/?") & set(name):
        raise UsageError("the URL of the database names no table", hint=_EXAMPLE)
    _refuse_long(table)
    try:
        parameters = dict(conninfo_to_dict(server))
    except ProgrammingError:
        # Neither shown nor chained, because the reason quotes part of the URL.
        raise UsageError("the URL of the database cannot be parsed", hint=_EXAMPLE) from None
    if "PGCONNECT_TIMEOUT" not in os.environ:
        parameters.setdefault("connect_timeout", _PATIENCE)
    return Address(parameters, table)


def _refuse_long(table: tuple[str, ...]) -> None:
    """Refuse a name that the server would truncate, and take for that of another table."""
    for name, kind in zip(table[::-1], ("table", "schema"), strict=False):
        size = len(name_bytes(name))
        if size > NAME_BYTES:
            raise UsageError(
                f"the name of the {kind} '{printable(name)}' has {size} bytes, and PostgreSQL "
                f"truncates names to {NAME_BYTES}",
                hint="choose a shorter name",
            )
