"""Where a table is: `postgresql://USER@HOST/DATABASE#TABLE`, shown without its password."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from psycopg.conninfo import conninfo_to_dict
from psycopg.errors import ProgrammingError

from ssdh_surgery.errors import UsageError

# A server that does not answer at all is waited for so many seconds.
_PATIENCE = "10"
_EXAMPLE = "postgresql://USER@HOST/DATABASE#TABLE, or #SCHEMA.TABLE"


@dataclass(frozen=True)
class Address:
    """A table of a database.

    Args:
        server: libpq's parameters, the password among them.
        table: its name, with the schema before it where one was given.
    """

    server: dict[str, Any]
    table: tuple[str, ...]

    def __str__(self) -> str:
        known = {key: self.server.get(key) for key in ("user", "host", "port", "dbname")}
        user = f"{known['user']}@" if known["user"] else ""
        port = f":{known['port']}" if known["port"] else ""
        database = known["dbname"] or ""
        return f"postgresql://{user}{known['host'] or ''}{port}/{database}#{'.'.join(self.table)}"


def read_address(url: str) -> Address:
    """Take a URL apart.

    A server is named as for any program of PostgreSQL: what the URL leaves out comes from
    `PGHOST`, `PGPASSWORD`, `~/.pgpass` and their like.

    Raises:
        UsageError: it is no such URL, or names no table; the message does not quote it.
    """
    server, _, name = url.rpartition("#")
    table = tuple(name.split(".", 1))
    # A sign of a server behind '#' is a password that should have been '%23'.
    if not server or not all(table) or set("@/?") & set(name):
        raise UsageError("the URL of a database names no table of it", hint=_EXAMPLE)
    try:
        parameters = dict(conninfo_to_dict(server))
    except ProgrammingError:
        # Neither shown nor chained: the reason quotes a part of the URL.
        raise UsageError("the URL of a database cannot be read", hint=_EXAMPLE) from None
    if "PGCONNECT_TIMEOUT" not in os.environ:
        parameters.setdefault("connect_timeout", _PATIENCE)
    return Address(parameters, table)
