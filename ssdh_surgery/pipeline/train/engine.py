"""Which engine trains: the one that was asked for, or the first that can do what is asked."""

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

# In the order in which `auto` asks them.
ENGINES = ("auto", "binary", "torch")


@dataclass(frozen=True)
class EngineChoice:
    """The engine and why; `program` is the path to type, None where `caffe` says it.

    `passed_over` says in sentences why `auto` did not take the engines before it.
    """

    trainer: Trainer
    name: str
    reason: str
    program: Path | None = None
    passed_over: tuple[str, ...] = ()


def choose(options: TrainOptions, launch: Launch, subject: Subject) -> EngineChoice:
    """The engine for a launch.

    Raises:
        EngineError: the engine that was asked for cannot do it, or with `auto` none can.
        MissingExtra: the embedded engine was asked for and PyTorch is not installed.
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
        return _after(error, options, launch, subject)


def _after(
    refusal: EngineError, options: TrainOptions, launch: Launch, subject: Subject
) -> EngineChoice:
    """The embedded engine in the place of caffe, or caffe's own refusal."""
    try:
        choice = _torch(options, launch, subject)
    except (SsdhError, UsageError) as error:
        raise EngineError(
            f"no engine can train this: {refusal.message}; embedded engine: {error.message}",
            hint=error.hint or refusal.hint,
        ) from error
    return EngineChoice(
        choice.trainer, choice.name, choice.reason, None, (f"caffe: {refusal.message}",)
    )


# ---------------------------------------------------------------- the user's caffe


def _binary(options: TrainOptions, launch: Launch) -> EngineChoice:
    from ssdh_surgery.engines.caffe_binary.trainer import BinaryTrainer

    if options.precision is not None or options.threads is not None:
        raise EngineError("--precision and --threads are for the embedded engine, not for caffe")
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


# ---------------------------------------------------------------- the embedded engine


def _torch(options: TrainOptions, launch: Launch, subject: Subject) -> EngineChoice:
    from ssdh_surgery.engines.torch.net.registry import is_supported, unsupported

    require_extra("train", "the embedded engine", "torch")
    if launch.job.extra:
        raise EngineError("arguments after -- are for caffe, not for the embedded engine")
    for net, state in subject.nets:
        for layer in net.layers_in(state):
            if not is_supported(layer.type):
                raise unsupported(layer.type, layer.name, layer.location)
    from ssdh_surgery.engines.torch.run.trainer import TorchTrainer

    trainer = TorchTrainer(precision=options.precision or "float32", threads=options.threads)
    return EngineChoice(trainer, "torch", "the embedded engine, PyTorch")
