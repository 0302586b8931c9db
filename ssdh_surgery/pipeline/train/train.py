"""The story of `ssdh train`: check, choose an engine, run it, and say how to resume."""

from __future__ import annotations

import contextlib
import os
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ssdh_surgery.engines.caffe_binary.binary_trainer import command, shell_line
from ssdh_surgery.engines.events import Event, RunExit, Snapshot
from ssdh_surgery.errors import DataError
from ssdh_surgery.findings import NO_WEIGHTS, Finding
from ssdh_surgery.location import Location
from ssdh_surgery.pipeline.check.check import check, check_solver
from ssdh_surgery.pipeline.check.subject import Subject, subject_of
from ssdh_surgery.pipeline.check.weights import WeightsCopy, weights_copies
from ssdh_surgery.pipeline.train.engine import EngineChoice, choose_engine, find_program
from ssdh_surgery.pipeline.train.launch import Launch, TrainOptions


@dataclass(frozen=True)
class DryRun:
    """The line to type, and a sentence for everything that is in its way."""

    line: str
    obstacles: tuple[str, ...]


def dry_run(options: TrainOptions, launch: Launch) -> DryRun:
    """The command of a launch; nothing is written, and nothing that is missing is an error."""
    program, obstacle = find_program(options)
    obstacles = [f"{error.location}: {error.message}" for error in launch.missing]
    obstacles += [obstacle] if obstacle else []
    obstacles += [
        finding.message
        for finding in check_solver(launch.solver, launch.job.cwd, launch.prefix, launch.weights)
        if finding.is_error and finding.rule is not NO_WEIGHTS
    ]
    line = shell_line(command(launch.job, program), launch.job.cwd)
    return DryRun(line, tuple(obstacles))


@dataclass(frozen=True)
class Run:
    """A run that is about to start; `weights` says what the train net copies of each file."""

    options: TrainOptions
    launch: Launch
    engine: EngineChoice
    weights: tuple[WeightsCopy, ...] = ()

    @property
    def line(self) -> str:
        """The command as a user would type it; for the embedded engine that is our own."""
        if self.engine.name == "torch":
            return shlex.join(self.launch.job.own_command)
        return shell_line(command(self.launch.job, self.engine.program), self.launch.job.cwd)


def start(
    options: TrainOptions, launch: Launch, warn: Callable[[Finding], None], *, skip_check: bool
) -> Run:
    """Check what is launched, choose the engine and create the run's folder.

    Args:
        options: the options of the command line.
        launch: the result of `prepare`.
        warn: is called with each finding that is not an error.
        skip_check: start without the checks.

    Raises:
        DataError: the check found errors, which are all listed.
        SsdhError: a file that does not exist or cannot be read, or no engine that can train.
    """
    if launch.missing:
        raise launch.missing[0]
    subject = subject_of(launch.solver, launch.job.cwd, launch.prefix, launch.weights)
    if not skip_check:
        _check(subject, launch, warn)
    engine = choose_engine(options, launch, subject)
    run = Run(options, launch, engine, tuple(weights_copies(subject)))
    launch.run.create(
        launch.solver_copy or launch.source.data,
        {
            "command": run.line,
            "cwd": str(launch.job.cwd.resolve()),
            "engine": engine.name,
            "reason": engine.reason,
            "solver": str(Path(launch.source.name).resolve()),
            "weights": launch.job.weights,
            "snapshot": launch.job.snapshot,
            "snapshot_prefix": str(launch.prefix),
        },
    )
    return run


def _check(subject: Subject, launch: Launch, warn: Callable[[Finding], None]) -> None:
    findings = check(subject)
    errors = [finding for finding in findings if finding.is_error]
    for finding in findings:
        if not finding.is_error:
            warn(finding)
    if errors:
        count = f"{len(errors)} errors" if len(errors) > 1 else "an error"
        raise DataError(
            f"found {count} before the first iteration",
            location=Location(launch.source.name),
            findings=errors,
        )


def follow(run: Run) -> Iterator[Event]:
    """Run the engine and yield its events; leaving the iterator early stops the engine.

    Raises:
        EngineError: the engine failed.
    """
    with contextlib.closing(run.engine.trainer.run(run.launch.job)) as events:  # type: ignore[type-var]
        yield from events


def was_interrupted(event: Event | None) -> bool:
    """Whether a run ended because the user asked for it."""
    return isinstance(event, RunExit) and event.is_interrupted


def resume_command(run: Run, snapshot: Snapshot | None) -> str | None:
    """The command that resumes an interrupted run, None without a snapshot on disk."""
    if snapshot is None:
        return None
    state = run.launch.job.cwd / snapshot.state
    if not state.is_file():
        return None
    options = run.options
    words = ["ssdh", "train"]
    words += ["--solver", options.solver] if options.solver else []
    words += ["--net", options.net] if options.net else []
    words += ["--snapshot", os.path.relpath(state)]
    words += ["--gpu", options.gpu] if options.gpu else []
    words += ["--engine", options.engine] if options.engine != "auto" else []
    words += ["--iterations", str(options.iterations)] if options.iterations else []
    return shlex.join(words)
