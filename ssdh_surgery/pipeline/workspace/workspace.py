"""The workspace: the file `ssdh.toml` and the nets that it records.

It is written next to the results of a patch, and found from any folder below, as git finds its
own.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ssdh_surgery import files
from ssdh_surgery.errors import UsageError, WorkspaceError, did_you_mean
from ssdh_surgery.location import Location
from ssdh_surgery.pipeline.workspace.net_record import NetRecord
from ssdh_surgery.pipeline.workspace.paths import NAME, relative
from ssdh_surgery.pipeline.workspace.toml_file import TomlFile
from ssdh_surgery.pipeline.workspace.toml_places import place_of
from ssdh_surgery.staging.renames import settle
from ssdh_surgery.staging.staged_file import Write

VERSION = 1


class Workspace:
    """A workspace: a file and the records of nets in it.

    Args:
        file: `ssdh.toml`.

    Raises:
        WorkspaceError: the file has another version, or a record is malformed.
    """

    def __init__(self, file: TomlFile) -> None:
        self._file = file
        version = file.get("version", VERSION)
        if version != VERSION:
            raise WorkspaceError(
                f"the file has version {version}; this ssdh-surgery reads version {VERSION}",
                location=place_of(file.name, file.text, ["version"]),
                hint="a newer ssdh-surgery wrote it, or 'version' was edited",
            )
        for record in self.nets.values():
            record.check()

    @classmethod
    def find(cls, start: Path | None = None) -> Workspace | None:
        """The workspace of a folder or of the nearest parent that has one.

        Raises:
            WorkspaceError: the file cannot be read as a workspace.
        """
        folder = cls.find_folder(start)
        return None if folder is None else cls.open(folder)

    @classmethod
    def find_folder(cls, start: Path | None = None) -> Path | None:
        """The folder of the workspace of a folder; None if it has none."""
        here = (start or Path.cwd()).resolve()
        for folder in (here, *here.parents):
            settle(folder / NAME)
            if (folder / NAME).is_file():
                return folder
        return None

    @classmethod
    def open(cls, folder: Path) -> Workspace:
        """The workspace of exactly this folder; an empty one if it has no file yet.

        Raises:
            WorkspaceError: the file cannot be read as a workspace.
        """
        path = folder / NAME
        settle(path)
        return cls(TomlFile(path, files.read_bytes(path) if path.exists() else None))

    @property
    def path(self) -> Path:
        """The path of its file."""
        return self._file.path

    @property
    def folder(self) -> Path:
        """The folder that its paths are relative to."""
        return self.path.parent

    @property
    def ignored_findings(self) -> tuple[str, ...]:
        """The codes or names of findings that `[check] ignore` leaves out.

        Raises:
            WorkspaceError: it is not a list of texts.
        """
        check = self._file.get("check", {})
        ignored = check.get("ignore", []) if isinstance(check, Mapping) else None
        if not isinstance(ignored, list) or not all(isinstance(each, str) for each in ignored):
            place = place_of(self._file.name, self._file.text, ["check"])
            raise WorkspaceError("[check]: 'ignore' must be a list of codes", location=place)
        return tuple(map(str, ignored))

    @property
    def nets(self) -> dict[str, NetRecord]:
        """The recorded nets by stem."""
        tables = self._file.get("nets", {})
        if not isinstance(tables, Mapping):
            raise self._not_a_table("nets")
        for stem, values in tables.items():
            if not isinstance(values, Mapping):
                raise self._not_a_table("nets", stem)
        return {stem: NetRecord(stem, self.folder, values) for stem, values in tables.items()}

    def _not_a_table(self, *keys: str) -> WorkspaceError:
        place = place_of(self._file.name, self._file.text, keys)
        return WorkspaceError(f"'{'.'.join(keys)}' is not a table", location=place)

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
                location=Location(self._file.name),
                hint=did_you_mean(stem, nets),
            )
        if file is not None and (record := self._net_with(file)):
            return record
        if len(nets) > 1:
            raise UsageError(
                f"{self.path} has several nets: {', '.join(nets)}",
                hint=f"choose one with --net, for example --net {next(iter(nets))}",
            )
        return next(iter(nets.values()), None)

    def net_deployed_as(self, path: Path) -> NetRecord | None:
        """The net whose deploy net is a file, or for which the file was written."""
        for record in self.nets.values():
            deploy = record.path("deploy")
            is_deploy = deploy is not None and deploy.resolve() == path.resolve()
            if is_deploy or record.lists_as_written(path):
                return record
        return None

    def net_written(self, path: Path) -> NetRecord | None:
        """The net that a file was written for."""
        return next((each for each in self.nets.values() if each.lists_as_written(path)), None)

    def net_of(self, path: Path, stem: str) -> NetRecord | None:
        """The net that a file is the source of, or was written for; else that of a stem."""
        nets = self.nets
        name = relative(path, self.folder)
        for record in nets.values():
            if record.get("train_source") == name or record.lists_as_written(path):
                return record
        return nets.get(stem)

    def _net_with(self, path: Path) -> NetRecord | None:
        """The net whose train or deploy net is a file; None if no net has it, or several."""
        name = relative(path, self.folder)
        keys = ("train", "train_source", "deploy", "deploy_source")
        records = [record for record in self.nets.values() if name in map(record.get, keys)]
        return records[0] if len(records) == 1 else None

    def record(self, stem: str, values: Mapping[str, Any]) -> None:
        """Set values of a net's record; equal ones stay as written, None removes.

        Raises:
            WorkspaceError: a name cannot be written as TOML; nothing was set.
        """
        self._file.refuse_bytes([stem, values])
        if self._file.get("version") is None:
            self._file.put_first("version", VERSION)
        self._file.update("nets", stem, values)

    def pending(self) -> list[Write]:
        """The file as it is to be written; nothing if it is up to date.

        Raises:
            WorkspaceError: its layout cannot be edited.
        """
        return self._file.pending()
