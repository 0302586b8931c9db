"""Running compiled code so that an interrupt cannot crash it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any


def in_thread(work: Callable[..., Any], *args: Any) -> Any:
    """The result of compiled code, run in a thread of its own.

    Python handles an interrupt in the main thread only, where it may crash compiled code.
    """
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(work, *args).result()
