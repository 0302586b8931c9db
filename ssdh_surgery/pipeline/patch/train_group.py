"""Patching one file group: the train net first, then its test nets and its solver."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ssdh_surgery.caffe.net.heads import HashLayer, lone_hash_layer
from ssdh_surgery.caffe.net.kind import Kind
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.net.phase import PHASES, Phase
from ssdh_surgery.pipeline.edit.draft import Draft, NetDraft
from ssdh_surgery.pipeline.edit.hash_net import (
    HashPlan,
    HashResult,
    existing_note,
    hash_net,
    hash_test_net,
    refuse_changes,
)
from ssdh_surgery.pipeline.edit.remember import GroupResult
from ssdh_surgery.pipeline.edit.result import FileResult, result_of
from ssdh_surgery.pipeline.files.file_group import FileGroup
from ssdh_surgery.pipeline.files.outputs import WritePlan
from ssdh_surgery.pipeline.files.sources import SourceFile
from ssdh_surgery.pipeline.nets.choose_head import choose_head, head_name
from ssdh_surgery.pipeline.patch import solver as solver_steps
from ssdh_surgery.pipeline.patch.notes import data_note, head_notes, state_notes
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
    """A file group with a train net, to be patched.

    Attributes:
        group: the files.
        explicit: the settings of the command line.
        settings: the explicit settings over the recorded ones.
        plan: the writing options.
        record: the workspace's record of the train net.
    """

    group: FileGroup
    explicit: Settings
    settings: Settings
    plan: WritePlan
    record: NetRecord | None

    def patch(self) -> GroupResult:
        """Patch all files of the group.

        Raises:
            SurgeryError: a net cannot be hashed.
            UsageError: options contradict each other.
        """
        group, net = self.group, self.group.train_net
        assert group.train is not None, "a solver without its nets is not a group with a train net"
        lone = lone_hash_layer(net)
        is_named = self.explicit.get("head") in (None, lone.latent.name if lone else None)
        if lone is not None and is_named and self.explicit.get("at") is None:
            return self._keep(group.train, lone)
        head = choose_head(net, head_name(net, self.settings, self.record), self.settings.get("at"))
        hash_plan = HashPlan(head.classifier.name, self.explicit, self.settings)
        solver = Draft(group.solver.document, Kind.SOLVER) if group.solver else None
        is_inside = group.train is group.solver
        train = solver if solver and is_inside else Draft(group.train.document, group.train.kind)
        draft = NetDraft(train, path_of_message(net.root), net.solver_states)
        hashing = hash_net(draft, hash_plan, self._train_phases())
        notes = draft.notes
        if hashing.insertion is not None:
            notes += state_notes(net)
            notes += head_notes(net, head, self.settings)
            notes += self._data_notes(head.classifier.name)
        results = [] if is_inside else [result_of(group.train, train, self.plan, notes)]
        for test in group.tests:
            states = group.net_in(test).solver_states
            test_draft = NetDraft(Draft(test.document, test.kind), states=states)
            hash_test_net(test_draft, hash_plan, hashing, _PHASES["test_net"])
            results.append(result_of(test, test_draft.draft, self.plan, test_draft.notes))
        if solver is not None:
            solver_notes = notes if is_inside else []
            solver_notes += self._patch_inner_nets(solver, hash_plan, hashing)
            result = self._patch_solver(solver, hashing, results, solver_notes)
            results = [result, *results] if is_inside else [*results, result]
        results[0] = _add_flatten_note(results[0], draft.net, hashing, self.settings)
        return GroupResult(results, draft.net, head.classifier.name, hashing, self.settings)

    def _keep(self, train: SourceFile, hash_layer: HashLayer) -> GroupResult:
        """Leave a net as it is that learns codes without a classifier.

        Raises:
            SurgeryError: a setting would change it.
        """
        refuse_changes(hash_layer, self.explicit)
        solver = self.group.solver
        others = [] if solver is None or solver is train else [solver]
        results = [
            result_of(each, Draft(each.document, each.kind), self.plan)
            for each in (train, *self.group.tests, *others)
        ]
        note = f"{existing_note(hash_layer)}; no classifier reads it, so nothing is changed"
        results[0] = replace(results[0], notes=(note,))
        hashing = HashResult("", hash_layer=hash_layer)
        return GroupResult(results, self.group.train_net, "", hashing, self.settings)

    def _train_phases(self) -> tuple[Phase, ...]:
        """The phases that the train net is built for: TRAIN alone where `train_net` names it."""
        if self.group.train is self.group.solver:
            return _PHASES.get(self.group.inner_nets[0][0], PHASES)
        fields = {field for field, source in self.group.named_nets if source is self.group.train}
        return _PHASES["train_net"] if fields == {"train_net"} else PHASES

    def _data_notes(self, classifier: str) -> list[str]:
        group = self.group
        nets: list[tuple[Net, tuple[Phase, ...]]] = []
        if group.train is not group.solver:
            nets.append((group.train_net, self._train_phases()))
        nets += [(net, _PHASES.get(name, PHASES)) for name, net in group.inner_nets]
        nets += [(group.net_in(test), ("TEST",)) for test in group.tests]
        note = data_note(nets, classifier, self.settings)
        return [note] if note else []

    def _patch_inner_nets(self, solver: Draft, hash_plan: HashPlan, train: HashResult) -> list[str]:
        """Patch the other nets inside the solver, and return their notes."""
        notes: list[str] = []
        is_inside = self.group.train is self.group.solver
        for field, net in self.group.inner_nets[is_inside:]:
            draft = NetDraft(solver, path_of_message(net.root), net.solver_states)
            if field.startswith("test"):
                hash_test_net(draft, hash_plan, train, _PHASES["test_net"])
            else:
                hash_net(draft, hash_plan, _PHASES.get(field, PHASES))
            notes += draft.notes
        return notes

    def _patch_solver(
        self, draft: Draft, train: HashResult, nets: Sequence[FileResult], notes: list[str]
    ) -> FileResult:
        source = self.group.solver
        assert source is not None
        if train.insertion is None:
            own_notes = solver_steps.follow(draft, self.group, nets, self.explicit, self.plan)
        elif self.record and self.record.lists_as_written(source.place):
            reason = "ssdh.toml lists it as written, so its rates are not divided again"
            own_notes = solver_steps.set_explicit(draft, self.explicit, reason)
        else:
            own_notes = solver_steps.retarget(draft, self.group, nets, self.settings, self.plan)
        result = result_of(source, draft, self.plan, tuple(dict.fromkeys([*notes, *own_notes])))
        return solver_steps.with_kept_notes(result) if train.insertion else result


def _add_flatten_note(
    result: FileResult, net: Net, train: HashResult, settings: Settings
) -> FileResult:
    """Add a note on features that have several values in each channel."""
    insertion = train.insertion
    if insertion is None:
        return result

    def note() -> str | None:
        from ssdh_surgery.pipeline.files.caffe_paths import working_folders
        from ssdh_surgery.pipeline.inspect.explain import flatten_note

        folders = working_folders(result.source.path)
        return flatten_note(net, insertion.features, settings.recipe.latent_name, folders)

    return replace(result, late_note=note)
