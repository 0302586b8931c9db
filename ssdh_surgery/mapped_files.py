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
from typing import Any, NoReturn

from ssdh_surgery.errors import DataError, SsdhError
from ssdh_surgery.location import Location

# Prints an error, and returns the exit code.
Report = Callable[[SsdhError], int]

_SA_SIGINFO = 4
# The offset of the address that was read in siginfo_t, and the bytes of a signal mask.
_ADDRESS_OFFSET, _MASK_BYTES = 16, 128
_report: Report | None = None
# The handler must live as long as the process.
_handler: Any = None


def report_with(report: Report) -> None:
    """Set how this program reports an error; without it, the signal kills the process."""
    global _report
    _report = report


def guard() -> None:
    """Handle SIGBUS from now on; call it before a file is mapped."""
    global _handler
    if _report is None or _handler is not None or sys.platform != "linux":
        return
    import ctypes

    class Action(ctypes.Structure):
        """The struct sigaction of glibc."""

        _fields_ = (
            ("handler", ctypes.c_void_p),
            ("mask", ctypes.c_char * _MASK_BYTES),
            ("flags", ctypes.c_int),
            ("restorer", ctypes.c_void_p),
        )

    def handle(_number: int, info: int, _context: int) -> NoReturn:
        _exit(ctypes.c_size_t.from_address(info + _ADDRESS_OFFSET).value)

    arguments = (ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
    _handler = ctypes.CFUNCTYPE(None, *arguments)(handle)
    action = Action(handler=ctypes.cast(_handler, ctypes.c_void_p), flags=_SA_SIGINFO)
    ctypes.CDLL(None).sigaction(signal.SIGBUS, ctypes.byref(action), None)


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
