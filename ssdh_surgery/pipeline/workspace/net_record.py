"""One net's table in `ssdh.toml`: its files, its hash layer and the settings of its patch."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ssdh_surgery import files, zoo
from ssdh_surgery.errors import WorkspaceError, did_you_mean
from ssdh_surgery.pipeline.settings.options import OPTIONS
from ssdh_surgery.pipeline.settings.settings import Settings
from ssdh_surgery.pipeline.workspace.paths import NAME, relative, relative_to_cwd
from ssdh_surgery.pipeline.workspace.record_types import RECORD_TYPES
from ssdh_surgery.pipeline.workspace.toml_places import place_of


@dataclass(frozen=True)
class NetRecord:
    """One table `[nets.STEM]`: the values of a patched net.

    Args:
        stem: the name of the net.
        folder: the folder of `ssdh.toml`, which its paths are relative to.
        values: the table.
    """

    stem: str
    folder: Path
    values: Mapping[str, Any]

    def get(self, key: str, default: Any = None) -> Any:
        """A value, or the default if the table does not have the key."""
        return self.values.get(key, default)

    def path(self, key: str) -> Path | None:
        """A path in the table, relative to the current directory."""
        value = self.get(key)
        return None if value is None else relative_to_cwd(self.folder / str(value))

    @cached_property
    def settings(self) -> Settings:
        """The settings that the net was patched with.

        Raises:
            WorkspaceError: a value has the wrong type or is out of range.
        """
        values = {}
        for option in OPTIONS.values():
            is_own = option.net_key is not None
            table = self.values if is_own else self.options
            if option.key in table:
                try:
                    values[option.name] = option.type.from_toml(table[option.key])
                except ValueError as error:
                    tables = () if is_own else ("options",)
                    raise self._error(option.key, str(error), *tables) from error
        return Settings(values)

    @property
    def options(self) -> Mapping[str, Any]:
        """The table `[nets.STEM.options]`."""
        options: Mapping[str, Any] = self.get("options", {})
        return options

    def unknown_options(self) -> list[str]:
        """A sentence for each key in `options` that is not an option; such keys stay."""
        keys = {option.key: option for option in OPTIONS.values()}
        sentences = []
        for key in self.options:
            option = keys.get(key) or OPTIONS.get(key)
            if option is None:
                hint = did_you_mean(key, keys)
            elif option.net_key is not None:
                hint = f"set '{option.key}' in [nets.{self.stem}]"
            elif option.key != key:
                hint = f"write '{option.key}'"
            else:
                continue
            unknown = f"{self._file}: [nets.{self.stem}.options]: unknown option '{key}'"
            sentences.append(f"{unknown}; {hint}" if hint else unknown)
        return sentences

    def _error(self, key: str, requirement: str, *tables: str) -> WorkspaceError:
        """The error for a value that is invalid, in this table or one inside it."""
        name = ".".join(("nets", self.stem, *tables))
        path = self.folder / NAME
        text = path.read_text("utf-8") if path.is_file() else ""
        return WorkspaceError(
            f"[{name}]: '{key}' must be {requirement}",
            location=place_of(str(self._file), text, ("nets", self.stem, *tables, key)),
        )

    @property
    def _file(self) -> Path:
        return relative_to_cwd(self.folder / NAME)

    def check(self) -> None:
        """Check the types of its values; those of options are checked where they are read.

        Raises:
            WorkspaceError: a value has the wrong type; the message names its key.
        """
        for key, (has_type, requirement) in RECORD_TYPES.items():
            if key in self.values and not has_type(self.values[key]):
                raise self._error(key, requirement)

    def lists_as_written(self, path: Path) -> bool:
        """Whether a file was written for this net."""
        return relative(path, self.folder) in self.get("written", {})

    def changed_sources(self) -> list[Path]:
        """The sources that changed since they were patched."""
        changed = []
        for name, sha in self.get("sources", {}).items():
            path = self.folder / name
            if path.is_file() and files.file_digest(path) != sha:
                changed.append(relative_to_cwd(path))
        return changed

    def warnings(self, ahead: Collection[Path] = ()) -> list[str]:
        """What is wrong with the record: unknown options, and sources that changed since.

        Args:
            ahead: files that the record describes as they would be written, in a run that only
                shows them.
        """
        not_written = {path.resolve() for path in ahead}
        return self.unknown_options() + [
            self._change(path)
            for path in self.changed_sources()
            if path.resolve() not in not_written
        ]

    def _change(self, path: Path) -> str:
        """A sentence on a source that changed, with the command that makes its result again."""
        is_deploy = path == self.path("deploy_source")
        again = self.command("deploy", "deploy") if is_deploy else self.command("patch")
        if is_deploy and path == self.path("train"):
            change = "the deploy net was derived from it; to derive it again"
            # Without it, a deploy file next to the train net would be taken.
            again += " --from train"
        else:
            change = "it was patched; to patch it again"
        return f"{path} changed since {change}: {again}"

    def source_argument(self, net: str) -> str | None:
        """The source of the train or deploy net, as a command line names it."""
        source = self.get(f"{net}_source")
        if source is None or zoo.is_zoo_name(str(source)):
            return None if source is None else str(source)
        return str(self.path(f"{net}_source"))

    def command(self, command: str, net: str = "train") -> str:
        """The command that makes the train or deploy net again."""
        import shlex

        source, output = str(self.get(f"{net}_source")), self.get(net)
        is_zoo = zoo.is_zoo_name(source)
        words = ["ssdh", command, shlex.quote(str(self.source_argument(net)))]
        words.append("--in-place" if source == output else "--force")
        folder = None if output is None else os.path.dirname(str(output))
        if folder is not None and not is_zoo and folder != os.path.dirname(source):
            out = relative_to_cwd(self.folder / folder)
            words += ["--out", shlex.quote(str(out))]
        return " ".join(words)
