"""The program that tries one engine: run by `trials`, since an engine may crash or hang.

`python -m ssdh_surgery.pipeline.doctor.trial_process TASK ENGINE FOLDER [CAFFE]` prints a line
with a JSON object, see `Answer`.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import sys
import time
from pathlib import Path
from typing import Any, TypedDict

from ssdh_surgery.errors import BrokenExtra, EngineError, MissingExtra, SsdhError, of_extra
from ssdh_surgery.pipeline.doctor import two_layers
from ssdh_surgery.pipeline.doctor.trials import ANSWER, ENGINE_PACKAGES

# The extras that engines come with, and what they are for.
_EXTRAS = {"torch": ("train", "the embedded engine"), "onnx": ("onnx", "the ONNX engine")}
# The most that a value of the code may be off.
_TOLERANCE = 1e-4


class Answer(TypedDict):
    """What a trial found: the error is null where the engine works."""

    seconds: float
    device: str
    error: str | None
    hint: str | None
    is_missing: bool


def main() -> None:
    """Try the engine that the command line names."""
    task, engine, folder, *caffe = sys.argv[1:]
    os.chdir(folder)
    start = time.monotonic()
    # What libraries print goes to stderr.
    with contextlib.redirect_stdout(sys.stderr):
        answer = _answer(task, engine, caffe[0] if caffe else None)
    answer["seconds"] = time.monotonic() - start
    print(f"{ANSWER.decode()}{json.dumps(answer)}", flush=True)  # noqa: T201


def _answer(task: str, engine: str, caffe: str | None) -> Answer:
    answer = Answer(seconds=0, device="CPU", error=None, hint=None, is_missing=False)
    try:
        if engine in _EXTRAS:
            with of_extra(*_EXTRAS[engine]):
                for name in ENGINE_PACKAGES[engine]:
                    importlib.import_module(name)
        if task == "train":
            answer["device"] = _train(engine, caffe)
        else:
            _encode(engine, caffe)
    except SsdhError as error:
        is_missing = isinstance(error, MissingExtra) and not isinstance(error, BrokenExtra)
        answer["is_missing"] = is_missing or bool(error.data.get("is_missing"))
        answer["error"], answer["hint"] = error.message, error.hint
    except Exception as error:
        # A package of another version fails in any way.
        answer["error"] = f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
    return answer


def _train(engine: str, caffe: str | None) -> str:
    """Train for two iterations; the device."""
    from ssdh_surgery.engines.trainer import TrainJob

    trainer, gpu = _torch_trainer() if engine == "torch" else _caffe_trainer(caffe)
    two_layers.write_job(Path())
    job = TrainJob(two_layers.SOLVER, Path(), Path(two_layers.LOG), gpu=gpu)
    for _ in trainer.run(job):
        pass
    if not os.path.exists(two_layers.SNAPSHOT):
        raise EngineError("it ends without an error, but writes no weights")
    return "CPU" if gpu is None else f"GPU {gpu}"


def _torch_trainer() -> tuple[Any, str | None]:
    import torch

    from ssdh_surgery.engines.torch.run.torch_trainer import TorchTrainer

    return TorchTrainer(threads=1), "0" if torch.cuda.is_available() else None


def _caffe_trainer(caffe: str | None) -> tuple[Any, str | None]:
    from ssdh_surgery.engines.caffe_binary.binary_trainer import BinaryTrainer
    from ssdh_surgery.engines.caffe_binary.executable import can_use_gpu, find_caffe, missing_caffe

    executable = find_caffe(caffe)
    if executable is None:
        raise missing_caffe()
    return BinaryTrainer(executable.path), "0" if can_use_gpu(executable.path, "0") else None


def _encode(engine: str, caffe: str | None) -> None:
    """Compute codes, and compare them with what the two layers are defined to compute."""
    import numpy as np

    from ssdh_surgery.pipeline.encode.engine import open_extractor

    extraction = two_layers.write_extraction(Path())
    choice = open_extractor(engine, extraction, caffe)  # type: ignore[arg-type]
    values, right = choice.extractor.activations(two_layers.INPUTS), two_layers.codes()
    if values.shape != right.shape or not np.allclose(values, right, atol=_TOLERANCE):
        raise EngineError(
            f"it computes other values: {values.ravel()[:3].tolist()} in place of "
            f"{right.ravel()[:3].tolist()}"
        )


if __name__ == "__main__":
    main()
