"""What a run is launched on: the engine, its executable, and the GPUs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ssdh_surgery.engines.caffe_binary.executable import find_caffe
from ssdh_surgery.errors import SsdhError


@dataclass(frozen=True)
class Target:
    """What is known of a launch before it.

    Attributes:
        engine: `binary` or `torch`, or `auto`: caffe where it can do it.
        gpu: the value of `--gpu`; None where the solver decides.
        caffe: the executable that would train; None where there is none.
        is_launch: whether the run starts next, so that the choice of the engine is reported.
    """

    engine: str = "auto"
    gpu: str | None = None
    caffe: Path | None = None
    is_launch: bool = False


# That of a check which knows nothing of the machine.
ANY_TARGET = Target()


def target_of(
    engine: str = "auto",
    gpu: str | None = None,
    caffe: str | None = None,
    *,
    is_launch: bool = False,
) -> Target:
    """The target of a run on this machine, from the options `--engine`, `--gpu` and `--caffe`.

    `--caffe` asks for that caffe, as `--engine binary` does.
    """
    try:
        executable = None if engine == "torch" else find_caffe(caffe)
    except SsdhError:
        executable = None  # the choice of the engine reports it
    if caffe and engine == "auto":
        engine = "binary"
    return Target(engine, gpu, executable.path if executable else None, is_launch)
