"""Which engine trains: the one that was asked for, or the first that can do the job."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ssdh_surgery.engines.caffe_binary.executable import (
    Executable,
    can_use_gpu,
    can_use_several_gpus,
    find_caffe,
    missing_caffe,
)
from ssdh_surgery.engines.trainer import Trainer
from ssdh_surgery.errors import EngineError, SsdhError, UsageError, require_extra
from ssdh_surgery.pipeline.check.subject import Subject
from ssdh_surgery.pipeline.train.launch import Launch, TrainOptions

# In the order in which `auto` tries them.
ENGINES = ("auto", "binary", "torch")


@dataclass(frozen=True)
class EngineChoice:
    """The engine that trains.

    Attributes:
        trainer: the engine.
        name: `binary` or `torch`.
        reason: why it was chosen, in a sentence.
        program: caffe's path as a user would type it, None where `caffe` will do.
        executable: the caffe executable, None for the embedded engine.
        refusals: why `auto` did not take the engines before it, a sentence each.
    """

    trainer: Trainer
    name: str
    reason: str
    program: Path | None = None
    executable: Path | None = None
    refusals: tuple[str, ...] = ()


def choose_engine(options: TrainOptions, launch: Launch, subject: Subject) -> EngineChoice:
    """The engine for a launch.

    Raises:
        EngineError: the engine that was asked for cannot do it, or with `auto` none can.
        MissingExtra: the embedded engine was asked for, and PyTorch is not installed.
        UsageError: options of one engine were given with another.
    """
    if options.engine == "torch":
        return _torch(options, launch, subject)
    if options.engine == "binary":
        return _binary(options, launch)
    try:
        return _binary(options, launch)
    except EngineError as error:
        if options.caffe:
            raise
        refusal = error
    try:
        return _torch(options, launch, subject, (f"caffe: {refusal.message}",))
    except (SsdhError, UsageError) as error:
        raise EngineError(
            f"no engine can train this: {refusal.message}; embedded engine: {error.message}",
            hint=error.hint or refusal.hint,
        ) from error


# ---------------------------------------------------------------- the user's caffe


def _binary(options: TrainOptions, launch: Launch) -> EngineChoice:
    from ssdh_surgery.engines.caffe_binary.binary_trainer import BinaryTrainer

    if options.precision is not None or options.threads is not None:
        raise EngineError("--precision and --threads are for the embedded engine, not for caffe")
    executable = find_caffe(options.caffe)
    if executable is None:
        raise missing_caffe()
    if obstacle := _gpu_obstacle(executable, launch):
        raise EngineError(obstacle, hint="--gpu none trains on the CPU")
    return EngineChoice(
        BinaryTrainer(executable.path),
        "binary",
        f"caffe of {executable.origin}: {executable.path}",
        _program(executable),
        executable.path,
    )


def _gpu_obstacle(executable: Executable, launch: Launch) -> str | None:
    """Why a caffe cannot use the GPUs of a launch, in a sentence; None where it can."""
    gpu = launch.job.gpu
    if gpu is None and launch.solver.asks_for_gpu:
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


def find_program(options: TrainOptions, launch: Launch) -> tuple[Path | None, str | None]:
    """For a dry run: caffe as a user would type it, and a sentence where it cannot train."""
    try:
        executable = find_caffe(options.caffe)
    except SsdhError as error:
        return None, error.message
    if executable is None:
        return None, missing_caffe().message
    return _program(executable), _gpu_obstacle(executable, launch)


def _program(executable: Executable) -> Path | None:
    """The path to print: only one that the user chose is worth spelling out."""
    return None if executable.origin in ("PATH", "make caffe") else executable.path


# ---------------------------------------------------------------- the embedded engine


def _torch(
    options: TrainOptions, launch: Launch, subject: Subject, refusals: tuple[str, ...] = ()
) -> EngineChoice:
    from ssdh_surgery.engines.torch.net.registry import is_supported, unsupported_type

    require_extra("train", "the embedded engine", "torch")
    if launch.job.extra:
        raise EngineError("arguments after -- are for caffe, not for the embedded engine")
    for net, state in subject.nets:
        for layer in net.layers_in(state):
            if not is_supported(layer.type):
                raise unsupported_type(layer.type, layer.name, layer.location)
    from ssdh_surgery.engines.torch.run.torch_trainer import TorchTrainer

    trainer = TorchTrainer(precision=options.precision or "float32", threads=options.threads)
    return EngineChoice(trainer, "torch", "the embedded engine, PyTorch", refusals=refusals)
