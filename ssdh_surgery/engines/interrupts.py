"""Ctrl-C and its like as calls, for as long as a run lasts."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextlib.contextmanager
def caught_interrupts(stop: Callable[[], None]) -> Iterator[None]:
    """Call `stop` for each Ctrl-C, SIGTERM or closed terminal, instead of ending the program.

    What is ignored stays ignored (`nohup`, a script's `&`). Only the main thread can catch
    signals: elsewhere nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(_number: int, _frame: FrameType | None) -> None:
        stop()

    previous = {number: signal.getsignal(number) for number in _SIGNALS}
    caught = [number for number, before in previous.items() if before is not signal.SIG_IGN]
    try:
        for number in caught:
            signal.signal(number, handle)
        yield
    finally:
        for number in caught:
            signal.signal(number, previous[number])
