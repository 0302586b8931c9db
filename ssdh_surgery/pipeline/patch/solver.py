"""The solver's part of a patch: smaller steps, new paths, own wishes, and what was kept."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ssdh_surgery.caffe.net.solver import Solver
from ssdh_surgery.pipeline.edit.result import PatchedFile, Step
from ssdh_surgery.pipeline.files import solver_paths
from ssdh_surgery.pipeline.files.file_group import Group
from ssdh_surgery.pipeline.files.outputs import WritePlan
from ssdh_surgery.pipeline.settings.settings import Settings
from ssdh_surgery.prototxt.cst import Entry
from ssdh_surgery.surgery.core.change import Change, merged
from ssdh_surgery.surgery.solver import settings as solver_verbs

# What decides how long a run is and what it leaves: kept, and named.
_MATTERS = ("test_iter", "max_iter", "stepsize", "stepvalue", "snapshot")


def retargeted(
    group: Group, nets: Sequence[PatchedFile], wanted: Settings, plan: WritePlan
) -> Step:
    """A solver fitted to nets that got a hash layer.

    Raises:
        UsageError: a `--set` that no solver takes.
    """
    assert group.solver is not None
    solver = Solver(group.solver.document)
    paths = solver_paths.new_paths(solver, group.solver.place, _targets(group, nets, plan), plan)
    done = solver_verbs.retarget(solver, wanted.solver_recipe, paths.nets, paths.prefix)
    return Step(done.change, (*done.notes, *paths.notes))


def _targets(
    group: Group, nets: Sequence[PatchedFile], plan: WritePlan
) -> dict[Entry, tuple[Path, Path]]:
    """The file of each net field, before and after."""
    assert group.solver is not None
    if group.train is None:
        # From standard input: the names are all that is known of the nets.
        found = Solver(group.solver.document).nets
        return {each.entry: (Path(each.path), plan.target(Path(each.path))) for each in found}
    outputs = {id(each.source): each.output.path for each in nets}
    targets = {}
    for reference in Solver(group.solver.document).nets:
        source = group.named.get(reference.entry)
        if source is not None and id(source) in outputs:
            old = Path(reference.path) if source.is_zoo else source.place
            targets[reference.entry] = (old, outputs[id(source)])
    return targets


def followed(group: Group, nets: Sequence[PatchedFile], given: Settings, plan: WritePlan) -> Step:
    """A solver whose nets had a hash layer: its paths follow nets that went elsewhere.

    Its rates stay: they are those of a run that learned codes.

    Raises:
        UsageError: a `--set` that no solver takes.
    """
    assert group.solver is not None
    step = explicit(group, given)
    if all(each.output.path == each.source.place for each in nets):
        return step
    solver = Solver(group.solver.document)
    paths = solver_paths.new_paths(solver, group.solver.place, _targets(group, nets, plan), plan)
    own = solver_verbs.chosen(given.get("sets") or ())
    change = solver_verbs.put_paths(solver, paths.nets, paths.prefix, own)
    notes = (*step.notes, "its paths follow; the rates are those of a net with a hash layer")
    return Step(merged([step.change, change]), (*notes, *paths.notes))


def names_patched_nets(solver: Solver, plan: WritePlan) -> bool:
    """Whether all nets that a solver names are called as results are."""
    stems = [Path(each.path).stem for each in solver.nets]
    return bool(stems) and all(stem == plan.named(stem) for stem in stems)


def explicit(group: Group, given: Settings, reason: str | None = None) -> Step:
    """For a solver that is patched already: only what was asked for in so many words.

    Raises:
        UsageError: a `--set` that no solver takes.
    """
    assert group.solver is not None
    solver = Solver(group.solver.document)
    own = solver_verbs.chosen(given.get("sets") or ())
    changes: list[Change] = [solver_verbs.set_chosen(solver, own)]
    for name in ("weight_decay", "gamma"):
        if given.get(name) is not None and name not in own:
            changes.append(solver_verbs.put(solver, name, given.get(name)))
    notes = [reason] if reason else []
    if given.get("lr_divide") is not None:
        notes.append("--lr-divide goes with a new hash layer: base_lr stays as it is")
    return Step(merged(changes), tuple(notes))


def kept_notes(before: Solver, after: Solver) -> tuple[str, ...]:
    """What stays as it was and decides how long a run is."""
    notes = []
    values = {name: _values(after, name) for name in _MATTERS}
    kept = {name: text for name, text in values.items() if text and text == _values(before, name)}
    if kept:
        listed = ", ".join(f"{name} {text}" for name, text in kept.items())
        notes.append(f"kept: {listed}; to change: {' '.join(f'--set {name}=N' for name in kept)}")
    if after.integer("test_interval") and after.flag("test_initialization", True):
        batches = values["test_iter"].replace(" ", " + ")
        noun = "batch" if batches == "1" else "batches"
        notes.append(
            f"Caffe tests before the first iteration, {batches} {noun} without a word in the "
            "log; --set test_initialization=false skips that"
        )
    return tuple(notes)


def _values(solver: Solver, name: str) -> str:
    return " ".join(scalar.text for scalar in solver.root.scalars(name))
