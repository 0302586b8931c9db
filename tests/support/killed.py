"""A process that is killed at the n-th line that it runs in some modules: every moment there is."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any


def killed_at_each_line(
    modules: tuple[str, ...], prepare: Callable[[], None], run: Callable[[], None]
) -> Iterator[int]:
    """Prepare, then run in a child that dies at line 1, 2, ... of the `modules`, until one lives.

    Yields the number of the line after each death, and ends after the run that was not killed.
    """
    line = 0
    while True:
        line += 1
        prepare()
        child = os.fork()
        if child == 0:
            _run_until(modules, line, run)
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status):
            assert os.waitstatus_to_exitcode(status) == 0
            return
        assert os.WTERMSIG(status) == signal.SIGKILL
        yield line


def _run_until(modules: tuple[str, ...], line: int, run: Callable[[], None]) -> None:
    left = line

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal left
        if not frame.f_code.co_filename.endswith(modules):
            return None
        if event == "line":
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace

    code = 1
    try:
        sys.settrace(trace)
        run()
        code = 0
    finally:
        sys.settrace(None)
        os._exit(code)
