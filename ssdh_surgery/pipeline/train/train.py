"""The second story: check, launch the engine, follow it, and say how to go on."""

from __future__ import annotations

import contextlib
import os
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ssdh_surgery import files
from ssdh_surgery.caffe.net.solver import Solver
from ssdh_surgery.engines.caffe_binary.trainer import command, shell_line
from ssdh_surgery.engines.events import Event, Exited, Snapshot
from ssdh_surgery.errors import DataError
from ssdh_surgery.findings import NO_WEIGHTS, Finding
from ssdh_surgery.location import Location
from ssdh_surgery.pipeline.check.check import check, check_solver
from ssdh_surgery.pipeline.check.subject import subject_of
from ssdh_surgery.pipeline.check.weights import WeightsCopy, weights_copies
from ssdh_surgery.pipeline.train.engine import EngineChoice, choose, missing_sentence
from ssdh_surgery.pipeline.train.launch import Launch, TrainOptions, refuse_missing


@dataclass(frozen=True)
class DryRun:
    """What would be run: the line to type, and what stands in its way."""

    line: str
    missing: tuple[str, ...]


def dry_run(options: TrainOptions, launch: Launch) -> DryRun:
    """The command of a launch; whatever is missing is said and stops nothing."""
    program, sentence = missing_sentence(options)
    missing = [*launch.missing, *([sentence] if sentence else [])]
    missing += [
        finding.message
        for finding in check_solver(*_checked(launch))
        if finding.is_error and finding.rule is not NO_WEIGHTS
    ]
    line = shell_line(command(launch.job, program), launch.job.cwd)
    return DryRun(line, tuple(missing))


def _checked(launch: Launch) -> tuple[Solver, Path, Path, tuple[str, ...]]:
    weights = tuple(path for path in (launch.job.weights or "").split(",") if path)
    return launch.solver, launch.job.cwd, launch.prefix, weights


@dataclass(frozen=True)
class Run:
    """A run that is about to start."""

    options: TrainOptions
    launch: Launch
    engine: EngineChoice
    weights: tuple[WeightsCopy, ...] = ()

    @property
    def line(self) -> str:
        """The command as a user would type it; the embedded engine has no other than ours."""
        if self.engine.name == "torch":
            return shlex.join(self.launch.job.own_command)
        return shell_line(command(self.launch.job, self.engine.program), self.launch.job.cwd)


def start(
    options: TrainOptions, launch: Launch, warn: Callable[[Finding], None], checked: bool = True
) -> Run:
    """Check what is launched, choose the engine and make the run's folder.

    Raises:
        DataError: the checks found errors; all are listed.
        SsdhError: no engine, or a file that is not there.
    """
    refuse_missing(launch)
    subject = subject_of(*_checked(launch))
    if checked:
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
    engine = choose(options, launch, subject)
    run = Run(options, launch, engine, tuple(weights_copies(subject)))
    _prepare_folder(run)
    return run


def _prepare_folder(run: Run) -> None:
    launch = run.launch
    launch.run.create()
    files.write_bytes(launch.run.solver, launch.copied or launch.source.data)
    launch.run.write_record(
        {
            "command": run.line,
            "cwd": str(launch.job.cwd.resolve()),
            "engine": run.engine.name,
            "reason": run.engine.reason,
            "solver": str(Path(launch.source.name).resolve()),
            "weights": launch.job.weights,
            "snapshot": launch.job.snapshot,
            "snapshot_prefix": str(launch.prefix),
        }
    )


def follow(run: Run) -> Iterator[Event]:
    """Run the engine and pass on its events; whoever leaves early stops it.

    Raises:
        EngineError: the engine failed.
    """
    with contextlib.closing(run.engine.trainer.run(run.launch.job)) as events:  # type: ignore[type-var]
        yield from events


def resume_command(run: Run, snapshot: Snapshot | None) -> str | None:
    """How to go on after an interruption, for a snapshot that exists."""
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


def was_interrupted(event: Event | None) -> bool:
    """Whether a run ended because the user asked for it."""
    return isinstance(event, Exited) and event.interrupted
