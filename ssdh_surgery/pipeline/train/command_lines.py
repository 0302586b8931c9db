"""The command of a launch as a user would type it: ours, or caffe's."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path

from ssdh_surgery.engines.caffe_binary.binary_trainer import command, shell_line
from ssdh_surgery.engines.trainer import is_current
from ssdh_surgery.location import path_in_shell, shell_folder
from ssdh_surgery.pipeline.train.engine import EngineChoice
from ssdh_surgery.pipeline.train.launch import Launch, TrainOptions
from ssdh_surgery.pipeline.workspace.paths import command_in_shell


def own_line(options: TrainOptions, launch: Launch) -> str:
    """The `ssdh` command line of a launch."""
    job = launch.job
    words = ["train", *options.own_words]
    words += ["--weights", job.weights] if job.weights else []
    words += ["--snapshot", job.snapshot] if job.snapshot else []
    words += ["--force"] if options.force and not job.snapshot else []
    return command_in_shell([*words, *(["--", *job.extra] if job.extra else [])])


def run_line(options: TrainOptions, launch: Launch, engine: EngineChoice) -> str:
    """The command as a user would type it; for the embedded engine that is our own."""
    if engine.name == "torch":
        return own_line(replace(options, engine="torch"), launch)
    return caffe_line(launch, engine.program)


def caffe_line(launch: Launch, program: Path | None) -> str:
    """Caffe's command line of a launch, with the change to its directory if it needs one."""
    line = shell_line(command(launch.job, program), launch.job.cwd)
    if shell_folder() is None or not is_current(launch.job.cwd):
        return line
    return f"cd {shlex.quote(path_in_shell('.'))} && {line}"
