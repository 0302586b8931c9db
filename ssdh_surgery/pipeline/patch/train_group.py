"""A train net, its test nets and its solver, patched: the train net first, the others follow it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ssdh_surgery.caffe.net.heads import Head
from ssdh_surgery.caffe.net.net import Net, net_of
from ssdh_surgery.caffe.net.phase import PHASES, Phase
from ssdh_surgery.caffe.net.solver import Solver
from ssdh_surgery.pipeline.edit import remember
from ssdh_surgery.pipeline.edit.data import data_note, with_data
from ssdh_surgery.pipeline.edit.hash_net import hash_step, test_step
from ssdh_surgery.pipeline.edit.result import PatchedFile, Step, finished
from ssdh_surgery.pipeline.files.file_group import Group
from ssdh_surgery.pipeline.files.outputs import WritePlan
from ssdh_surgery.pipeline.nets.choose_head import chosen_head, head_name
from ssdh_surgery.pipeline.patch import solver as solver_step
from ssdh_surgery.pipeline.patch.head_notes import head_notes
from ssdh_surgery.pipeline.settings.settings import Settings
from ssdh_surgery.pipeline.workspace.net_record import NetRecord
from ssdh_surgery.surgery.core.change import merged

# The phases that the net of a solver's field is built for, where it is not both.
_PHASES: dict[str, tuple[Phase, ...]] = {
    "train_net": ("TRAIN",),
    "train_net_param": ("TRAIN",),
    "test_net": ("TEST",),
    "test_net_param": ("TEST",),
}


@dataclass
class GroupPatch:
    """One train net with what belongs to it, patched."""

    group: Group
    given: Settings
    wanted: Settings
    plan: WritePlan
    known: NetRecord | None

    def run(self) -> remember.PatchedNet:
        """Patch the train net first; the others follow it."""
        train, net = self.group.train, self.group.train_net
        assert train is not None
        head = chosen_head(net, head_name(net, self.wanted, self.known))
        main = hash_step(net, head, self.given, self.wanted)
        if main.hashed is not None:
            main = replace(main, notes=(*main.notes, *head_notes(net, head, self.wanted)))
        results: list[PatchedFile] = []
        if train is not self.group.solver:
            step = with_data(net, main, self.given, self.wanted, self._train_phases())
            results.append(finished(train, self._with_data_note(step), self.plan))
            net_after = net_of(results[0].after)
        for test in self.group.tests:
            results.append(
                finished(test, self._test_step(net_of(test.document), head, main), self.plan)
            )
        if self.group.solver is not None:
            results.append(self._solver(head, main, results))
        if train is self.group.solver:
            results = [results[-1], *results[:-1]]
            net_after = replace(
                self.group, solver=replace(train, document=results[0].after)
            ).inner_nets[0][1]
        results[0] = _with_flatten_note(results[0], net_after, main, self.wanted.recipe.latent_name)
        return remember.PatchedNet(
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
        nets += [(net_of(test.document), ("TEST",)) for test in self.group.tests]
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


def lone_solver(group: Group, given: Settings, plan: WritePlan) -> PatchedFile:
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
        from ssdh_surgery.pipeline.files.caffe_paths import data_folders
        from ssdh_surgery.pipeline.inspect.explain import flatten_note

        return flatten_note(net, hashed.features, latent, data_folders(done.source.path))

    return replace(done, late_note=note)
