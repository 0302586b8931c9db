"""A `Trainer` on PyTorch: in this process, or in one process per GPU."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import Literal

from ssdh_surgery.engines import events
from ssdh_surgery.engines.events import Event
from ssdh_surgery.engines.signals import handle_signals
from ssdh_surgery.engines.torch.run.devices import devices
from ssdh_surgery.engines.torch.run.processes import train_together
from ssdh_surgery.engines.torch.run.run_log import RunLog
from ssdh_surgery.engines.torch.run.session import RunSpec, train
from ssdh_surgery.engines.torch.solver.requests import RequestQueue
from ssdh_surgery.engines.torch.solver.setup import read_solver
from ssdh_surgery.engines.trainer import TrainJob, is_current
from ssdh_surgery.errors import SsdhError, UsageError

Precision = Literal["float32", "tf32", "bf16"]
# Seeds drawn for a solver without random_seed are below this, so that random_seed can hold them.
_SEED_LIMIT = 1 << 31


class _Killed(BaseException):
    """Raised inside a run on the second request to stop."""


class TorchTrainer:
    """The embedded engine as a `Trainer`.

    Args:
        precision: the precision of the arithmetic: `float32`; `tf32`, which is faster on GPUs;
            `bf16`.
        threads: the number of compute threads on a CPU; None leaves it to PyTorch.
        readers: the number of threads per data layer that decode images; None uses half the
            cores.
        on: the devices under torch's names, instead of those of the job's `gpu`.
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
        self._requests = RequestQueue()
        self._stop_requests = 0
        self._is_inside = False

    def run(self, job: TrainJob) -> Iterator[Event]:
        """Train; see `Trainer.run`. SIGHUP requests a snapshot, as in Caffe.

        The log has Caffe's own format, line by line. A job's `extra` is for engines with a
        command line and must be empty.

        Raises:
            SsdhError: a problem with the job's files, or one that ends the training.
        """
        if job.extra:
            raise UsageError(f"the embedded engine does not accept {' '.join(job.extra)}")
        self._requests, self._stop_requests = RequestQueue(), 0
        with contextlib.ExitStack() as stack:
            stack.enter_context(handle_signals(self.stop, hang_up=self._requests.snapshot))
            log = stack.enter_context(RunLog(job.log))
            try:
                yield from self._follow(job, log)
            except SsdhError as error:
                log.fail(error)
                raise

    def stop(self) -> None:
        """Stop with a snapshot; a second call stops at once. A signal handler may call it."""
        self._stop_requests += 1
        self._requests.stop()
        if self._stop_requests > 1 and self._is_inside:
            raise _Killed

    def _follow(self, job: TrainJob, log: RunLog) -> Iterator[Event]:
        """The events of a run, written to its log."""
        steps = self._train(job, log)
        reported, is_early = 0, False
        try:
            while (event := self._next(steps)) is not None:
                if self._stop_requests > reported:
                    reported = self._stop_requests
                    yield log.record(events.StopRequest())
                is_early = isinstance(event, events.TrainingEnd) and event.is_early
                yield log.record(event)
        except GeneratorExit:
            # The events are no longer read: end with a snapshot, as if asked to stop.
            self._requests.stop()
            for event in steps:
                log.record(event)
            raise
        except _Killed:
            steps.close()
            yield log.record(events.StopRequest(is_killed=True))
            yield log.record(events.RunExit(130, is_interrupted=True, is_killed=True))
            return
        yield log.record(events.RunExit(0, is_interrupted=is_early))

    def _next(self, steps: Iterator[Event]) -> Event | None:
        if self._stop_requests > 1:
            raise _Killed
        self._is_inside = True
        try:
            return next(steps, None)
        finally:
            self._is_inside = False

    def _train(self, job: TrainJob, log: RunLog) -> Generator[Event]:
        folder = Path() if is_current(job.cwd) else job.cwd
        _, param = read_solver(job.solver)
        names, warning = (list(self._on), None) if self._on else devices(job.gpu, param)
        yield events.RunStart(job.own_command, job.cwd, os.getpid())
        yield events.Device(tuple(int(name[5:]) for name in names if name.startswith("cuda:")))
        if warning:
            yield events.LogWarning(warning, "caffe.cpp:197")
        seed = param.random_seed if param.random_seed >= 0 else secrets.randbelow(_SEED_LIMIT)
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
            job.sample,
        )
        if len(names) == 1:
            yield from train(spec, names[0], log.say, self._requests)
        else:
            yield from train_together(spec, names, log.say, self._requests)
