"""Training with the user's own caffe executable, followed through its log."""

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

from ssdh_surgery.engines import events
from ssdh_surgery.engines.caffe_binary.executable import caffe_environment, on_path
from ssdh_surgery.engines.caffe_binary.failures import explain, shell_code
from ssdh_surgery.engines.events import Event
from ssdh_surgery.engines.glog import LogParser
from ssdh_surgery.engines.interrupts import caught_interrupts
from ssdh_surgery.engines.trainer import TrainJob
from ssdh_surgery.errors import EngineError, file_errors

_POLL_SECONDS = 0.05
# There are forks whose `train` takes -weights and forgets it.
_NOT_LOADED = (
    "caffe did not say that it loads the weights it was given: this Caffe may be training from "
    "random ones"
)


def command(job: TrainJob, executable: Path | None = None) -> list[str]:
    """The command line of a job, to be run in `job.cwd`.

    Paths are as given when that is the current directory, else relative to it. The program
    is `caffe` where a shell finds that very executable, or where there is none.
    """
    argv = [_program(executable), "train", f"--solver={_seen_from(job.cwd, job.solver)}"]
    if job.weights:
        paths = [_seen_from(job.cwd, path) for path in job.weights.split(",")]
        argv += ["-weights", ",".join(paths)]
    if job.snapshot:
        argv += ["-snapshot", _seen_from(job.cwd, job.snapshot)]
    if job.gpu:
        argv += ["-gpu", job.gpu]
    return [*argv, *job.extra]


def shell_line(argv: Sequence[str], cwd: Path) -> str:
    """A command as it is typed into a shell from the current directory."""
    line = shlex.join(argv)
    return line if _is_current(cwd) else f"cd {shlex.quote(str(cwd.absolute()))} && {line}"


def _program(executable: Path | None) -> str:
    found = on_path()
    if executable is None or (found and _same(found, executable)):
        return "caffe"
    return str(executable)


def _seen_from(cwd: Path, path: str) -> str:
    if os.path.isabs(path) or _is_current(cwd):
        return path
    # `..` goes up from where a folder really is, so links are resolved; a file keeps its name.
    folder, name = os.path.split(os.path.abspath(path))
    return os.path.relpath(os.path.join(os.path.realpath(folder), name), os.path.realpath(cwd))


def _is_current(cwd: Path) -> bool:
    return _same(cwd, Path.cwd())


def _same(one: Path, other: Path) -> bool:
    with contextlib.suppress(OSError):
        return one.samefile(other)
    return False


