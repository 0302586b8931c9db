"""SSDH501 to 503: a GPU that the caffe at hand cannot use, or that the machine does not have."""

from __future__ import annotations

from collections.abc import Iterator

from ssdh_surgery.engines.caffe_binary.executable import is_cpu_only
from ssdh_surgery.engines.gpus import visible_gpus
from ssdh_surgery.errors import is_installed
from ssdh_surgery.findings import CPU_ONLY_CAFFE, NO_GPU, NO_SUCH_GPU, Finding
from ssdh_surgery.location import Location
from ssdh_surgery.names import count_text
from ssdh_surgery.pipeline.check.subject import Subject


def findings(subject: Subject) -> Iterator[Finding]:
    """The findings about the GPUs that a run asks for."""
    if not subject.asks_for_gpu:
        return
    target = subject.target
    asker, place = "the solver", subject.place("solver_mode")
    if target.gpu is not None:
        asker, place = f"--gpu {target.gpu}", Location(subject.solver.file)
    caffe = None if target.engine == "torch" else target.caffe
    is_unfit = caffe is not None and is_cpu_only(caffe)
    gpus = visible_gpus()
    if is_unfit and (target.engine == "binary" or not is_installed("torch")):
        yield CPU_ONLY_CAFFE.at(
            place,
            f"{asker} asks for a GPU, but {caffe} was built for the CPU only",
            "ssdh train --gpu none trains on the CPU",
        )
    elif not target.is_launch and (is_unfit or gpus == ()):
        reason = f"{caffe} was built for the CPU only" if is_unfit else "NVIDIA's driver finds none"
        train = "trains with the embedded engine" if is_unfit else "trains on the CPU"
        yield NO_GPU.at(
            place,
            f"{asker} asks for a GPU, but {reason}: ssdh train {train}",
            "ssdh train --gpu none trains with your caffe, on the CPU" if is_unfit else None,
        )
    missing = [number for number in subject.gpus if gpus and number >= len(gpus)]
    if gpus and missing:
        yield NO_SUCH_GPU.at(
            subject.place("device_id") if target.gpu is None else place,
            f"{asker} asks for GPU {missing[0]}, but there {'is' if len(gpus) == 1 else 'are'} "
            f"{count_text(len(gpus), 'GPU')}, numbered from 0",
            f"--gpu {len(gpus) - 1} is the last one",
        )
