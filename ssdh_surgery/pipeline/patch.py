"""The first story: a train net, its test nets and its solver get a hash layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

from ssdh_surgery.caffe.heads import HashLayer, Head, hash_layer_below, heads
from ssdh_surgery.caffe.kind import Kind
from ssdh_surgery.caffe.net import Net
from ssdh_surgery.caffe.phase import PHASES, Phase
from ssdh_surgery.caffe.solver import Solver
from ssdh_surgery.errors import Location, SurgeryError, UnknownLayer, did_you_mean
from ssdh_surgery.pipeline import record, solver_paths
from ssdh_surgery.pipeline.choice import chosen_head, refuse_convolution, refuse_old_dialect
from ssdh_surgery.pipeline.group import Group, groups
from ssdh_surgery.pipeline.outputs import Mode, Output, WritePlan, write_all
from ssdh_surgery.pipeline.sources import SourceFile
from ssdh_surgery.pipeline.workspace import Workspace
from ssdh_surgery.prototxt.cst import Document, Entry
from ssdh_surgery.surgery import data_layers, fields, layers
from ssdh_surgery.surgery import deploy as deploy_verbs
from ssdh_surgery.surgery import solver as solver_verbs
from ssdh_surgery.surgery.change import Change, merged
from ssdh_surgery.surgery.data_layers import DataChoice
from ssdh_surgery.surgery.differences import Difference, differences
from ssdh_surgery.surgery.gate import prove
from ssdh_surgery.surgery.hashing import Hashed, hash_deploy_net, hash_train_net
from ssdh_surgery.surgery.judge import MESSAGE_OF
from ssdh_surgery.surgery.recipe import Recipe, SolverRecipe


@dataclass(frozen=True)
class PatchOptions:
    """What a command line asks for; None is what it left open."""

    at: str | None = None
    head: str | None = None
    # Fields of `Recipe` and `SolverRecipe` that were given.
    recipe: dict[str, Any] = field(default_factory=dict)
    solver_recipe: dict[str, Any] = field(default_factory=dict)
    # A path, "none", or None: look beside the train net.
    solver: str | None = None
    data: dict[Phase, DataChoice] = field(default_factory=dict)
    # The workspace's table to take values from, where it is not the file's own stem.
    net: str | None = None


@dataclass(frozen=True)
class PatchedFile:
    """What became of one file."""

    source: SourceFile
    output: Output
    after: Document
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def is_changed(self) -> bool:
        """Whether the result differs from the source."""
        return self.output.data != self.output.old

    @cached_property
    def differences(self) -> tuple[Difference, ...]:
        """What changed in meaning; worked out when it is asked for."""
        if not self.is_changed:
            return ()
        kind = MESSAGE_OF[self.source.kind]
        return tuple(differences(self.source.document, self.after, kind))


@dataclass(frozen=True)
class Patched:
    """What a patch made; `workspace` is None where none is kept."""

    files: tuple[PatchedFile, ...]
    workspace: Workspace | None
    written: tuple[Path, ...]
    notes: tuple[str, ...] = ()


def patch(sources: Sequence[SourceFile], options: PatchOptions, plan: WritePlan) -> Patched:
    """Patch what was named, and what belongs to it.

    Raises:
        SsdhError: something named cannot be patched; nothing was written.
    """
    for source in sources:
        if source.kind is Kind.UNKNOWN:
            raise SurgeryError("neither a net nor a solver", location=Location(source.name))
    results: list[PatchedFile] = []
    notes: list[str] = []
    workspace = _workspace(sources, plan)
    for group in groups(sources, options.solver):
        patched = _patch_group(group, options, plan, workspace)
        results += patched
        notes += group.notes
    for source in sources:
        if source.kind is Kind.DEPLOY:
            results.append(_patch_deploy(source, options, plan))
    written = _write(results, plan, workspace)
    return Patched(tuple(results), workspace, tuple(written), tuple(notes))


def _workspace(sources: Sequence[SourceFile], plan: WritePlan) -> Workspace | None:
    first = next((source for source in sources if source.path), None)
    if first is None or first.path is None:
        return None
    return Workspace.open(plan.target(first.path).parent)


def _write(
    results: Sequence[PatchedFile], plan: WritePlan, workspace: Workspace | None
) -> list[Path]:
    if plan.mode is not Mode.WRITE:
        return []
    outputs = [each.output for each in results if each.source.path and each.is_changed]
    written = write_all(outputs, plan)
    if workspace is not None and workspace.nets:
        workspace.save()
    return written


@dataclass(frozen=True)
class _Step:
    """A change of one document, and what to say about it."""

    change: Change
    notes: tuple[str, ...] = ()
    hashed: Hashed | None = None
    existing: HashLayer | None = None


def _patch_group(
    group: Group, options: PatchOptions, plan: WritePlan, workspace: Workspace | None
) -> list[PatchedFile]:
    known = workspace.nets.get(options.net or group.train.stem) if workspace else None
    recipe = record.recipe(options.recipe, known)
    at = options.at or (known.get("at") if known else None)
    head_name = options.head or (known.get("head") if known else None)
    if group.solver is group.train:
        return [_patch_inner(group, options, plan, recipe)]
    net = Net(group.train.document)
    head = chosen_head(net, head_name)
    main = _hash(net, head, recipe, at, options)
    data = [
        data_layers.repoint(net, phase, choice)
        for phase, choice in options.data.items()
        if not group.tests or phase == "TRAIN"
    ]
    step = replace(main, change=merged([main.change, *data]))
    results = [_finished(group.train, step, plan)]
    for test in group.tests:
        results.append(_patch_test(test, head, main, recipe, at, options, plan))
    if group.solver is not None:
        results.append(_patch_solver(group, results, step, options, plan))
    if workspace is not None:
        record.remember(workspace, group.train, net, head, main.hashed, recipe, results, options.at)
    return results


def _hash(net: Net, head: Head, recipe: Recipe, at: str | None, options: PatchOptions) -> _Step:
    """The hash layer for one head, or for a net that has one, its width."""
    existing = hash_layer_below(net, head.classifier)
    if existing is None:
        refuse_old_dialect(net)
        refuse_convolution(head)
        hashed = hash_train_net(net, head, recipe, at)
        return _Step(hashed.change, _hash_notes(hashed, recipe), hashed)
    note = (
        f"has a hash layer already: '{existing.latent.name}' -> '{existing.code.name}', "
        f"{existing.bits} bits"
    )
    bits = options.recipe.get("bits")
    if bits is None or bits == existing.bits:
        return _Step(Change(), (note,), existing=existing)
    message = existing.latent.core.message("inner_product_param")
    assert message is not None, "a hash layer states its bits"
    return _Step(
        fields.put(message, "num_output", bits),
        (note, f"its width becomes {bits} bits: weights of the old width no longer fit it"),
        existing=existing,
    )


def _hash_notes(hashed: Hashed, recipe: Recipe) -> tuple[str, ...]:
    how = "commented out" if recipe.remove == "comment" else "removed"
    gone = ", ".join(layer.name for layer in hashed.removed)
    return (*([f"{how}, nothing needs them any more: {gone}"] if gone else []), *hashed.notes)


def _patch_test(
    test: SourceFile,
    head: Head,
    main: _Step,
    recipe: Recipe,
    at: str | None,
    options: PatchOptions,
    plan: WritePlan,
) -> PatchedFile:
    """A test net: the same names, bits and place as its train net."""
    net = Net(test.document)
    names = {head.classifier.name, main.hashed.classifier if main.hashed else ""}
    same = [found for found in heads(net) if found.classifier.name in names]
    if not same:
        raise UnknownLayer(
            f"the test net has no classifier '{head.classifier.name}' as the train net has; Caffe "
            "would test a random one",
            location=Location(test.name),
            hint=did_you_mean(head.classifier.name, [layer.name for layer in net.layers]),
        )
    step = _hash(net, same[0], recipe, at, options)
    data = data_layers.repoint(net, "TEST", options.data.get("TEST", DataChoice()))
    return _finished(test, replace(step, change=merged([step.change, data])), plan)


def _patch_inner(
    group: Group, options: PatchOptions, plan: WritePlan, recipe: Recipe
) -> PatchedFile:
    """A solver that holds its nets: all of it is one change of one file."""
    assert group.solver is not None
    solver = Solver(group.solver.document)
    steps = []
    for name, root in solver.inner_nets:
        net = Net(group.solver.document, root)
        step = _hash(net, chosen_head(net, options.head), recipe, options.at, options)
        phases: Sequence[Phase] = {"train_net_param": ("TRAIN",), "test_net_param": ("TEST",)}.get(
            name, PHASES
        )  # type: ignore[assignment]
        data = [
            data_layers.repoint(net, phase, options.data[phase])
            for phase in phases
            if phase in options.data
        ]
        steps.append(replace(step, change=merged([step.change, *data])))
    notes = tuple(note for step in steps for note in step.notes)
    changes = [step.change for step in steps]
    if any(step.hashed for step in steps):
        path = group.solver.path or Path("solver.prototxt")
        prefix = solver_paths.new_paths(solver, path, {}, plan).prefix
        retargeted = solver_verbs.retarget(solver, _solver_recipe(options, recipe), {}, prefix)
        changes.append(retargeted.change)
        notes += (*retargeted.notes, *_kept_notes(solver, retargeted.change))
    else:
        changes.append(_explicit(solver, options))
    return _finished(group.solver, _Step(merged(changes), notes), plan)


def _patch_solver(
    group: Group, nets: Sequence[PatchedFile], step: _Step, options: PatchOptions, plan: WritePlan
) -> PatchedFile:
    assert group.solver is not None
    solver = Solver(group.solver.document)
    if step.hashed is None:
        return _finished(group.solver, _Step(_explicit(solver, options)), plan)
    targets: dict[Entry, tuple[Path, Path]] = {}
    for reference in solver.nets:
        for patched in nets:
            path = patched.source.path
            if path and solver_paths.names_file(reference, path):
                targets[reference.entry] = (path, patched.output.path)
    path = group.solver.path or Path("solver.prototxt")
    paths = solver_paths.new_paths(solver, path, targets, plan)
    recipe = _solver_recipe(options, record.recipe(options.recipe, None))
    retargeted = solver_verbs.retarget(solver, recipe, paths.nets, paths.prefix)
    notes = (*retargeted.notes, *_kept_notes(solver, retargeted.change))
    return _finished(group.solver, _Step(retargeted.change, notes), plan)


def _solver_recipe(options: PatchOptions, recipe: Recipe) -> SolverRecipe:
    return SolverRecipe(remove=recipe.remove, **options.solver_recipe)


def _explicit(solver: Solver, options: PatchOptions) -> Change:
    """For a solver that is patched already: only what was asked for in so many words."""
    given = options.solver_recipe
    own = solver_verbs.chosen(given.get("sets", ()))
    changes = [solver_verbs.set_chosen(solver, own)]
    for name in ("weight_decay", "gamma"):
        value: Decimal | None = given.get(name)
        if value is not None and name not in own:
            changes.append(solver_verbs.put(solver, name, value))
    return merged(changes)


def _kept_notes(solver: Solver, change: Change) -> list[str]:
    """What was kept and matters, with the option that changes it."""
    touched = {step.path[0][0] for step in change.promise.steps}
    notes = []
    kept = [
        f"{name} {' '.join(scalar.text for scalar in scalars)}"
        for name in ("test_iter", "max_iter", "stepsize", "stepvalue", "snapshot")
        if name not in touched and (scalars := solver.root.scalars(name))
    ]
    if kept:
        notes.append(f"kept: {', '.join(kept)}; --set FIELD=VALUE changes them")
    tests_first = "test_initialization" in touched or not solver.string("test_initialization")
    if tests_first and (batches := solver.integer("test_iter")):
        notes.append(
            f"Caffe tests before the first iteration, {batches} batches without a word in the "
            "log; --set test_initialization=false skips that"
        )
    return notes


def _patch_deploy(source: SourceFile, options: PatchOptions, plan: WritePlan) -> PatchedFile:
    """A deploy net that was named: its classifier gives way to the hash layer."""
    net = Net(source.document)
    recipe = record.recipe(options.recipe, None)
    return finish_deploy(source, net, recipe, options.at, options.head, plan)


def finish_deploy(
    source: SourceFile,
    net: Net,
    recipe: Recipe,
    at: str | None,
    head_name: str | None,
    plan: WritePlan,
    *,
    binary: bool = False,
    batch: int | None = None,
) -> PatchedFile:
    """A deploy net with the hash layer in the place of its classifier."""
    batched = deploy_verbs.set_batch(net, batch)
    code = next((layer for layer in net.named(recipe.code_name) if layer.type == "Sigmoid"), None)
    if code is not None:
        wanted = [recipe.binary_layer()] if binary and not net.named(recipe.binary_name) else []
        change = merged([layers.insert_after(code, wanted), batched])
        return _finished(source, _Step(change, (f"has a hash layer already: '{code.name}'",)), plan)
    refuse_old_dialect(net)
    head = chosen_head(net, head_name)
    refuse_convolution(head)
    hashed = hash_deploy_net(net, head, recipe, at, binary=binary)
    change = merged([hashed.change, batched])
    return _finished(source, _Step(change, _hash_notes(hashed, recipe), hashed), plan)


def _finished(source: SourceFile, step: _Step, plan: WritePlan) -> PatchedFile:
    """The change proven, and where its result goes."""
    message_name = MESSAGE_OF[source.kind]
    proven = prove(source.document, step.change, message_name)
    after = proven.document
    path = source.path or Path(source.stem + ".prototxt")
    # What needs no change needs no copy of its own: the file itself is the result.
    target = plan.target(path) if step.change else path
    output = Output(target, bytes(after), source.path, source.data)
    return PatchedFile(source, output, after, step.notes, proven.warnings)
