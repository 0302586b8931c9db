"""`ssdh.toml`: what a patch decided, so that later commands need not be told again.

It stands beside the files that were written and is found from any folder below, as git
finds its own. It is edited with tomlkit: a user's comments and keys stay.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import ParseError as TomlError
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import InlineTable

from ssdh_surgery import files, zoo
from ssdh_surgery.errors import Location, UsageError, WorkspaceError, did_you_mean
from ssdh_surgery.pipeline.settings import READERS, Settings

NAME = "ssdh.toml"
VERSION = 1
_NEWLINE = "\n"

# Settings that stand in the net's own table, under these keys; the others in its `options`.
_OWN_KEYS = {"bits": "bits", "latent_name": "latent", "code_name": "code", "remove": "remove"}
_PATHS = ("train", "solver", "deploy", "train_source", "solver_source", "deploy_source")
_TABLES = ("options", "sources", "written")


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

    @property
    def settings(self) -> Settings:
        """What the net was patched with.

        Raises:
            WorkspaceError: a value is not what it must be.
        """
        options = self.get("options", {})
        found = {}
        for name, reader in READERS.items():
            key = _OWN_KEYS.get(name) or ("set" if name == "sets" else name)
            table, label = (self.values, "") if name in _OWN_KEYS else (options, ".options")
            if key in table:
                try:
                    found[name] = reader(table[key])
                except ValueError as error:
                    raise self.error(f"{label}: '{key}' must be {error}") from error
        return Settings(found)

    def error(self, what: str) -> WorkspaceError:
        """An error about this table; `what` goes on from its name."""
        return WorkspaceError(
            f"[nets.{self.stem}]{what}", location=Location(str(seen_from_here(self.folder / NAME)))
        )

    def check(self) -> None:
        """Refuse a table whose paths and tables are none.

        Raises:
            WorkspaceError: naming the key.
        """
        for key in _PATHS:
            if not isinstance(self.get(key, ""), str):
                raise self.error(f": '{key}' must be a path")
        for key in _TABLES:
            if not isinstance(self.get(key, {}), Mapping):
                raise self.error(f": '{key}' must be a table")

    def lists_as_written(self, path: Path) -> bool:
        """Whether a file is one that was written for this net."""
        return relative(path, self.folder) in self.get("written", {})

    def changed_sources(self) -> list[Path]:
        """The sources whose bytes are no longer those that were patched."""
        changed = []
        for name, sha in self.get("sources", {}).items():
            path = self.folder / name
            if path.is_file() and files.file_digest(path) != sha:
                changed.append(seen_from_here(path))
        return changed

    def warnings(self, ahead: Collection[Path] = ()) -> list[str]:
        """A sentence for each source that changed, with the command to run again.

        `ahead` are files of which the record is ahead: they were to be written, and only shown.
        """
        deploy = self.path("deploy_source")
        shown = {path.resolve() for path in ahead}
        return [
            f"{path} changed since it was patched; to patch it again: "
            + (self._command("deploy", "deploy") if path == deploy else self._command("patch"))
            for path in self.changed_sources()
            if path.resolve() not in shown
        ]

    def _command(self, name: str, what: str = "train") -> str:
        import shlex

        source, output = (self.get(key) for key in (f"{what}_source", what))
        named = str(source) if zoo.is_zoo_name(str(source)) else str(self.path(f"{what}_source"))
        how = "--in-place" if source == output else "--force"
        out = "" if output is None else self._out(str(source), str(output))
        return f"ssdh {name} {shlex.quote(named)} {how}{out}"

    def _out(self, source: str, output: str) -> str:
        """`--out` where the result does not stand beside its source."""
        import shlex

        folder = os.path.dirname(output)
        if zoo.is_zoo_name(source) or os.path.dirname(source) == folder:
            return ""
        return f" --out {shlex.quote(str(seen_from_here(self.folder / folder)))}"


def relative(path: Path, folder: Path) -> str:
    """A path as the workspace of a folder writes it."""
    return Path(os.path.relpath(path, folder)).as_posix()


def seen_from_here(path: Path) -> Path:
    """A path as a user in the current directory would write it."""
    relative = os.path.relpath(path)
    return Path(relative) if not relative.startswith(os.path.join("..", "..", "..")) else path


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

    def pending(self) -> list[files.Write]:
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
        return [files.Write(self.path, data, self._data, is_new=self._data is None)]


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
