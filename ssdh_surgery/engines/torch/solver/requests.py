"""What a user asks of a running solver, set by signals and looked at between batches."""

from __future__ import annotations

from enum import IntEnum


class Request(IntEnum):
    """Caffe's SolverAction."""

    NONE = 0
    SNAPSHOT = 1
    STOP = 2


class Requests:
    """Requests that wait; a signal handler may set them."""

    def __init__(self) -> None:
        self._snapshot = False
        self._stop = False

    def snapshot(self) -> None:
        """Ask for a snapshot."""
        self._snapshot = True

    def stop(self) -> None:
        """Ask for a snapshot and the end."""
        self._stop = True

    def take(self) -> Request:
        """What is asked for next, which then waits no longer."""
        if self._snapshot:
            self._snapshot = False
            return Request.SNAPSHOT
        if self._stop:
            self._stop = False
            return Request.STOP
        return Request.NONE
