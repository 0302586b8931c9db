"""The workspaces of one `ssdh patch`: those next to its results."""

from __future__ import annotations

from pathlib import Path

from ssdh_surgery.pipeline.files.outputs import WritePlan
from ssdh_surgery.pipeline.files.sources import SourceFile
from ssdh_surgery.pipeline.workspace.net_record import NetRecord
from ssdh_surgery.pipeline.workspace.paths import relative
from ssdh_surgery.pipeline.workspace.workspace import Workspace
from ssdh_surgery.staging.staged_file import Write


class Workspaces:
    """The workspaces next to results, each opened once.

    Args:
        plan: the writing options, which say where results go.
        net: the table `[nets.STEM]` to use; None for the one that a file belongs to.
    """

    def __init__(self, plan: WritePlan, net: str | None) -> None:
        self._plan = plan
        self._net = net
        self._by_folder: dict[Path, Workspace] = {}

    def next_to(self, source: SourceFile) -> Workspace | None:
        """The workspace next to the result of a source; None for standard input."""
        if source.is_stdin:
            return None
        folder = self._plan.target(source.place).parent
        if folder not in self._by_folder:
            self._by_folder[folder] = Workspace.open(folder)
        return self._by_folder[folder]

    def record_of(self, train: SourceFile) -> NetRecord | None:
        """The record of a train net."""
        workspace = self.next_to(train)
        if workspace is None:
            return None
        if self._net is not None:
            return workspace.nets.get(self._net)
        return workspace.net_of(train.place, train.stem)

    def record_derived_from(self, deploy: SourceFile) -> NetRecord | None:
        """The record of the train net that was derived from a deploy net."""
        workspace = self.next_to(deploy)
        if workspace is None:
            return None
        name = relative(deploy.path, workspace.folder) if deploy.path else deploy.name
        records = workspace.nets.values()
        return next((each for each in records if each.get("train_source") == name), None)

    def record_of_deploy(self, deploy: SourceFile, stem: str | None) -> NetRecord | None:
        """The record of the train net that a deploy net belongs to; `stem` decides among several.

        Raises:
            UsageError: there are several and none was chosen.
            WorkspaceError: none has that stem.
        """
        workspace = self.next_to(deploy)
        if workspace is None or not workspace.nets:
            return None
        return workspace.net(self._net or stem, deploy.path)

    @property
    def with_nets(self) -> list[Workspace]:
        """The workspaces that record a net."""
        return [each for each in self._by_folder.values() if each.nets]

    @property
    def stems(self) -> list[str]:
        """The stems of all recorded nets."""
        return [stem for each in self._by_folder.values() for stem in each.nets]

    def records(self, stems: list[str]) -> list[NetRecord]:
        """The records with some stems."""
        return [each.nets[stem] for each in self.with_nets for stem in stems if stem in each.nets]

    def pending(self) -> list[Write]:
        """The files to be written.

        Raises:
            WorkspaceError: the layout of one cannot be edited.
        """
        return [write for each in self.with_nets for write in each.pending()]
