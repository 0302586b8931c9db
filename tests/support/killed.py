"""A process that is killed at the n-th line that it runs in some modules.

Every third line is tried, or every SSDH_KILL_STEP-th; `make soak` tries all.
"""

from __future__ import annotations

import itertools
import os
import signal
import sys
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

_STEP = int(os.environ.get("SSDH_KILL_STEP", "3"))


def killed_at_lines(
    modules: tuple[str, ...], prepare: Callable[[], None], run: Callable[[], None]
) -> Iterator[int]:
    """Prepare, then run in a child that dies at a line of the `modules`, until one lives.

    Yields the number of the line after each death, and ends after the run that was not killed.
    """
    for line in itertools.count(1, _STEP):
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
