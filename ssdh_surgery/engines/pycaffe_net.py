"""Opening a net on pycaffe, found on Python's path, under $CAFFE_ROOT, or built by `make caffe`.

Caffe ends the whole process when it refuses a net. The embedded engine's reading of the
prototxt therefore comes first: what it knows to be wrong is an error here.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ssdh_surgery import files
from ssdh_surgery.caffe.net import Net
from ssdh_surgery.caffe.phase import Phase
from ssdh_surgery.caffe.weights import read_weights
from ssdh_surgery.engines.built_caffe import built_pycaffe
from ssdh_surgery.engines.runner import Runner
from ssdh_surgery.errors import EngineError
from ssdh_surgery.prototxt.parser import parse


def open_pycaffe(
    prototxt: str | Path,
    weights: str | Path | None = None,
    phase: Phase = "TEST",
    level: int = 0,
    stages: Sequence[str] = (),
) -> Runner:
    """Build a net and copy its weights; see `engines.runner.open_net`.

    Raises:
        EngineError: pycaffe cannot be imported, or lacks a layer type of the net.
    """
    caffe = import_pycaffe()
    view = Net(parse(files.read_bytes(prototxt), str(prototxt)))
    known = set(caffe.layer_type_list())
    for layer in view.layers_in(phase):
        if layer.type not in known and layer.type != "padding":
            raise EngineError(
                f"layer '{layer.name}' has the type '{layer.type}', which this pycaffe does "
                "not have",
                location=layer.location,
                layer=layer.name,
            )
    if weights is not None:
        read_weights(weights)
    caffe.set_mode_cpu()
    number = getattr(caffe, phase)
    net: Runner = caffe.Net(str(prototxt), number, level=level, stages=list(stages) or None)
    if weights is not None:
        net.copy_from(str(weights))
    return net


def import_pycaffe() -> Any:
    """The module `caffe`.

    Raises:
        EngineError: there is none.
    """
    # Before it is loaded: INFO and WARNING lines of every layer are left out.
    os.environ.setdefault("GLOG_minloglevel", "2")
    if importlib.util.find_spec("caffe") is None:
        folder = next(
            (path for path in _folders() if (path / "caffe" / "_caffe.so").is_file()), None
        )
        if folder is None:
            raise EngineError(
                "pycaffe is not installed: there is no module 'caffe'",
                hint="set $CAFFE_ROOT to a Caffe with pycaffe, or build one with `make caffe`",
            )
        sys.path.append(str(folder))
    try:
        return importlib.import_module("caffe")
    except ImportError as error:
        raise EngineError(f"pycaffe cannot be imported: {error}") from error


def _folders() -> Iterator[Path]:
    if root := os.environ.get("CAFFE_ROOT"):
        yield Path(root) / "python"
    if built := built_pycaffe():
        yield built
