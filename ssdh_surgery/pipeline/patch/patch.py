"""The story of `ssdh patch`: hash layers for file groups and for deploy nets.

A deploy net alone becomes a train net and a solver. Each part of the work returns its results;
`patch` writes them all, or none.
"""

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
from ssdh_surgery.errors import UsageError, WorkspaceError, did_you_mean
from ssdh_surgery.pipeline.edit.remember import GroupResult, remember_deploy, remember_group
from ssdh_surgery.pipeline.edit.result import FileResult, Results, write_results
from ssdh_surgery.pipeline.files.file_group import FileGroup, file_groups
from ssdh_surgery.pipeline.files.outputs import Mode, WritePlan, locked_for
from ssdh_surgery.pipeline.files.sources import (
    NETS,
    SourceFile,
    need,
    places,
    read_source,
    refuse_in_place,
)
from ssdh_surgery.pipeline.nets.choose_head import choose_head, head_name
from ssdh_surgery.pipeline.nets.refusals import group_refusals, refuse_worse_group
from ssdh_surgery.pipeline.nets.snapshots import other_weights
from ssdh_surgery.pipeline.patch.data_paths import refuse_unreadable
from ssdh_surgery.pipeline.patch.solver import patch_lone_solver
from ssdh_surgery.pipeline.patch.train_group import TrainGroup
from ssdh_surgery.pipeline.patch.workspaces import Workspaces
from ssdh_surgery.pipeline.settings.options import OPTIONS
from ssdh_surgery.pipeline.settings.settings import SOLVER, Settings
from ssdh_surgery.pipeline.workspace.net_record import NetRecord
from ssdh_surgery.pipeline.workspace.paths import NAME
from ssdh_surgery.pipeline.workspace.workspace import Workspace
from ssdh_surgery.surgery.solver.assignments import typed_assignments

if TYPE_CHECKING:
    from ssdh_surgery.pipeline.inspect.explain import Explanation


@dataclass(frozen=True)
class PatchOptions:
    """The options of a command line.

    Attributes:
        explicit: the settings; those that are not set come from the workspace or the recipe.
        solver: the path of the solver, `none`, or None for the one next to the train net.
        net: the table `[nets.STEM]` to use; None for the one that a file belongs to.
        reset: leave out the settings that the workspace records, and forget them.
        explain: called with the name of a net and the explanation of its head, before any change.
    """

    explicit: Settings = field(default_factory=Settings)
    solver: str | None = None
    net: str | None = None
    reset: bool = False
    explain: Callable[[str, Explanation], None] | None = None


def patch_files(names: Sequence[str], options: PatchOptions, plan: WritePlan) -> Results:
    """Read and patch files; other processes that change them or `ssdh.toml` wait for the end.

    Args:
        names: the files, `-` for standard input, or `zoo:NAME`.
        options: the options of the command line.
        plan: the writing options.

    Raises:
        SsdhError: a file cannot be read or patched; nothing was written.
    """
    named = places(names)
    records = [plan.target(place).with_name(NAME) for place in named]
    with locked_for(plan, named, records):
        return patch([read_source(name) for name in names], options, plan)


def patch(sources: Sequence[SourceFile], options: PatchOptions, plan: WritePlan) -> Results:
    """Patch files, and those that belong to them.

    Raises:
        SsdhError: a file cannot be patched; nothing was written.
    """
    # Refuses a field that no solver has, even where there is no solver.
    typed_assignments(options.explicit.get("sets") or ())
    sources = _distinct(sources)
    for source in sources:
        need(source, *NETS, Kind.SOLVER)
        if plan.in_place:
            refuse_in_place(source)
    run = _Run(options, plan, Workspaces(plan, options.net))
    parts = [run.patch_group(group) for group in _file_groups(sources, run)]
    for source in sources:
        if source.kind is Kind.DEPLOY:
            stems = [part.stem for part in parts if part.stem is not None]
            derives = not stems and run.derives_training(source)
            parts.append(run.derive(source) if derives else run.patch_deploy(source, stems))
    return _write(parts, run)


def _distinct(sources: Iterable[SourceFile]) -> list[SourceFile]:
    """Each file once, even if it was named in several ways."""
    by_place: dict[str, SourceFile] = {}
    for source in sources:
        by_place.setdefault(os.path.realpath(source.path or source.name), source)
    return list(by_place.values())


