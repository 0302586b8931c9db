"""`ssdh train`: check, launch and follow a run; stop with a snapshot that it can resume from."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from ssdh_surgery.caffe.weights.snapshot_names import iteration_of
from ssdh_surgery.cli import terminal
from ssdh_surgery.cli.background import Background
from ssdh_surgery.cli.caffe_flags import EXTRA, CaffeSpelledCommand
from ssdh_surgery.cli.live_line import Counter
from ssdh_surgery.cli.options import net_option
from ssdh_surgery.cli.progress import TrainingView
from ssdh_surgery.cli.run_views import follow_run, show_run, stop_run
from ssdh_surgery.cli.types import GpusType
from ssdh_surgery.engines import events
from ssdh_surgery.engines.trainer import is_same_file
from ssdh_surgery.errors import SsdhError
from ssdh_surgery.findings import Finding
from ssdh_surgery.location import path_in_shell
from ssdh_surgery.pipeline.check.solver.schedule import schedule_text
from ssdh_surgery.pipeline.train import train as story
from ssdh_surgery.pipeline.train.divergence import divergence
from ssdh_surgery.pipeline.train.dry_run import dry_run as dry_run_of
from ssdh_surgery.pipeline.train.earlier_runs import end_finished
from ssdh_surgery.pipeline.train.engine import ENGINES
from ssdh_surgery.pipeline.train.launch import Launch, TrainOptions, newest_run, prepare
from ssdh_surgery.pipeline.train.snapshot_health import snapshot_health
from ssdh_surgery.pipeline.workspace.paths import relative_to_cwd

# What is done with the newest run, by its option.
_NEWEST = {"status": show_run, "follow": follow_run, "stop": stop_run}


@click.command(
    "train",
    cls=CaffeSpelledCommand,
    sections={
        "What is trained": ("solver", "net", "weights", "snapshot", "resume", "iterations"),
        "How it runs": ("gpu", "engine", "caffe", "precision", "threads", "keep", "detach"),
        "Before it starts": ("dry_run", "no_check", "force"),
        "The newest run": ("newest",),
    },
    common=("solver", "weights", "snapshot", "resume", "iterations", "gpu", "engine", "dry_run"),
    epilog="\b\nExample:\n  ssdh train --gpu 1 --weights googlenet.caffemodel --dry-run",
    options_metavar="[OPTIONS]",
)
@click.argument("solver_file", required=False, metavar="[SOLVER]")
@click.option("--solver", metavar="FILE", help="Train with this solver (default: the workspace's).")
@click.option("--weights", metavar="FILE[,FILE]", help="Start from these weights.")
@click.option("--snapshot", metavar="FILE", help="Resume from this .solverstate.")
@click.option("--resume", is_flag=True, help="Resume from the newest complete snapshot.")
@click.option(
    "--gpu",
    type=GpusType(),
    metavar="0|0,1|all|none",
    help="Train on these GPUs, or on the CPU (none).",
)
@click.option(
    "--engine",
    type=click.Choice(ENGINES),
    default="auto",
    help="Train with this engine (default: auto).",
)
@click.option("--caffe", metavar="PATH", help="Run this caffe executable.")
@click.option("--iterations", type=click.IntRange(1), metavar="N", help="Train until iteration N.")
@click.option(
    "--precision",
    type=click.Choice(["float32", "tf32", "bf16"]),
    help="Run the embedded engine in this precision (default: float32).",
)
@click.option(
    "--threads",
    type=click.IntRange(1),
    metavar="N",
    help="Run the embedded engine with N threads.",
)
@click.option(
    "--keep",
    type=click.IntRange(1),
    metavar="N",
    help="Keep the N newest snapshots that this run writes (default: all).",
)
@click.option("--detach", is_flag=True, help="Go on in the background, without the terminal.")
@click.option("--status", "newest", flag_value="status", help="Show how the newest run stands.")
@click.option("--follow", "newest", flag_value="follow", help="Follow the newest run.")
@click.option("--stop", "newest", flag_value="stop", help="Stop the newest run with a snapshot.")
@net_option
@click.option("--force", is_flag=True, help="Start anew beside another run or its snapshots.")
@click.option("--dry-run", is_flag=True, help="Print the command, and run nothing.")
@click.option("--no-check", is_flag=True, help="Start without the checks.")
@click.pass_context
def command(
    ctx: click.Context,
    /,
    solver_file: str | None,
    solver: str | None,
    dry_run: bool,
    no_check: bool,
    detach: bool,
    newest: str | None,
    **values: Any,
) -> int:
    """Train a patched net with your Caffe, or with the embedded engine.

    Without SOLVER, it is that of the workspace. Log, command and solver are kept in runs/NAME.
    Ctrl-C stops the run with a snapshot, and --resume continues from it. With --detach, it outlives
    the terminal: --status, --follow and --stop see to the newest run. Options may be spelled
    as caffe spells them (-weights FILE -gpu 1), and those after -- are passed to caffe unchanged.
    """
    if solver_file and solver and solver_file != solver:
        raise click.UsageError(f"two solvers: {solver_file} and --solver {solver}")
    options = TrainOptions(solver=solver or solver_file, extra=ctx.meta[EXTRA], **values)
    if newest is not None:
        _NEWEST[newest](newest_run(options))
        return 0
    background = Background() if detach and not dry_run else None
    launch = prepare(options)
    if launch.record:
        for warning in launch.record.warnings():
            terminal.warn(warning)
    for sentence in launch.passed_over:
        terminal.warn(sentence)
    if dry_run:
        return _dry_run(options, launch)
    if launch.is_finished and not launch.missing:
        terminal.answer(end_finished(launch))
        return 0
    with Counter("records") as counter:
        run = story.start(options, launch, terminal.finding, counter.named, skip_check=no_check)
    for reason in run.engine.refusals:
        terminal.say(f"passed over: {reason}")
    terminal.say(f"engine: {run.engine.reason}")
    for line in (line for copy in run.weights for line in copy.lines):
        terminal.say(line)
    if (schedule := schedule_text(run.subject)) is not None:
        terminal.say(schedule)
    terminal.say(run.line)
    terminal.say(f"log: {path_in_shell(str(launch.run.log))}")
    if background is not None:
        name = launch.run.path.name
        terminal.answer(f"run {name} goes on in the background, process {os.getpid()}")
        terminal.say(f"ssdh runs follow {name} shows it, and ssdh runs stop {name} stops it")
        background.leave_terminal(launch.run.console)
    return _follow(run)


def _dry_run(options: TrainOptions, launch: Launch) -> int:
    result = dry_run_of(options, launch)
    for finding in result.findings:
        terminal.finding(finding)
    for sentence in result.obstacles:
        terminal.warn(sentence)
    for sentence in result.notes:
        terminal.say(f"note: {sentence}")
    terminal.answer(result.line)
    return 0


def _follow(run: story.Run) -> int:
    solver, record = run.launch.solver, run.launch.record
    watch = run.loss_watch
    view = TrainingView(
        folder=run.launch.job.cwd,
        max_iter=solver.integer("max_iter"),
        display=solver.integer("display"),
        test_batches=solver.integers("test_iter"),
        classes=record.get("classes") if record else None,
        main_outputs=None if terminal.is_verbose() else run.main_outputs,
        watch=watch,
    )
    health = _HealthReport(run, view)
    last: events.Event | None = None
    with view:
        for event in _events(run):
            # The files of a snapshot are complete when the next event arrives.
            if isinstance(last, events.Snapshot) and not view.is_stopping:
                health.measure(run.launch.job.cwd / last.weights)
            view.show(event)
            last = event
        is_interrupted = story.was_interrupted(last)
        weights = run.newest("caffemodel")
        # Who interrupts a run does not wait for its weights to be read without need.
        is_suspect = watch.bad_loss is not None or not is_interrupted
        diverged = divergence(watch.bad_loss, weights) if is_suspect else None
        if weights and not is_interrupted and diverged is None:
            health.measure(weights)
    iteration = iteration_of(weights) if weights else None
    is_early = is_interrupted or view.is_early
    if line := view.closing_line(iteration if is_early else view.max_iter):
        terminal.say(line)
    if diverged is not None and not is_interrupted:
        run.journal.end("diverged", diverged.exit_code)
        raise diverged
    health.conclude()
    if is_interrupted:
        resume = story.resume_command(run)
        if diverged is not None:
            terminal.warn(f"there is nothing to resume: {diverged.message}")
        else:
            terminal.say(f"to resume: {resume}" if resume else "no snapshot was written")
        return 130
    if view.is_early and (resume := story.resume_command(run)):
        terminal.say(f"the run ended early; to resume: {resume}")
    if weights is None:
        terminal.warn("this run wrote no snapshot, so its weights are lost")
        return 0
    terminal.answer(f"weights: {path_in_shell(str(relative_to_cwd(weights)))}")
    terminal.answer(f"next: {story.next_command(run)}")
    return 0


def _events(run: story.Run) -> Iterator[events.Event]:
    """The events of a run; if it fails, the command that resumes it from its last snapshot."""
    try:
        yield from story.follow(run)
    except SsdhError:
        if resume := story.resume_command(run):
            terminal.say(f"to resume from the last snapshot: {resume}")
        raise


class _HealthReport:
    """The health of the codes from the snapshots of a run, where its log does not tell it."""

    def __init__(self, run: story.Run, view: TrainingView) -> None:
        self._run = run
        self._view = view
        self._measured: Path | None = None
        self._collapse: Finding | None = None
        self._obstacle: str | None = None

    def measure(self, weights: Path) -> None:
        """Measure a snapshot, unless that was done before or the log tells the health."""
        subject = self._run.subject
        is_new = self._measured is None or not is_same_file(weights, self._measured)
        if not is_new or self._view.has_health or subject.hash_layer is None:
            return
        from ssdh_surgery.pipeline.encode.findings import collapse_finding

        try:
            with self._view.busy("measuring the codes"):
                health = snapshot_health(subject, weights)
        except (SsdhError, RuntimeError, MemoryError) as error:
            self._obstacle = str(error)
            return
        except KeyboardInterrupt:
            self._obstacle = "interrupted"
            return
        self._measured = weights
        self._obstacle, self._collapse = None, collapse_finding(health)
        self._view.measured_health = f"codes: {health.summary()}"
        terminal.say(f"codes at iteration {iteration_of(weights)}: {health.summary()}")

    def conclude(self) -> None:
        """Warn of codes that are all the same, or say why the health is unknown."""
        if self._collapse is not None:
            terminal.finding(self._collapse)
        elif self._obstacle is not None:
            terminal.say(f"health of the codes: not measured: {self._obstacle}")
