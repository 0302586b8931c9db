"""What in the log of a caffe run may explain why it failed."""

from __future__ import annotations

import math
import re
from collections import deque

from ssdh_surgery.caffe.net.phase import Phase
from ssdh_surgery.engines import events
from ssdh_surgery.engines.log_parser import LogParser, snapshot_file
from ssdh_surgery.engines.log_prefix import LogLine, read_line

# -ln of the smallest normal float: the loss of SoftmaxWithLoss for a probability of 0. Logs show
# it with six digits, or averaged.
SATURATED_LOSS = 87.3365
_SATURATED = 87.335, 87.338

_LAST_LINES = 20
# A stack trace; the C library begins its own messages with the same asterisks.
_STACK = re.compile(r"    @ |\*\*\* (?!Error in|glibc|stack smashing)|PC: @")
_PARSE_ERROR = re.compile(
    r"Error parsing text-format \S+: (?P<line>\d+):(?P<column>\d+): (?P<reason>.*)"
)
_TRACEBACK = "Traceback (most recent call last):"
_UNDECODED = "Could not decode datum"
_UNOPENED = re.compile(r"Could not open or find file (.*)")
_NETS: tuple[tuple[re.Pattern[str], Phase], ...] = (
    (
        re.compile(r"Creating training net (?:from (?:net|train_net) file: (?P<file>.*)|.*)"),
        "TRAIN",
    ),
    (
        re.compile(
            r"Creating test net \(#\d+\) (?:specified by (?:net|test_net) file: (?P<file>.*)|.*)"
        ),
        "TEST",
    ),
)
_ROLES = (
    (re.compile(r"Creating training net from (?:net|train_net) file: (.*)"), "net"),
    (re.compile(r"Creating test net \(#\d+\) specified by (?:net|test_net) file: (.*)"), "net"),
    (re.compile(r"Loading mean file from: (.*)"), "mean file"),
    (re.compile(r"Finetuning from (.*)"), "weights file"),
    (re.compile(r"Resuming from (.*)"), "snapshot"),
)


def is_saturated(loss: float) -> bool:
    """Whether a loss is that of a probability of 0 for the true class of every image."""
    least, most = _SATURATED
    return least < loss < most


def loss_trouble(value: float) -> str | None:
    """Why a loss shows that a run cannot recover; None if it does not.

    It applies to the total loss and to each loss among the outputs of the train net.
    """
    if math.isnan(value):
        return "the loss became nan"
    if math.isinf(value):
        return "the loss became infinite"
    if is_saturated(value):
        return f"the loss is stuck at {SATURATED_LOSS} (-ln of the smallest float)"
    return None


