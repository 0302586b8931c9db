"""Several processes, one for each device, that train one net: started, followed, ended.

The one that starts them only passes on: requests to them, events and log lines from the
first of them. So nothing is waited for that will not come when one of them fails.
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
from ssdh_surgery.engines.torch.solver.nets import Say
from ssdh_surgery.engines.torch.solver.peers import Processes
from ssdh_surgery.engines.torch.solver.requests import Request, Requests
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
    """What a process failed with, as a person reads it.

    `is_cause` is false where it may be that another one has left it alone.
    """

    text: str
    is_cause: bool


@dataclass(frozen=True)
class _Member:
    rank: int
    device: str
    process: BaseProcess
    pipe: Connection


def train_together(
    spec: RunSpec, devices: Sequence[str], say: Say, requests: Requests
) -> Iterator[Event]:
    """Train on several devices, one process for each; events are those of the first.

    Raises:
        EngineError: what the first process that failed has said.
    """
    with tempfile.TemporaryDirectory(prefix="ssdh-") as folder:
        members = _start(spec, devices, Path(folder) / "meeting")
        try:
            yield from _follow(members, say, requests)
            for member in members:
                member.process.join(_GRACE_SECONDS)
        finally:
            for member in members:
                if member.process.is_alive():
                    member.process.kill()
                member.process.join()
                member.pipe.close()


def _start(spec: RunSpec, devices: Sequence[str], meeting: Path) -> list[_Member]:
    # Not forked: threads and CUDA do not survive that.
    context = multiprocessing.get_context("spawn")
    members = []
    for rank, device in enumerate(devices):
        ours, theirs = context.Pipe()
        arguments = (spec, rank, list(devices), str(meeting), theirs)
        process = context.Process(target=_work, args=arguments, daemon=True)
        process.start()
        theirs.close()
        members.append(_Member(rank, device, process, ours))
    return members


def _follow(members: list[_Member], say: Say, requests: Requests) -> Iterator[Event]:
    """Pass on what comes, until all have closed their pipes."""
    open_pipes = {member.pipe: member for member in members}
    while open_pipes:
        while request := requests.take():
            _ask(members[0], request)
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


def _ask(first: _Member, request: Request) -> None:
    with contextlib.suppress(OSError):
        first.pipe.send(request)


def _error(member: _Member, failure: _Failure, others: dict[Connection, _Member]) -> EngineError:
    """The error of the process that failed first: it leaves the others alone."""
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
                member, failure = other, message
        if not ready:
            break
    return EngineError(f"process {member.rank} ({member.device}): {failure.text}")


def _refuse_crash(member: _Member) -> None:
    member.process.join(_GRACE_SECONDS)
    if member.process.exitcode:
        raise EngineError(
            f"process {member.rank} ({member.device}) ended with exit code "
            f"{member.process.exitcode}",
            hint="if nobody ended it, the system ran out of memory: lower batch_size",
        )


class _RemoteRequests(Requests):
    """Requests that come through a pipe."""

    def __init__(self, pipe: Connection) -> None:
        super().__init__()
        self._pipe = pipe

    def take(self) -> Request:
        """What is asked for next."""
        while self._pipe.poll():
            request = self._pipe.recv()
            self.stop() if request is Request.STOP else self.snapshot()
        return super().take()


def _work(spec: RunSpec, rank: int, devices: list[str], meeting: str, pipe: Connection) -> None:
    """What a process does: train, and send what happens."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    device = torch.device(devices[rank])
    if device.type == "cuda":
        torch.cuda.set_device(device)

    def say(source: str, message: str) -> None:
        if rank == 0:
            pipe.send(_Line(source, message))

    try:
        group = Processes(rank, len(devices), Path(meeting), device)
        for event in train(spec, devices[rank], say, _RemoteRequests(pipe), group):
            if rank == 0:
                pipe.send(event)
        group.close()
    except SsdhError as error:
        pipe.send(_Failure(str(error), is_cause=True))
    except RuntimeError as error:
        pipe.send(_Failure(str(error), is_cause=False))
    finally:
        pipe.close()
