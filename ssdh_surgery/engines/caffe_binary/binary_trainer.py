"""Trains with the user's own caffe executable, and follows its log."""

from __future__ import annotations

import contextlib
import errno
import os
import shlex
import signal
import subprocess
import time
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from ssdh_surgery.caffe.weights.new_snapshots import NewSnapshots
from ssdh_surgery.caffe.weights.snapshot_names import SnapshotFile, iteration_of
from ssdh_surgery.engines import events
from ssdh_surgery.engines.caffe_binary import session
from ssdh_surgery.engines.caffe_binary.diagnosis import shell_code
from ssdh_surgery.engines.caffe_binary.executable import caffe_environment, on_path
from ssdh_surgery.engines.caffe_binary.failures import explain
from ssdh_surgery.engines.events import Event
from ssdh_surgery.engines.log_parser import LogParser
from ssdh_surgery.engines.signals import handle_signals
from ssdh_surgery.engines.trainer import TrainJob, is_current, is_same_file
from ssdh_surgery.errors import EngineError, file_errors

_POLL_SECONDS = 0.05
_UNLOGGED_END = "the log does not say that the training is complete"
# There are forks whose `train` accepts -weights and ignores it.
_NOT_LOADED = (
    "caffe did not log that it loads the weights passed to it: it may be training from random "
    "weights"
)


def command(job: TrainJob, executable: Path | None = None) -> list[str]:
    """The command line of a job, to be run in `job.cwd`.

    Paths stay as written if that is the current directory, and become relative to it otherwise.
    The program is `caffe` if a shell would find the same executable, or if there is none.
    """
    argv = [_program(executable), "train", f"--solver={_path_from(job.cwd, job.solver)}"]
    if job.weights:
        paths = [_path_from(job.cwd, path) for path in job.weights.split(",")]
        argv += ["-weights", ",".join(paths)]
    if job.snapshot:
        argv += ["-snapshot", _path_from(job.cwd, job.snapshot)]
    if job.gpu:
        argv += ["-gpu", job.gpu]
    if job.level:
        argv += ["-level", str(job.level)]
    return [*argv, *job.extra]


def shell_line(argv: Sequence[str], cwd: Path) -> str:
    """A command as one types it into a shell in the current directory."""
    line = shlex.join(argv)
    return line if is_current(cwd) else f"cd {shlex.quote(str(cwd.absolute()))} && {line}"


def _program(executable: Path | None) -> str:
    path = on_path()
    if executable is None or (path and is_same_file(path, executable)):
        return "caffe"
    return str(executable)


def _path_from(cwd: Path, path: str) -> str:
    if os.path.isabs(path) or is_current(cwd):
        return path
    # `..` starts at the real folder, so links to folders are resolved; a file keeps its name.
    folder, name = os.path.split(os.path.abspath(path))
    return os.path.relpath(os.path.join(os.path.realpath(folder), name), os.path.realpath(cwd))


