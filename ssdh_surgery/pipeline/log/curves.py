"""The curves of the runs in logs; a run that was resumed is one curve."""

from __future__ import annotations

import re
from pathlib import Path

from ssdh_surgery.caffe.net.heads import heads
from ssdh_surgery.caffe.net.net import net_of
from ssdh_surgery.engines import events
from ssdh_surgery.engines.log_runs import RunLog
from ssdh_surgery.errors import SsdhError
from ssdh_surgery.prototxt.parser import parse
from ssdh_surgery.report.training_curves import Curve, Panel, RunCurves

# The terms of the SSDH objective, as its stock layers and the authors' Caffe name them.
_CODE_TERMS = re.compile(r"fire[-_ ]?rate|forcing[-_ ]?binary")
_ITERATION = re.compile(r"_iter_(\d+)")


class CurveCollector:
    """Collects the curves of runs from their events.

    Args:
        classes: the number of classes, where it is known; else it is that of the net in the log.
    """

    def __init__(self, classes: int | None = None) -> None:
        self._classes = classes
        self._runs: dict[int, _Run] = {}
        self._of_states: dict[str, _Run] = {}  # by the name of a snapshot's state

    def note(self, log: RunLog, event: events.Event) -> None:
        """Take in the next event of a run."""
        run = self._runs.setdefault(log.number, _Run(log))
        match event:
            case events.SnapshotLoad():
                self._resume(log, event)
            case events.Snapshot():
                self._of_states[Path(event.state).name] = run
            case events.Iteration():
                run.add("loss", "loss", event.iteration, event.loss)
            case events.NetOutput():
                run.add_output(event)
            case events.TestEnd() if event.loss is not None:
                run.add("loss", "loss", event.iteration, event.loss, is_test=True)
            case events.LearningRate():
                run.add("learning rate", "learning rate", event.iteration, event.rate)
            case _:
                pass

    def _resume(self, log: RunLog, event: events.SnapshotLoad) -> None:
        """Go on with the curves of the run that wrote a snapshot, from its iteration on."""
        before = self._of_states.get(Path(event.snapshot).name)
        iteration = _ITERATION.search(Path(event.snapshot).name)
        if before is not None:
            self._runs[log.number] = before
            if iteration:
                before.cut(int(iteration[1]))

    def runs(self) -> list[RunCurves]:
        """The runs that have a curve, in the order of the logs."""
        different = list(dict.fromkeys(self._runs.values()))
        several_files = len({run.log.file for run in different}) > 1
        curves_of_runs = []
        for run in different:
            if run.curves:
                file = f"{Path(run.log.file).name} " if several_files else ""
                name = f"{file}run {run.log.number} {run.log.name}".rstrip()
                curves = list(run.curves.values())
                classes = self._classes or _classes(run.log.net_text)
                curves_of_runs.append(RunCurves(name, curves, classes))
        return curves_of_runs


class _Run:
    """The curves of a run, by panel, net and name."""

    def __init__(self, log: RunLog) -> None:
        self.log = log
        self.curves: dict[tuple[Panel, bool, str], Curve] = {}

    def add_output(self, event: events.NetOutput) -> None:
        panel: Panel = "score" if event.loss_weight is None else "loss"
        if _CODE_TERMS.search(event.name):
            panel = "codes"
        is_test = isinstance(event, events.TestOutput)
        net = event.net if isinstance(event, events.TestOutput) else 0
        name = f"{event.name} #{net}" if net else event.name
        if (panel, is_test, name) == ("loss", False, "loss"):
            return  # of the last batch; the mean over several is drawn
        self.add(panel, name, event.iteration, event.value, is_test=is_test)

    def add(
        self, panel: Panel, name: str, iteration: int, value: float, *, is_test: bool = False
    ) -> None:
        curve = self.curves.setdefault((panel, is_test, name), Curve(name, panel, is_test))
        curve.iterations.append(iteration)
        curve.values.append(value)

    def cut(self, iteration: int) -> None:
        """Forget what came after an iteration: the run goes on from there in another way."""
        for curve in self.curves.values():
            kept = sum(each <= iteration for each in curve.iterations)
            del curve.iterations[kept:], curve.values[kept:]


def _classes(net_text: str) -> int | None:
    """The classes of the main head of the net that a log prints, None if it has none."""
    try:
        net = net_of(parse(net_text.encode("utf-8", "surrogateescape"), "log"))
        return next((head.classes for head in heads(net) if head.is_main), None)
    except SsdhError:
        return None
