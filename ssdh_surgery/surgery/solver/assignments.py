"""The assignments of `--set FIELD=VALUE`: fields of a solver as the user sets them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ssdh_surgery.caffe.messages import schema
from ssdh_surgery.caffe.net.solver import Solver
from ssdh_surgery.errors import SchemaError, SurgeryError, UsageError
from ssdh_surgery.prototxt.cst import Entry
from ssdh_surgery.prototxt.render import Word
from ssdh_surgery.surgery.core.change import Change, merge
from ssdh_surgery.surgery.core.new_values import strict_message
from ssdh_surgery.surgery.solver.field_order import add
from ssdh_surgery.surgery.verbs import fields

if TYPE_CHECKING:
    from google.protobuf.descriptor import FieldDescriptor

# A number, a boolean or the name of an enum value.
_ONE_WORD = re.compile(r"-?[\w.+-]+")
_QUOTED = re.compile(r"""(["'])([^"'\\]*)\1""")

# The values of each field, by its name.
Assignments = Mapping[str, Sequence[object]]


def typed_assignments(sets: Sequence[tuple[str, str]]) -> Assignments:
    """The values of `--set FIELD=VALUE`, typed by Caffe's schema; repeated fields accumulate.

    A string may be quoted as it would be in a solver.

    Raises:
        UsageError: there is no such field, or the value has the wrong type.
    """
    assignments: dict[str, list[object]] = {}
    for name, text in sets:
        try:
            field = schema.field("SolverParameter", name)
            value = _typed_value(field, text)
            strict_message("SolverParameter", name, value)
            # A comment or a separator in a word would act on what follows it.
            if isinstance(value, Word) and not _ONE_WORD.fullmatch(text):
                raise SchemaError(f"'{text}' is not one value")
        except SchemaError as error:
            raise UsageError(f"--set {name}={text}: {error.message}", hint=error.hint) from error
        if schema.is_repeated(field):
            assignments.setdefault(name, []).append(value)
        else:
            assignments[name] = [value]
    return assignments


def _typed_value(field: FieldDescriptor, text: str) -> object:
    if field.message_type is not None:
        raise SchemaError(f"'{field.name}' is a message, not a single value")
    if schema.field_type(field) != "string":
        return Word(text)
    quoted = _QUOTED.fullmatch(text)
    return quoted[2] if quoted else text


def assign(solver: Solver, assignments: Assignments, removed: Sequence[Entry] = ()) -> Change:
    """Give fields of a solver exactly the values of the assignments.

    Args:
        solver: the solver.
        assignments: the values of each field.
        removed: as for `field_order.put`.

    Raises:
        SurgeryError: a single field is given several times.
    """
    return merge(
        _assign_field(solver, name, values, removed) for name, values in assignments.items()
    )


def _assign_field(
    solver: Solver, name: str, values: Sequence[object], removed: Sequence[Entry]
) -> Change:
    old = solver.root.entries(name)
    if len(old) > 1 and not schema.is_repeated(schema.field("SolverParameter", name)):
        raise SurgeryError(f"'{name}' is given {len(old)} times", location=old[1].location)
    changes = [fields.set_value(entry, value) for entry, value in zip(old, values, strict=False)]
    if len(old) > len(values):
        changes.append(fields.take_out(old[len(values) :], "delete"))
    elif extra := [(name, value) for value in values[len(old) :]]:
        changes.append(fields.add_after(old[-1], extra) if old else add(solver, extra, removed))
    return merge(changes)
