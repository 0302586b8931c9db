"""`ssdh.toml`: what a patch decided, so that later commands need not be told again.

It stands beside the files that were written and is found from any folder below, as git
finds its own. It is edited with tomlkit: a user's comments and keys stay.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import ParseError as TomlError
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import InlineTable

from ssdh_surgery import files, staging
from ssdh_surgery.errors import UsageError, WorkspaceError, did_you_mean
from ssdh_surgery.location import Location
from ssdh_surgery.pipeline.workspace.net_record import NetRecord
from ssdh_surgery.pipeline.workspace.paths import NAME, relative

VERSION = 1
_NEWLINE = "\n"


class Workspace:
    """A workspace file: its place and its content.

    Raises:
        WorkspaceError: it is not one that can be read.
    """

    def __init__(self, path: Path, data: bytes | None) -> None:
        self.path = path
        self._data = data
        location = Location(str(path))
        try:
            text = (data or b"").decode()
        except UnicodeDecodeError as error:
            raise WorkspaceError("not UTF-8", location=location) from error
        try:
            self.document = tomlkit.parse(text)
        except TomlError as error:
            line = text.split("\n")[error.line - 1] if error.line else None
            raise WorkspaceError(
                f"not TOML: {str(error).split(' at line')[0]}",
                location=Location(str(path), error.line, max(1, error.col), line),
            ) from error
        except TOMLKitError as error:
            raise WorkspaceError(f"not TOML: {error}", location=location) from error
        version = self.document.get("version", VERSION)
        if version != VERSION:
            raise WorkspaceError(
                f"its version is {version}, and this ssdh-surgery knows {VERSION}",
                location=location,
                hint="a newer ssdh-surgery wrote it, or 'version' was edited",
            )
        for known in self.nets.values():
            known.check()

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
        return cls(path, files.read_bytes(path) if path.exists() else None)

    @property
    def folder(self) -> Path:
        """The folder that its paths start at."""
        return self.path.parent

    @property
    def nets(self) -> dict[str, NetRecord]:
        """The recorded nets by stem."""
        tables = _plain(self.document.get("nets", {}))
        if not isinstance(tables, Mapping):
            raise WorkspaceError("'nets' is not a table", location=Location(str(self.path)))
        return {
            stem: NetRecord(stem, self.folder, values)
            for stem, values in tables.items()
            if isinstance(values, Mapping)
        }

    def net(self, stem: str | None, file: Path | None = None) -> NetRecord | None:
        """The net of a stem, else that of a file, else the only one; None in an empty workspace.

        Raises:
            UsageError: there are several and none was chosen.
            WorkspaceError: none has that stem.
        """
        nets = self.nets
        if stem is not None:
            if stem in nets:
                return nets[stem]
            raise WorkspaceError(
                f"no net '{stem}'; it has: {', '.join(nets) or 'none'}",
                location=Location(str(self.path)),
                hint=did_you_mean(stem, nets),
            )
        if file is not None and (known := self._net_with(file)):
            return known
        if len(nets) > 1:
            raise UsageError(
                f"{self.path} has several nets: {', '.join(nets)}",
                hint=f"choose one with --net, for example --net {next(iter(nets))}",
            )
        return next(iter(nets.values()), None)

    def net_deployed_as(self, path: Path) -> NetRecord | None:
        """The net that has a file as its deploy net."""
        for known in self.nets.values():
            deploy = known.path("deploy")
            if deploy is not None and deploy.resolve() == path.resolve():
                return known
        return None

    def net_of(self, path: Path, stem: str) -> NetRecord | None:
        """The net that a file is the source of, or was written for; else that of a stem."""
        nets = self.nets
        name = relative(path, self.folder)
        for known in nets.values():
            if known.get("train_source") == name or known.lists_as_written(path):
                return known
        return nets.get(stem)

    def _net_with(self, path: Path) -> NetRecord | None:
        """The net that has a file as its train or deploy net; None where none has, or several."""
        name = relative(path, self.folder)
        keys = ("train", "train_source", "deploy", "deploy_source")
        found = [each for each in self.nets.values() if name in map(each.get, keys)]
        return found[0] if len(found) == 1 else None

    def record(self, stem: str, values: Mapping[str, Any]) -> None:
        """Set the values of a net; what is the same stays as it is written, None removes.

        Raises:
            WorkspaceError: a name is no text that TOML can hold; nothing was set.
        """
        _refuse_bytes([stem, values], self.path)
        if "version" not in self.document:
            # At the very top: anywhere else it could become a part of a table.
            text = tomlkit.dumps(self.document)
            self.document = tomlkit.parse(f"version = {VERSION}\n{'' if text else _NEWLINE}{text}")
        if "nets" not in self.document:
            self.document["nets"] = tomlkit.table(is_super_table=True)
        nets: Any = self.document["nets"]
        if stem not in nets:
            nets[stem] = _table_in(nets)
        _update(nets[stem], values)

    def pending(self) -> list[staging.Write]:
        """The file as it is to be written; nothing where it already is so.

        Raises:
            WorkspaceError: its layout cannot be edited.
        """
        text = tomlkit.dumps(self.document)
        data = text.encode()
        if data == (self._data or b""):
            return []
        import tomllib  # only where something is written

        if tomllib.loads(text) != _plain(self.document):
            raise WorkspaceError(
                "its tables stand in a way that cannot be edited",
                location=Location(str(self.path)),
                hint="write each net as a table of its own: [nets.STEM]",
            )
        return [staging.Write(self.path, data, self._data, is_new=self._data is None)]


def _refuse_bytes(value: Any, path: Path) -> None:
    """Refuse names that are bytes and no text."""
    if isinstance(value, Mapping):
        value = [*value.keys(), *value.values()]
    if isinstance(value, list | tuple):
        for each in value:
            _refuse_bytes(each, path)
    elif isinstance(value, str) and not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            shown = value.encode(errors="backslashreplace").decode()
            raise WorkspaceError(
                f"'{shown}' is not UTF-8, and TOML holds nothing else", location=Location(str(path))
            ) from None


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
    """A new table as the one that it goes into can hold it."""
    return tomlkit.inline_table() if isinstance(outer, InlineTable) else tomlkit.table()


def _plain(value: Any) -> Any:
    return value.unwrap() if hasattr(value, "unwrap") else value
