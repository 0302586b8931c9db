"""Opening a net to run it from Python, on the engine that was asked for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from ssdh_surgery import files
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.net.phase import PHASES, Phase
from ssdh_surgery.engines.caffe_binary import pycaffe
from ssdh_surgery.engines.runner import Runner
from ssdh_surgery.errors import EngineError, UsageError, is_installed, require_extra
from ssdh_surgery.prototxt.parser import parse

if TYPE_CHECKING:
    from ssdh_surgery.engines.onnx.net import OnnxNet
    from ssdh_surgery.engines.torch.net.torch_net import TorchNet

Engine = Literal["auto", "torch", "onnx", "pycaffe"]


_ENGINES = ("auto", "torch", "onnx", "pycaffe")


class Opener(Protocol):
    """How an engine opens a net."""

    def __call__(
        self,
        prototxt: str | Path,
        weights: str | Path | None,
        phase: Phase,
        level: int,
        stages: Sequence[str],
    ) -> Runner:
        """Build a net and copy its weights."""
        ...


def open_net(
    prototxt: str | Path,
    weights: str | Path | None = None,
    phase: str = "TEST",
    engine: Engine = "auto",
    *,
    level: int = 0,
    stages: Sequence[str] = (),
) -> Runner:
    """Open a net to run it from Python, with pycaffe's manners.

    Args:
        prototxt: the net's file, in any dialect.
        weights: a .caffemodel or HDF5 file to copy params from, by layer names.
        phase: `TRAIN` or `TEST`.
        engine: `torch`, the embedded engine; `pycaffe`, where it can be imported; `auto`
            takes the first of these that is installed. `onnx`, ONNX Runtime, is the fastest on
            a CPU, and runs only forward: no diffs, params that can be read and not written.
        level: the level that the layers' phase rules ask for, in place of the file's own.
        stages: the stages that they ask for, beside the file's own.

    Raises:
        FileError: a file cannot be read.
        ParseError: the net's file is no prototxt.
        SchemaError: a field or value that Caffe does not have.
        EngineError: the engine cannot run the net.
        DataError: the weights do not fit.
        MissingExtra: no engine is installed.
        UsageError: no such phase or engine.
    """
    known: Phase | None = next((name for name in PHASES if name == str(phase).upper()), None)
    if known is None:
        raise UsageError(f"there is no phase '{phase}'", hint="TRAIN or TEST")
    if engine not in _ENGINES:
        raise UsageError(f"no engine called '{engine}' runs nets", hint=", ".join(_ENGINES))
    return _opener(engine)(prototxt, weights, known, level, stages)


def _opener(engine: Engine) -> Opener:
    if engine == "auto":
        engine = "torch" if is_installed("torch") or not pycaffe.is_installed() else "pycaffe"
    if engine == "pycaffe":
        return pycaffe.open_pycaffe
    if engine == "onnx":
        return open_onnx
    return open_torch


def open_onnx(
    prototxt: str | Path,
    weights: str | Path | None = None,
    phase: Phase = "TEST",
    level: int = 0,
    stages: Sequence[str] = (),
) -> OnnxNet:
    """Read a net and its weights, all that it needs; see `open_net`.

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
    return OnnxNet(view, view.state(phase).with_arguments(level, stages), weights)


def open_torch(
    prototxt: str | Path,
    weights: str | Path | None = None,
    phase: Phase = "TEST",
    level: int = 0,
    stages: Sequence[str] = (),
) -> TorchNet:
    """Build a net of the embedded engine on the CPU and load its weights; see `open_net`.

    Raises:
        MissingExtra: PyTorch is not installed.
    """
    require_extra("train", "running a net", "torch")
    from ssdh_surgery.engines.torch.net.torch_net import TorchNet
    from ssdh_surgery.engines.torch.sources.feed import Feed

    view = Net(parse(files.read_bytes(prototxt), str(prototxt)))
    net = TorchNet(view, view.state(phase).with_arguments(level, stages), open_source=Feed())
    if weights is not None:
        net.copy_from(weights)
    return net