class Evidence:
    """What in a log may explain a failure; lines count from 1.

    Attributes:
        last_lines: its last lines, without stack traces.
        fatal: the first line of severity F.
        fatal_tail: what a library says of it, on the lines that follow.
        traceback: the last traceback of Python, with the error that it ends with.
        nets: the net files that were read, None for a net inside the solver, with their phases.
        sources: the source of each data layer.
        roles: what each file that the log announces is read as, the last one last.
        unopened: the last image that could not be opened.
        is_undecoded: whether a record could not be decoded.
        gpus: the number of GPUs, 0 if the log does not tell it.
    """

    def __init__(self) -> None:
        self.last_lines: deque[tuple[int, str]] = deque(maxlen=_LAST_LINES)
        self.fatal: tuple[int, str, LogLine] | None = None
        self.fatal_tail: list[str] = []
        self.traceback: list[str] = []
        self.nets: list[tuple[str | None, Phase]] = []
        self.unopened = ""
        self.is_undecoded = False
        self.gpus = 0
        self.parse_error: tuple[str, re.Match[str]] | None = None
        self.plain_lines: list[tuple[int, str]] = []
        self.roles: dict[str, str] = {}
        self.sources: dict[str, str] = {}
        self.snapshot = ""
        self.divergence: tuple[int, str, events.Iteration, str] | None = None
        self.parser = LogParser()
        self._number = 0
        self._iteration: tuple[int, str, events.Iteration] | None = None
        self._net_layers: list[str] = []
        self._is_building = False
        self._new_layer = ""
        self._layers_set_up = 0
        self._is_tail = False
        self._is_traceback = False

    @property
    def phase(self) -> Phase | None:
        """The phase of the net that was being built when the log ended."""
        return self.nets[-1][1] if self.nets and self._is_building else None

    @property
    def layer(self) -> str:
        """The name of the layer that was being built when the log ended; may be empty.

        Older Caffes log a layer only once it exists. Until then it is the one that follows the
        last one set up, in the net that they print.
        """
        if self._new_layer or not self._is_building:
            return self._new_layer
        return (
            self._net_layers[self._layers_set_up]
            if self._layers_set_up < len(self._net_layers)
            else ""
        )

    def feed(self, text: str) -> None:
        """Take in the next line."""
        self._number += 1
        if not text or _STACK.match(text):
            return
        self.last_lines.append((self._number, text))
        line = read_line(text)
        if line is not None:
            self._is_tail = self._is_traceback = False
        if self.parse_error is None and (match := _PARSE_ERROR.search(text)):
            self.parse_error = text, match
        if line is None:
            self._note_plain(text)
        elif line.severity == "F" and self.fatal is None:
            self.fatal, self._is_tail = (self._number, text, line), True
        else:
            self._note_message(line.message)
            self._note_file(line.message)
        for event in self.parser.feed(text):
            if isinstance(event, events.Device):
                self.gpus = len(event.gpus)
            self._note_loss(text, event)

    def _note_plain(self, text: str) -> None:
        if self._is_tail:
            self.fatal_tail.append(text)
        if text == _TRACEBACK:
            self.traceback, self._is_traceback = [], True
        if self._is_traceback:
            self.traceback.append(text)
            # The frames are indented; the error ends it.
            self._is_traceback = text == _TRACEBACK or text.startswith(" ")
        # The nets that Caffe prints at start-up name the source of each data layer.
        if match := re.fullmatch(r'  name: "(.*)"', text):
            self._net_layers.append(match[1])
        elif match := re.fullmatch(r'    source: "(.*)"', text):
            self.sources[self._net_layers[-1] if self._net_layers else ""] = match[1]
        else:
            self.plain_lines.append((self._number, text))

    def _note_message(self, message: str) -> None:
        if message.startswith("Initializing net from parameters"):
            self._is_building, self._net_layers, self._layers_set_up = True, [], 0
        elif match := re.fullmatch(r"Creating [lL]ayer (.*)", message):
            self._new_layer = match[1]
        elif match := re.fullmatch(r"Setting up (.*)", message):
            self._new_layer = ""
            if match[1] in self._net_layers:  # not a split that Caffe inserted
                self._layers_set_up = self._net_layers.index(match[1]) + 1
        elif message.startswith(("Network initialization done", "Solver scaffolding done")):
            self._is_building, self._new_layer = False, ""
        elif message.startswith(_UNDECODED):
            self.is_undecoded = True
        elif match := _UNOPENED.fullmatch(message):
            self.unopened = match[1]

    def _note_file(self, message: str) -> None:
        if file := snapshot_file(message):
            _, self.snapshot = file
        for pattern, phase in _NETS:
            if match := pattern.fullmatch(message):
                self.nets.append((match["file"], phase))
        for pattern, role in _ROLES:
            if match := pattern.fullmatch(message):
                self.roles.pop(match[1], None)
                self.roles[match[1]] = role

    def _note_loss(self, text: str, event: events.Event) -> None:
        if isinstance(event, events.Iteration):
            self._iteration = self._number, text, event
            trouble = loss_trouble(event.loss)
            if trouble is None:
                self.divergence = None
        elif isinstance(event, events.TrainOutput) and event.loss_weight:
            trouble = loss_trouble(event.value)
        else:
            return
        if trouble and self._iteration and self.divergence is None:
            self.divergence = *self._iteration, trouble
