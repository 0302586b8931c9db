"""A training run of one process: build the nets, load weights or a snapshot, and solve."""

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
from ssdh_surgery.engines.torch.solver.peers import PeerGroup, SingleProcess
from ssdh_surgery.engines.torch.solver.requests import RequestQueue
from ssdh_surgery.engines.torch.solver.restore import restore
from ssdh_surgery.engines.torch.solver.setup import SolverSetup, read_setup
from ssdh_surgery.engines.torch.solver.solver import TorchSolver
from ssdh_surgery.engines.torch.solver.solver_nets import BuildOptions, Say, build_nets
from ssdh_surgery.engines.torch.sources.prefetch import ProcessShare
from ssdh_surgery.errors import EngineError

_NO_MEMORY = re.compile(r"not enough memory|can't allocate memory|out of memory", re.IGNORECASE)


@dataclass(frozen=True)
class RunSpec:
    """What to train and how; it can be sent to another process.

    Args:
        solver: the solver's file.
        folder: the folder that paths in it are relative to.
        seed: the seed of everything random; each process derives its own.
        weights: files to copy params from; if empty, those that the solver names.
        snapshot: a solverstate to resume from.
        precision: float32, tf32 or bf16.
        threads: torch's number of compute threads on a CPU; None leaves it unchanged.
        readers: the number of threads per data layer that decode and transform.
        sample: the blobs that each test reports a sample of.
    """

    solver: str
    folder: Path
    seed: int
    weights: tuple[str, ...] = ()
    snapshot: str | None = None
    precision: str = "float32"
    threads: int | None = None
    readers: int = 1
    sample: tuple[str, ...] = ()


def train(
    spec: RunSpec, device: str, say: Say, requests: RequestQueue, group: PeerGroup | None = None
) -> Iterator[Event]:
    """Train on one device, and report events.

    Raises:
        SsdhError: any failure; out of memory is an EngineError that names batch sizes.
    """
    group = group or SingleProcess()
    with contextlib.ExitStack() as stack:
        stack.enter_context(_numerics(spec))
        setup = read_setup(spec.solver, spec.folder)
        _log_solver(setup, say)
        try:
            nets = yield from build_nets(setup, _options(spec, setup, device, group), say)
            stack.callback(nets.close)
            solver = TorchSolver(
                setup,
                nets,
                say,
                requests=requests,
                group=group,
                precision=spec.precision,
                sample=spec.sample,
            )
            _check_snapshots(setup, solver)
            if setup.param.snapshot_diff:
                yield events.LogWarning(
                    "snapshot_diff: snapshots do not contain gradients", "solver.cpp:464"
                )
            say("solver.cpp:57", "Solver scaffolding done.")
            if group.rank:
                nets.train.net.generator.manual_seed(spec.seed + group.rank)
            if spec.snapshot:
                yield events.SnapshotLoad(spec.snapshot)
                yield from restore(solver, Path(spec.snapshot))
            say("caffe.cpp:239", "Starting Optimization")
            start = time.monotonic()
            yield from solver.solve()
            if group.rank == 0:
                share = nets.wait_seconds / max(time.monotonic() - start, 1e-9)
                say("session.py:1", f"Waiting for data took {share:.1%} of the time.")
        except (RuntimeError, MemoryError) as error:
            raise _error(error, setup) from error


def _options(spec: RunSpec, setup: SolverSetup, device: str, group: PeerGroup) -> BuildOptions:
    weights: list[Path | str] = list(spec.weights)
    if not weights and not spec.snapshot:
        names = [name.strip() for value in setup.param.weights for name in value.split(",")]
        weights = [spec.folder / name for name in names]
    share = ProcessShare(group.rank, group.size)
    return BuildOptions(device, spec.seed, spec.readers, share, weights)


def _log_solver(setup: SolverSetup, say: Say) -> None:
    text = schema.text(setup.param)
    say("solver.cpp:45", f"Initializing solver from parameters: \n{text}")


def _check_snapshots(setup: SolverSetup, solver: TorchSolver) -> None:
    """Check that snapshots can be written, if the run writes any."""
    if not (setup.param.snapshot or setup.param.snapshot_after_train):
        return
    solver.place.check(setup.location("snapshot_prefix"))
    if solver.place.is_hdf5:
        refuse_slashes(layer.name for layer in solver.nets.train.net.layers)


@contextlib.contextmanager
def _numerics(spec: RunSpec) -> Iterator[None]:
    """Set torch's threads and its use of TF32, and restore them at the end."""
    threads = torch.get_num_threads()
    matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    previous = matmul.allow_tf32, cudnn.allow_tf32
    if spec.threads:
        torch.set_num_threads(spec.threads)
    matmul.allow_tf32 = cudnn.allow_tf32 = spec.precision == "tf32"
    try:
        yield
    finally:
        matmul.allow_tf32, cudnn.allow_tf32 = previous
        torch.set_num_threads(threads)


def _error(error: RuntimeError | MemoryError, setup: SolverSetup) -> Exception:
    """The error for PyTorch running out of memory or a GPU failing; other errors are our bugs."""
    is_memory = isinstance(error, (MemoryError, torch.OutOfMemoryError))
    if not is_memory and not _NO_MEMORY.search(str(error)):
        first = str(error).partition("\n")[0]
        is_gpu = re.match("CUDA|cuDNN|NCCL|CUBLAS", first, re.IGNORECASE)
        return EngineError(f"the GPU failed: {first}") if is_gpu else error
    sizes = _batch_sizes(setup)
    detail = f" (batch_size {' and '.join(sizes)})" if sizes else ""
    return EngineError(
        f"out of memory{detail}",
        hint="lower batch_size, and raise iter_size by the same factor: the updates stay the same",
    )


def _batch_sizes(setup: SolverSetup) -> list[str]:
    sizes = []
    for layer in setup.train.view.layers_in(setup.train.state):
        for field in ("data_param", "image_data_param", "hdf5_data_param", "memory_data_param"):
            param = getattr(layer.parameter, field, None)
            if layer.parameter.HasField(field) and param is not None:
                sizes.append(f"{param.batch_size} of layer '{layer.name}'")
    return sizes
