"""What is reported of a run while it trains: to the terminal, as lines of JSON, as event files."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from ssdh_surgery.caffe.weights.snapshot_names import iteration_of
from ssdh_surgery.cli import terminal
from ssdh_surgery.cli.event_lines import EventLines
from ssdh_surgery.cli.progress import TrainingView
from ssdh_surgery.engines import events
from ssdh_surgery.engines.trainer import is_same_file
from ssdh_surgery.errors import SsdhError
from ssdh_surgery.pipeline.train import train as story
from ssdh_surgery.pipeline.train.alarm import Alarm
from ssdh_surgery.pipeline.train.event_files import EventFiles
from ssdh_surgery.pipeline.train.sample_health import SampleHealth, sample_health, tested_records
from ssdh_surgery.pipeline.train.snapshot_health import snapshot_health


class RunReport:
    """Reports the events of a run, its alarms and the health of its codes; a context manager.

    Args:
        run: the run.
        lines: prints events as JSON; None for none.
        event_files: the folder for TensorBoard's event files; None for none.

    `stop_alarm` is the alarm that the run is stopped on, `last` the last event.

    Raises:
        SsdhError: the event files cannot be written.
    """

    def __init__(
        self, run: story.Run, lines: EventLines | None = None, event_files: Path | None = None
    ) -> None:
        solver, record = run.launch.solver, run.launch.record
        self.watch = run.watch
        self.view = TrainingView(
            folder=run.launch.job.cwd,
            max_iter=solver.integer("max_iter"),
            display=solver.integer("display"),
            test_batches=solver.integers("test_iter"),
            classes=record.get("classes") if record else None,
            main_outputs=None if terminal.is_verbose() else run.main_outputs,
        )
        self.stop_alarm: Alarm | None = None
        self.last: events.Event | None = None
        self._run = run
        self._lines = lines
        self._files = EventFiles(event_files, run.launch.iteration) if event_files else None
        self._open = ExitStack()
        self._measured: Path | None = None
        self._measured_at: int | None = None
        self._health: SampleHealth | None = None
        self._obstacle: str | None = None
        # Without the checks, nothing was counted.
        self._records = tested_records(run.subject) if run.findings is not None else None

    def __enter__(self) -> Self:
        if self._files is not None:
            self._open.enter_context(self._files)
        self._open.enter_context(self.view)
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def show(self, event: events.Event) -> None:
        """Report an event, and what it says about the run."""
        # The files of a snapshot are complete when the next event arrives.
        if isinstance(self.last, events.Snapshot) and not self.view.is_stopping:
            self.measure(self._run.launch.job.cwd / self.last.weights)
        self.last = event
        self.view.show(event)
        if self._lines is not None:
            self._lines.show(event)
        if self._files is not None:
            self._files.show(event)
        self._warn(self.watch.feed(event))
        if isinstance(event, events.BlobSample):
            self._show_sample(event)

    def _warn(self, alarms: Iterable[Alarm]) -> None:
        for alarm in alarms:
            terminal.warn(alarm.message)
            if self._lines is not None:
                self._lines.show_alarm(alarm)
            if alarm.kind in self._run.options.stop_on and self.stop_alarm is None:
                self.stop_alarm = alarm
                if not self.view.is_stopping:
                    self._run.engine.trainer.stop()

    # ------------------------------------------------------------ the health of the codes

    def measure(self, weights: Path) -> None:
        """Measure the codes of a snapshot, unless it or a test of its iteration was measured."""
        subject = self._run.subject
        if subject.hash_layer is None or not weights.is_file():
            return
        is_new = self._measured is None or not is_same_file(weights, self._measured)
        iteration = iteration_of(weights)
        if not is_new or iteration == self._measured_at:
            return
        try:
            with self.view.busy("measuring the codes"):
                health = snapshot_health(subject, weights, self._records)
        except (SsdhError, RuntimeError, MemoryError) as error:
            self._obstacle = str(error)
            return
        except KeyboardInterrupt:
            self._obstacle = "interrupted"
            return
        self._measured = weights
        self._show_codes(health, iteration or 0)

    def _show_sample(self, sample: events.BlobSample) -> None:
        layer = self._run.subject.hash_layer
        values = [rows[: self._records] for rows in sample.values.values()]
        # Of several test nets the first one is shown.
        if layer is None or self._measured_at == sample.iteration:
            return
        labels = values[1] if len(values) > 1 else None
        self._show_codes(sample_health(layer, values[0], labels), sample.iteration)

    def _show_codes(self, health: SampleHealth, iteration: int) -> None:
        self._obstacle, self._health, self._measured_at = None, health, iteration
        self.view.measured_health = health.brief()
        terminal.say(f"iteration {iteration}: {health.words()}")
        if self._lines is not None:
            self._lines.show_codes(health, iteration)
        if self._files is not None:
            self._files.show_codes(health, iteration)
        self._warn(self.watch.judge_codes(health, iteration))

    def conclude(self) -> None:
        """Warn of codes that are all the same, or say why their health is unknown."""
        collapse = self._health.collapse if self._health else None
        if collapse is not None:
            terminal.finding(collapse)
        if self._obstacle is not None:
            terminal.say(f"health of the codes: not measured: {self._obstacle}")