def _file_groups(sources: Sequence[SourceFile], run: _Run) -> list[FileGroup]:
    train = next((source for source in sources if source.kind is Kind.TRAIN), None)
    record = run.workspaces.record_of(train) if train else None
    usual_solver = record.path("solver_source") if record else None
    return file_groups(sources, run.options.solver, usual_solver)


@dataclass(frozen=True)
class _Part:
    """The results for one file group or one deploy net; `stem` is that of a train net."""

    files: Sequence[FileResult]
    stem: str | None = None
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Run:
    """One run of `ssdh patch`: what its parts have in common."""

    options: PatchOptions
    plan: WritePlan
    workspaces: Workspaces

    def patch_group(self, group: FileGroup) -> _Part:
        """Patch a train net with its test nets and its solver."""
        explicit, train = self.options.explicit, group.train
        _refuse_freeze(explicit)
        refuse_unreadable(explicit, train.path if train else None)
        original, warnings = group, group_refusals(group)
        record = self.workspaces.record_of(train) if train else None
        settings = self._settings(record)
        if settings.get("upgrade"):
            from ssdh_surgery.pipeline.edit.upgrade_files import upgrade_group

            group = upgrade_group(group)
        if train is None:
            lone = patch_lone_solver(group, explicit, self.plan)
            return _Part([lone], notes=group.notes, warnings=tuple(warnings))
        self._explain(train, group.train_net, settings, record)
        plan = _with_suffix(self.plan, settings)
        result = TrainGroup(group, explicit, settings, plan, record).patch()
        patched = result.patched(group)
        refuse_worse_group(original, patched)
        # Some of what Caffe refuses a patch mends: a classifier without num_output gets --classes.
        warnings = warnings if group_refusals(patched) else []
        stem = record.stem if record else self.options.net or train.stem
        notes = list(group.notes)
        if group.solver is None and (unused := explicit.named(SOLVER)):
            flags = ", ".join(OPTIONS[name].flag for name in unused)
            notes.append(f"no effect without a solver: {flags}")
        warnings += self._remember(train, stem, result, record)
        return _Part(result.files, stem, tuple(notes), tuple(warnings))

    def derives_training(self, source: SourceFile) -> bool:
        """Whether a train net is to be derived from a deploy net, or was before."""
        from ssdh_surgery.pipeline.patch.from_deploy import TRIGGERS

        has_data = bool(self.options.explicit.named(TRIGGERS))
        return has_data or self.workspaces.record_derived_from(source) is not None

    def derive(self, source: SourceFile) -> _Part:
        """Derive a train net and a solver from a deploy net."""
        from ssdh_surgery.pipeline.patch.from_deploy import TRAIN_STEM, derive_training

        record = self.workspaces.record_derived_from(source)
        settings = self._settings(record)
        if settings.get("upgrade"):
            from ssdh_surgery.pipeline.edit.upgrade_files import upgrade_source

            source = upgrade_source(source)
        self._explain(source, net_of(source.document), settings)
        result = derive_training(source, settings, _with_suffix(self.plan, settings))
        stem = record.stem if record else self.options.net or TRAIN_STEM
        warnings = self._remember(source, stem, result, record)
        return _Part(result.files, stem, warnings=tuple(warnings))

    def patch_deploy(self, source: SourceFile, stems: Sequence[str]) -> _Part:
        """Patch a deploy net as the train net next to its result was patched.

        Args:
            source: the deploy net.
            stems: the stems of the train nets that this run patches.
        """
        from ssdh_surgery.pipeline.deploy import hash_net as deploy_net

        explicit = self.options.explicit
        _refuse_freeze(explicit)
        stem = stems[0] if len(stems) == 1 else None
        record = self.workspaces.record_of_deploy(source, stem)
        settings, net = self._settings(record), net_of(source.document)
        deploy_settings = deploy_net.deploy_settings(settings, record)
        if deploy_net.hash_layer_in(net, deploy_settings, record) is None:
            self._explain(source, net, settings)
        plan = _with_suffix(self.plan, settings)
        result = deploy_net.patch_deploy(source, explicit, record, plan)
        workspace = self.workspaces.next_to(source)
        if workspace is not None and record is not None:
            remember_deploy(workspace, record, result)
        return _Part([result])

    def _settings(self, record: NetRecord | None) -> Settings:
        if record is None or self.options.reset:
            return self.options.explicit.over(Settings())
        return self.options.explicit.over(record.settings)

    def _remember(
        self, train: SourceFile, stem: str, result: GroupResult, record: NetRecord | None
    ) -> list[str]:
        """Record a train net; where that fails, a warning."""
        workspace = self.workspaces.next_to(train)
        if workspace is not None:
            try:
                warnings = self._new_name_warnings(workspace)
                remember_group(workspace, stem, result, record)
                if self.options.reset and result.hashing.insertion is None and record:
                    workspace.record(stem, {"options": None})
            except WorkspaceError as error:
                return [f"not recorded: {error}"]
            return warnings
        return []

    def _new_name_warnings(self, workspace: Workspace) -> list[str]:
        """A warning where `--net` makes a new record and nearly names an existing one."""
        name, nets = self.options.net, workspace.nets
        near = None if name is None or name in nets else did_you_mean(name, nets)
        if near is None:
            return []
        return [f"{workspace.path.name} has no net '{name}' yet, so a new one is recorded; {near}"]

    def _explain(
        self, source: SourceFile, net: Net, settings: Settings, record: NetRecord | None = None
    ) -> None:
        """Explain the choice of the head, where the options ask for it."""
        if self.options.explain is None:
            return
        from ssdh_surgery.pipeline.files.caffe_paths import working_folders
        from ssdh_surgery.pipeline.inspect.explain import explain

        head = choose_head(net, head_name(net, settings, record), settings.get("at"))
        names = (self.options.explicit.get("head"), settings.get("at"))
        self.options.explain(source.name, explain(net, head, *names, working_folders(source.path)))


