"""`ssdh train`: check, launch and follow a run; stop with a snapshot that it can resume from."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from ssdh_surgery.caffe.weights.snapshot_names import iteration_of
from ssdh_surgery.cli import terminal
from ssdh_surgery.cli.background import Background
from ssdh_surgery.cli.caffe_flags import EXTRA, CaffeSpelledCommand
from ssdh_surgery.cli.event_lines import EventLines
from ssdh_surgery.cli.live_line import Counter
from ssdh_surgery.cli.options import net_option
from ssdh_surgery.cli.run_report import RunReport
from ssdh_surgery.cli.run_views import follow_run, show_run, stop_run
from ssdh_surgery.cli.types import FolderPath, GpusType, WordsType
from ssdh_surgery.errors import Diverged, RunStopped, SsdhError
from ssdh_surgery.location import path_in_shell
from ssdh_surgery.pipeline.check.solver.schedule import schedule_text
from ssdh_surgery.pipeline.train import train as story
from ssdh_surgery.pipeline.train.alarm import STOP_KINDS, Alarm
from ssdh_surgery.pipeline.train.divergence import divergence
from ssdh_surgery.pipeline.train.dry_run import dry_run as dry_run_of
from ssdh_surgery.pipeline.train.earlier_runs import end_finished
from ssdh_surgery.pipeline.train.engine import ENGINES
from ssdh_surgery.pipeline.train.launch import Launch, TrainOptions, newest_run, prepare
from ssdh_surgery.pipeline.workspace.paths import relative_to_cwd

# The exit code of a run that the user interrupted.
_INTERRUPTED = 130
# What is done with the newest run, by its option.
_NEWEST = {"status": show_run, "follow": follow_run, "stop": stop_run}


@click.command(
    "train",
    cls=CaffeSpelledCommand,
    sections={
        "What is trained": ("solver", "net", "weights", "snapshot", "resume", "iterations"),
        "How it runs": ("gpu", "engine", "caffe", "precision", "threads", "keep", "detach"),
        "While it runs": ("stop_on", "json_lines", "tensorboard"),
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
@click.option(
    "--stop-on",
    type=WordsType(STOP_KINDS),
    default=(),
    metavar="KIND[,KIND]",
    help="Stop with a snapshot when a loss is at chance, nan or stuck at 87.3365 (saturation), or "
    "when codes collapse: chance, collapse, nan, saturation (default: warn only).",
)
@click.option("--json-lines", is_flag=True, help="Print each event as a line of JSON.")
@click.option(
    "--tensorboard",
    type=FolderPath(),
    metavar="DIR",
    help="Write event files for TensorBoard to this folder.",
)
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
    json_lines: bool,
    tensorboard: Path | None,
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
    if dry_run and json_lines:
        raise click.UsageError("--dry-run runs nothing: it has no --json-lines")
    lines = EventLines() if json_lines else None
    options = TrainOptions(solver=solver or solver_file, extra=ctx.meta[EXTRA], **values)
    if newest is not None:
        _NEWEST[newest](newest_run(options))
        return 0
    background = Background() if detach and not dry_run else None
    launch = prepare(options)
    warnings = launch.record.warnings() if launch.record else []
    for sentence in (*warnings, *launch.passed_over):
        terminal.warn(sentence)
    if dry_run:
        return _dry_run(options, launch)
    if launch.is_finished and not launch.missing:
        return _show_finished(launch, lines)
    with Counter("records") as counter:
        run = story.start(options, launch, terminal.finding, counter.named, skip_check=no_check)
    _announce(run)
    if background is not None:
        name = launch.run.path.name
        terminal.answer(f"run {name} goes on in the background, process {os.getpid()}")
        terminal.say(f"ssdh runs follow {name} shows it, and ssdh runs stop {name} stops it")
        background.leave_terminal(launch.run.console)
    return _follow(run, lines, tensorboard)


def _show_finished(launch: Launch, lines: EventLines | None) -> int:
    sentence = end_finished(launch)
    if lines is None:
        terminal.answer(sentence)
    else:
        terminal.say(sentence)
        lines.end(0, iteration=launch.iteration, weights=None, resume=None, next=None)
    return 0


def _announce(run: story.Run) -> None:
    """Say what is about to run."""
    for reason in run.engine.refusals:
        terminal.say(f"passed over: {reason}")
    terminal.say(f"engine: {run.engine.reason}")
    for line in (line for copy in run.weights for line in copy.lines):
        terminal.say(line)
    if (schedule := schedule_text(run.subject)) is not None:
        terminal.say(schedule)
    terminal.say(run.line)
    terminal.say(f"log: {path_in_shell(str(run.launch.run.log))}")


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


def _follow(run: story.Run, lines: EventLines | None, event_files: Path | None) -> int:
    with RunReport(run, lines, event_files) as report:
        try:
            for event in story.follow(run):
                report.show(event)
        except SsdhError as error:
            if resume := story.resume_command(run):
                terminal.say(f"to resume from the last snapshot: {resume}")
            _end(run, lines, error.exit_code)
            raise
        view, watch = report.view, report.watch
        is_interrupted = story.was_interrupted(report.last)
        weights = run.newest("caffemodel")
        # Who interrupts a run does not wait for its weights to be read without need.
        is_suspect = watch.bad_loss is not None or not is_interrupted
        diverged = divergence(watch.bad_loss, weights) if is_suspect else None
        if weights and not is_interrupted and diverged is None:
            report.measure(weights)
    iteration = iteration_of(weights) if weights else None
    is_early = is_interrupted or view.is_early
    if line := view.closing_line(iteration if is_early else view.max_iter):
        terminal.say(line)
    stop = report.stop_alarm
    if diverged is not None and (stop is not None or not is_interrupted):
        run.journal.end("diverged", diverged.exit_code)
        _end(run, lines, diverged.exit_code)
        raise diverged
    report.conclude()
    if stop is not None:
        run.journal.end("stopped", RunStopped.exit_code)
        _end(run, lines, RunStopped.exit_code)
        raise _stopped(run, stop, is_interrupted)
    if is_interrupted:
        return _end_interrupted(run, lines, diverged)
    if view.is_early and (resume := story.resume_command(run)):
        terminal.say(f"the run ended early; to resume: {resume}")
    _end(run, lines, 0)
    if weights is None:
        terminal.warn("this run wrote no snapshot, so its weights are lost")
    elif lines is None:
        terminal.answer(f"weights: {path_in_shell(str(relative_to_cwd(weights)))}")
        terminal.answer(f"next: {story.next_command(run)}")
    return 0


def _stopped(run: story.Run, alarm: Alarm, is_interrupted: bool) -> RunStopped:
    """The error for a run with an alarm that was to stop it, which short runs are too fast for."""
    verb = "was stopped on" if is_interrupted else "ended before it could be stopped on"
    output = f", by '{alarm.output}'" if alarm.output else ""
    resume = story.resume_command(run) if is_interrupted else None
    return RunStopped(
        f"the run {verb} {alarm.kind} at iteration {alarm.iteration}{output}",
        hint="mend the cause and start anew with --force"
        + (f"; to go on all the same: {resume}" if resume else ""),
        kind=alarm.kind,
        iteration=alarm.iteration,
    )


def _end_interrupted(run: story.Run, lines: EventLines | None, diverged: Diverged | None) -> int:
    """End a run that the user stopped."""
    resume = story.resume_command(run)
    if diverged is not None:
        terminal.warn(f"there is nothing to resume: {diverged.message}")
    else:
        terminal.say(f"to resume: {resume}" if resume else "no snapshot was written")
    _end(run, lines, _INTERRUPTED)
    return _INTERRUPTED


def _end(run: story.Run, lines: EventLines | None, exit_code: int) -> None:
    """Print the last line of JSON, if lines are printed."""
    if lines is None:
        return
    weights = run.newest("caffemodel")
    lines.end(
        exit_code,
        iteration=iteration_of(weights) if weights else None,
        weights=path_in_shell(str(relative_to_cwd(weights))) if weights else None,
        resume=story.resume_command(run) if exit_code else None,
        next=None if exit_code else story.next_command(run),
    )
