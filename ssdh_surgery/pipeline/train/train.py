"""The story of `ssdh train`: check, choose an engine, run it, and say how to resume."""

from __future__ import annotations

import contextlib
import os
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from ssdh_surgery.caffe.net.heads import heads
from ssdh_surgery.caffe.weights.new_snapshots import NewSnapshots
from ssdh_surgery.caffe.weights.snapshot_names import SnapshotFile, weights_beside
from ssdh_surgery.engines.caffe_binary.binary_trainer import command, shell_line
from ssdh_surgery.engines.events import Event, RunExit
from ssdh_surgery.engines.trainer import is_current
from ssdh_surgery.errors import DataError, EngineError, FileError, file_errors
from ssdh_surgery.findings import (
    CPU_ONLY_CAFFE,
    NO_SNAPSHOT_FOLDER,
    NOTHING_LEFT,
    Finding,
)
from ssdh_surgery.location import Location, path_in_shell, shell_folder
from ssdh_surgery.pipeline.check.check import check, check_solver
from ssdh_surgery.pipeline.check.databases import Databases, Progress
from ssdh_surgery.pipeline.check.subject import Subject, subject_of
from ssdh_surgery.pipeline.check.target import Target, target_of
from ssdh_surgery.pipeline.check.weights.snapshot import longer_run, nothing_left
from ssdh_surgery.pipeline.check.weights.weights_copy import WeightsCopy, weights_copies
from ssdh_surgery.pipeline.train.engine import EngineChoice, choose_engine, find_program
from ssdh_surgery.pipeline.train.failure_context import add_clash, add_findings
from ssdh_surgery.pipeline.train.launch import Launch, TrainOptions
from ssdh_surgery.pipeline.train.run_watch import RunWatch, watch_of
from ssdh_surgery.pipeline.train.sample_health import sampled_blobs
from ssdh_surgery.pipeline.workspace.paths import (
    command_in_shell,
    relative_to_cwd,
)
from ssdh_surgery.staging.staged_file import clean_folders

# Findings that a dry run has a sentence of its own for.
_LISTED = (CPU_ONLY_CAFFE, NO_SNAPSHOT_FOLDER, NOTHING_LEFT)


@dataclass(frozen=True)
class DryRun:
    """The line to type, what is in its way or doubtful, and what else would happen."""

    line: str
    obstacles: tuple[str, ...]
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()


def dry_run(options: TrainOptions, launch: Launch) -> DryRun:
    """The command of a launch; nothing is written, and nothing that is missing is an error.

    The line is caffe's, and for the embedded engine, or where a copy of the solver is written
    first, that of ssdh.
    """
    obstacles = [f"{error.location}: {error.message}" for error in launch.missing]
    earlier = None if options.force else launch.earlier_snapshot
    if earlier is not None:
        refusal = _earlier_run(launch, earlier)
        obstacles.append(f"{refusal.location}: {refusal.message}; {refusal.hint}")
    obstacles += [finish_message(launch)] if launch.is_finished else []
    notes = []
    checked = check_solver(
        launch.solver,
        launch.job.cwd,
        launch.prefix,
        launch.weights,
        snapshot=launch.job.snapshot,
        target=_target(options),
    )
    if any(finding.rule is NO_SNAPSHOT_FOLDER for finding in checked):
        folder = path_in_shell(str(relative_to_cwd(launch.prefix.parent)))
        notes.append(f"{folder} would be created")
    missing = [error.location for error in launch.missing]
    findings = tuple(
        finding
        for finding in checked
        if finding.rule not in _LISTED and finding.location not in missing
    )
    if options.engine == "torch":
        return DryRun(_own_line(options, launch), tuple(obstacles), findings, tuple(notes))
    program, obstacle = find_program(options, launch)
    line = _caffe_line(launch, program)
    if obstacle:
        obstacles.append(obstacle)
        if options.engine == "auto" and options.caffe is None:
            embedded = _own_line(replace(options, engine="torch"), launch)
            notes.append(f"the embedded engine would train: {embedded}")
    if launch.copy_fields:
        fields = ", ".join(f"{name}: {value}" for name, value in launch.copy_fields)
        notes.append(f"{launch.run.solver} would be written, with {fields}, for: {line}")
        line = _own_line(options, launch)
    return DryRun(line, tuple(obstacles), findings, tuple(notes))


