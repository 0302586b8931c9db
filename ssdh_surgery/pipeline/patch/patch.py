"""The first story: a train net, its test nets and its solver get a hash layer."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ssdh_surgery.caffe.net.kind import Kind
from ssdh_surgery.caffe.net.net import Net, net_of
from ssdh_surgery.caffe.net.solver import Solver
from ssdh_surgery.errors import UsageError, WorkspaceError
from ssdh_surgery.pipeline.edit import remember
from ssdh_surgery.pipeline.edit.result import FileResult, Results
from ssdh_surgery.pipeline.files.file_group import FileGroup, file_groups
from ssdh_surgery.pipeline.files.outputs import Mode, WritePlan, write_all
from ssdh_surgery.pipeline.files.sources import NETS, SourceFile, need, refuse_in_place
from ssdh_surgery.pipeline.nets.choose_head import choose_head, head_name
from ssdh_surgery.pipeline.nets.run_states import group_refusals
from ssdh_surgery.pipeline.patch.train_group import TrainGroup, patch_lone_solver
from ssdh_surgery.pipeline.settings.options import OPTIONS
from ssdh_surgery.pipeline.settings.settings import SOLVER, Settings
from ssdh_surgery.pipeline.workspace.net_record import NetRecord
from ssdh_surgery.pipeline.workspace.paths import relative
from ssdh_surgery.pipeline.workspace.workspace import Workspace
from ssdh_surgery.surgery.solver import settings as solver_verbs

if TYPE_CHECKING:
    from ssdh_surgery.pipeline.inspect.explain import Explanation


@dataclass(frozen=True)
class PatchOptions:
    """What a command line asks for; what it leaves open is not among the values."""

    given: Settings = field(default_factory=Settings)
    # A path, "none", or None: look beside the train net.
    solver: str | None = None
    # The workspace's table to use, where it is not that of the file.
    net: str | None = None
    # Told what was found in a train net of that name, before it is changed.
    explain: Callable[[str, Explanation], None] | None = None


def patch(sources: Sequence[SourceFile], options: PatchOptions, plan: WritePlan) -> Results:
    """Patch what was named, and what belongs to it.

    Raises:
        SsdhError: something named cannot be patched; nothing was written.
    """
    # A field that no solver has is told even where there is none.
    solver_verbs.chosen(options.given.get("sets") or ())
    sources = _distinct(sources)
    for source in sources:
        need(source, *NETS, Kind.SOLVER)
        if plan.in_place:
            refuse_in_place(source)
    patching = _Patching(options, plan)
    for group in _groups(sources, options, patching):
        patching.add_group(group)
    for source in sources:
        if source.kind is not Kind.DEPLOY:
            continue
        if patching.is_to_train(source):
            patching.add_training(source)
        else:
            patching.add_deploy(source)
    return patching.done()


def _distinct(sources: Iterable[SourceFile]) -> list[SourceFile]:
    """Each file once, however it was named."""
    by_place: dict[str, SourceFile] = {}
    for source in sources:
        by_place.setdefault(os.path.realpath(source.path or source.name), source)
    return list(by_place.values())


def _groups(
    sources: Sequence[SourceFile], options: PatchOptions, patching: _Patching
) -> list[FileGroup]:
    nets = [source for source in sources if source.kind is Kind.TRAIN]
    known = patching.known(nets[0]) if nets else None
    return file_groups(sources, options.solver, known.path("solver_source") if known else None)


class _Patching:
    """One run of the story: what was patched so far, and the workspaces beside the results."""

    def __init__(self, options: PatchOptions, plan: WritePlan) -> None:
        self.options = options
        self.plan = plan
        self.files: list[FileResult] = []
        self.notes: list[str] = []
        self.warnings: list[str] = []
        self.stems: list[str] = []
        self._workspaces: dict[Path, Workspace] = {}

    def workspace(self, source: SourceFile) -> Workspace | None:
        """The workspace beside a file's result; standard input has none."""
        if source.is_stdin:
            return None
        folder = self.plan.target(source.place).parent
        if folder not in self._workspaces:
            self._workspaces[folder] = Workspace.open(folder)
        return self._workspaces[folder]

    def known(self, source: SourceFile) -> NetRecord | None:
        """What the workspace knows of a train net."""
        workspace = self.workspace(source)
        if workspace is None:
            return None
        if self.options.net is not None:
            return workspace.nets.get(self.options.net)
        return workspace.net_of(source.place, source.stem)

    def add_group(self, group: FileGroup) -> None:
        """Patch a train net with its test nets and its solver."""
        _refuse_freeze(self.options.given)
        self.notes += group.notes
        self.warnings += group_refusals(group)
        train = group.train
        known = self.known(train) if train else None
        wanted = self.options.given.over(known.settings if known else Settings())
        if wanted.get("upgrade"):
            from ssdh_surgery.pipeline.edit.upgrade_files import upgrade_group

            group = upgrade_group(group)
        if train is None:
            self.files.append(patch_lone_solver(group, self.options.given, self.plan))
            return
        self._explain(train, group.train_net, wanted, known)
        plan = _with_suffix(self.plan, wanted)
        done = TrainGroup(group, self.options.given, wanted, plan, known).patch()
        self.files += done.results
        self.stems.append(done.stem)
        if group.solver is None and (unused := self.options.given.named(SOLVER)):
            names = ", ".join(OPTIONS[name].flag for name in unused)
            self.notes.append(f"there is no solver for {names}")
        workspace = self.workspace(train)
        if workspace is not None:
            stem = known.stem if known else (self.options.net or done.stem)
            self.stems[-1] = stem
            self._remember(workspace, replace(done, stem=stem), known)

    def _remember(
        self, workspace: Workspace, done: remember.GroupResult, known: NetRecord | None
    ) -> None:
        try:
            remember.remember(workspace, done, known)
        except WorkspaceError as error:
            self.warnings.append(f"not remembered: {error}")

    def is_to_train(self, source: SourceFile) -> bool:
        """Whether a deploy net is all there is, and a train net is to be made of it."""
        from ssdh_surgery.pipeline.patch import from_deploy

        asks = bool(self.options.given.named(from_deploy.ASKING))
        return not self.stems and (asks or self._known_training(source) is not None)

    def _known_training(self, source: SourceFile) -> NetRecord | None:
        """What the workspace knows of the train net that was made of a deploy net."""
        workspace = self.workspace(source)
        if workspace is None:
            return None
        name = relative(source.path, workspace.folder) if source.path else source.name
        nets = workspace.nets.values()
        return next((known for known in nets if known.get("train_source") == name), None)

    def add_training(self, source: SourceFile) -> None:
        """Make a train net and a solver for a deploy net alone."""
        from ssdh_surgery.pipeline.patch import from_deploy

        known = self._known_training(source)
        stem = known.stem if known else (self.options.net or from_deploy.TRAIN_STEM)
        wanted = self.options.given.over(known.settings if known else Settings())
        if wanted.get("upgrade"):
            from ssdh_surgery.pipeline.edit.upgrade_files import upgrade_source

            source = upgrade_source(source)
        self._explain(source, net_of(source.document), wanted)
        done = from_deploy.derive_training(source, wanted, _with_suffix(self.plan, wanted), stem)
        self.files += done.results
        self.stems.append(stem)
        workspace = self.workspace(source)
        if workspace is not None:
            self._remember(workspace, done, known)

    def add_deploy(self, source: SourceFile) -> None:
        """Patch a deploy net that was named, as the train net beside its result was."""
        from ssdh_surgery.pipeline.deploy.hash_net import (
            deploy_settings,
            hash_layer_in,
            patch_deploy,
        )

        _refuse_freeze(self.options.given)
        workspace = self.workspace(source)
        stem = self.options.net or (self.stems[0] if len(self.stems) == 1 else None)
        known = workspace.net(stem, source.path) if workspace and workspace.nets else None
        wanted = self.options.given.over(known.settings if known else Settings())
        plan = _with_suffix(self.plan, wanted)
        if hash_layer_in(net_of(source.document), deploy_settings(wanted, known), known) is None:
            self._explain(source, net_of(source.document), wanted)
        self.files.append(patch_deploy(source, self.options.given, known, plan))
        if workspace is not None and known is not None:
            remember.remember_deploy(workspace, known, self.files[-1])

    def _explain(
        self, source: SourceFile, net: Net, wanted: Settings, known: NetRecord | None = None
    ) -> None:
        """Tell, where it is asked for, what was found in a net before anything is done."""
        if self.options.explain is None:
            return
        from ssdh_surgery.pipeline.files.caffe_paths import working_folders
        from ssdh_surgery.pipeline.inspect.explain import explain

        head = choose_head(net, head_name(net, wanted, known))
        asked = (self.options.given.get("head"), wanted.get("at"))
        self.options.explain(source.name, explain(net, head, *asked, working_folders(source.path)))

    def done(self) -> Results:
        """All written, and what there is to say."""
        spaces = [each for each in self._workspaces.values() if each.nets]
        written: list[Path] = []
        if self.plan.mode is Mode.WRITE:
            outputs = [each.output for each in self.files if each.is_result]
            also = [write for workspace in spaces for write in workspace.pending()]
            written = write_all(outputs, self.plan, also)
        known = [space.nets[stem] for space in spaces for stem in self.stems if stem in space.nets]
        ahead = self.plan.unwritten(each.output.path for each in self.files)
        warnings = [*self.warnings, *(said for net in known for said in net.warnings(ahead))]
        return Results(
            tuple(self.files),
            spaces[0] if spaces else None,
            tuple(written),
            tuple(self.notes),
            tuple(dict.fromkeys(warnings)),
            self._next(),
        )

    def _next(self) -> str | None:
        """The command that goes on from here, where something was patched to train."""
        solver = next((each for each in self.files if each.source.kind is Kind.SOLVER), None)
        if solver is None or solver.source.is_stdin or not solver.is_result:
            return None
        nets = [stem for space in self._workspaces.values() for stem in space.nets]
        which = ""
        if solver.output.path.parent.resolve() != Path.cwd() or self.stems[0] not in nets:
            which = f" --solver {shlex.quote(str(solver.output.path))}"
        elif len(nets) > 1:
            which = f" --net {shlex.quote(self.stems[0])}"
        on_cpu = Solver(solver.after).string("solver_mode") in ("CPU", "0")
        gpu = "" if on_cpu else " --gpu 0"
        return f"ssdh train{which}{gpu} --weights WEIGHTS.caffemodel"


def _refuse_freeze(given: Settings) -> None:
    if given.get("freeze") is not None:
        raise UsageError(
            "--freeze goes with a train net that is made of a deploy net alone",
            hint="ssdh patch deploy.prototxt --train-data LMDB --test-data LMDB --freeze LAYER",
        )


def _with_suffix(plan: WritePlan, wanted: Settings) -> WritePlan:
    suffix = wanted.get("suffix")
    return plan if suffix is None else replace(plan, suffix=suffix)
