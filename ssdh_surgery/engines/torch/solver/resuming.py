"""Going on from a solverstate, of Caffe or our own, and from its sidecar where there is one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from ssdh_surgery import files
from ssdh_surgery.caffe.weights.solverstate import SolverState, read_solver_state
from ssdh_surgery.engines import events
from ssdh_surgery.engines.events import Event
from ssdh_surgery.engines.torch.layers.blob import shape_string
from ssdh_surgery.engines.torch.net.weights import copy_weights
from ssdh_surgery.engines.torch.solver.nets import FedNet
from ssdh_surgery.engines.torch.solver.sidecar import NetPlace, Sidecar, read_sidecar, sidecar_path
from ssdh_surgery.engines.torch.solver.smoothing import SmoothedLoss
from ssdh_surgery.engines.torch.solver.solver import Solver
from ssdh_surgery.errors import DataError, SsdhError
from ssdh_surgery.location import Location

_SOURCE = "sgd_solver.cpp:347"


def restore(solver: Solver, path: Path) -> Iterator[Event]:
    """Let a solver go on from a state: weights, history, and where its data stood.

    Without a sidecar that belongs to the state, data begin at their first record, as they
    do in Caffe; a warning says so where there is one that does not.

    Raises:
        FileError: the state cannot be read, or the weights that it names.
        DataError: it is no solverstate, or one of another solver type or another net.
    """
    state = read_solver_state(path)
    _check_history(solver, state, path)
    copy_weights(solver.nets.train.net.layers, _learned_net(solver, state, path))
    solver.rule.restore([torch.from_numpy(np.ascontiguousarray(each)) for each in state.history])
    solver.iteration = solver.saved = state.iteration
    solver.learning_rate.step = state.step
    solver.smoothed = SmoothedLoss(solver.param.average_loss, state.iteration)
    beside = sidecar_path(path)
    if beside.exists():
        yield from _take_up(solver, beside, path)


def _check_history(solver: Solver, state: SolverState, path: Path) -> None:
    own = solver.rule.history
    where = Location(str(path))
    if len(state.history) != len(own):
        raise DataError(
            f"is of another solver type or net: it has {len(state.history)} history blobs, "
            f"{solver.kind} has {len(own)} for this net",
            location=where,
            hint="start from the weights alone (--weights), or use the solver that wrote it",
        )
    for index, (ours, theirs) in enumerate(zip(own, state.history, strict=True)):
        if ours.numel() != theirs.size:
            raise DataError(
                f"is of another net: history blob {index} is {shape_string(theirs.shape)}, the "
                f"param is {shape_string(tuple(ours.shape))}",
                location=where,
            )


def _learned_net(solver: Solver, state: SolverState, path: Path) -> Path:
    """The weights that a state names, from caffe's working directory or beside the state."""
    if not state.learned_net:
        raise DataError("names no weights", location=Location(str(path)))
    named = solver.place.folder / state.learned_net
    beside = path.parent / Path(state.learned_net).name
    return beside if not named.exists() and beside.exists() else named


def _take_up(solver: Solver, beside: Path, path: Path) -> Iterator[Event]:
    try:
        sidecar = read_sidecar(beside)
    except SsdhError as error:
        yield _warning(str(error))
        return
    if sidecar.solverstate != files.file_digest(path):
        yield _warning(f"{beside} belongs to another solverstate: data begin at the first record")
        return
    if sidecar.kind != solver.kind:
        yield _warning(f"{path} was written by {sidecar.kind}, and goes on with {solver.kind}")
    yield from _place_nets(solver, sidecar)


def _place_nets(solver: Solver, sidecar: Sidecar) -> Iterator[Event]:
    solver.smoothed.restore(sidecar.smoothing)
    nets = solver.nets.all
    for number, (fed, place) in enumerate(zip(nets, sidecar.nets, strict=False)):
        rank = solver.group.rank if number == 0 else 0
        _place_net(fed, place, rank)
        for layer in fed.feed.restore(dict(place.sources)):
            yield _warning(
                f"the data of layer '{layer}' have changed: they begin at the first record"
            )


def _place_net(fed: FedNet, place: NetPlace, rank: int) -> None:
    """Set a net's random generator, if it is one of the kind that was saved."""
    own = fed.net.generator.get_state()
    if rank < len(place.generators) and len(place.generators[rank]) == own.numel():
        saved = np.frombuffer(place.generators[rank], np.uint8).copy()
        fed.net.generator.set_state(torch.from_numpy(saved))


def _warning(said: str) -> Event:
    return events.Warned(said, _SOURCE)
