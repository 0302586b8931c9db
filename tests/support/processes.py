"""Processes and signals of tests: default handlers, and no wait without an end."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from types import FrameType
from typing import Any

import pytest

# Far longer than any of these tests takes on a busy machine.
SECONDS = 240
_HANDLERS = {
    signal.SIGINT: signal.default_int_handler,
    signal.SIGTERM: signal.SIG_DFL,
    signal.SIGHUP: signal.SIG_DFL,
}


@pytest.fixture
def default_signals() -> Iterator[None]:
    """The default signal handlers for a test that sends signals, and a limit for all its waits.

    Under `nohup` and in the background of a shell, SIGHUP and SIGINT are ignored, also by every
    process that a test starts.
    """
    before = {number: signal.signal(number, handler) for number, handler in _HANDLERS.items()}
    before[signal.SIGALRM] = signal.signal(signal.SIGALRM, _stop_waiting)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        for number, handler in before.items():
            signal.signal(number, handler)


def _stop_waiting(number: int, frame: FrameType | None) -> None:
    raise TimeoutError(f"the test takes more than {SECONDS} seconds")


@contextlib.contextmanager
def running(command: Sequence[str], **options: Any) -> Iterator[subprocess.Popen[Any]]:
    """A process that ends with the block: killed if the block fails."""
    with subprocess.Popen(command, **options) as process:
        try:
            yield process
        except BaseException:
            process.kill()
            raise


def at_once(*runs: Callable[[], int]) -> list[int]:
    """The exit codes of functions that run at once, each in a process of its own."""
    start, go = os.pipe()
    children = []
    for run in runs:
        child = os.fork()
        if child == 0:
            code = 70
            try:
                os.close(go)
                os.read(start, 1)  # until the parent closes its end
                code = run()
            finally:
                os._exit(code)
        children.append(child)
    os.close(start)
    os.close(go)
    return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
