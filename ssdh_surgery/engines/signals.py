"""Ctrl-C and similar signals, turned into function calls for the length of a run."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType


@contextlib.contextmanager
def handle_signals(
    stop: Callable[[], None], hang_up: Callable[[], None] | None = None
) -> Iterator[None]:
    """Call `stop` on Ctrl-C, SIGTERM and SIGHUP instead of ending the program.

    With `hang_up`, SIGHUP calls that instead. A signal that is ignored stays ignored (`nohup`, a
    script's `&`). Only the main thread can handle signals: elsewhere nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    calls = {signal.SIGINT: stop, signal.SIGTERM: stop, signal.SIGHUP: hang_up or stop}

    def handle(number: int, _frame: FrameType | None) -> None:
        calls[signal.Signals(number)]()

    previous = {
        number: handler
        for number in calls
        if (handler := signal.getsignal(number)) is not signal.SIG_IGN
    }
    try:
        for number in previous:
            signal.signal(number, handle)
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
