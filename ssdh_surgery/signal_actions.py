"""Actions for signals that Python's own `signal` module does not offer; on Linux only.

The system takes them at once, while Python waits until the C code that runs at the moment returns.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

# Flags of sigaction: call the handler with a siginfo_t; return to the default after one signal.
_SA_SIGINFO, _SA_RESETHAND = 0x4, 0x80000000
# The bytes of a signal mask in glibc, and the offset of the address of a fault in siginfo_t.
_MASK_BYTES, _ADDRESS_OFFSET = 128, 16
# Handlers must live as long as the process.
_handlers: list[Any] = []


def end_on_second(number: int) -> None:
    """Let the second signal of a kind end the process, even if C code never returns to Python."""
    if sys.platform != "linux":
        return
    import ctypes

    action, sigaction = _action(), ctypes.CDLL(None).sigaction
    sigaction(number, None, ctypes.byref(action))
    action.flags |= _SA_RESETHAND
    sigaction(number, ctypes.byref(action), None)


def handle_fault(number: int, handler: Callable[[int], None]) -> None:
    """Call a handler with the address of a fault, where it happens; it must end the process."""
    if sys.platform != "linux":
        return
    import ctypes

    def handle(_number: int, info: int, _context: int) -> None:
        handler(ctypes.c_size_t.from_address(info + _ADDRESS_OFFSET).value)

    arguments = (ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
    function = ctypes.CFUNCTYPE(None, *arguments)(handle)
    _handlers.append(function)
    action = _action(handler=ctypes.cast(function, ctypes.c_void_p), flags=_SA_SIGINFO)
    ctypes.CDLL(None).sigaction(number, ctypes.byref(action), None)


def _action(**values: Any) -> Any:
    """The struct sigaction of glibc."""
    import ctypes

    class Action(ctypes.Structure):
        """See sigaction(2)."""

        _fields_ = (
            ("handler", ctypes.c_void_p),
            ("mask", ctypes.c_char * _MASK_BYTES),
            ("flags", ctypes.c_uint),
            ("restorer", ctypes.c_void_p),
        )

    return Action(**values)
