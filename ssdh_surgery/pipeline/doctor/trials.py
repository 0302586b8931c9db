"""Trials of the engines: each in a process of its own, with a time limit."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

Task = Literal["train", "encode"]
# The packages that a trial of an engine imports.
ENGINE_PACKAGES = {"torch": ("torch",), "onnx": ("onnx", "onnxruntime")}
# What the line with the answer of a trial begins with.
ANSWER = b"answer: "
# The time for an engine; the first import of a large package from a slow disk takes most of it.
SECONDS = 60.0
# How long a trial that is asked to end may take.
_GRACE = 3.0


@dataclass(frozen=True)
class Trial:
    """How an engine did.

    Attributes:
        task: what it was tried for.
        engine: its name, as `--engine` takes it.
        seconds: how long the trial took, to start the engine included; None where it did not end.
        device: what it ran on, `CPU` or `GPU 0`.
        error: why it does not work; None where it does.
        hint: what to do about it.
        is_missing: whether it is not installed.
    """

    task: Task
    engine: str
    seconds: float | None = None
    device: str | None = None
    error: str | None = None
    hint: str | None = None
    is_missing: bool = False

    @property
    def works(self) -> bool:
        """Whether the engine did the task."""
        return self.error is None

    def as_json(self) -> dict[str, Any]:
        """The trial as an object."""
        return {
            "task": self.task,
            "engine": self.engine,
            "works": self.works,
            "is_installed": not self.is_missing,
            "seconds": None if self.seconds is None else round(self.seconds, 2),
            "device": self.device if self.works else None,
            "message": self.error,
            "hint": self.hint,
        }


def run_trial(
    task: Task, engine: str, folder: Path, caffe: str | None = None, seconds: float = SECONDS
) -> Trial:
    """Try an engine.

    Args:
        task: what to try it for.
        engine: its name.
        folder: an empty folder for the files of the trial.
        caffe: the value of `--caffe`.
        seconds: the time limit.
    """
    command = [sys.executable, "-P", "-m", "ssdh_surgery.pipeline.doctor.trial_process"]
    words = [task, engine, str(folder), *([caffe] if caffe else [])]
    with subprocess.Popen(
        [*command, *words],
        # Otherwise glog leaves files in the folder for temporary ones.
        env=child_environment() | {"GLOG_log_dir": str(folder)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        try:
            out, err = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            return Trial(task, engine, error=f"it did not end within {seconds:.0f} s")
        finally:
            _end(process)
    return _trial(task, engine, process.returncode, out, err)


def child_environment(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment of a Python process that finds the packages that this one finds."""
    return {**environ, "PYTHONPATH": os.pathsep.join(each for each in sys.path if each)}


def _trial(task: Task, engine: str, code: int, out: bytes, err: bytes) -> Trial:
    # Libraries may print at their end, too.
    lines = [line for line in out.splitlines() if line.startswith(ANSWER)]
    if lines:
        answer = json.loads(lines[-1].removeprefix(ANSWER))
        return Trial(
            task,
            engine,
            answer["seconds"],
            answer["device"],
            answer["error"] or (exit_text(code) if code else None),
            answer["hint"],
            answer["is_missing"],
        )
    words = err.decode("utf-8", "replace").strip().splitlines()
    return Trial(task, engine, error=f"{exit_text(code)}{f': {words[-1]}' if words else ''}")


def exit_text(code: int) -> str:
    """How a process ended.

    >>> exit_text(-11), exit_text(1)
    ('it crashes (SIGSEGV)', 'it ends with exit code 1')
    """
    if code < 0:
        return f"it crashes ({signal.Signals(-code).name})"
    return f"it ends with exit code {code}"


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a trial; twice asked, it kills the caffe that it started in another session."""
    for number in (signal.SIGTERM, signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE)
            return
