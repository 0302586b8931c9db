"""The order of fields in a solver: a new one goes where Caffe's own files have it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

from ssdh_surgery.caffe.net.solver import Solver
from ssdh_surgery.prototxt.cst import Entry
from ssdh_surgery.prototxt.render import NewFields
from ssdh_surgery.surgery.core.change import Change
from ssdh_surgery.surgery.verbs import fields

# The order of the fields in Caffe's own solver files.
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


def put(solver: Solver, name: str, value: object, removed: Sequence[Entry] = ()) -> Change:
    """Set a field of a solver, or add it where Caffe's own files have it.

    `removed` are fields that the same change takes out: nothing is put next to them.
    """
    entry = solver.root.entry(name)
    if entry:
        return fields.set_value(entry, value)
    return add(solver, [(name, value)], removed)


def add(solver: Solver, new: NewFields, removed: Sequence[Entry] = ()) -> Change:
    """Add values of a field that a solver does not have; `removed` as for `put`."""
    name = new[0][0]
    place = _ORDER.index(name) if name in _ORDER else len(_ORDER)
    entries = [entry for field in solver.root.fields for entry in field.entries]
    above = {entries[index - 1] for index, entry in enumerate(entries) if entry in removed}
    below = {entry for index, entry in enumerate(entries[1:]) if entries[index] in removed}
    for neighbour in reversed(_ORDER[:place]):
        entry = solver.root.entry(neighbour)
        if entry and entry not in removed and entry not in above:
            return fields.add_after(entry, new)
    followers = [solver.root.entries(neighbour)[:1] for neighbour in _ORDER[place + 1 :]]
    for entry in (*chain.from_iterable(followers), *(entries if removed else ())):
        if entry not in removed and entry not in below:
            return fields.add_before(entry, new)
    return fields.add_inside(solver.root, new)