class BinaryTrainer:
    """A `Trainer` that runs the caffe executable of an absolute path.

    caffe has a process session of its own, so that Ctrl-C in the terminal reaches only us,
    and what `stop` sends is the one signal that reaches it. Its stderr and stdout are the
    log file itself: nothing stands between, and it goes on whole if we should die.
    """

    def __init__(self, executable: Path) -> None:
        self._executable = executable
        self._process: subprocess.Popen[bytes] | None = None
        self._job: TrainJob | None = None
        self._requests = 0
        self._awaits_snapshot = False

    def run(self, job: TrainJob) -> Iterator[Event]:
        """Train; see `Trainer.run`. The events are those of the log, and of the process."""
        self._process, self._job, self._requests = None, job, 0
        argv = command(job, self._executable)
        with contextlib.ExitStack() as stack:
            stack.enter_context(caught_interrupts(self.stop))
            with file_errors(job.log, "write the log"):
                sink = stack.enter_context(open(job.log, "xb"))
                log = _GrowingLog(stack.enter_context(open(job.log, "rb")))
            process = self._start(argv, job, sink)
            stack.callback(self._leave, process, log)
            yield events.Started(tuple(argv), job.cwd, process.pid)
            yield from self._follow(process, log)
        yield self._exit(job, process.returncode, log.parser)

    def stop(self) -> None:
        """Stop with a snapshot; the second time, kill. May be called by a signal handler."""
        self._requests += 1
        if self._process is not None:
            self._pass_on()

    def _pass_on(self) -> None:
        """Send the signal that the user's last request stands for."""
        if self._requests > 1:
            self._send(signal.SIGKILL)
        elif self._job and not self._job.snapshot_after_train:
            # caffe would stop without a snapshot: SIGHUP makes one, SIGINT follows it.
            self._awaits_snapshot = True
            self._send(signal.SIGHUP)
        else:
            self._send(signal.SIGINT)

    def _send(self, number: signal.Signals) -> None:
        # To the whole session: the executable may be a script that starts the real one.
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
            raise self._unstartable(job, error) from error
        self._process = process
        if self._requests:  # asked while it was being started
            self._pass_on()
        return process

    def _unstartable(self, job: TrainJob, error: OSError) -> EngineError:
        reason = error.strerror or str(error)
        hint = None
        if not job.cwd.is_dir():
            reason = f"there is no folder {job.cwd} to run it in"
        elif error.errno == errno.ENOEXEC:
            hint = "it is built for another kind of machine, or is a script without a #! line"
        elif error.errno == errno.ENOENT and self._executable.exists():
            reason, hint = "what runs it is missing", "its interpreter, or the dynamic loader"
        return EngineError(f"cannot start {self._executable}: {reason}", hint=hint)

    def _follow(self, process: subprocess.Popen[bytes], log: _GrowingLog) -> Iterator[Event]:
        """Read the log as it grows, until the process has ended."""
        told = 0
        loaded = self._job is None or not self._job.weights
        ended = False
        while not ended:
            ended = _has_ended(process)
            if self._requests > told:
                told = self._requests
                yield events.Stopping(killed=told > 1, elapsed=log.parser.elapsed)
            for event in log.events(ended):
                if isinstance(event, events.Snapshot):
                    self._stop_after_snapshot()
                loaded = loaded or isinstance(event, events.Finetuning)
                yield event
                if isinstance(event, events.Solving) and not loaded:
                    yield events.Warned(_NOT_LOADED, source="", elapsed=event.elapsed)
            if not ended:
                time.sleep(_POLL_SECONDS)

    def _stop_after_snapshot(self) -> None:
        if self._awaits_snapshot:
            self._awaits_snapshot = False
            self._send(signal.SIGINT)

    def _leave(self, process: subprocess.Popen[bytes], log: _GrowingLog) -> None:
        """Whoever followed the run has gone: it must not go on with nobody watching."""
        if not _has_ended(process):
            if not self._requests:
                self.stop()
            for _ in self._follow(process, log):
                pass

    def _exit(self, job: TrainJob, code: int, parser: LogParser) -> events.Exited:
        shown, asked, killed = shell_code(code), self._requests > 0, self._requests > 1
        # Signals of ours may come before caffe handles them, or when it does no longer.
        ours = {signal.SIGKILL} if killed else {signal.SIGINT, signal.SIGHUP} if asked else set()
        if (code == 0 and parser.finished) or shown - 128 in ours:
            interrupted = asked and (parser.stopped_early or not parser.finished)
            return events.Exited(shown, interrupted, killed, elapsed=parser.elapsed)
        with open(job.log, encoding="utf-8", errors="surrogateescape", newline="\n") as lines:
            raise explain(lines, code, log=str(job.log), cwd=job.cwd)


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    """Whether it is over; then nothing that it started is left either."""
    if process.returncode is not None:
        return True
    if os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        return False
    # A script may have left the real caffe behind. Until it is waited for, the number of
    # its session is no one else's.
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return True


class _GrowingLog:
    """A log that is still being written, as the events of its new lines."""

    def __init__(self, file: BinaryIO) -> None:
        self.parser = LogParser()
        self._file = file
        self._lines: deque[bytes] = deque()
        self._rest = b""

    def events(self, ended: bool) -> Iterator[Event]:
        """Of the lines not yet given; `ended`: the last line may lack its newline."""
        *lines, self._rest = (self._rest + self._file.read()).split(b"\n")
        self._lines.extend(lines)
        if ended and self._rest:
            self._lines.append(self._rest)
            self._rest = b""
        while self._lines:
            yield from self.parser.feed(self._lines.popleft().decode("utf-8", "surrogateescape"))
