"""The runs in a log: which line belongs to which of them.

A file holds several runs where somebody appended to it (`tee -a`), where two solvers write to it at
once, or where `mpirun -l` puts the lines of all ranks into one. A run differs from the others by
what stands before the prefix (its rank or node) or by the thread that trains, and begins with
Caffe's lines on the start of a solver.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, field
from typing import Literal

from ssdh_surgery.engines import events
from ssdh_surgery.engines.events import Event
from ssdh_surgery.engines.log_parser import LogParser
from ssdh_surgery.engines.log_prefix import read_prefix

End = Literal["done", "stopped", "failed", "open"]

# The lines by which runs are told apart, behind the mark of a GPU (NVCaffe).
_MARKER = re.compile(
    r"\s*(?:\[[^\]]*\] )?(?:(?P<start>Initializing solver |Solving )"
    r"|Iteration (?P<iteration>\d+)[ ,].*loss = )"
)
_STARTS = ("Initializing solver ", "Solving ")
# What a process that dies writes, or the shell that ran it.
_DEATH = re.compile(r"\*\*\* (?:Aborted at|SIG|Check failure)|.*\(core dumped\)")
# What names no run before a prefix: dates, times, numbers, the streams of a container, and the
# complaint of a glog that has no folder for its files.
_NAMELESS = re.compile(
    r"(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? +)?"
    r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]* +\d+,?"
    r"|\[? *\d[\d:.,TZ+/-]{4,}\]?|\bstd(?:out|err) [FP]\b|COULD NOT CREATE A LOGGINGFILE .*"
)


@dataclass
class RunLog:
    """A run in a log.

    Attributes:
        number: counted from 1 in the order of the logs.
        name: its rank or node, as it stands before its lines; mostly empty.
        file: the log.
        parser: the parser of its lines.
        end: how it ended; `open` if the log doesn't say.
        resumed_from: the solverstate that it goes on from; empty if it began anew.
        net_text: the first net that it prints, with what Caffe adds to it; mostly the train net.
    """

    number: int
    name: str = ""
    file: str = ""
    parser: LogParser = field(default_factory=LogParser)
    end: End = "open"
    resumed_from: str = ""
    net_text: str = ""
    _is_net_text: bool = False  # whether the next lines are of that net
    _starts: int = 0  # how many of `_STARTS` it has logged
    _iteration: int | None = None
    _thread: str = ""  # that trains

    def takes(self, thread: str, marker: re.Match[str]) -> bool:
        """Whether a line that begins or shows a run is one of this run."""
        if (start := marker["start"]) is not None:
            is_next = _STARTS.index(start) >= self._starts
            return is_next and self._iteration is None and self.end == "open"
        if self._iteration is None:
            return True
        return thread == self._thread and int(marker["iteration"]) >= self._iteration

    def mark(self, thread: str, marker: re.Match[str]) -> None:
        """Note a line that begins or shows this run."""
        if (start := marker["start"]) is not None:
            self._starts = _STARTS.index(start) + 1
        else:
            self._iteration = int(marker["iteration"])
        self._thread = thread

    def begin_net(self, *, is_net: bool) -> None:
        """Note whether a net follows the line: the first is kept."""
        self._is_net_text = is_net and not self.net_text

    def note_bare(self, text: str) -> None:
        """Note a line without a prefix: of the net that is printed, or of a process that dies."""
        if self._is_net_text:
            self.net_text += f"{text}\n"
        elif self.end == "open" and _DEATH.match(text):
            self.end = "failed"

    def note(self, event: Event) -> None:
        """Note how the run began and ended."""
        if isinstance(event, events.SnapshotLoad):
            self.resumed_from = event.snapshot
        elif isinstance(event, events.TrainingEnd):
            self.end = "stopped" if event.is_early else "done"
        elif isinstance(event, events.Fatal):
            self.end = "failed"


class LogRuns:
    """Splits the lines of logs into runs, line by line.

    `runs` are those that have begun, in the order of their first lines.
    """

    def __init__(self) -> None:
        self.runs: list[RunLog] = []
        self._file = ""
        self._latest: dict[str, RunLog] = {}  # by name
        self._of_threads: dict[tuple[str, str], RunLog] = {}

    def begin_file(self, file: str) -> None:
        """Read the lines of another log from now on: its runs are others."""
        self._file = file
        self._latest, self._of_threads = {}, {}

    def feed(self, text: str) -> tuple[RunLog, list[Event]]:
        """The run of the next line (with or without its newline), and the line's events."""
        text = text.rstrip("\r\n")
        line = read_prefix(text)
        if line is None:
            run = self._run("", "", text)
            run.note_bare(text)
            new_events = run.parser.read_bare(text)
        else:
            run = self._run(_name(line.tag) if line.tag else "", line.thread, line.message)
            run.begin_net(is_net="Initializing net " in line.message)
            new_events = run.parser.read(line)
        for event in new_events:
            run.note(event)
        return run, new_events

    def _run(self, name: str, thread: str, message: str) -> RunLog:
        run = self._of_threads.get((name, thread)) or self._latest.get(name)
        marker = _MARKER.match(message)
        if marker is None:
            return run or self._new_run(name)
        if run is None or not run.takes(thread, marker):
            run = self._new_run(name)
        run.mark(thread, marker)
        if thread:
            self._of_threads[name, thread] = run
        return run

    def _new_run(self, name: str) -> RunLog:
        run = RunLog(len(self.runs) + 1, name, self._file)
        self.runs.append(run)
        self._latest[name] = run
        return run


@functools.lru_cache(maxsize=1024)
def _name(tag: str) -> str:
    """What a run is called by the text before its lines."""
    return _NAMELESS.sub("", tag).strip(" \t|:")
