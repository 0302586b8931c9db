"""The subject of a check: a solver, the nets that it runs in their states, and its weights."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, cast

from ssdh_surgery.caffe.net.heads import HashLayer, hash_layer_below, heads
from ssdh_surgery.caffe.net.net import net_of
from ssdh_surgery.caffe.net.solver import Run, Solver
from ssdh_surgery.caffe.shapes import NetShapes, shapes
from ssdh_surgery.engines.gpus import visible_gpus
from ssdh_surgery.errors import SchemaError, UsageError
from ssdh_surgery.location import Location
from ssdh_surgery.pipeline.check.databases import Databases
from ssdh_surgery.pipeline.check.target import ANY_TARGET, Target
from ssdh_surgery.pipeline.files.sources import read_source
from ssdh_surgery.pipeline.nets.data_shapes import shapes_at_hand
from ssdh_surgery.pipeline.workspace.paths import relative_to_cwd
from ssdh_surgery.surgery.core.judge import protobuf_message

if TYPE_CHECKING:
    from ssdh_surgery.caffe.messages.ssdh_caffe_pb2 import SolverParameter


@dataclass(frozen=True)
class Subject:
    """What is checked before a run.

    Attributes:
        solver: the solver.
        nets: the nets that it runs, each in its state, train net first.
        folder: caffe's working directory, from which paths inside the files are looked up.
        prefix: the path of the snapshots before `_iter_N`.
        weights: files on the command line, as seen from the current directory.
        snapshot: the solverstate that is resumed, as seen from the current directory.
        target: what the run is launched on.
        databases: the databases that were read.
    """

    solver: Solver
    nets: tuple[Run, ...]
    folder: Path
    prefix: Path
    weights: tuple[str, ...] = ()
    snapshot: str | None = None
    target: Target = ANY_TARGET
    databases: Databases = field(default_factory=Databases, compare=False)

    @property
    def is_resumed(self) -> bool:
        """Whether a snapshot is resumed."""
        return self.snapshot is not None

    @property
    def is_embedded(self) -> bool:
        """Whether the embedded engine was asked for, and not a Caffe."""
        return self.target.engine == "torch"

    @property
    def has_solver(self) -> bool:
        """Whether there is a solver, and not a net alone."""
        return bool(self.solver.root.fields)

    def place(self, *fields: str) -> Location:
        """The place of the first of some fields of the solver that is set; its file if none is."""
        entries = (self.solver.root.entry(field) for field in fields)
        entry = next((each for each in entries if each), None)
        return entry.location if entry else Location(self.solver.file)

    @property
    def asks_for_gpu(self) -> bool:
        """Whether the run asks for a GPU, by `--gpu` or else by the solver."""
        if self.target.gpu is not None:
            return self.target.gpu != "none"
        return self.solver.asks_for_gpu

    @cached_property
    def gpus(self) -> tuple[int, ...]:
        """The numbers of the GPUs that the run asks for."""
        if not self.asks_for_gpu:
            return ()
        if self.target.gpu == "all":
            return tuple(range(len(visible_gpus() or ())))
        if self.target.gpu is not None:
            return tuple(int(number) for number in self.target.gpu.split(","))
        return (self.solver.integer("device_id") or 0,)

    @cached_property
    def message(self) -> SolverParameter | None:
        """The solver as protobuf reads it, without fields of forks; None if it cannot."""
        try:
            message = protobuf_message(self.solver.document, "SolverParameter", allow_unknown=True)
        except SchemaError:
            return None
        return cast("SolverParameter", message)

    @cached_property
    def hash_layer(self) -> HashLayer | None:
        """The hash layer of the train net, the one below its main head if there are several."""
        if not self.nets:
            return None
        net = self.nets[0][0]
        main_first = sorted(heads(net), key=lambda head: not head.is_main)
        layers = (hash_layer_below(net, head.classifier) for head in main_first)
        return next((layer for layer in layers if layer is not None), None)

    @cached_property
    def shapes(self) -> tuple[NetShapes, ...]:
        """The shapes of each net in its state, with the data at hand."""
        return tuple(
            shapes(net, state, shapes_at_hand(net, state, [self.folder]))
            for net, state in self.nets
        )


def subject_of(
    solver: Solver,
    folder: Path,
    prefix: Path,
    weights: tuple[str, ...] = (),
    *,
    snapshot: str | None = None,
    target: Target = ANY_TARGET,
    databases: Databases | None = None,
) -> Subject:
    """The subject of a solver: its nets are looked up from `folder`, as caffe does.

    Raises:
        SsdhError: a net cannot be read.
    """
    return Subject(
        solver,
        runs_of(solver, folder),
        folder,
        prefix,
        weights,
        snapshot,
        target,
        databases or Databases(),
    )


def runs_of(solver: Solver, folder: Path) -> tuple[Run, ...]:
    """The nets of a solver in their states, train net first; they are looked up from `folder`.

    Raises:
        SsdhError: a net cannot be read.
    """
    nets = [(field, net_of(solver.document, root)) for field, root in solver.inner_nets]
    for reference in solver.nets:
        source = read_source(str(relative_to_cwd(folder / reference.path)))
        nets.append((reference.field, net_of(source.document)))
    return tuple(solver.runs(solver.in_run_states(nets)))


def refuse_two_starts(weights: object, snapshot: object) -> None:
    """Refuse weights together with a snapshot, which has its own.

    Raises:
        UsageError: both are given.
    """
    if weights and snapshot:
        raise UsageError("--weights and a snapshot exclude each other: caffe takes one of them")
