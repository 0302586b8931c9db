"""The story of `ssdh train`: check, choose an engine, run it, and say how to resume."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ssdh_surgery.caffe.net.heads import heads
from ssdh_surgery.caffe.weights.new_snapshots import NewSnapshots
from ssdh_surgery.caffe.weights.snapshot_names import SnapshotFile, weights_beside
from ssdh_surgery.engines.events import Event, RunExit
from ssdh_surgery.errors import (
    DataError,
    Diverged,
    EngineError,
    FileError,
    SsdhError,
    file_errors,
)
from ssdh_surgery.findings import (
    NO_SNAPSHOT_FOLDER,
    Finding,
)
from ssdh_surgery.location import Location
from ssdh_surgery.pipeline.check.check import check
from ssdh_surgery.pipeline.check.databases import Databases, Progress
from ssdh_surgery.pipeline.check.subject import Subject, subject_of
from ssdh_surgery.pipeline.check.weights.weights_copy import WeightsCopy, weights_copies
from ssdh_surgery.pipeline.train.command_lines import own_line, run_line
from ssdh_surgery.pipeline.train.earlier_runs import earlier_run_refusal
from ssdh_surgery.pipeline.train.engine import EngineChoice, choose_engine
from ssdh_surgery.pipeline.train.failure_context import add_clash, add_findings
from ssdh_surgery.pipeline.train.launch import Launch, TrainOptions, launch_target
from ssdh_surgery.pipeline.train.launch_record import launch_record
from ssdh_surgery.pipeline.train.old_snapshots import OldSnapshots
from ssdh_surgery.pipeline.train.prefix_lock import PrefixLock, refuse_second_run
from ssdh_surgery.pipeline.train.run_journal import RunJournal
from ssdh_surgery.pipeline.train.run_watch import RunWatch, watch_of
from ssdh_surgery.pipeline.train.sample_health import sampled_blobs
from ssdh_surgery.pipeline.workspace.paths import (
    command_in_shell,
)


def next_command(run: Run) -> str:
    """What a user does with the weights: make the deploy net, or use the one that is there."""
    record, net = run.launch.record, run.options.net
    which = ["--net", net] if net else []
    deploy = record.path("deploy") if record else None
    if deploy is None or not deploy.is_file():
        return command_in_shell(["deploy", *which])
    return command_in_shell(["encode", "IMAGES", "-o", "codes.npz", *which])


@dataclass(frozen=True)
class Run:
    """A run that is about to start.

    Attributes:
        options: the options of the command line.
        launch: the result of `prepare`.
        engine: the engine that trains.
        subject: the nets that run.
        weights: what the train net copies of each weights file.
        snapshots: the snapshots that it writes, by what is on the disk.
        findings: what the checks found, None where they were skipped.
        line: the command as a user would type it; for the embedded engine that is our own.
        journal: its record.
        lock: the lock on its snapshots; None where it writes none, or trains beside another run.
    """

    options: TrainOptions
    launch: Launch
    engine: EngineChoice
    subject: Subject
    weights: tuple[WeightsCopy, ...]
    snapshots: NewSnapshots
    findings: tuple[Finding, ...] | None
    line: str
    journal: RunJournal
    lock: PrefixLock | None

    def newest(self, file: SnapshotFile) -> Path | None:
        """The newest file of a snapshot that this run wrote, by what is on the disk."""
        return self.snapshots.newest(file)

    @property
    def main_outputs(self) -> frozenset[str] | None:
        """The outputs of the main heads of its nets; None where a net has none."""
        return _main_outputs(self.subject)

    @property
    def watch(self) -> RunWatch:
        """What judges its events, with the classes of each head."""
        record = self.launch.record
        return watch_of(
            self.subject,
            self.launch.max_iter,
            record.get("classes") if record else None,
            has_counts=self.findings is not None,
        )


def _main_outputs(subject: Subject) -> frozenset[str] | None:
    names: set[str] = set()
    for net, _ in subject.nets:
        main = next((head for head in heads(net) if head.is_main), None)
        if main is None:
            return None
        for judge in (*main.losses, *main.accuracies):
            names.update(judge.tops or ["(automatic)"])
    return frozenset(names)


def start(
    options: TrainOptions,
    launch: Launch,
    warn: Callable[[Finding], None],
    progress: Progress | None = None,
    *,
    skip_check: bool,
) -> Run:
    """Check what is launched, choose the engine and create the run's folder.

    Args:
        options: the options of the command line.
        launch: the result of `prepare`.
        warn: is called with each finding that is not an error.
        progress: is called with what is read, the number of records that are done, and of all.
        skip_check: start without the checks.

    Raises:
        DataError: the check found errors, which are all listed.
        FileError: snapshots of an earlier run are in the way.
        SsdhError: a file that does not exist or cannot be read, or no engine that can train.
    """
    if launch.missing:
        raise launch.missing[0]
    if not options.force:
        refuse_second_run(launch.prefix)
    earlier = None if options.force else launch.earlier_snapshot
    if earlier is not None:
        raise earlier_run_refusal(launch, earlier)
    subject = subject_of(
        launch.solver,
        launch.job.cwd,
        launch.prefix,
        launch.weights,
        snapshot=launch.job.snapshot,
        target=launch_target(options),
        databases=Databases(progress),
    )
    findings = None if skip_check else _check(subject, launch, warn)
    engine = choose_engine(options, launch, subject)
    if launch.solver.writes_snapshots:
        with file_errors(launch.prefix.parent, "make the folder for the snapshots"):
            launch.prefix.parent.mkdir(parents=True, exist_ok=True)
    launch = replace(launch, job=replace(launch.job, sample=_sample(subject)))
    line = run_line(options, launch, engine)
    lock = None
    if launch.solver.writes_snapshots:
        lock = _lock(options, launch)
    try:
        journal = RunJournal(
            launch.run,
            launch.solver_copy or launch.source.data,
            _record(launch, engine, subject, line, findings),
            _main_outputs(subject),
        )
    except FileError:
        if lock is not None:
            lock.release()
        raise
    return Run(
        options,
        launch,
        engine,
        subject,
        tuple(weights_copies(subject)),
        NewSnapshots(launch.prefix),
        findings,
        line,
        journal,
        lock,
    )


def _lock(options: TrainOptions, launch: Launch) -> PrefixLock | None:
    try:
        return PrefixLock(launch.prefix, launch.run.path)
    except FileError:
        if options.force:
            return None
        raise
    except OSError:
        return None  # the engine says what is wrong with the folder


def _record(
    launch: Launch,
    engine: EngineChoice,
    subject: Subject,
    line: str,
    findings: tuple[Finding, ...] | None,
) -> dict[str, Any]:
    starts = [*launch.weights, *([launch.job.snapshot] if launch.job.snapshot else [])]
    source = Path(launch.source.name)
    return {
        "command": line,
        "cwd": str(launch.job.cwd.resolve()),
        "engine": engine.name,
        "reason": engine.reason,
        "solver": str(source.resolve()),
        "weights": launch.job.weights,
        "snapshot": launch.job.snapshot,
        "snapshot_prefix": str(launch.prefix),
        "max_iter": launch.max_iter or None,
        **launch_record(subject, source, starts, engine.executable, findings),
    }


def _sample(subject: Subject) -> tuple[str, ...]:
    """The blobs whose values in a test show the health of the codes."""
    if subject.hash_layer is None:
        return ()
    code = subject.hash_layer.code.tops[0]
    tests = (sampled_blobs(run, code) for run in subject.nets if run[1].phase == "TEST")
    return next(filter(None, tests), ())


def _check(
    subject: Subject, launch: Launch, warn: Callable[[Finding], None]
) -> tuple[Finding, ...]:
    findings = check(subject)
    errors = [finding for finding in findings if finding.is_error]
    for finding in findings:
        if not finding.is_error:
            warn(finding)
    # A folder that is missing is made, unless more is wrong.
    if any(finding.rule is not NO_SNAPSHOT_FOLDER for finding in errors):
        count = f"{len(errors)} errors" if len(errors) > 1 else "an error"
        raise DataError(
            f"found {count} before the first iteration",
            location=Location(launch.source.name),
            findings=errors,
        )
    return tuple(findings)


def follow(run: Run) -> Iterator[Event]:
    """Run the engine and yield its events; leaving the iterator early stops the engine.

    Raises:
        EngineError: the engine failed.
    """
    with contextlib.ExitStack() as stack:
        if run.lock is not None:
            stack.callback(run.lock.release)
        events = run.engine.trainer.run(run.launch.job)
        stack.enter_context(contextlib.closing(events))  # type: ignore[type-var]
        job, keep = run.launch.job, run.options.keep
        old = OldSnapshots(keep, job.cwd, job.snapshot) if keep else None
        try:
            for event in events:
                run.journal.note(event)
                if old is not None:
                    old.note(event)
                yield event
        except SsdhError as error:
            run.journal.end(
                "diverged" if isinstance(error, Diverged) else "failed", error.exit_code
            )
            if isinstance(error, EngineError):
                add_clash(error, run.weights)
                add_findings(error, run.findings)
            raise
        except (GeneratorExit, KeyboardInterrupt):
            run.journal.end("stopped", 130)
            raise


def was_interrupted(event: Event | None) -> bool:
    """Whether a run ended because the user asked for it."""
    return isinstance(event, RunExit) and event.is_interrupted


def resume_command(run: Run) -> str | None:
    """The command that resumes an interrupted run, None where it left no snapshot."""
    state = run.newest("solverstate")
    if state is None or not weights_beside(state).is_file():
        return None
    resumed = replace(run.launch.job, weights=None, snapshot=os.path.relpath(state))
    return own_line(run.options, replace(run.launch, job=resumed))
