"""Opening a net's file on ONNX Runtime; readable without onnx."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ssdh_surgery import files
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.net.phase import Phase
from ssdh_surgery.errors import EngineError, require_extra
from ssdh_surgery.prototxt.parser import parse

if TYPE_CHECKING:
    from ssdh_surgery.engines.onnx.net import OnnxNet


def open_onnx(
    prototxt: str | Path,
    weights: str | Path | None = None,
    phase: Phase = "TEST",
    level: int = 0,
    stages: Sequence[str] = (),
) -> OnnxNet:
    """Read a net and its weights, all that it needs; see `engines.runner.open_net`.

    Raises:
        EngineError: another phase than TEST, or a layer that ONNX cannot express.
        DataError: the weights do not fit, or lack a layer.
        MissingExtra: onnx or onnxruntime is not installed.
    """
    require_extra("onnx", "the ONNX engine", "onnx", "onnxruntime")
    if phase != "TEST":
        raise EngineError(
            "the ONNX engine runs nets in phase TEST only", hint='engine="torch" knows both'
        )
    from ssdh_surgery.engines.onnx.net import OnnxNet

    view = Net(parse(files.read_bytes(prototxt), str(prototxt)))
    return OnnxNet(view, view.state(phase).asked(level, stages), weights)
