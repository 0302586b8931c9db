"""Retargeting a solver to a net with a hash layer: smaller steps, new paths, assignments."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from ssdh_surgery.caffe.net.solver import Solver
from ssdh_surgery.prototxt.cst import Entry
from ssdh_surgery.surgery.core.change import Change, merge
from ssdh_surgery.surgery.hashing.recipe import SolverRecipe
from ssdh_surgery.surgery.solver.assignments import assign, typed_assignments
from ssdh_surgery.surgery.solver.field_order import put
from ssdh_surgery.surgery.verbs import fields

# Policies that multiply the rate by gamma at certain iterations.
_STEP_POLICIES = ("step", "multistep")
_STEP_GAMMA = Decimal("0.1")
# Why gamma stays unchanged under other policies.
_NO_GAMMA = {
    "fixed": "does not read it",
    "poly": "does not read it",
    "exp": f"would stop learning with {_STEP_GAMMA}",
    "inv": f"would stop learning with {_STEP_GAMMA}",
    "sigmoid": "gives it another meaning",
}


@dataclass(frozen=True)
class SolverChange:
    """A change of a solver, with notes for the user."""

    change: Change
    notes: tuple[str, ...] = ()


def retarget(
    solver: Solver, recipe: SolverRecipe, paths: Mapping[Entry, str], prefix: str | None
) -> SolverChange:
    """Retarget a solver to a net that got a hash layer.

    Args:
        solver: the solver before the change.
        recipe: what to change; its `--set` assignments override the rest.
        paths: the new path of each net field that names another file now.
        prefix: the new snapshot prefix, or None to leave it.

    Raises:
        SurgeryError: `base_lr` is not a number.
        UsageError: a `--set` names no field of a solver, or gives it a wrong value.
    """
    assigned = typed_assignments(recipe.sets)
    removed = (
        [] if "test_initialization" in assigned else solver.root.entries("test_initialization")
    )
    changes = [
        assign(solver, assigned, removed),
        put_paths(solver, paths, prefix, assigned, removed),
    ]
    notes = []
    changes.append(fields.take_out(removed, recipe.remove))
    if "weight_decay" not in assigned:
        changes.append(put(solver, "weight_decay", recipe.weight_decay, removed))
    if "base_lr" not in assigned:
        rate = solver.root.entry("base_lr")
        if rate:
            changes.append(fields.scale(rate, 1 / recipe.lr_divide))
        else:
            notes.append("base_lr is not set: nothing was divided")
    if "gamma" not in assigned:
        policy = (
            str(assigned["lr_policy"][0]) if "lr_policy" in assigned else solver.string("lr_policy")
        )
        gamma, note = _gamma(solver, policy, recipe.gamma, removed)
        changes.append(gamma)
        notes += [note] if note else []
    return SolverChange(merge(changes), tuple(notes))


def put_paths(
    solver: Solver,
    paths: Mapping[Entry, str],
    prefix: str | None,
    assigned: Container[str],
    removed: Sequence[Entry] = (),
) -> Change:
    """Point a solver at other nets and snapshots, except in the fields that the user set.

    Args:
        solver: the solver before the change.
        paths: the new path of each net field that names another file now.
        prefix: the new snapshot prefix, or None to leave it.
        assigned: the names of the fields that the user set.
        removed: as for `field_order.put`.
    """
    changes = [
        fields.set_value(entry, path)
        for entry, path in paths.items()
        if entry.field.name not in assigned
    ]
    if prefix is not None and "snapshot_prefix" not in assigned:
        changes.append(put(solver, "snapshot_prefix", prefix, removed))
    return merge(changes)


def _gamma(
    solver: Solver, policy: str, gamma: Decimal | None, removed: Sequence[Entry]
) -> tuple[Change, str | None]:
    if gamma is not None or policy in _STEP_POLICIES:
        return put(solver, "gamma", _STEP_GAMMA if gamma is None else gamma, removed), None
    if not policy:
        return Change(), "gamma is unchanged: there is no lr_policy"
    reason = _NO_GAMMA.get(policy, "may give it another meaning")
    return Change(), f"gamma is unchanged: lr_policy '{policy}' {reason}"
