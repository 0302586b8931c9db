"""Requests to a running solver, made by signal handlers and read between batches."""

from __future__ import annotations

from enum import IntEnum


class Request(IntEnum):
    """Caffe's SolverAction."""

    NONE = 0
    SNAPSHOT = 1
    STOP = 2


class RequestQueue:
    """Pending requests; a signal handler may add to them."""

    def __init__(self) -> None:
        self._snapshot = False
        self._stop = False

    def snapshot(self) -> None:
        """Request a snapshot."""
        self._snapshot = True

    def stop(self) -> None:
        """Request a snapshot and the end of the run."""
        self._stop = True

    def take(self) -> Request:
        """Remove and return the next request."""
        if self._snapshot:
            self._snapshot = False
            return Request.SNAPSHOT
        if self._stop:
            self._stop = False
            return Request.STOP
        return Request.NONE