class BinaryTrainer:
    """A `Trainer` that runs the caffe executable at an absolute path.

    caffe runs in a process session of its own: Ctrl-C in the terminal reaches only us, and
    `stop` sends caffe exactly one signal. Its stderr and stdout are the log file itself, without
    anything in between, so that caffe keeps logging even if we die.
    """

    def __init__(self, executable: Path) -> None:
        self._executable = executable
        self._process: subprocess.Popen[bytes] | None = None
        self._job: TrainJob | None = None
        self._requests = 0
        self._awaits_snapshot = False
        self._has_left_overs = False
        self._snapshots: NewSnapshots | None = None

    def run(self, job: TrainJob) -> Iterator[Event]:
        """Train; see `Trainer.run`. Events come from the log and from the process."""
        self._process, self._job, self._requests = None, job, 0
        self._snapshots = NewSnapshots(job.prefix) if job.prefix else None
        argv = command(job, self._executable)
        with contextlib.ExitStack() as stack:
            stack.enter_context(handle_signals(self.stop))
            with file_errors(job.log, "write the log"):
                sink = stack.enter_context(open(job.log, "xb"))
                log = _GrowingLog(stack.enter_context(open(job.log, "rb")))
            process = self._start(argv, job, sink)
            stack.callback(self._clean_up, process, log)
            yield events.RunStart(tuple(argv), job.cwd, process.pid)
            yield from self._follow(process, log)
        yield from self._end(job, process.returncode, log.parser)

    def stop(self) -> None:
        """Stop with a snapshot; a second call kills. May be called by a signal handler."""
        self._requests += 1
        if self._process is not None:
            self._signal()

    def _signal(self) -> None:
        """Send the signal for the user's last request."""
        if self._requests > 1:
            self._send(signal.SIGKILL)
        elif self._job and not self._job.snapshot_after_train:
            # caffe would stop without a snapshot, so SIGHUP asks for one and SIGINT follows.
            self._awaits_snapshot = True
            self._send(signal.SIGHUP)
        else:
            self._send(signal.SIGINT)

    def _send(self, number: signal.Signals) -> None:
        # To the whole session, since the executable may be a script that starts the real one.
        if self._process is not None and self._process.returncode is None:
            os.killpg(self._process.pid, number)

    def _start(self, argv: list[str], job: TrainJob, sink: BinaryIO) -> subprocess.Popen[bytes]:
        self._awaits_snapshot = False
        try:
            process = subprocess.Popen(
                argv,
                executable=self._executable,
                cwd=job.cwd,
                env=caffe_environment(),
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            raise self._start_error(job, error) from error
        self._process = process
        if self._requests:  # a request during start-up
            self._signal()
        return process

    def _start_error(self, job: TrainJob, error: OSError) -> EngineError:
        reason = error.strerror or str(error)
        hint = None
        if not job.cwd.is_dir():
            reason = f"there is no folder {job.cwd} to run it in"
        elif error.errno == errno.ENOEXEC:
            hint = "it was built for another architecture, or is a script without a #! line"
        elif error.errno == errno.ENOENT and self._executable.exists():
            reason = "its interpreter or dynamic loader is missing"
        return EngineError(f"cannot start {self._executable}: {reason}", hint=hint)

    def _follow(self, process: subprocess.Popen[bytes], log: _GrowingLog) -> Iterator[Event]:
        """Read the log as it grows, until the process has ended."""
        reported = 0
        is_loaded = self._job is None or not self._job.weights
        has_ended = False
        while not has_ended:
            has_ended = session.has_ended(process)
            if has_ended:
                self._has_left_overs = session.clear(process)
            if self._requests > reported:
                reported = self._requests
                yield events.StopRequest(is_killed=reported > 1, elapsed=log.parser.elapsed)
            for event in log.events(has_ended):
                if isinstance(event, events.Snapshot):
                    self._stop_after_snapshot()
                is_loaded = is_loaded or isinstance(event, events.WeightsLoad)
                yield event
                if isinstance(event, events.TrainingStart) and not is_loaded:
                    yield events.LogWarning(_NOT_LOADED, source="", elapsed=event.elapsed)
            if self._awaits_snapshot and self._newest("solverstate"):
                self._stop_after_snapshot()
            if not has_ended:
                time.sleep(_POLL_SECONDS)

    def _stop_after_snapshot(self) -> None:
        if self._awaits_snapshot:
            self._awaits_snapshot = False
            self._send(signal.SIGINT)

    def _clean_up(self, process: subprocess.Popen[bytes], log: _GrowingLog) -> None:
        """Stop a run whose events are no longer read."""
        if process.returncode is None:
            if not self._requests:
                self.stop()
            for _ in self._follow(process, log):
                pass

    def _newest(self, file: SnapshotFile) -> Path | None:
        """The newest file of a snapshot that the run wrote, if its prefix is known."""
        return self._snapshots.newest(file) if self._snapshots else None

    def _end(self, job: TrainJob, code: int, parser: LogParser) -> Iterator[Event]:
        """The events at the end of a run, the last one `RunExit`.

        Raises:
            EngineError: it failed.
        """
        exit_code, is_asked, is_killed = shell_code(code), self._requests > 0, self._requests > 1
        # Our signals may arrive before caffe handles them, or after it has stopped to.
        interrupts = {signal.SIGINT, signal.SIGHUP}
        our_signals = {signal.SIGKILL} if is_killed else interrupts if is_asked else set()
        is_signalled = exit_code - 128 in our_signals
        if not is_signalled and not (code == 0 and parser.is_finished):
            error = self._failure(job, code)
            if code != 0 or not self._ended_well(job, error, parser):
                raise error
            yield from self._unlogged_end(job, parser)
        is_interrupted = is_asked and (parser.is_early or not parser.is_finished)
        yield events.RunExit(exit_code, is_interrupted, is_killed, elapsed=parser.elapsed)

    def _failure(self, job: TrainJob, code: int) -> EngineError:
        with open(job.log, encoding="utf-8", errors="surrogateescape", newline="\n") as lines:
            return explain(
                lines, code, log=str(job.log), cwd=job.cwd, solver=job.source or job.solver
            )

    def _ended_well(self, job: TrainJob, error: EngineError, parser: LogParser) -> bool:
        """Whether a run with exit code 0 did its work, although its log does not say so.

        Forks have words of their own for the end of a run. It failed only if the log says why, if
        a script left the real caffe behind, or if the log stops before the last iteration and the
        disk has no snapshot.
        """
        if error.data["kind"] not in ("unknown", "diverged") or self._has_left_overs:
            return False
        if self._newest("caffemodel") or parser.last_shown is None:
            return True
        return parser.last_shown + max(job.display, 1) >= job.max_iter

    def _unlogged_end(self, job: TrainJob, parser: LogParser) -> Iterator[Event]:
        """The end of a run by what is on the disk."""
        weights = self._newest("caffemodel")
        iteration = iteration_of(weights) if weights else None
        is_early = iteration is not None and iteration < job.max_iter
        if iteration is None and not self._requests:
            yield events.LogWarning(_UNLOGGED_END, source="", elapsed=parser.elapsed)
        yield events.TrainingEnd(is_early, elapsed=parser.elapsed)


class _GrowingLog:
    """A log that is still being written, read as events of its new lines."""

    def __init__(self, file: BinaryIO) -> None:
        self.parser = LogParser()
        self._file = file
        self._lines: deque[bytes] = deque()
        self._rest = b""

    def events(self, is_complete: bool) -> Iterator[Event]:
        """The events of new lines; a complete log may end without a newline."""
        *lines, self._rest = (self._rest + self._file.read()).split(b"\n")
        self._lines.extend(lines)
        if is_complete and self._rest:
            self._lines.append(self._rest)
            self._rest = b""
        while self._lines:
            yield from self.parser.feed(self._lines.popleft().decode("utf-8", "surrogateescape"))
