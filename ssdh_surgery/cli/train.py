"""`ssdh train`: check, launch, follow; stop with a snapshot and say how to go on."""

from __future__ import annotations

from typing import Any

import click

from ssdh_surgery.cli import options as shared
from ssdh_surgery.cli import terminal
from ssdh_surgery.cli.progress import TrainingView
from ssdh_surgery.cli.types import GpusType
from ssdh_surgery.engines import events
from ssdh_surgery.pipeline.check.weights import Copied
from ssdh_surgery.pipeline.train import train as story
from ssdh_surgery.pipeline.train.engine import ENGINES
from ssdh_surgery.pipeline.train.launch import Launch, TrainOptions, prepare


@click.command(
    "train",
    epilog="\b\nExample:\n  ssdh train --gpu 1 --weights googlenet.caffemodel --dry-run",
)
@click.option("--solver", metavar="FILE", help="The solver, if not the workspace's.")
@click.option("--weights", metavar="FILE[,FILE]", help="Weights to start from.")
@click.option("--snapshot", metavar="FILE", help="A .solverstate to go on from.")
@click.option("--resume", is_flag=True, help="Go on from the newest whole snapshot.")
@click.option("--gpu", type=GpusType(), metavar="0|0,1|all|none", help="GPUs; none: the CPU.")
@click.option("--engine", type=click.Choice(ENGINES), default="auto", help="Who trains.")
@click.option("--caffe", metavar="PATH", help="The caffe executable.")
@click.option("--iterations", type=click.IntRange(1), metavar="N", help="Train up to iteration N.")
@click.option(
    "--precision",
    type=click.Choice(["float32", "tf32", "bf16"]),
    help="What the embedded engine computes in (float32).",
)
@click.option("--threads", type=click.IntRange(1), metavar="N", help="Threads that compute.")
@shared.net_option
@click.option("--dry-run", is_flag=True, help="Print the command that would run.")
@click.option("--no-check", is_flag=True, help="Start without looking for mistakes first.")
@click.argument("extra", nargs=-1, metavar="[-- CAFFE ARGUMENTS]")
def command(dry_run: bool, no_check: bool, **given: Any) -> int:
    """Train a patched net with your Caffe, or with the embedded engine.

    The solver is that of the workspace. Log, command and solver are kept in runs/NAME.
    Ctrl-C stops with a snapshot; --resume goes on from it. What stands after -- goes to
    caffe as it is.
    """
    options = TrainOptions(**given)
    launch = prepare(options)
    if launch.known:
        for warning in launch.known.warnings():
            terminal.warn(warning)
    if dry_run:
        return _dry_run(options, launch)
    run = story.start(
        options, launch, lambda finding: terminal.warn(str(finding)), checked=not no_check
    )
    for reason in run.engine.passed_over:
        terminal.say(f"passed over: {reason}")
    terminal.say(f"engine: {run.engine.reason}")
    for table in run.weights:
        _say_copied(table)
    terminal.say(run.line)
    terminal.say(f"log: {launch.run.log}")
    return _follow(run)


def _say_copied(table: Copied) -> None:
    """What is copied by layer name, and what is not."""
    terminal.say(f"{table.file}: {len(table.names('copied'))} layers are copied")
    for status, words in (("new", "start from their fillers"), ("unused", "not in the net")):
        if names := table.names(status):
            terminal.say(f"  {words}: {', '.join(names)}")


def _dry_run(options: TrainOptions, launch: Launch) -> int:
    told = story.dry_run(options, launch)
    for sentence in told.missing:
        terminal.warn(sentence)
    terminal.answer(told.line)
    return 0


def _follow(run: story.Run) -> int:
    solver = run.launch.solver
    known = run.launch.known
    view = TrainingView(
        max_iter=solver.integer("max_iter"),
        test_batches=solver.integers("test_iter"),
        classes=known.get("classes") if known else None,
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
        terminal.say(f"to go on: {resume}" if resume else "no snapshot was written")
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
