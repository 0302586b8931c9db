"""Resumes a solver from a solverstate, Caffe's or our own, and from its sidecar if there is one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from ssdh_surgery import files
from ssdh_surgery.caffe.training.solver_types import SOLVER_TYPES
from ssdh_surgery.caffe.weights.history import history_misfit
from ssdh_surgery.caffe.weights.snapshot_digests import mixed_file, sidecar_path
from ssdh_surgery.caffe.weights.solverstate import SolverState, read_solver_state
from ssdh_surgery.engines import events
from ssdh_surgery.engines.events import Event
from ssdh_surgery.engines.torch.net.weights import copy_weights
from ssdh_surgery.engines.torch.solver.display import SmoothedLoss
from ssdh_surgery.engines.torch.solver.sidecar import NetPosition, read_sidecar
from ssdh_surgery.engines.torch.solver.solver import TorchSolver
from ssdh_surgery.engines.torch.solver.solver_nets import SolverNet
from ssdh_surgery.errors import DataError, SsdhError
from ssdh_surgery.location import Location
from ssdh_surgery.staging.renames import finish_renames

_SOURCE = "sgd_solver.cpp:347"


def restore(solver: TorchSolver, path: Path) -> Iterator[Event]:
    """Resume a solver from a state: weights, history, and the positions of its data sources.

    Without a sidecar that belongs to the state, data starts at the first record, as in Caffe; if
    there is one that does not belong to it, a warning says so.

    Raises:
        FileError: the state, or the weights that it names, cannot be read.
        DataError: it is not a solverstate, or belongs to another solver type, another net or
            other weights.
    """
    finish_renames(path.parent)
    state = read_solver_state(path)
    _check_history(solver, state, path)
    weights = _learned_net(solver, state, path)
    _refuse_other_weights(weights, path)
    copy_weights(solver.nets.train.net.layers, weights)
    solver.rule.restore([torch.from_numpy(np.ascontiguousarray(blob)) for blob in state.history])
    solver.iteration = solver.snapshot_iteration = state.iteration
    solver.learning_rate.step = state.step
    solver.smoothed = SmoothedLoss(solver.param.average_loss, state.iteration)
    sidecar = sidecar_path(path)
    if sidecar.exists():
        yield from _restore_sidecar(solver, sidecar, path)


def _check_history(solver: TorchSolver, state: SolverState, path: Path) -> None:
    history = solver.rule.history
    params = history[: len(history) // SOLVER_TYPES[solver.kind].history]
    misfit = history_misfit(
        [blob.shape for blob in state.history],
        [tuple(param.shape) for param in params],
        solver.kind,
    )
    if misfit is not None:
        raise DataError(misfit.message, location=Location(str(path)), hint=misfit.hint)


def _learned_net(solver: TorchSolver, state: SolverState, path: Path) -> Path:
    """The weights that a state names, from caffe's working directory or next to the state."""
    if not state.learned_net:
        raise DataError("names no weights", location=Location(str(path)))
    path_from_folder = solver.place.folder / state.learned_net
    neighbour = path.parent / Path(state.learned_net).name
    return neighbour if not path_from_folder.exists() and neighbour.exists() else path_from_folder


def _refuse_other_weights(weights: Path, path: Path) -> None:
    """Refuse weights that were replaced since the state was written, as by another run."""
    if mixed_file(path, weights) == weights:
        raise DataError(
            f"belongs to other weights than those that are in {weights} now",
            location=Location(str(path)),
            hint="resume from another snapshot, or start from the weights alone (--weights)",
        )


def _restore_sidecar(solver: TorchSolver, sidecar_file: Path, path: Path) -> Iterator[Event]:
    try:
        sidecar = read_sidecar(sidecar_file)
    except SsdhError as error:
        yield _warning(str(error))
        return
    if sidecar.digests.solverstate != files.file_digest(path):
        yield _warning(
            f"{sidecar_file} belongs to another solverstate: data starts at the first record"
        )
        return
    if sidecar.kind != solver.kind:
        yield _warning(
            f"{path} was written by {sidecar.kind}, but training resumes with {solver.kind}"
        )
    solver.smoothed.restore(sidecar.smoothing)
    nets = solver.nets.all
    for number, (solver_net, position) in enumerate(zip(nets, sidecar.nets, strict=False)):
        _restore_generator(solver_net, position, solver.group.rank if number == 0 else 0)
        for layer in solver_net.feed.restore(dict(position.sources)):
            yield _warning(
                f"the data of layer '{layer}' has changed: it starts at the first record"
            )


def _restore_generator(solver_net: SolverNet, position: NetPosition, rank: int) -> None:
    """Set the state of a net's random generator, if the saved one is of the same kind."""
    state = solver_net.net.generator.get_state()
    if rank < len(position.generators) and len(position.generators[rank]) == state.numel():
        state_bytes = np.frombuffer(position.generators[rank], np.uint8).copy()
        solver_net.net.generator.set_state(torch.from_numpy(state_bytes))


def _warning(message: str) -> Event:
    return events.LogWarning(message, _SOURCE)
