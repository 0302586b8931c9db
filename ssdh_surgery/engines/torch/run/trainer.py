"""A `Trainer` that is PyTorch in this process, and in others where there are several GPUs."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Literal

from ssdh_surgery.engines import events
from ssdh_surgery.engines.events import Event
from ssdh_surgery.engines.interrupts import caught_interrupts
from ssdh_surgery.engines.torch.run.devices import devices
from ssdh_surgery.engines.torch.run.processes import train_together
from ssdh_surgery.engines.torch.run.run_log import RunLog
from ssdh_surgery.engines.torch.run.session import RunSpec, train
from ssdh_surgery.engines.torch.solver.requests import Requests
from ssdh_surgery.engines.torch.solver.setup import read_solver
from ssdh_surgery.engines.trainer import TrainJob
from ssdh_surgery.errors import SsdhError, UsageError

Precision = Literal["float32", "tf32", "bf16"]
_SEEDS = 1 << 31


class _Killed(BaseException):
    """Raised into a run that is asked to stop a second time."""


class TorchTrainer:
    """The embedded engine as a `Trainer`.

    Args:
        precision: what is computed in: `float32`; `tf32`, which GPUs do faster; `bf16`.
        threads: that compute, on a CPU; None leaves it to PyTorch.
        readers: threads that decode pictures, for each data layer; None takes half the cores.
        on: torch's names of the devices, in place of what a job's `gpu` says.
    """

    def __init__(
        self,
        *,
        precision: Precision = "float32",
        threads: int | None = None,
        readers: int | None = None,
        on: Sequence[str] | None = None,
    ) -> None:
        self._precision = precision
        self._threads = threads
        self._readers = readers or max(1, min(8, (os.cpu_count() or 2) // 2))
        self._on = on
        self._requests = Requests()
        self._asked = 0
        self._is_inside = False

    def run(self, job: TrainJob) -> Iterator[Event]:
        """Train; see `Trainer.run`. SIGHUP asks for a snapshot, as in Caffe.

        The log is Caffe's, line by line. A job's `extra` is for engines with a command line
        and must be empty.

        Raises:
            SsdhError: whatever is wrong with the job's files, or ends the training.
        """
        if job.extra:
            raise UsageError(f"the embedded engine takes no {' '.join(job.extra)}")
        self._requests, self._asked = Requests(), 0
        with contextlib.ExitStack() as stack:
            stack.enter_context(caught_interrupts(self.stop))
            stack.enter_context(_hangups(self._requests.snapshot))
            log = stack.enter_context(RunLog(job.log))
            try:
                yield from self._follow(job, log)
            except SsdhError as error:
                log.fail(error)
                raise

    def stop(self) -> None:
        """Stop with a snapshot; the second time, at once. A signal handler may call it."""
        self._asked += 1
        self._requests.stop()
        if self._asked > 1 and self._is_inside:
            raise _Killed

    def _follow(self, job: TrainJob, log: RunLog) -> Iterator[Event]:
        """The events of a run, written to its log."""
        steps = self._train(job, log)
        told, early = 0, False
        try:
            while (event := self._next(steps)) is not None:
                if self._asked > told:
                    told = self._asked
                    yield log.record(events.Stopping())
                early = isinstance(event, events.Finished) and event.stopped_early
                yield log.record(event)
        except GeneratorExit:
            # Nobody watches any more: end with a snapshot, as if asked to stop.
            self._requests.stop()
            for event in steps:
                log.record(event)
            raise
        except _Killed:
            steps.close()
            yield log.record(events.Stopping(killed=True))
            yield log.record(events.Exited(130, interrupted=True, killed=True))
            return
        yield log.record(events.Exited(0, interrupted=early))

    def _next(self, steps: Iterator[Event]) -> Event | None:
        if self._asked > 1:
            raise _Killed
        self._is_inside = True
        try:
            return next(steps, None)
        finally:
            self._is_inside = False

    def _train(self, job: TrainJob, log: RunLog) -> Generator[Event]:
        folder = Path() if _is_current(job.cwd) else job.cwd
        _, param = read_solver(job.solver)
        names, warning = (list(self._on), None) if self._on else devices(job.gpu, param)
        yield events.Started(job.own_command, job.cwd, os.getpid())
        yield events.Device(tuple(int(name[5:]) for name in names if name.startswith("cuda:")))
        if warning:
            yield events.Warned(warning, "caffe.cpp:197")
        seed = param.random_seed if param.random_seed >= 0 else secrets.randbelow(_SEEDS)
        weights = [path.strip() for path in (job.weights or "").split(",") if path.strip()]
        spec = RunSpec(
            job.solver,
            folder,
            seed,
            tuple(weights),
            job.snapshot,
            self._precision,
            self._threads,
            self._readers,
        )
        if len(names) == 1:
            yield from train(spec, names[0], log.say, self._requests)
        else:
            yield from train_together(spec, names, log.say, self._requests)


def _is_current(folder: Path) -> bool:
    with contextlib.suppress(OSError):
        return folder.samefile(Path.cwd())
    return False


@contextlib.contextmanager
def _hangups(call: Callable[[], None]) -> Iterator[None]:
    """Let SIGHUP call a function, unless it is ignored; in the main thread alone."""
    before = signal.getsignal(signal.SIGHUP)
    if threading.current_thread() is not threading.main_thread() or before is signal.SIG_IGN:
        yield
        return

    def handle(_number: int, _frame: FrameType | None) -> None:
        call()

    signal.signal(signal.SIGHUP, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)
