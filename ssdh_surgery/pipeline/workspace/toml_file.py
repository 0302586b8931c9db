"""A TOML file under edit: comments, order and layout of what is not set stay as they are."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import InlineTable

from ssdh_surgery.errors import WorkspaceError
from ssdh_surgery.location import Location
from ssdh_surgery.pipeline.workspace.paths import relative_to_cwd
from ssdh_surgery.staging.staged_file import Write

_NEWLINE = "\n"


class TomlFile:
    """A TOML file, which need not exist yet.

    Args:
        path: its path.
        data: its bytes; None if the file does not exist.

    Raises:
        WorkspaceError: it is not TOML.
    """

    def __init__(self, path: Path, data: bytes | None) -> None:
        self.path = path
        self._data = data
        location = Location(self.name)
        try:
            text = (data or b"").decode()
        except UnicodeDecodeError as error:
            raise WorkspaceError("not UTF-8", location=location) from error
        _refuse_invalid(self.name, text)
        try:
            self._document = tomlkit.parse(text)
            _plain(self._document)
        except (TOMLKitError, ValueError, RecursionError) as error:
            raise WorkspaceError(f"not TOML: {error}", location=location) from error

    @property
    def name(self) -> str:
        """Its path for messages."""
        return str(relative_to_cwd(self.path))

    @property
    def text(self) -> str:
        """Its text as it was read."""
        return (self._data or b"").decode()

    def get(self, key: str, default: Any = None) -> Any:
        """The value of a top-level key as plain Python, or the default."""
        return _plain(self._document.get(key, default))

    def put_first(self, key: str, value: int) -> None:
        """Add a key at the very top: anywhere else it could become part of a table."""
        text = tomlkit.dumps(self._document)
        self._document = tomlkit.parse(f"{key} = {value}\n{'' if text else _NEWLINE}{text}")

    def update(self, tables: str, name: str, values: Mapping[str, Any]) -> None:
        """Set values of the table `[TABLES.NAME]`; equal ones stay as written, None removes."""
        if tables not in self._document:
            self._document[tables] = tomlkit.table(is_super_table=True)
        outer: Any = self._document[tables]
        if name not in outer:
            outer[name] = _table_in(outer)
        _update(outer[name], values)

    def pending(self) -> list[Write]:
        """The file as it is to be written; nothing if it holds these bytes already.

        Raises:
            WorkspaceError: its layout cannot be edited.
        """
        text = tomlkit.dumps(self._document)
        data = text.encode()
        if data == (self._data or b""):
            return []
        if tomllib.loads(text) != _plain(self._document):
            raise WorkspaceError(
                f"{self.path.name} has a layout that cannot be edited in place",
                location=Location(self.name),
                hint="write each net as a table of its own: [nets.STEM]",
            )
        return [Write(self.path, data, self._data, is_new=self._data is None)]

    def refuse_bytes(self, value: Any) -> None:
        """Refuse names of files that are bytes, not text.

        Raises:
            WorkspaceError: a text in the value is not UTF-8.
        """
        if isinstance(value, Mapping):
            value = [*value.keys(), *value.values()]
        if isinstance(value, Sequence) and not isinstance(value, str):
            for each in value:
                self.refuse_bytes(each)
        elif isinstance(value, str) and not value.isascii():
            try:
                value.encode()
            except UnicodeEncodeError:
                escaped = value.encode(errors="backslashreplace").decode()
                raise WorkspaceError(
                    f"'{escaped}' is not UTF-8, as TOML requires",
                    location=Location(self.name),
                ) from None


def _refuse_invalid(name: str, text: str) -> None:
    """Refuse what is not TOML 1.0, with the place; tomlkit reads a little more.

    Raises:
        WorkspaceError: it is not TOML.
    """
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message, _, place = str(error).partition(" (at ")
        rows, numbers = text.split("\n"), list(map(int, re.findall(r"\d+", place)))
        line, column = numbers if len(numbers) == 2 else (len(rows), len(rows[-1]) + 1)
        location = Location(name, line, column, rows[line - 1].removesuffix("\r"))
        raise WorkspaceError(f"not TOML: {message}", location=location) from error
    except RecursionError as error:
        raise WorkspaceError(
            "not TOML: values are nested too deeply", location=Location(name)
        ) from error


def _update(table: Any, values: Mapping[str, Any]) -> None:
    for key, value in values.items():
        if value is None:
            table.pop(key, None)
        elif isinstance(value, Mapping):
            if not isinstance(table.get(key), Mapping):
                table[key] = _table_in(table)
            _update(table[key], value)
        elif key not in table or _plain(table[key]) != value:
            table[key] = value


def _table_in(outer: Any) -> Any:
    """A new table of the kind that the outer one can hold."""
    return tomlkit.inline_table() if isinstance(outer, InlineTable) else tomlkit.table()


def _plain(value: Any) -> Any:
    return value.unwrap() if hasattr(value, "unwrap") else value
