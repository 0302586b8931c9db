"""An error in place of a crash when a file that is mapped into memory ends too early.

Reading a mapped page beyond the end of its file kills the process with SIGBUS: an LMDB that is
damaged, or any mapped file that is truncated while it is read. No Python code can go on after
that, but a handler can still say which file it was, and exit.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from typing import NoReturn

from ssdh_surgery.errors import DataError, SsdhError
from ssdh_surgery.location import Location
from ssdh_surgery.signal_actions import handle_fault

# Prints an error, and returns the exit code.
Report = Callable[[SsdhError], int]

_report: Report | None = None
_is_guarded = False


def report_with(report: Report) -> None:
    """Set how this program reports an error; without it, the signal kills the process."""
    global _report
    _report = report


def guard() -> None:
    """Handle SIGBUS from now on; call it before a file is mapped."""
    global _is_guarded
    if _report is not None and not _is_guarded:
        _is_guarded = True
        handle_fault(signal.SIGBUS, _exit)


def _exit(address: int) -> NoReturn:
    """Report the file that is mapped at an address, and end the process."""
    code = 3
    try:
        assert _report is not None
        code = _report(
            DataError(
                "is truncated or damaged: it ends before what was to be read",
                location=Location(mapped_file(address)),
                hint="copy it again, and do not change it while it is read",
            )
        )
        sys.stderr.flush()
    finally:
        os._exit(code)


def mapped_file(address: int) -> str:
    """The path of the file that is mapped at an address of this process."""
    with open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as maps:
        for line in maps:
            span, *_, path = line.rstrip("\n").split(maxsplit=5)
            start, end = (int(part, 16) for part in span.split("-"))
            if start <= address < end:
                return os.path.relpath(path) if path.startswith("/") else path
    return "a mapped file"
