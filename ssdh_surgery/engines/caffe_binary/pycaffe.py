"""Opens a net on pycaffe: on Python's path, under $CAFFE_ROOT, or built by `make caffe`.

Caffe ends the whole process when it refuses something. The most common problems are therefore
checked first: syntax, unknown layer types, weights that do not match.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ssdh_surgery import files
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.net.phase import Phase
from ssdh_surgery.caffe.weights.copy_table import copy_table
from ssdh_surgery.caffe.weights.weights import read_any_weights
from ssdh_surgery.engines.caffe_binary.executable import built_pycaffe
from ssdh_surgery.engines.extractor import Extraction, Extractor, NetExtractor
from ssdh_surgery.engines.weight_clashes import refuse_clashes
from ssdh_surgery.errors import EngineError
from ssdh_surgery.prototxt.parser import parse

if TYPE_CHECKING:
    from ssdh_surgery.engines.runner import Runner

_GLOG_LEVEL = "GLOG_minloglevel"


def open_pycaffe(
    prototxt: str | Path,
    weights: str | Path | None = None,
    phase: Phase = "TEST",
    level: int = 0,
    stages: Sequence[str] = (),
) -> Runner:
    """Build a net on the CPU and copy its weights; see `engines.open_net.open_net`.

    Raises:
        EngineError: pycaffe cannot be imported, or lacks a layer type of the net.
        DataError: the weights do not match the net.
    """
    caffe = import_pycaffe()
    net = Net(parse(files.read_bytes(prototxt), str(prototxt)))
    return _build(caffe, net, str(prototxt), weights, phase, level, stages)


def open_extractor(extraction: Extraction) -> Extractor:
    """Open a net that is already parsed; Caffe reads its text from a temporary file.

    Raises:
        EngineError: pycaffe cannot be imported, or lacks a layer type of the net.
        DataError: the weights do not match the net.
    """
    caffe = import_pycaffe()
    net = extraction.net
    with tempfile.NamedTemporaryFile(suffix=".prototxt") as file:
        file.write(bytes(net.document))
        file.flush()
        runner = _build(caffe, net, file.name, extraction.weights, gpu=extraction.gpu)
    return NetExtractor(runner, extraction)


def _build(
    caffe: Any,
    net: Net,
    path: str,
    weights: str | Path | None,
    phase: Phase = "TEST",
    level: int = 0,
    stages: Sequence[str] = (),
    gpu: int | None = None,
) -> Runner:
    """Build a net from the file at `path`, which contains the text of `net`.

    `gpu` is CUDA's number of a GPU, used by the whole process; None means the CPU.
    """
    types = set(caffe.layer_type_list())
    for layer in net.layers_in(phase):
        if layer.type not in types and not layer.is_padding:
            raise EngineError(
                f"layer '{layer.name}' has the type '{layer.type}', which this pycaffe does "
                "not have",
                location=layer.location,
                layer=layer.name,
            )
    contents = read_any_weights(weights) if weights is not None else None
    if gpu is None:
        caffe.set_mode_cpu()
    else:
        _use_gpu(caffe, gpu)
    number = getattr(caffe, phase)
    runner: Runner = caffe.Net(path, number, level=level, stages=list(stages) or None)
    if weights is not None and contents is not None:
        shapes = [
            (name, [blob.data.shape for blob in layer.blobs])
            for name, layer in runner.layer_dict.items()
        ]
        refuse_clashes(copy_table(shapes, contents), weights)
        runner.copy_from(str(weights))
    return runner


def import_pycaffe() -> Any:
    """The module `caffe`.

    Raises:
        EngineError: it is not installed, or cannot be imported.
    """
    if not is_installed():
        folder = next(
            (path for path in _folders() if (path / "caffe" / "_caffe.so").is_file()), None
        )
        if folder is None:
            raise EngineError(
                "pycaffe is not installed: there is no module 'caffe'",
                hint="set $CAFFE_ROOT to a Caffe with pycaffe, or build one with `make caffe`",
                is_missing=True,
            )
        sys.path.append(str(folder))
    try:
        with _errors_only():
            return importlib.import_module("caffe")
    except ImportError as error:
        raise EngineError(f"pycaffe cannot be imported: {error}") from error


@contextlib.contextmanager
def _errors_only() -> Iterator[None]:
    """Silence glog's INFO and WARNING: it reads the environment when it is loaded.

    A caffe started by this process later still logs everything.
    """
    if _GLOG_LEVEL in os.environ:
        yield
        return
    os.environ[_GLOG_LEVEL] = "2"
    try:
        yield
    finally:
        del os.environ[_GLOG_LEVEL]


def _use_gpu(caffe: Any, number: int) -> None:
    """Run on a GPU from now on, after trying it in another process, which Caffe may end."""
    folder = os.path.dirname(os.path.dirname(caffe.__file__))
    script = "import sys; sys.path.insert(0, sys.argv[1]); import caffe; caffe.set_device({})"
    trial = subprocess.run(
        [sys.executable, "-c", script.format(number), folder], capture_output=True, check=False
    )
    if trial.returncode:
        raise EngineError(
            f"pycaffe cannot use GPU {number}: it was built for the CPU only, or the machine has "
            "no such GPU",
            hint="omit --gpu",
        )
    caffe.set_device(number)
    caffe.set_mode_gpu()


def is_installed() -> bool:
    """Whether pycaffe is on Python's path; a mere folder called `caffe` does not count."""
    spec = importlib.util.find_spec("caffe")
    return spec is not None and spec.origin is not None


def _folders() -> Iterator[Path]:
    if root := os.environ.get("CAFFE_ROOT"):
        yield Path(root) / "python"
    if built := built_pycaffe():
        yield built
