"""Which engine trains: the one that was asked for, or the first that can do what is asked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ssdh_surgery.engines.base import Trainer
from ssdh_surgery.engines.binary import BinaryTrainer
from ssdh_surgery.engines.executable import (
    Executable,
    can_use_gpu,
    can_use_several_gpus,
    find_caffe,
    missing_caffe,
)
from ssdh_surgery.errors import EngineError, SsdhError
from ssdh_surgery.pipeline.launch import Launch, TrainOptions

ENGINES = ("auto", "binary")


@dataclass(frozen=True)
class EngineChoice:
    """The engine and why; `program` is the path to type, None where `caffe` says it."""

    trainer: Trainer
    name: str
    reason: str
    program: Path | None = None


def choose(options: TrainOptions, launch: Launch) -> EngineChoice:
    """The engine for a launch.

    Raises:
        EngineError: none can do what is asked; each is named with its reason.
    """
    executable = find_caffe(options.caffe)
    if executable is None:
        raise missing_caffe()
    if problem := _cannot(executable, launch):
        raise EngineError(problem, hint="--gpu none trains on the CPU")
    return EngineChoice(
        BinaryTrainer(executable.path),
        "binary",
        f"caffe of {executable.origin}: {executable.path}",
        _program(executable),
    )


def _program(executable: Executable) -> Path | None:
    """What a printed command calls it: only a path that the user chose is worth spelling out."""
    return None if executable.origin in ("PATH", "make caffe") else executable.path


def _cannot(executable: Executable, launch: Launch) -> str | None:
    """What a caffe cannot do of a launch, in a sentence."""
    gpu = launch.job.gpu
    if gpu is None and launch.solver.string("solver_mode", "GPU") in ("GPU", "1"):
        gpu = str(launch.solver.integer("device_id") or 0)
    if gpu is None:
        return None
    if not can_use_gpu(executable.path, gpu):
        return (
            f"{executable.path} cannot use GPU {gpu}: it was built for the CPU only, or the "
            f"machine has no such GPU (caffe device_query -gpu {gpu} fails)"
        )
    if ("," in gpu or gpu == "all") and not can_use_several_gpus(executable.path):
        return f"{executable.path} was built without NCCL: it trains on one GPU only"
    return None


def missing_sentence(options: TrainOptions) -> tuple[Path | None, str | None]:
    """For a dry run: the program to type, and a sentence that says what is missing."""
    try:
        executable = find_caffe(options.caffe)
    except SsdhError as error:
        return None, error.message
    return (_program(executable), None) if executable else (None, missing_caffe().message)
