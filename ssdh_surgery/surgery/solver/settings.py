"""The solver's part: smaller steps for a net that is already trained, new paths, own wishes."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from ssdh_surgery.caffe.messages import schema
from ssdh_surgery.caffe.net.solver import Solver
from ssdh_surgery.errors import SchemaError, SurgeryError, UsageError
from ssdh_surgery.prototxt.cst import Entry
from ssdh_surgery.prototxt.render import Word
from ssdh_surgery.surgery.core.change import Change, merged
from ssdh_surgery.surgery.core.new_values import strict_message
from ssdh_surgery.surgery.hashing.recipe import SolverRecipe
from ssdh_surgery.surgery.verbs import fields

if TYPE_CHECKING:
    from google.protobuf.descriptor import FieldDescriptor

# A number, a truth value or the name of an enum's value.
_ONE_WORD = re.compile(r"-?[\w.+-]+")
_QUOTED = re.compile(r"""(["'])([^"'\\]*)\1""")

# The order in which Caffe's own solver files have their fields: where a new one goes.
_ORDER = [
    "net",
    "train_net",
    "test_net",
    "test_iter",
    "test_interval",
    "test_initialization",
    "test_compute_loss",
    "base_lr",
    "lr_policy",
    "gamma",
    "power",
    "stepsize",
    "stepvalue",
    "max_iter",
    "iter_size",
    "momentum",
    "momentum2",
    "rms_decay",
    "delta",
    "weight_decay",
    "regularization_type",
    "clip_gradients",
    "display",
    "average_loss",
    "snapshot",
    "snapshot_prefix",
    "snapshot_format",
    "snapshot_after_train",
    "solver_mode",
    "device_id",
    "random_seed",
    "type",
]
# Policies that multiply the rate by gamma at certain iterations.
_STEP_POLICIES = ("step", "multistep")
_STEP_GAMMA = Decimal("0.1")
# Why gamma stays as it is under the others.
_NO_GAMMA = {
    "fixed": "does not read it",
    "poly": "does not read it",
    "exp": f"would stop the learning with {_STEP_GAMMA}",
    "inv": f"would stop the learning with {_STEP_GAMMA}",
    "sigmoid": "reads it otherwise",
}


@dataclass(frozen=True)
class SolverChange:
    """A change of a solver and what the user should know."""

    change: Change
    notes: tuple[str, ...] = ()


def retarget(
    solver: Solver, recipe: SolverRecipe, paths: Mapping[Entry, str], prefix: str | None
) -> SolverChange:
    """Fit a solver to a net that got a hash layer.

    Args:
        solver: the solver as it is.
        recipe: what to change, the user's own `--set`s included; these win.
        paths: a new path for each net field that is to name another file.
        prefix: the new snapshot prefix, or None to leave it.

    Raises:
        SurgeryError: `base_lr` is not a number.
        UsageError: a `--set` names no field of a solver, or gives it a wrong value.
    """
    own = chosen(recipe.sets)
    gone = [] if "test_initialization" in own else solver.root.entries("test_initialization")
    changes = [set_chosen(solver, own, gone), put_paths(solver, paths, prefix, own, gone)]
    notes = []
    changes.append(fields.take_out(gone, recipe.remove))
    if "weight_decay" not in own:
        changes.append(put(solver, "weight_decay", recipe.weight_decay, gone))
    if "base_lr" not in own:
        rate = solver.root.entry("base_lr")
        if rate:
            changes.append(fields.scale(rate, 1 / recipe.lr_divide))
        else:
            notes.append("base_lr is not set: nothing was divided")
    if "gamma" not in own:
        policy = str(own["lr_policy"][0]) if "lr_policy" in own else solver.string("lr_policy")
        gamma, note = _gamma(solver, policy, recipe.gamma, gone)
        changes.append(gamma)
        notes += [note] if note else []
    return SolverChange(merged(changes), tuple(notes))


def put_paths(
    solver: Solver,
    paths: Mapping[Entry, str],
    prefix: str | None,
    own: Container[str],
    gone: Sequence[Entry] = (),
) -> Change:
    """Point a solver at other nets and snapshots, but for the fields that the user set.

    Args:
        solver: the solver as it is.
        paths: a new path for each net field that is to name another file.
        prefix: the new snapshot prefix, or None to leave it.
        own: the names of the fields that the user set.
        gone: as for `put`.
    """
    changes = [
        fields.set_value(entry, path)
        for entry, path in paths.items()
        if entry.field.name not in own
    ]
    if prefix is not None and "snapshot_prefix" not in own:
        changes.append(put(solver, "snapshot_prefix", prefix, gone))
    return merged(changes)


def _gamma(
    solver: Solver, policy: str, given: Decimal | None, gone: Sequence[Entry]
) -> tuple[Change, str | None]:
    if given is not None or policy in _STEP_POLICIES:
        return put(solver, "gamma", _STEP_GAMMA if given is None else given, gone), None
    if not policy:
        return Change(), "gamma stays as it is: there is no lr_policy"
    reason = _NO_GAMMA.get(policy, "may read it otherwise")
    return Change(), f"gamma stays as it is: lr_policy '{policy}' {reason}"


def put(solver: Solver, name: str, value: object, gone: Sequence[Entry] = ()) -> Change:
    """Set a field of a solver, or add it where such files have it.

    `gone` are fields that the same change takes out: nothing is put beside them.
    """
    entry = solver.root.entry(name)
    if entry:
        return fields.set_value(entry, value)
    return _add(solver, [(name, value)], gone)


def _add(solver: Solver, new: Sequence[tuple[str, object]], gone: Sequence[Entry] = ()) -> Change:
    name = new[0][0]
    at = _ORDER.index(name) if name in _ORDER else len(_ORDER)
    entries = [entry for field in solver.root.fields for entry in field.entries]
    before_gone = {entries[index - 1] for index, entry in enumerate(entries) if entry in gone}
    after_gone = {entry for index, entry in enumerate(entries[1:]) if entries[index] in gone}
    for neighbour in reversed(_ORDER[:at]):
        found = solver.root.entry(neighbour)
        if found and found not in gone and found not in before_gone:
            return fields.add_after(found, new)
    first = (solver.root.entries(neighbour)[:1] for neighbour in _ORDER[at + 1 :])
    for found in (*(entry for each in first for entry in each), *(entries if gone else ())):
        if found not in gone and found not in after_gone:
            return fields.add_before(found, new)
    return fields.add_inside(solver.root, new)


def chosen(sets: Sequence[tuple[str, str]]) -> dict[str, list[object]]:
    """The values of `--set FIELD=VALUE`, typed by Caffe's schema; repeated fields add up.

    A string may have the quotes that it has in a solver.

    Raises:
        UsageError: no such field, or a value of the wrong type.
    """
    result: dict[str, list[object]] = {}
    for name, text in sets:
        try:
            known = schema.field("SolverParameter", name)
            value = _typed(known, text)
            strict_message("SolverParameter", name, value)
            _refuse_more_than_a_value(text, value)
        except SchemaError as error:
            raise UsageError(f"--set {name}={text}: {error.message}", hint=error.hint) from error
        if not schema.is_repeated(known):
            result[name] = [value]
        else:
            result.setdefault(name, []).append(value)
    return result


def _typed(known: FieldDescriptor, text: str) -> object:
    if known.message_type is not None:
        raise SchemaError(f"'{known.name}' is a whole message, not one value")
    if schema.field_type(known) != "string":
        return Word(text)
    quoted = _QUOTED.fullmatch(text)
    return quoted[2] if quoted else text


def _refuse_more_than_a_value(text: str, value: object) -> None:
    """Refuse a word with a comment or a separator: it would act on what follows it."""
    if isinstance(value, Word) and not _ONE_WORD.fullmatch(text):
        raise SchemaError(f"'{text}' is not one value")


def set_chosen(
    solver: Solver, own: Mapping[str, Sequence[object]], gone: Sequence[Entry] = ()
) -> Change:
    """Give fields the values that the user chose, whatever they were; `gone` as for `put`."""
    return merged(_set_all(solver, name, values, gone) for name, values in own.items())


def _set_all(solver: Solver, name: str, values: Sequence[object], gone: Sequence[Entry]) -> Change:
    old = solver.root.entries(name)
    if len(old) > 1 and not schema.is_repeated(schema.field("SolverParameter", name)):
        raise SurgeryError(f"'{name}' is given {len(old)} times", location=old[1].location)
    changes = [fields.set_value(entry, value) for entry, value in zip(old, values, strict=False)]
    if len(old) > len(values):
        changes.append(fields.take_out(old[len(values) :], "delete"))
    elif extra := [(name, value) for value in values[len(old) :]]:
        changes.append(fields.add_after(old[-1], extra) if old else _add(solver, extra, gone))
    return merged(changes)
