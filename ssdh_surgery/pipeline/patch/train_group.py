"""A train net, its test nets and its solver, patched: the train net first, the others follow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ssdh_surgery.caffe.net.kind import Kind
from ssdh_surgery.caffe.net.net import Net, net_of
from ssdh_surgery.caffe.net.phase import PHASES, Phase
from ssdh_surgery.caffe.net.solver import Solver
from ssdh_surgery.pipeline.edit.draft import Draft, NetDraft
from ssdh_surgery.pipeline.edit.hash_net import HashPlan, HashResult, hash_net, hash_test_net
from ssdh_surgery.pipeline.edit.remember import GroupResult
from ssdh_surgery.pipeline.edit.result import FileResult, result_of
from ssdh_surgery.pipeline.files.file_group import FileGroup
from ssdh_surgery.pipeline.files.outputs import WritePlan
from ssdh_surgery.pipeline.nets.choose_head import choose_head, head_name
from ssdh_surgery.pipeline.patch import solver as solver_part
from ssdh_surgery.pipeline.patch.notes import data_note, head_notes
from ssdh_surgery.pipeline.settings.settings import Settings
from ssdh_surgery.pipeline.workspace.net_record import NetRecord
from ssdh_surgery.surgery.core.change import path_of_message

# The phases that the net of a solver's field is built for, where it is not both.
_PHASES: dict[str, tuple[Phase, ...]] = {
    "train_net": ("TRAIN",),
    "train_net_param": ("TRAIN",),
    "test_net": ("TEST",),
    "test_net_param": ("TEST",),
}


@dataclass(frozen=True)
class TrainGroup:
    """A train net with what belongs to it, to be patched.

    `explicit` are the settings of the command line, `settings` these over the recorded ones.
    """

    group: FileGroup
    explicit: Settings
    settings: Settings
    plan: WritePlan
    record: NetRecord | None

    def patch(self) -> GroupResult:
        """Patch the train net first; the others follow it.

        Raises:
            SurgeryError: a net cannot be hashed.
            UsageError: options contradict each other.
        """
        group, net = self.group, self.group.train_net
        assert group.train is not None, "a solver from standard input is patched by itself"
        head = choose_head(net, head_name(net, self.settings, self.record))
        hash_plan = HashPlan(head.classifier.name, self.explicit, self.settings)
        solver = Draft(group.solver.document, Kind.SOLVER) if group.solver else None
        is_inside = group.train is group.solver
        train = solver if solver and is_inside else Draft(group.train.document, group.train.kind)
        draft = NetDraft(train, path_of_message(net.root))
        hashed = hash_net(draft, hash_plan, self._train_phases())
        notes = draft.notes
        if hashed.insertion is not None:
            notes += head_notes(net, head, self.settings)
            notes += self._data_notes()
        results = [] if is_inside else [result_of(group.train, train, self.plan, notes)]
        for test in group.tests:
            test_draft = NetDraft(Draft(test.document, test.kind))
            hash_test_net(test_draft, hash_plan, hashed, _PHASES["test_net"])
            results.append(result_of(test, test_draft.draft, self.plan, test_draft.notes))
        if solver is not None:
            solver_notes = notes if is_inside else []
            solver_notes += self._inner_nets(solver, hash_plan, hashed)
            result = self._solver(solver, hashed, results, solver_notes)
            results = [result, *results] if is_inside else [*results, result]
        after = draft.net
        results[0] = _with_flatten_note(results[0], after, hashed, self.settings)
        return GroupResult(
            group.train.stem, net, after, head, hashed, tuple(results), self.settings
        )

    def _train_phases(self) -> tuple[Phase, ...]:
        """The phases of the train net: by `train_net` it is never tested."""
        if self.group.train is self.group.solver:
            return _PHASES.get(self.group.inner_nets[0][0], PHASES)
        fields = {field for field, source in self.group.named_nets if source is self.group.train}
        return _PHASES["train_net"] if fields == {"train_net"} else PHASES

    def _data_notes(self) -> list[str]:
        group = self.group
        nets: list[tuple[Net, tuple[Phase, ...]]] = []
        if group.train is not group.solver:
            nets.append((group.train_net, self._train_phases()))
        nets += [(net, _PHASES.get(name, PHASES)) for name, net in group.inner_nets]
        nets += [(net_of(test.document), ("TEST",)) for test in group.tests]
        note = data_note(nets, self.settings)
        return [note] if note else []

    def _inner_nets(self, solver: Draft, hash_plan: HashPlan, train: HashResult) -> list[str]:
        """Patch the other nets that are written inside the solver."""
        notes: list[str] = []
        is_inside = self.group.train is self.group.solver
        for field, net in self.group.inner_nets[is_inside:]:
            draft = NetDraft(solver, path_of_message(net.root))
            if field.startswith("test"):
                hash_test_net(draft, hash_plan, train, _PHASES["test_net"])
            else:
                hash_net(draft, hash_plan, _PHASES.get(field, PHASES))
            notes += draft.notes
        return notes

    def _solver(
        self, draft: Draft, train: HashResult, nets: Sequence[FileResult], notes: list[str]
    ) -> FileResult:
        source = self.group.solver
        assert source is not None
        if train.insertion is None:
            more = solver_part.follow(draft, self.group, nets, self.explicit, self.plan)
        elif self.record and self.record.lists_as_written(source.place):
            reason = "ssdh.toml lists it as written: its rates are not divided again"
            more = solver_part.set_explicit(draft, self.explicit, reason)
        else:
            more = solver_part.retarget(draft, self.group, nets, self.settings, self.plan)
        result = result_of(source, draft, self.plan, tuple(dict.fromkeys([*notes, *more])))
        return _with_kept_notes(result) if train.insertion else result


def patch_lone_solver(group: FileGroup, explicit: Settings, plan: WritePlan) -> FileResult:
    """Patch a solver from standard input: its nets are known by their names alone."""
    assert group.solver is not None
    draft = Draft(group.solver.document, group.solver.kind)
    if solver_part.names_patched_nets(draft.solver, plan):
        notes = solver_part.set_explicit(draft, explicit)
    else:
        notes = solver_part.retarget(draft, group, (), explicit, plan)
    return _with_kept_notes(result_of(group.solver, draft, plan, notes))


def _with_kept_notes(result: FileResult) -> FileResult:
    if not result.is_changed:
        return result
    kept = solver_part.kept_notes(Solver(result.source.document), Solver(result.after))
    return replace(result, notes=(*result.notes, *kept))


def _with_flatten_note(
    result: FileResult, net: Net, train: HashResult, settings: Settings
) -> FileResult:
    """A result that says what becomes of features with several values for each channel."""
    insertion = train.insertion
    if insertion is None:
        return result

    def note() -> str | None:
        from ssdh_surgery.pipeline.files.caffe_paths import working_folders
        from ssdh_surgery.pipeline.inspect.explain import flatten_note

        folders = working_folders(result.source.path)
        return flatten_note(net, insertion.features, settings.recipe.latent_name, folders)

    return replace(result, late_note=note)
