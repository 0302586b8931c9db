"""One net's table in `ssdh.toml`: its files, its hash layer and the settings of its patch."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ssdh_surgery import files, zoo
from ssdh_surgery.errors import WorkspaceError
from ssdh_surgery.location import Location
from ssdh_surgery.pipeline.settings.options import READERS
from ssdh_surgery.pipeline.settings.settings import Settings
from ssdh_surgery.pipeline.workspace.paths import NAME, relative, seen_from_here


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


# Settings that stand in the net's own table, under these keys; the others in its `options`.
_OWN_KEYS = {"bits": "bits", "latent_name": "latent", "code_name": "code", "remove": "remove"}


_PATHS = ("train", "solver", "deploy", "train_source", "solver_source", "deploy_source")


_TABLES = ("options", "sources", "written")
