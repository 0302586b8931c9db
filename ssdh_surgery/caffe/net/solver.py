"""A solver: a read-only view of its nets, settings and snapshots.

Sources in Caffe: `InitTrainNet` and `InitTestNets` of solver.cpp say which nets a solver runs and
in which states, `UpgradeSnapshotPrefixProperty` of upgrade_proto.cpp where its snapshots go.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path

from ssdh_surgery.caffe.messages.wrong_values import refuse_wrong_values
from ssdh_surgery.caffe.net.layer import integer
from ssdh_surgery.caffe.net.net import Net, refuse_depth
from ssdh_surgery.caffe.net.phase import State
from ssdh_surgery.prototxt import literals
from ssdh_surgery.prototxt.cst import Document, Entry, Message

# The fields of a solver that name or contain a net, in the order of Caffe's lookup.
TRAIN_NET_FIELDS = ("net", "train_net")
NET_FIELDS = ("net", "train_net", "test_net")
NET_PARAM_FIELDS = ("net_param", "train_net_param", "test_net_param")
_TRAINED_FIELDS = ("train_net_param", "train_net", "net_param", "net")
# A net in a state that it runs in.
Run = tuple[Net, State]


@dataclass(frozen=True)
class NetReference:
    """A net file that a solver names: the field, the path as written, and its entry."""

    field: str
    path: str
    entry: Entry


class Solver:
    """The solver that a document describes.

    Raises:
        SchemaError: a field has a value of a kind that no Caffe reads.
        SurgeryError: it is nested more than 100 levels deep.
    """

    def __init__(self, document: Document) -> None:
        refuse_depth(document)
        refuse_wrong_values(document.root, "SolverParameter")
        self.document = document
        self.root: Message = document.root

    @property
    def file(self) -> str:
        """The file name, as the user gave it."""
        return self.document.source.file

    @property
    def nets(self) -> tuple[NetReference, ...]:
        """The net files that it names, train nets first."""
        return tuple(
            NetReference(name, entry.value.string, entry)
            for name in NET_FIELDS
            for entry in self.root.entries(name)
            if not isinstance(entry.value, Message)
        )

    @property
    def train_net(self) -> NetReference | None:
        """The net file that it trains."""
        return next((net for net in self.nets if net.field in TRAIN_NET_FIELDS), None)

    @property
    def test_nets(self) -> tuple[NetReference, ...]:
        """The net files that it tests and does not train."""
        return tuple(net for net in self.nets if net.field == "test_net")

    @property
    def inner_nets(self) -> tuple[tuple[str, Message], ...]:
        """The nets written inside it, each with the name of its field."""
        return tuple(
            (name, message) for name in NET_PARAM_FIELDS for message in self.root.messages(name)
        )

    @property
    def test_iter_count(self) -> int:
        """The number of `test_iter` values: Caffe runs as many tests."""
        return len(self.root.entries("test_iter"))

    @property
    def own_test_nets(self) -> list[tuple[str, int]]:
        """The nets that it only tests: each one's field and index there, in Caffe's order."""
        return [
            (field, index)
            for field in ("test_net_param", "test_net")
            for index in range(len(self.root.entries(field)))
        ]

    @property
    def shared_net(self) -> str | None:
        """The field of a net that is trained, and used for the remaining tests."""
        return next((field for field in ("net_param", "net") if self.root.entry(field)), None)

    @property
    def has_matching_test_iter(self) -> bool:
        """Whether there is one `test_iter` for each test net, as Caffe demands."""
        spare = self.test_iter_count - len(self.own_test_nets)
        return spare == 0 or (spare > 0 and self.shared_net is not None)

    @property
    def tests(self) -> list[tuple[str, int]]:
        """The net of each test, as field and index: its own test nets, then the shared net.

        Without a `test_iter` to spare, the shared net is never tested and needs no TEST phase.
        """
        nets, shared = self.own_test_nets, self.shared_net
        if shared is not None:
            nets += [(shared, 0)] * (self.test_iter_count - len(nets))
        return nets

    def train_state(self, net: Net) -> State:
        """The state in which a net is trained: the net's own, then the solver's `train_state`."""
        own = State("TRAIN").merged(net.root.message("state"))
        return own.merged(self.root.message("train_state"))

    def test_state(self, net: Net, test: int) -> State:
        """The state in which a net is tested: the net's own, then the test's `test_state`."""
        states = self.root.messages("test_state")
        own = State("TEST").merged(net.root.message("state"))
        return own.merged(states[test] if test < len(states) else None)

    def runs(self, nets_of_fields: Iterable[tuple[str, Net]]) -> list[Run]:
        """The nets that it runs, each in the state that it is run in, the train net first.

        Args:
            nets_of_fields: the nets that its fields (`net`, `test_net_param`, ...) name or hold.
        """
        nets: dict[str, list[Net]] = {}
        for field, net in nets_of_fields:
            nets.setdefault(field, []).append(net)
        trained = [net for field in _TRAINED_FIELDS for net in nets.get(field, ())]
        runs = [(net, self.train_state(net)) for net in trained]
        for test, (field, index) in enumerate(self.tests):
            if index < len(of_field := nets.get(field, ())):
                runs.append((of_field[index], self.test_state(of_field[index], test)))
        return runs

    def in_run_states(self, nets_of_fields: Sequence[tuple[str, Net]]) -> list[tuple[str, Net]]:
        """The same nets, each with the states that the solver runs it in."""
        states: dict[Net, list[State]] = {}
        for net, state in self.runs(nets_of_fields):
            states.setdefault(net, []).append(state)
        return [(field, net.in_states(states.get(net, []))) for field, net in nets_of_fields]

    @property
    def asks_for_gpu(self) -> bool:
        """Whether it sets `solver_mode: GPU`; Caffe 1.0 trains on the CPU without the field."""
        return self.string("solver_mode") in ("GPU", "1")

    @property
    def writes_snapshots(self) -> bool:
        """Whether a run writes weights, now and then or at its end."""
        return bool(self.integer("snapshot")) or self.flag("snapshot_after_train", True)

    def snapshot_prefix(self, path: Path | str, folder: Path) -> str:
        """The prefix of its snapshots, as caffe completes it.

        The default is the path of the solver without its suffix; in a folder, it is its name.

        Args:
            path: the solver's file.
            folder: the folder that caffe runs in; the result is relative to it.
        """
        prefix = self.string("snapshot_prefix")
        if not prefix:
            return str(Path(os.path.relpath(path, folder)).with_suffix(""))
        return os.path.join(prefix, Path(path).stem) if (folder / prefix).is_dir() else prefix

    def string(self, name: str, default: str = "") -> str:
        """A field as text."""
        return self.root.string(name, default)

    def integer(self, name: str, default: int | None = None) -> int | None:
        """An integer field."""
        return integer(self.root, name, default)

    def integers(self, name: str) -> tuple[int, ...]:
        """The values of a repeated integer field."""
        values = (literals.integer(scalar.text) for scalar in self.root.scalars(name))
        return tuple(value for value in values if value is not None)

    def flag(self, name: str, default: bool) -> bool:
        """A boolean field."""
        text = self.string(name)
        return literals.boolean(text) is True if text else default

    def decimal(self, name: str) -> Decimal | None:
        """A number field, exactly as written."""
        scalar = self.root.scalar(name)
        try:
            return Decimal(scalar.text.rstrip("fF")) if scalar else None
        except InvalidOperation:
            return None
