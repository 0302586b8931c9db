"""The `solver_type` of a solver, turned into its `type`.

Source: UpgradeSolverType in Caffe's upgrade_proto.cpp.
"""

from __future__ import annotations

from ssdh_surgery.caffe.messages import schema
from ssdh_surgery.caffe.net.solver import Solver
from ssdh_surgery.errors import SurgeryError, did_you_mean
from ssdh_surgery.prototxt import literals
from ssdh_surgery.prototxt.edits import Edit
from ssdh_surgery.prototxt.render import scalar_text
from ssdh_surgery.prototxt.style import style_of
from ssdh_surgery.surgery.core.change import Change, path_of
from ssdh_surgery.surgery.core.step import Delete, Insert

_TYPES = {
    "SGD": "SGD",
    "NESTEROV": "Nesterov",
    "ADAGRAD": "AdaGrad",
    "RMSPROP": "RMSProp",
    "ADADELTA": "AdaDelta",
    "ADAM": "Adam",
}


def solver_type_to_type(solver: Solver) -> Change:
    """Turn the enum `solver_type` into the string `type`.

    Raises:
        SurgeryError: it has both fields, or an unknown type.
    """
    entry = solver.root.entry("solver_type")
    if entry is None:
        return Change()
    both = solver.root.entry("type")
    if both is not None:
        raise SurgeryError(
            "the solver has both 'solver_type' and 'type', which Caffe refuses",
            location=entry.location,
            hint=f"line {both.line} is the other one",
        )
    word = solver.root.string("solver_type")
    name = _TYPES.get(_enum_name(word))
    if name is None:
        raise SurgeryError(
            f"unknown solver type '{word}'",
            location=entry.location,
            hint=did_you_mean(word, _TYPES),
        )
    document, first, last = entry.document, entry.value.first, entry.value.last
    value = scalar_text(name, style_of(document).quote)
    edits = [
        Edit(entry.field.start, entry.field.start + len("solver_type"), "type"),
        Edit(document.offsets[first], document.offsets[last + 1], value),
    ]
    return Change.of(edits, [Delete(path_of(entry)), Insert((("type", 0),), name)])


def _enum_name(word: str) -> str:
    number = literals.integer(word)
    values = schema.enum_values("SolverParameter.SolverType")
    return next((name for name, value in values.items() if value == number), word)
