"""One training run of one process: nets built, weights or snapshot loaded, and solved."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

from ssdh_surgery.caffe.messages import schema
from ssdh_surgery.caffe.weights.hdf5_weights import refuse_slashes
from ssdh_surgery.engines import events
from ssdh_surgery.engines.events import Event
from ssdh_surgery.engines.torch.solver.nets import BuildOptions, Say, build_nets
from ssdh_surgery.engines.torch.solver.peers import Alone, Group
from ssdh_surgery.engines.torch.solver.requests import Requests
from ssdh_surgery.engines.torch.solver.resuming import restore
from ssdh_surgery.engines.torch.solver.setup import SolverSetup, read_setup
from ssdh_surgery.engines.torch.solver.solver import Solver
from ssdh_surgery.engines.torch.sources.prefetch import Share
from ssdh_surgery.errors import EngineError

_NO_MEMORY = re.compile(r"not enough memory|can't allocate memory|out of memory", re.IGNORECASE)


@dataclass(frozen=True)
class RunSpec:
    """What to train and how; it can be sent to another process.

    Args:
        solver: the solver's file.
        folder: what the paths in it are looked up from.
        seed: of all chance; of each process its own.
        weights: files to copy params from; none takes those that the solver names.
        snapshot: a solverstate to go on from.
        precision: float32, tf32 or bf16.
        threads: that torch computes with on a CPU; None leaves it as it is.
        readers: threads that decode and transform, for each data layer.
    """

    solver: str
    folder: Path
    seed: int
    weights: tuple[str, ...] = ()
    snapshot: str | None = None
    precision: str = "float32"
    threads: int | None = None
    readers: int = 1


def train(
    spec: RunSpec, device: str, say: Say, requests: Requests, group: Group | None = None
) -> Iterator[Event]:
    """Train on one device, and report what happens.

    Raises:
        SsdhError: whatever is wrong; out of memory is an EngineError that names batch sizes.
    """
    group = group or Alone()
    with contextlib.ExitStack() as stack:
        stack.enter_context(_numerics(spec))
        setup = read_setup(spec.solver, spec.folder)
        _show_solver(setup, say)
        try:
            nets = yield from build_nets(setup, _options(spec, setup, device, group), say)
            stack.callback(nets.close)
            solver = Solver(
                setup, nets, say, requests=requests, group=group, precision=spec.precision
            )
            _check_snapshots(setup, solver)
            if setup.param.snapshot_diff:
                yield events.Warned("snapshot_diff: snapshots hold no gradients", "solver.cpp:464")
            say("solver.cpp:57", "Solver scaffolding done.")
            if group.rank:
                nets.train.net.generator.manual_seed(spec.seed + group.rank)
            if spec.snapshot:
                yield events.Resuming(spec.snapshot)
                yield from restore(solver, Path(spec.snapshot))
            say("caffe.cpp:239", "Starting Optimization")
            start = time.monotonic()
            yield from solver.solve()
            if group.rank == 0:
                share = nets.waited / max(time.monotonic() - start, 1e-9)
                say("session.py:1", f"Waiting for data took {share:.1%} of the time.")
        except (RuntimeError, MemoryError) as error:
            raise _explained(error, setup) from error


def _options(spec: RunSpec, setup: SolverSetup, device: str, group: Group) -> BuildOptions:
    weights: list[Path | str] = list(spec.weights)
    if not weights and not spec.snapshot:
        named = [name.strip() for given in setup.param.weights for name in given.split(",")]
        weights = [spec.folder / name for name in named]
    share = Share(group.rank, group.size)
    return BuildOptions(device, spec.seed, spec.readers, share, weights)


def _show_solver(setup: SolverSetup, say: Say) -> None:
    text = schema.text(setup.param)
    say("solver.cpp:45", f"Initializing solver from parameters: \n{text}")


def _check_snapshots(setup: SolverSetup, solver: Solver) -> None:
    """Find out now whether snapshots can be written, if any are wanted."""
    if not (setup.param.snapshot or setup.param.snapshot_after_train):
        return
    solver.place.check(setup.location("snapshot_prefix"))
    if solver.place.is_hdf5:
        refuse_slashes(layer.name for layer in solver.nets.train.net.layers)


@contextlib.contextmanager
def _numerics(spec: RunSpec) -> Iterator[None]:
    """Set torch's threads and its use of TF32, and set them back."""
    threads = torch.get_num_threads()
    matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    before = matmul.allow_tf32, cudnn.allow_tf32
    if spec.threads:
        torch.set_num_threads(spec.threads)
    matmul.allow_tf32 = cudnn.allow_tf32 = spec.precision == "tf32"
    try:
        yield
    finally:
        matmul.allow_tf32, cudnn.allow_tf32 = before
        torch.set_num_threads(threads)


def _explained(error: RuntimeError | MemoryError, setup: SolverSetup) -> Exception:
    """What PyTorch says of a machine that cannot do it; anything else is our bug, as it is."""
    is_memory = isinstance(error, (MemoryError, torch.OutOfMemoryError))
    if not is_memory and not _NO_MEMORY.search(str(error)):
        first = str(error).partition("\n")[0]
        is_gpu = re.match("CUDA|cuDNN|NCCL|CUBLAS", first, re.IGNORECASE)
        return EngineError(f"the GPU failed: {first}") if is_gpu else error
    sizes = _batch_sizes(setup)
    said = f" (batch_size {' and '.join(sizes)})" if sizes else ""
    return EngineError(
        f"out of memory{said}",
        hint="lower batch_size, and raise iter_size by as much: the updates stay the same",
    )


def _batch_sizes(setup: SolverSetup) -> list[str]:
    found = []
    for layer in setup.train.view.layers_in(setup.train.state):
        for field in ("data_param", "image_data_param", "hdf5_data_param", "memory_data_param"):
            param = getattr(layer.parameter, field, None)
            if layer.parameter.HasField(field) and param is not None:
                found.append(f"{param.batch_size} of layer '{layer.name}'")
    return found
