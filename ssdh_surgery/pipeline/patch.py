"""The first story: a train net, its test nets and its solver get a hash layer."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ssdh_surgery.caffe.heads import Head
from ssdh_surgery.caffe.kind import Kind
from ssdh_surgery.caffe.net import Net
from ssdh_surgery.caffe.phase import PHASES, Phase
from ssdh_surgery.caffe.solver import Solver
from ssdh_surgery.errors import Location, SurgeryError, UsageError, WorkspaceError
from ssdh_surgery.pipeline import record, solver_step
from ssdh_surgery.pipeline.choice import chosen_head
from ssdh_surgery.pipeline.group import Group, groups
from ssdh_surgery.pipeline.hash_step import data_note, hash_step, test_step, with_data
from ssdh_surgery.pipeline.head_notes import head_notes
from ssdh_surgery.pipeline.outputs import Mode, WritePlan, write_all
from ssdh_surgery.pipeline.patched import Patched, PatchedFile, Step, finished
from ssdh_surgery.pipeline.refused import refusals
from ssdh_surgery.pipeline.settings import SOLVER, Settings
from ssdh_surgery.pipeline.sources import SourceFile
from ssdh_surgery.pipeline.upgrade import upgraded_group, upgraded_source
from ssdh_surgery.pipeline.workspace import NetRecord, Workspace, relative
from ssdh_surgery.surgery import solver as solver_verbs
from ssdh_surgery.surgery.change import merged

if TYPE_CHECKING:
    from ssdh_surgery.pipeline.explain import Explanation

# The phases that the net of a solver's field is built for, where it is not both.
_PHASES: dict[str, tuple[Phase, ...]] = {
    "train_net": ("TRAIN",),
    "train_net_param": ("TRAIN",),
    "test_net": ("TEST",),
    "test_net_param": ("TEST",),
}


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


def patch(sources: Sequence[SourceFile], options: PatchOptions, plan: WritePlan) -> Patched:
    """Patch what was named, and what belongs to it.

    Raises:
        SsdhError: something named cannot be patched; nothing was written.
    """
    # A field that no solver has is told even where there is none.
    solver_verbs.chosen(options.given.get("sets") or ())
    sources = _distinct(sources)
    for source in sources:
        if source.kind is Kind.UNKNOWN:
            raise SurgeryError("neither a net nor a solver", location=Location(source.name))
        if source.is_zoo and plan.in_place:
            raise UsageError(f"--in-place does not go with {source.name}: it is no file")
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
) -> list[Group]:
    nets = [source for source in sources if source.kind is Kind.TRAIN]
    known = patching.known(nets[0]) if nets else None
    return groups(sources, options.solver, known.path("solver_source") if known else None)


class _Patching:
    """One run of the story: what was patched so far, and the workspaces beside the results."""

    def __init__(self, options: PatchOptions, plan: WritePlan) -> None:
        self.options = options
        self.plan = plan
        self.files: list[PatchedFile] = []
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

    def add_group(self, group: Group) -> None:
        """Patch a train net with its test nets and its solver."""
        _refuse_freeze(self.options.given)
        self.notes += group.notes
        self.warnings += refusals(group)
        train = group.train
        known = self.known(train) if train else None
        wanted = self.options.given.over(known.settings if known else Settings())
        group = upgraded_group(group) if wanted.get("upgrade") else group
        if train is None:
            self.files.append(_lone_solver(group, self.options.given, self.plan))
            return
        plan = _with_suffix(self.plan, wanted)
        done = _GroupPatch(group, self.options, wanted, plan, known).run()
        self.files += done.results
        self.stems.append(done.stem)
        if group.solver is None and (unused := self.options.given.named(SOLVER)):
            names = ", ".join(f"--{_option(name)}" for name in unused)
            self.notes.append(f"there is no solver for {names}")
        workspace = self.workspace(train)
        if workspace is not None:
            stem = known.stem if known else (self.options.net or done.stem)
            self.stems[-1] = stem
            self._remember(workspace, replace(done, stem=stem), known)

    def _remember(
        self, workspace: Workspace, done: record.PatchedNet, known: NetRecord | None
    ) -> None:
        try:
            record.remember(workspace, done, known)
        except WorkspaceError as error:
            self.warnings.append(f"not remembered: {error}")

    def is_to_train(self, source: SourceFile) -> bool:
        """Whether a deploy net is all there is, and a train net is to be made of it."""
        from ssdh_surgery.pipeline import derive_step

        asks = bool(self.options.given.named(derive_step.ASKING))
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
        from ssdh_surgery.pipeline import derive_step

        known = self._known_training(source)
        stem = known.stem if known else (self.options.net or derive_step.TRAIN_STEM)
        wanted = self.options.given.over(known.settings if known else Settings())
        source = upgraded_source(source) if wanted.get("upgrade") else source
        _explain(source, wanted, self.options)
        done = derive_step.derived_training(source, wanted, _with_suffix(self.plan, wanted), stem)
        self.files += done.results
        self.stems.append(stem)
        workspace = self.workspace(source)
        if workspace is not None:
            self._remember(workspace, done, known)

    def add_deploy(self, source: SourceFile) -> None:
        """Patch a deploy net that was named, as the train net beside its result was."""
        from ssdh_surgery.pipeline.deploy_step import (
            deploy_settings,
            hash_layer_in,
            patched_deploy,
        )

        _refuse_freeze(self.options.given)
        workspace = self.workspace(source)
        stem = self.options.net or (self.stems[0] if len(self.stems) == 1 else None)
        known = workspace.net(stem) if workspace and workspace.nets else None
        wanted = self.options.given.over(known.settings if known else Settings())
        plan = _with_suffix(self.plan, wanted)
        if hash_layer_in(Net(source.document), deploy_settings(wanted, known), known) is None:
            _explain(source, wanted, self.options)
        self.files.append(patched_deploy(source, self.options.given, known, plan))
        if workspace is not None and known is not None:
            record.remember_deploy(workspace, known, self.files[-1])

    def done(self) -> Patched:
        """All written, and what there is to say."""
        spaces = [each for each in self._workspaces.values() if each.nets]
        written: list[Path] = []
        if self.plan.mode is Mode.WRITE:
            outputs = [each.output for each in self.files if each.is_result]
            also = [write for workspace in spaces for write in workspace.pending()]
            written = write_all(outputs, self.plan, also)
        known = [space.nets[stem] for space in spaces for stem in self.stems if stem in space.nets]
        warnings = [*self.warnings, *(said for net in known for said in net.warnings())]
        return Patched(
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
        return f"ssdh train{which} --gpu 0 --weights WEIGHTS.caffemodel"


def _explain(
    source: SourceFile,
    wanted: Settings,
    options: PatchOptions,
    found: tuple[Net, Head] | None = None,
) -> None:
    """Tell, where it is asked for, what was found in a net before anything is done."""
    if options.explain is None:
        return
    from ssdh_surgery.pipeline.data_shapes import data_folders
    from ssdh_surgery.pipeline.explain import explain

    if found is None:
        net = Net(source.document)
        found = net, chosen_head(net, wanted.get("head"))
    asked = (options.given.get("head"), wanted.get("at"))
    options.explain(source.name, explain(*found, *asked, data_folders(source.path)))


def _option(name: str) -> str:
    return "set" if name == "sets" else name.replace("_", "-")


def _refuse_freeze(given: Settings) -> None:
    if given.get("freeze") is not None:
        raise UsageError(
            "--freeze goes with a train net that is made of a deploy net alone",
            hint="ssdh patch deploy.prototxt --train-data LMDB --test-data LMDB --freeze LAYER",
        )


def _with_suffix(plan: WritePlan, wanted: Settings) -> WritePlan:
    suffix = wanted.get("suffix")
    return plan if suffix is None else replace(plan, suffix=suffix)


def _lone_solver(group: Group, given: Settings, plan: WritePlan) -> PatchedFile:
    """A solver from standard input: its nets are known by their names alone."""
    assert group.solver is not None
    solver = Solver(group.solver.document)
    if solver_step.names_patched_nets(solver, plan):
        return _with_kept(finished(group.solver, solver_step.explicit(group, given), plan))
    return _with_kept(finished(group.solver, solver_step.retargeted(group, (), given, plan), plan))


def _with_kept(done: PatchedFile) -> PatchedFile:
    if not done.is_changed:
        return done
    kept = solver_step.kept_notes(Solver(done.source.document), Solver(done.after))
    return replace(done, notes=(*done.notes, *kept))


def _with_flatten_note(done: PatchedFile, net: Net, step: Step, latent: str) -> PatchedFile:
    """A result that says what becomes of features that are spread over places."""
    hashed = step.hashed
    if hashed is None:
        return done

    def note() -> str | None:
        from ssdh_surgery.pipeline.data_shapes import data_folders
        from ssdh_surgery.pipeline.explain import flatten_note

        return flatten_note(net, hashed.features, latent, data_folders(done.source.path))

    return replace(done, late_note=note)


@dataclass
class _GroupPatch:
    """One train net with what belongs to it, patched."""

    group: Group
    options: PatchOptions
    wanted: Settings
    plan: WritePlan
    known: NetRecord | None

    @property
    def given(self) -> Settings:
        """What the command line asks for."""
        return self.options.given

    def run(self) -> record.PatchedNet:
        """Patch the train net first; the others follow it."""
        train, net = self.group.train, self.group.train_net
        assert train is not None
        head = chosen_head(net, self.wanted.get("head"))
        _explain(train, self.wanted, self.options, (net, head))
        main = hash_step(net, head, self.given, self.wanted)
        if main.hashed is not None:
            main = replace(main, notes=(*main.notes, *head_notes(net, head, self.wanted)))
        results: list[PatchedFile] = []
        if train is not self.group.solver:
            step = with_data(net, main, self.given, self.wanted, self._train_phases())
            results.append(finished(train, self._with_data_note(step), self.plan))
            net_after = Net(results[0].after)
        for test in self.group.tests:
            results.append(
                finished(test, self._test_step(Net(test.document), head, main), self.plan)
            )
        if self.group.solver is not None:
            results.append(self._solver(head, main, results))
        if train is self.group.solver:
            results = [results[-1], *results[:-1]]
            net_after = replace(
                self.group, solver=replace(train, document=results[0].after)
            ).inner_nets[0][1]
        results[0] = _with_flatten_note(results[0], net_after, main, self.wanted.recipe.latent_name)
        return record.PatchedNet(
            train.stem, net, net_after, head, main, tuple(results), self.wanted
        )

    def _train_phases(self) -> tuple[Phase, ...]:
        """The phases of the train net: by `train_net` it is never tested."""
        fields = {
            entry.field.name
            for entry, source in self.group.named.items()
            if source is self.group.train
        }
        return _PHASES["train_net"] if fields == {"train_net"} else PHASES

    def _test_step(self, net: Net, head: Head, main: Step) -> Step:
        step = test_step(net, head, main, self.given, self.wanted)
        return with_data(net, step, self.given, self.wanted, _PHASES["test_net"])

    def _with_data_note(self, step: Step) -> Step:
        if step.hashed is None:
            return step
        nets: list[tuple[Net, tuple[Phase, ...]]] = []
        if self.group.train is not self.group.solver:
            nets.append((self.group.train_net, self._train_phases()))
        nets += [(net, _PHASES.get(name, PHASES)) for name, net in self.group.inner_nets]
        nets += [(Net(test.document), ("TEST",)) for test in self.group.tests]
        note = data_note(nets, self.wanted)
        return replace(step, notes=(*step.notes, *([note] if note else [])))

    def _solver(self, head: Head, main: Step, nets: Sequence[PatchedFile]) -> PatchedFile:
        solver = self.group.solver
        assert solver is not None
        steps = []
        for name, net in self.group.inner_nets:
            if name.startswith("test"):
                step = self._test_step(net, head, main)
            else:
                step = with_data(net, main, self.given, self.wanted, _PHASES.get(name, PHASES))
                step = self._with_data_note(step)
            steps.append(step)
        steps.append(self._solver_step(main, nets))
        notes = tuple(dict.fromkeys(note for step in steps for note in step.notes))
        change = merged(step.change for step in steps)
        then = tuple(verb for step in steps for verb in step.then)
        done = finished(solver, Step(change, notes, main.hashed, then=then), self.plan)
        return _with_kept(done) if main.hashed else done

    def _solver_step(self, main: Step, nets: Sequence[PatchedFile]) -> Step:
        assert self.group.solver is not None
        if main.hashed is None:
            return solver_step.followed(self.group, nets, self.given, self.plan)
        if self.known and self.known.lists_as_written(self.group.solver.place):
            reason = "ssdh.toml lists it as written: its rates are not divided again"
            return solver_step.explicit(self.group, self.given, reason)
        return solver_step.retargeted(self.group, nets, self.wanted, self.plan)
