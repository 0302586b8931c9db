"""What the log of a caffe run says that may explain why it failed."""

from __future__ import annotations

import math
import re
from collections import deque

from ssdh_surgery.engines import events
from ssdh_surgery.engines.glog import LogLine, LogParser, read_line

# -ln of the smallest normal float: what SoftmaxWithLoss gives where a probability is 0.
SATURATED_LOSS = 87.3365

_LAST_LINES = 5
_STACK = re.compile(r"    @ |\*\*\* |PC: @")
_PLACE = re.compile(r"Error parsing text-format \S+: (?P<line>\d+):(?P<column>\d+): (?P<says>.*)")
_ROLES = (
    (re.compile(r"Creating training net from (?:net|train_net) file: (.*)"), "net"),
    (re.compile(r"Creating test net \(#\d+\) specified by (?:net|test_net) file: (.*)"), "net"),
    (re.compile(r"Loading mean file from: (.*)"), "mean file"),
    (re.compile(r"Finetuning from (.*)"), "weights file"),
    (re.compile(r"Resuming from (.*)"), "snapshot"),
)


def loss_trouble(value: float) -> str | None:
    """What a loss says of a run that cannot recover, or None where it says nothing.

    To be asked of the total loss and of each output of the train net.
    """
    if math.isnan(value):
        return "became nan"
    if math.isinf(value):
        return "became infinite"
    if abs(value - SATURATED_LOSS) < 1e-3:
        return f"stuck at {SATURATED_LOSS} (-ln of the smallest float)"
    return None


class Evidence:
    """What a log says that may explain a failure; lines count from 1."""

    def __init__(self) -> None:
        self.last: deque[tuple[int, str]] = deque(maxlen=_LAST_LINES)
        self.fatal: tuple[int, str, LogLine] | None = None
        self.parse: tuple[int, str, re.Match[str]] | None = None
        self.plain: list[tuple[int, str]] = []
        self.roles: dict[str, str] = {}
        self.sources: dict[str, str] = {}
        self.snapshot = ""
        self.diverged: tuple[int, str, events.Iteration, str] | None = None
        self.parser = LogParser()
        self._number = 0
        self._iteration: tuple[int, str, events.Iteration] | None = None
        self._printed: list[str] = []
        self._building = False
        self._created = ""
        self._set_up = 0

    @property
    def layer(self) -> str:
        """The layer that was being built when the log ended, or nothing.

        Older Caffes say so only once it exists: until then it is the one that comes, in the
        net that was printed, after the last that was set up.
        """
        if self._created or not self._building:
            return self._created
        return self._printed[self._set_up] if self._set_up < len(self._printed) else ""

    def feed(self, text: str) -> None:
        """Take in one more line."""
        self._number += 1
        if not text or _STACK.match(text):
            return
        self.last.append((self._number, text))
        line = read_line(text)
        self._note_parse(text)
        if line is None:
            self._note_plain(text)
        elif line.severity == "F" and self.fatal is None:
            self.fatal = self._number, text, line
        else:
            self._note_message(line.message)
        for event in self.parser.feed(text):
            self._note_loss(text, event)

    def _note_parse(self, text: str) -> None:
        if self.parse is None and (match := _PLACE.search(text)):
            self.parse = self._number, text, match

    def _note_plain(self, text: str) -> None:
        # The nets that Caffe prints at start-up tell where a data layer reads from.
        if match := re.fullmatch(r'  name: "(.*)"', text):
            self._printed.append(match[1])
        elif match := re.fullmatch(r'    source: "(.*)"', text):
            self.sources[self._printed[-1] if self._printed else ""] = match[1]
        else:
            self.plain.append((self._number, text))

    def _note_message(self, message: str) -> None:
        if message.startswith("Initializing net from parameters"):
            self._building, self._printed, self._set_up = True, [], 0
        elif match := re.fullmatch(r"Creating [lL]ayer (.*)", message):
            self._created = match[1]
        elif match := re.fullmatch(r"Setting up (.*)", message):
            self._created = ""
            if match[1] in self._printed:  # and no split of Caffe's own
                self._set_up = self._printed.index(match[1]) + 1
        elif message.startswith(("Network initialization done", "Solver scaffolding done")):
            self._building, self._created = False, ""
        elif match := re.fullmatch(r"Snapshotting .* file (.*)", message):
            self.snapshot = match[1]
        for pattern, role in _ROLES:
            if match := pattern.fullmatch(message):
                self.roles[match[1]] = role

    def _note_loss(self, text: str, event: events.Event) -> None:
        if isinstance(event, events.Iteration):
            self._iteration = self._number, text, event
            trouble = loss_trouble(event.loss)
            if trouble is None:
                self.diverged = None
        elif isinstance(event, events.TrainOutput) and event.loss_weight:
            trouble = loss_trouble(event.value)
        else:
            return
        if trouble and self._iteration and self.diverged is None:
            self.diverged = *self._iteration, trouble
