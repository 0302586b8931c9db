"""`ssdh train`: check, launch and follow a run; stop with a snapshot that it can resume from."""

from __future__ import annotations

from typing import Any

import click

from ssdh_surgery.cli import terminal
from ssdh_surgery.cli.command import Command
from ssdh_surgery.cli.options import net_option
from ssdh_surgery.cli.progress import TrainingView
from ssdh_surgery.cli.types import GpusType
from ssdh_surgery.engines import events
from ssdh_surgery.pipeline.check.weights import WeightsCopy
from ssdh_surgery.pipeline.train import train as story
from ssdh_surgery.pipeline.train.engine import ENGINES
from ssdh_surgery.pipeline.train.launch import Launch, TrainOptions, prepare


@click.command(
    "train",
    cls=Command,
    sections={
        "What is trained": ("solver", "net", "weights", "snapshot", "resume", "iterations"),
        "How it runs": ("gpu", "engine", "caffe", "precision", "threads"),
        "Before it starts": ("dry_run", "no_check"),
    },
    common=("solver", "weights", "snapshot", "resume", "iterations", "gpu", "engine", "dry_run"),
    epilog="\b\nExample:\n  ssdh train --gpu 1 --weights googlenet.caffemodel --dry-run",
)
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
@net_option
@click.option("--dry-run", is_flag=True, help="Print the command, and run nothing.")
@click.option("--no-check", is_flag=True, help="Start without the checks.")
@click.argument("extra", nargs=-1, metavar="[-- CAFFE ARGUMENTS]")
def command(dry_run: bool, no_check: bool, **values: Any) -> int:
    """Train a patched net with your Caffe, or with the embedded engine.

    The solver is that of the workspace. Log, command and solver are kept in runs/NAME.
    Ctrl-C stops the run with a snapshot, and --resume continues from it. Arguments after --
    are passed to caffe unchanged.
    """
    options = TrainOptions(**values)
    launch = prepare(options)
    if launch.record:
        for warning in launch.record.warnings():
            terminal.warn(warning)
    if dry_run:
        return _dry_run(options, launch)
    run = story.start(
        options, launch, lambda finding: terminal.warn(str(finding)), skip_check=no_check
    )
    for reason in run.engine.refusals:
        terminal.say(f"passed over: {reason}")
    terminal.say(f"engine: {run.engine.reason}")
    for table in run.weights:
        _say_copied(table)
    terminal.say(run.line)
    terminal.say(f"log: {launch.run.log}")
    return _follow(run)


def _say_copied(table: WeightsCopy) -> None:
    """Print which layers are copied by name, and which are not."""
    terminal.say(f"{table.file}: {len(table.names('copied'))} layers are copied")
    for status, words in (("new", "start from their fillers"), ("unused", "not in the net")):
        if names := table.names(status):
            terminal.say(f"  {words}: {', '.join(names)}")


def _dry_run(options: TrainOptions, launch: Launch) -> int:
    result = story.dry_run(options, launch)
    for sentence in result.obstacles:
        terminal.warn(sentence)
    terminal.answer(result.line)
    return 0


def _follow(run: story.Run) -> int:
    solver = run.launch.solver
    record = run.launch.record
    view = TrainingView(
        max_iter=solver.integer("max_iter"),
        test_batches=solver.integers("test_iter"),
        classes=record.get("classes") if record else None,
    )
    last: events.Event | None = None
    with view:
        for event in story.follow(run):
            view.show(event)
            last = event
    if line := view.line():
        terminal.say(line)
    if story.was_interrupted(last):
        resume = story.resume_command(run, view.snapshot)
        terminal.say(f"to resume: {resume}" if resume else "no snapshot was written")
        return 130
    _summary(view)
    return 0


def _summary(view: TrainingView) -> None:
    if not any(term.weighted is not None and term.weighted < 0 for term in view.terms.values()):
        terminal.say("health of the codes: not measurable from this log")
    if view.snapshot:
        terminal.answer(f"weights: {view.snapshot.weights}")
        terminal.answer("next: ssdh deploy")
    else:
        terminal.warn("this run wrote no snapshot, so its weights are lost")
