"""`ssdh.toml`: what a patch decided, so that later commands need not be told again.

It stands beside the files that were written and is found from any folder below, as git
finds its own. It is edited with tomlkit: a user's comments and keys stay.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import ParseError as TomlError

from ssdh_surgery import files
from ssdh_surgery.errors import Location, UsageError, WorkspaceError

NAME = "ssdh.toml"
VERSION = 1


@dataclass(frozen=True)
class NetRecord:
    """One table `[nets.STEM]`: the values of a patched net, and the folder that paths start at."""

    stem: str
    folder: Path
    values: Mapping[str, Any]

    def get(self, key: str, default: Any = None) -> Any:
        """A value, or the default where the table does not have it."""
        return self.values.get(key, default)

    def path(self, key: str) -> Path | None:
        """A path of the table, as seen from the current directory."""
        value = self.get(key)
        return None if value is None else seen_from_here(self.folder / str(value))

    def changed_sources(self) -> list[Path]:
        """The sources whose bytes are no longer those that were patched."""
        recorded: Mapping[str, str] = self.get("sources", {})
        changed = []
        for name, sha in recorded.items():
            path = self.folder / name
            if path.is_file() and files.file_digest(path) != sha:
                changed.append(seen_from_here(path))
        return changed


def seen_from_here(path: Path) -> Path:
    """A path as a user in the current directory would write it."""
    relative = os.path.relpath(path)
    return Path(relative) if not relative.startswith(os.path.join("..", "..", "..")) else path


class Workspace:
    """A workspace file: its place and its content."""

    def __init__(self, path: Path, text: str) -> None:
        self.path = path
        self._text = text
        try:
            self.document = tomlkit.parse(text)
        except TomlError as error:
            line = text.split("\n")[error.line - 1] if error.line else None
            raise WorkspaceError(
                f"not TOML: {str(error).split(' at line')[0]}",
                location=Location(str(path), error.line, max(1, error.col), line),
            ) from error
        version = self.document.get("version", VERSION)
        if version != VERSION:
            raise WorkspaceError(
                f"version {version} was written by a newer ssdh-surgery; this one knows {VERSION}",
                location=Location(str(path)),
            )

    @classmethod
    def find(cls, start: Path | None = None) -> Workspace | None:
        """The workspace of a folder or of the nearest parent that has one.

        Raises:
            WorkspaceError: it is not one that can be read.
        """
        here = (start or Path.cwd()).resolve()
        for folder in (here, *here.parents):
            if (folder / NAME).is_file():
                return cls.open(folder)
        return None

    @classmethod
    def open(cls, folder: Path) -> Workspace:
        """The workspace of exactly this folder; an empty one where there is no file yet."""
        path = folder / NAME
        if not path.exists():
            return cls(path, "")
        try:
            return cls(path, files.read_bytes(path).decode())
        except UnicodeDecodeError as error:
            raise WorkspaceError("not UTF-8", location=Location(str(path))) from error

    @property
    def folder(self) -> Path:
        """The folder that its paths start at."""
        return self.path.parent

    @property
    def nets(self) -> dict[str, NetRecord]:
        """The recorded nets by stem."""
        tables = self.document.get("nets", {})
        if not isinstance(tables, Mapping):
            raise WorkspaceError("'nets' is not a table", location=Location(str(self.path)))
        return {
            stem: NetRecord(stem, self.folder, values)
            for stem, values in tables.items()
            if isinstance(values, Mapping)
        }

    def net(self, stem: str | None) -> NetRecord | None:
        """The net of that stem, or the only one there is; None in an empty workspace.

        Raises:
            UsageError: there are several and none was chosen, or none has that stem.
        """
        nets = self.nets
        if stem is not None:
            if stem in nets:
                return nets[stem]
            known = ", ".join(nets) or "none"
            raise UsageError(f"{self.path} has no net '{stem}'; it has: {known}")
        if len(nets) > 1:
            raise UsageError(
                f"{self.path} has several nets: {', '.join(nets)}",
                hint=f"choose one with --net, for example --net {next(iter(nets))}",
            )
        return next(iter(nets.values()), None)

    def record(self, stem: str, values: Mapping[str, Any]) -> None:
        """Set the values of a net; what is the same stays as it is written, None removes."""
        document = self.document
        if "version" not in document:
            document["version"] = VERSION
        if "nets" not in document:
            document["nets"] = tomlkit.table(is_super_table=True)
        nets: Any = document["nets"]
        if stem not in nets:
            nets[stem] = tomlkit.table()
        _update(nets[stem], values)

    def save(self) -> bool:
        """Write the file if it changed; whether it did.

        Raises:
            FileError: it cannot be written.
        """
        text = tomlkit.dumps(self.document)
        if text == self._text and self.path.exists():
            return False
        files.write_bytes(self.path, text.encode())
        self._text = text
        return True


def _update(table: Any, values: Mapping[str, Any]) -> None:
    for key, value in values.items():
        if value is None:
            table.pop(key, None)
        elif isinstance(value, Mapping):
            if key not in table:
                table[key] = tomlkit.table()
            _update(table[key], value)
        elif key not in table or _plain(table[key]) != value:
            table[key] = value


def _plain(value: Any) -> Any:
    return value.unwrap() if hasattr(value, "unwrap") else value