def _refuse_freeze(explicit: Settings) -> None:
    if explicit.get("freeze") is not None:
        raise UsageError(
            "--freeze needs a train net that is derived from a deploy net",
            hint="ssdh patch deploy.prototxt --train-data LMDB --test-data LMDB --freeze LAYER",
        )


def _with_suffix(plan: WritePlan, settings: Settings) -> WritePlan:
    suffix = settings.get("suffix")
    return plan if suffix is None else replace(plan, suffix=suffix)


def _write(parts: Sequence[_Part], run: _Run) -> Results:
    """Write the files of all parts and the workspaces, and collect notes and warnings."""
    files = [file for part in parts for file in part.files]
    stems = [part.stem for part in parts if part.stem is not None]
    workspaces = run.workspaces
    written: list[Path] = []
    if run.plan.mode is Mode.WRITE:
        written = write_results(files, run.plan, workspaces.pending())
    unwritten = run.plan.unwritten(file.output.path for file in files)
    warnings = [warning for part in parts for warning in part.warnings]
    for record in workspaces.records(stems):
        warnings += record.warnings(unwritten)
    return Results(
        tuple(files),
        next(iter(workspaces.with_nets), None),
        tuple(written),
        tuple(note for part in parts for note in part.notes),
        tuple(dict.fromkeys(warnings)),
        _next_command(files, stems, workspaces),
    )


def _next_command(
    files: Sequence[FileResult], stems: Sequence[str], workspaces: Workspaces
) -> str | None:
    """The command that trains the net; None where no solver is written."""
    solver = next((file for file in files if file.source.kind is Kind.SOLVER), None)
    if solver is None or solver.source.is_stdin or not solver.is_result:
        return None
    which = ""
    if solver.output.path.parent.resolve() != Path.cwd() or stems[0] not in workspaces.stems:
        which = f" --solver {shlex.quote(str(solver.output.path))}"
    elif len(workspaces.stems) > 1:
        which = f" --net {shlex.quote(stems[0])}"
    view, path = Solver(solver.after), solver.output.path
    gpu = "" if view.string("solver_mode") in ("CPU", "0") else " --gpu 0"
    weights = _weights_to_start_from(path.parent, Path(view.snapshot_prefix(path, Path())))
    return f"ssdh train{which}{gpu} --weights {weights}"


def _weights_to_start_from(folder: Path, prefix: Path) -> str:
    """The weights in the current directory or next to the solver; a placeholder if not just one.

    Several are listed in a comment of the shell's.
    """
    paths = other_weights(Path(), prefix) or other_weights(folder, prefix)
    if len(paths) == 1:
        return shlex.quote(str(paths[0]))
    names = ", ".join(map(str, paths))
    return "WEIGHTS.caffemodel" + (f"  # one of: {names}" if names else "")
