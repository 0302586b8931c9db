"""Trains one net in several processes, one per device: starts, follows and ends them.

The parent process only relays: requests to the first process, events and log lines from it. So
it never waits in vain if one of them fails.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import torch

from ssdh_surgery.engines.events import Event
from ssdh_surgery.engines.torch.run.session import RunSpec, train
from ssdh_surgery.engines.torch.solver.peers import ProcessGroup
from ssdh_surgery.engines.torch.solver.requests import Request, RequestQueue
from ssdh_surgery.engines.torch.solver.solver_nets import Say
from ssdh_surgery.errors import EngineError, SsdhError

_POLL_SECONDS = 0.1
_GRACE_SECONDS = 10


@dataclass(frozen=True)
class _Line:
    """A line for the log."""

    source: str
    message: str


@dataclass(frozen=True)
class _Failure:
    """The failure of a process, as text.

    `is_cause` is false if the process may have failed because another one was gone.
    """

    text: str
    is_cause: bool


@dataclass(frozen=True)
class _Worker:
    rank: int
    device: str
    process: BaseProcess
    pipe: Connection


def train_together(
    spec: RunSpec, devices: Sequence[str], say: Say, requests: RequestQueue
) -> Iterator[Event]:
    """Train on several devices, one process each; the events are those of the first process.

    Raises:
        EngineError: the failure of the first process that failed.
    """
    with tempfile.TemporaryDirectory(prefix="ssdh-") as folder:
        workers = _start(spec, devices, Path(folder) / "rendezvous")
        try:
            yield from _follow(workers, say, requests)
            for worker in workers:
                worker.process.join(_GRACE_SECONDS)
        finally:
            for worker in workers:
                if worker.process.is_alive():
                    worker.process.kill()
                worker.process.join()
                worker.pipe.close()


def _start(spec: RunSpec, devices: Sequence[str], rendezvous: Path) -> list[_Worker]:
    # Not forked: threads and CUDA do not survive a fork.
    context = multiprocessing.get_context("spawn")
    workers = []
    for rank, device in enumerate(devices):
        parent_end, child_end = context.Pipe()
        arguments = (spec, rank, list(devices), str(rendezvous), child_end)
        process = context.Process(target=_work, args=arguments, daemon=True)
        process.start()
        child_end.close()
        workers.append(_Worker(rank, device, process, parent_end))
    return workers


def _follow(workers: list[_Worker], say: Say, requests: RequestQueue) -> Iterator[Event]:
    """Relay messages until all processes have closed their pipes."""
    open_pipes = {worker.pipe: worker for worker in workers}
    while open_pipes:
        while request := requests.take():
            _send_request(workers[0], request)
        for ready in wait(list(open_pipes), _POLL_SECONDS):
            pipe: Any = ready
            try:
                message = pipe.recv()
            except (EOFError, OSError):
                _refuse_crash(open_pipes.pop(pipe))
                continue
            if isinstance(message, _Failure):
                raise _error(open_pipes.pop(pipe), message, open_pipes)
            if isinstance(message, _Line):
                say(message.source, message.message)
            elif isinstance(message, Event):
                yield message


def _send_request(first: _Worker, request: Request) -> None:
    with contextlib.suppress(OSError):
        first.pipe.send(request)


def _error(worker: _Worker, failure: _Failure, others: dict[Connection, _Worker]) -> EngineError:
    """The error of the process that failed first, which makes the others fail as well."""
    while not failure.is_cause and others:
        ready: list[Any] = wait(list(others), _GRACE_SECONDS)
        for pipe in ready:
            other = others[pipe]
            try:
                message = pipe.recv()
            except (EOFError, OSError):
                del others[pipe]
                continue
            if isinstance(message, _Failure) and message.is_cause:
                worker, failure = other, message
        if not ready:
            break
    return EngineError(f"process {worker.rank} ({worker.device}): {failure.text}")


def _refuse_crash(worker: _Worker) -> None:
    worker.process.join(_GRACE_SECONDS)
    if worker.process.exitcode:
        raise EngineError(
            f"process {worker.rank} ({worker.device}) ended with exit code "
            f"{worker.process.exitcode}",
            hint="if nobody killed it, the system ran out of memory: lower batch_size",
        )


class _PipeRequests(RequestQueue):
    """Requests that arrive through a pipe."""

    def __init__(self, pipe: Connection) -> None:
        super().__init__()
        self._pipe = pipe

    def take(self) -> Request:
        """Remove and return the next request."""
        while self._pipe.poll():
            request = self._pipe.recv()
            self.stop() if request is Request.STOP else self.snapshot()
        return super().take()


def _work(spec: RunSpec, rank: int, devices: list[str], rendezvous: str, pipe: Connection) -> None:
    """The main function of a process: train, and send events."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    device = torch.device(devices[rank])
    if device.type == "cuda":
        torch.cuda.set_device(device)

    def say(source: str, message: str) -> None:
        if rank == 0:
            pipe.send(_Line(source, message))

    try:
        group = ProcessGroup(rank, len(devices), Path(rendezvous), device)
        for event in train(spec, devices[rank], say, _PipeRequests(pipe), group):
            if rank == 0:
                pipe.send(event)
        group.close()
    except SsdhError as error:
        pipe.send(_Failure(str(error), is_cause=True))
    except RuntimeError as error:
        pipe.send(_Failure(str(error), is_cause=False))
    finally:
        pipe.close()
