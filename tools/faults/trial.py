"""One fault in one writer: what it leaves, and what the next run of the command makes of it."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path

from contents import contents, leftovers, state
from process import Ended, Server
from syscalls import Fault, calls, faults, options
from writers import Writer

# How often a fault is tried that hits another call.
_TRIES = 3


class Missed(Exception):
    """The call with this number was another one in each try: the order of calls varies."""


class Bench:
    """A writer with its inputs, and what it writes when nothing fails.

    Args:
        writer: the writer.
        stock: the folder of inputs.
        place: a folder to work in.
        server: what runs its commands.

    Raises:
        RuntimeError: a command fails without a fault.
    """

    def __init__(self, writer: Writer, stock: Path, place: Path, server: Server) -> None:
        self.writer = writer
        self._server = server
        self._start, self._work, self._log = place / "start", place / "work", place / "strace.log"
        shutil.copytree(stock, self._work)
        for line in writer.before:
            self._must_run(line)
        self._work.rename(self._start)
        self._reset()
        self._old = contents(self._work)
        self._must_run(writer.command)
        self._new = contents(self._work)
        self._reset()
        self._must_run(writer.command, options(self._log))
        other = contents(self._work)
        # Files with a random part cannot be compared by their bytes.
        self._varying = {name for name in self._new if other.get(name) != self._new[name]}
        self.faults = faults(calls(self._log, self._work))
        # What the next run makes of each state that a fault leaves.
        self._next_runs: dict[object, list[str]] = {}

    def _must_run(self, line: str, strace: Sequence[str] = ()) -> None:
        ended = self._server.run(line, self._work, strace)
        if ended.code:
            raise RuntimeError(f"ssdh {line}: exit code {ended.code}: {ended.last_lines}")

    def _reset(self) -> None:
        shutil.rmtree(self._work, ignore_errors=True)
        shutil.copytree(self._start, self._work)

    def problems(self, fault: Fault) -> list[str]:
        """What a fault does that it should not do.

        Raises:
            Missed: it did not happen.
        """
        for _ in range(_TRIES):
            self._reset()
            ended = self._server.run(self.writer.command, self._work, options(self._log, fault))
            if (fault.call, fault.number) in calls(self._log, self._work):
                break
        else:
            raise Missed
        problems = self._after_fault(fault, ended)
        key = state(self._work)
        if key not in self._next_runs:
            self._next_runs[key] = self._after_next_run()
        return [*problems, *self._next_runs[key]]

    def _after_fault(self, fault: Fault, ended: Ended) -> list[str]:
        after = contents(self._work)
        problems = self._damage(after)
        is_mixed = not (self._is(after, self._old) or self._is(after, self._new))
        if ended.code == -signal.SIGKILL:
            return problems
        if is_mixed and not self.writer.is_gradual:
            problems.append(f"half: some files are new, others old: {self._changed(after)}")
        problems += _message_problems(ended)
        if ended.code == 0 and not self._is(after, self._new):
            problems.append(f"lost: exit code 0, but not all is written: {self._changed(after)}")
        return problems

    def _after_next_run(self) -> list[str]:
        ended = self._server.run(self.writer.again or self.writer.command, self._work)
        after = contents(self._work)
        problems = [f"{each} (after the next run)" for each in self._damage(after)]
        # It may finish what was begun, and then refuse to replace it.
        is_refused = ended.code == 3 and self._is(after, self._new)
        if ended.code and not is_refused:
            problems.append(f"stuck: next run: exit code {ended.code}: {ended.last_lines}")
        elif not self._is(after, self._new):
            problems.append(f"stuck: the next run writes something else: {self._changed(after)}")
        elif not is_refused and (left := leftovers(self._work)):
            problems.append(f"litter: {', '.join(left)}")
        return problems

    def _damage(self, after: Mapping[str, str]) -> list[str]:
        """Files that are missing, or neither old nor new."""
        problems = []
        for name in sorted(self._old.keys() & self._new.keys() - after.keys()):
            problems.append(f"lost: {name}")
        for name, digest in after.items():
            if name in self._varying:
                continue
            if digest not in (self._old.get(name), self._new.get(name)):
                problems.append(f"half: {name}")
        return problems

    def _changed(self, after: Mapping[str, str]) -> str:
        return ", ".join(sorted(name for name in after if after[name] != self._old.get(name)))

    def _is(self, after: Mapping[str, str], state: Mapping[str, str]) -> bool:
        return after.keys() == state.keys() and all(
            after[name] == state[name] for name in state if name not in self._varying
        )


def _message_problems(ended: Ended) -> list[str]:
    text = ended.messages
    if ended.is_hang:
        return ["hang: it does not end"]
    if "a bug in" in text or "Traceback" in text:
        return [f"bug: {ended.last_lines}"]
    if ended.code < 0:
        return [f"signal: exit code {ended.code}: {ended.last_lines}"]
    if ended.code not in (0, 3):
        return [f"exit: exit code {ended.code}: {ended.last_lines}"]
    if ended.code == 3 and ": " not in text:
        return [f"exit: a message without a place: {ended.last_lines}"]
    return []