def _target(options: TrainOptions) -> Target:
    return target_of(options.engine, options.gpu, options.caffe, is_launch=True)


def _own_line(options: TrainOptions, launch: Launch) -> str:
    """The `ssdh` command line of a launch."""
    job = launch.job
    words = ["train", *options.own_words]
    words += ["--weights", job.weights] if job.weights else []
    words += ["--snapshot", job.snapshot] if job.snapshot else []
    words += ["--force"] if options.force and not job.snapshot else []
    return command_in_shell([*words, *(["--", *job.extra] if job.extra else [])])


def _caffe_line(launch: Launch, program: Path | None) -> str:
    """Caffe's command line of a launch, with the change to its directory if it needs one."""
    line = shell_line(command(launch.job, program), launch.job.cwd)
    if shell_folder() is None or not is_current(launch.job.cwd):
        return line
    return f"cd {shlex.quote(path_in_shell('.'))} && {line}"


def _earlier_run(launch: Launch, snapshot: Path) -> FileError:
    """The refusal to train anew over the snapshots of an earlier run."""
    resume = "--resume goes on from it; " if launch.can_resume else ""
    return FileError(
        "an earlier run left this snapshot: a run that starts anew would replace its snapshots, "
        "or leave them among its own",
        location=Location(str(relative_to_cwd(snapshot))),
        hint=f"{resume}--force starts anew",
    )


def end_finished(launch: Launch) -> str:
    """Clean up after a run that is resumed at its end, or beyond it; a sentence on it."""
    clean_folders([launch.prefix.parent])
    return finish_message(launch)


def finish_message(launch: Launch) -> str:
    """A sentence on a run that is resumed at its end, or beyond it."""
    assert launch.iteration is not None
    assert launch.job.snapshot is not None
    snapshot = path_in_shell(launch.job.snapshot)
    return (
        f"{nothing_left(snapshot, launch.iteration, launch.max_iter)}; "
        f"{longer_run(launch.iteration, launch.max_iter)}"
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
    """

    options: TrainOptions
    launch: Launch
    engine: EngineChoice
    subject: Subject
    weights: tuple[WeightsCopy, ...]
    snapshots: NewSnapshots
    findings: tuple[Finding, ...] | None

    def newest(self, file: SnapshotFile) -> Path | None:
        """The newest file of a snapshot that this run wrote, by what is on the disk."""
        return self.snapshots.newest(file)

    @property
    def main_outputs(self) -> frozenset[str] | None:
        """The outputs of the main heads of its nets; None where a net has none."""
        names: set[str] = set()
        for net, _ in self.subject.nets:
            main = next((head for head in heads(net) if head.is_main), None)
            if main is None:
                return None
            for judge in (*main.losses, *main.accuracies):
                names.update(judge.tops or ["(automatic)"])
        return frozenset(names)

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

    @property
    def line(self) -> str:
        """The command as a user would type it; for the embedded engine that is our own."""
        if self.engine.name == "torch":
            return _own_line(replace(self.options, engine="torch"), self.launch)
        return _caffe_line(self.launch, self.engine.program)


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
    earlier = None if options.force else launch.earlier_snapshot
    if earlier is not None:
        raise _earlier_run(launch, earlier)
    subject = subject_of(
        launch.solver,
        launch.job.cwd,
        launch.prefix,
        launch.weights,
        snapshot=launch.job.snapshot,
        target=_target(options),
        databases=Databases(progress),
    )
    findings = None if skip_check else _check(subject, launch, warn)
    engine = choose_engine(options, launch, subject)
    if launch.solver.writes_snapshots:
        with file_errors(launch.prefix.parent, "make the folder for the snapshots"):
            launch.prefix.parent.mkdir(parents=True, exist_ok=True)
    weights, snapshots = tuple(weights_copies(subject)), NewSnapshots(launch.prefix)
    launch = replace(launch, job=replace(launch.job, sample=_sample(subject)))
    run = Run(options, launch, engine, subject, weights, snapshots, findings)
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
    with contextlib.closing(run.engine.trainer.run(run.launch.job)) as events:  # type: ignore[type-var]
        try:
            yield from events
        except EngineError as error:
            add_clash(error, run.weights)
            add_findings(error, run.findings)
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
    return _own_line(run.options, replace(run.launch, job=resumed))
