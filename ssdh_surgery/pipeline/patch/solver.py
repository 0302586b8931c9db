"""The solver's part of a patch: smaller steps, new paths, explicit fields, and what was kept."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ssdh_surgery.caffe.net.solver import Solver
from ssdh_surgery.pipeline.edit.draft import Draft
from ssdh_surgery.pipeline.edit.result import FileResult
from ssdh_surgery.pipeline.files import solver_paths
from ssdh_surgery.pipeline.files.file_group import FileGroup
from ssdh_surgery.pipeline.files.outputs import WritePlan
from ssdh_surgery.pipeline.settings.settings import Settings
from ssdh_surgery.prototxt.cst import Entry
from ssdh_surgery.surgery.core.change import Change, merged
from ssdh_surgery.surgery.solver import settings as solver_verbs

# What decides how long a run is and what it leaves: kept, and named.
_MATTERS = ("test_iter", "max_iter", "stepsize", "stepvalue", "snapshot")


def retarget(
    draft: Draft, group: FileGroup, nets: Sequence[FileResult], settings: Settings, plan: WritePlan
) -> list[str]:
    """Fit a solver to nets that got a hash layer.

    Args:
        draft: the solver.
        group: the files that belong together.
        nets: what became of the nets that it names.
        settings: the settings in force.
        plan: the writing options.

    Returns:
        What the user should know.

    Raises:
        UsageError: a `--set` that no solver takes.
    """
    assert group.solver is not None
    targets = _targets(draft.solver, group, nets, plan)
    paths = solver_paths.new_paths(draft.solver, group.solver.place, targets, plan)
    result = draft.do(
        solver_verbs.retarget(draft.solver, settings.solver_recipe, paths.nets, paths.prefix)
    )
    return [*result.notes, *paths.notes]


def _targets(
    solver: Solver, group: FileGroup, nets: Sequence[FileResult], plan: WritePlan
) -> dict[Entry, tuple[Path, Path]]:
    """The file of each net field, before and after."""
    if group.train is None:
        # From standard input: the names are all that is known of the nets.
        return {each.entry: (Path(each.path), plan.target(Path(each.path))) for each in solver.nets}
    outputs = {id(each.source): each.output.path for each in nets}
    targets = {}
    for reference, source in zip(solver.nets, group.net_files, strict=True):
        if source is not None and id(source) in outputs:
            old = Path(reference.path) if source.is_zoo else source.place
            targets[reference.entry] = (old, outputs[id(source)])
    return targets


def follow(
    draft: Draft, group: FileGroup, nets: Sequence[FileResult], explicit: Settings, plan: WritePlan
) -> list[str]:
    """Let the paths of a solver whose nets had a hash layer follow nets that went elsewhere.

    Its rates stay: they are those of a run that learned codes. Arguments and errors are those
    of `retarget`.
    """
    assert group.solver is not None
    notes = set_explicit(draft, explicit)
    if all(each.output.path == each.source.place for each in nets):
        return notes
    targets = _targets(draft.solver, group, nets, plan)
    paths = solver_paths.new_paths(draft.solver, group.solver.place, targets, plan)
    chosen = solver_verbs.chosen(explicit.get("sets") or ())
    draft.do(solver_verbs.put_paths(draft.solver, paths.nets, paths.prefix, chosen))
    return [
        *notes,
        "its paths follow; the rates are those of a net with a hash layer",
        *paths.notes,
    ]


def names_patched_nets(solver: Solver, plan: WritePlan) -> bool:
    """Whether all nets that a solver names are called as results are."""
    stems = [Path(each.path).stem for each in solver.nets]
    return bool(stems) and all(stem == plan.add_suffix(stem) for stem in stems)


def set_explicit(draft: Draft, explicit: Settings, reason: str | None = None) -> list[str]:
    """Set only the explicit settings in a solver that is patched already; `reason` says why.

    Raises:
        UsageError: a `--set` that no solver takes.
    """
    solver = draft.solver
    chosen = solver_verbs.chosen(explicit.get("sets") or ())
    changes: list[Change] = [solver_verbs.set_chosen(solver, chosen)]
    for name in ("weight_decay", "gamma"):
        if explicit.get(name) is not None and name not in chosen:
            changes.append(solver_verbs.put(solver, name, explicit.get(name)))
    draft.do(merged(changes))
    notes = [reason] if reason else []
    if explicit.get("lr_divide") is not None:
        notes.append("--lr-divide goes with a new hash layer: base_lr stays as it is")
    return notes


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
