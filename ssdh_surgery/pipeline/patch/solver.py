"""The solver of a patch: smaller steps, new paths, explicit fields, and notes on what it keeps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ssdh_surgery.caffe.net.solver import Solver
from ssdh_surgery.pipeline.edit.draft import Draft
from ssdh_surgery.pipeline.edit.result import FileResult, result_of
from ssdh_surgery.pipeline.files import solver_paths
from ssdh_surgery.pipeline.files.file_group import FileGroup
from ssdh_surgery.pipeline.files.outputs import WritePlan
from ssdh_surgery.pipeline.settings.settings import Settings
from ssdh_surgery.prototxt.cst import Entry
from ssdh_surgery.surgery.core.change import Change, merge
from ssdh_surgery.surgery.solver import assignments, field_order
from ssdh_surgery.surgery.solver import retarget as solver_verbs

# The fields that decide how long a run is and what it leaves.
_RUN_FIELDS = ("test_iter", "max_iter", "stepsize", "stepvalue", "snapshot")


def retarget(
    draft: Draft, group: FileGroup, nets: Sequence[FileResult], settings: Settings, plan: WritePlan
) -> list[str]:
    """Fit a solver to nets that got a hash layer.

    Args:
        draft: the solver.
        group: its file group.
        nets: the results for the nets that it names.
        settings: the effective settings.
        plan: the writing options.

    Returns:
        Notes for the user.

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


def follow(
    draft: Draft, group: FileGroup, nets: Sequence[FileResult], explicit: Settings, plan: WritePlan
) -> list[str]:
    """Point a solver at nets that already had a hash layer and are written elsewhere.

    Its rates stay: they belong to a net that learns codes. Arguments, return value and errors
    are those of `retarget`, with the explicit settings.
    """
    assert group.solver is not None
    notes = set_explicit(draft, explicit)
    if all(each.output.path == each.source.place for each in nets):
        return notes
    targets = _targets(draft.solver, group, nets, plan)
    paths = solver_paths.new_paths(draft.solver, group.solver.place, targets, plan)
    chosen = assignments.typed_assignments(explicit.get("sets") or ())
    draft.do(solver_verbs.put_paths(draft.solver, paths.nets, paths.prefix, chosen))
    return [
        *notes,
        "its paths name the written nets; its rates are unchanged, since the net has a hash layer "
        "already",
        *paths.notes,
    ]


def _targets(
    solver: Solver, group: FileGroup, nets: Sequence[FileResult], plan: WritePlan
) -> dict[Entry, tuple[Path, Path]]:
    """The file of each net field, before and after the patch."""
    if group.train is None:
        # A solver from standard input: nothing but the names of its nets is known.
        return {each.entry: (Path(each.path), plan.target(Path(each.path))) for each in solver.nets}
    outputs = {id(each.source): each.output.path for each in nets}
    targets = {}
    for reference, source in zip(solver.nets, group.net_files, strict=True):
        if source is not None and id(source) in outputs:
            old = Path(reference.path) if source.is_zoo else source.place
            targets[reference.entry] = (old, outputs[id(source)])
    return targets


def _names_results(solver: Solver, plan: WritePlan) -> bool:
    """Whether all nets that a solver names are named as results are."""
    stems = [Path(each.path).stem for each in solver.nets]
    return bool(stems) and all(stem == plan.add_suffix(stem) for stem in stems)


def set_explicit(draft: Draft, explicit: Settings, reason: str | None = None) -> list[str]:
    """Set nothing but the explicit settings, in a solver that is patched already.

    Args:
        draft: the solver.
        explicit: the settings of the command line.
        reason: a note that says why its rates stay.

    Returns:
        Notes for the user.

    Raises:
        UsageError: a `--set` that no solver takes.
    """
    solver = draft.solver
    chosen = assignments.typed_assignments(explicit.get("sets") or ())
    changes: list[Change] = [assignments.assign(solver, chosen)]
    for name in ("weight_decay", "gamma"):
        if explicit.get(name) is not None and name not in chosen:
            changes.append(field_order.put(solver, name, explicit.get(name)))
    draft.do(merge(changes))
    notes = [reason] if reason else []
    if explicit.get("lr_divide") is not None:
        notes.append("--lr-divide applies to a new hash layer only: base_lr is unchanged")
    return notes


def patch_lone_solver(group: FileGroup, explicit: Settings, plan: WritePlan) -> FileResult:
    """Patch a solver from standard input, whose nets are known by name only."""
    assert group.solver is not None
    draft = Draft(group.solver.document, group.solver.kind)
    if _names_results(draft.solver, plan):
        notes = set_explicit(draft, explicit)
    else:
        notes = retarget(draft, group, (), explicit, plan)
    return with_kept_notes(result_of(group.solver, draft, plan, notes))


def with_kept_notes(result: FileResult) -> FileResult:
    """Add notes on the fields that a patch keeps."""
    if not result.is_changed:
        return result
    kept = _kept_notes(Solver(result.source.document), Solver(result.after))
    return replace(result, notes=(*result.notes, *kept))


def _kept_notes(before: Solver, after: Solver) -> tuple[str, ...]:
    """Notes on fields that a patch keeps and that decide how long a run is."""
    notes = []
    values = {name: _values(after, name) for name in _RUN_FIELDS}
    kept = {name: text for name, text in values.items() if text and text == _values(before, name)}
    if kept:
        listed = ", ".join(f"{name} {text}" for name, text in kept.items())
        notes.append(f"kept: {listed}; to change: {' '.join(f'--set {name}=N' for name in kept)}")
    if after.integer("test_interval") and after.flag("test_initialization", True):
        batches = values["test_iter"].replace(" ", " + ")
        noun = "batch" if batches == "1" else "batches"
        notes.append(
            f"Caffe tests before the first iteration, {batches} {noun} without any output in the "
            "log; --set test_initialization=false skips this test"
        )
    return tuple(notes)


def _values(solver: Solver, name: str) -> str:
    return " ".join(scalar.text for scalar in solver.root.scalars(name))
