"""Open a net and run it from Python, on any engine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, get_args

from ssdh_surgery import files
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.net.phase import PHASES, Phase
from ssdh_surgery.engines.caffe_binary import pycaffe
from ssdh_surgery.engines.runner import Runner
from ssdh_surgery.errors import EngineError, UsageError, is_installed, require_extra
from ssdh_surgery.prototxt.parser import parse

if TYPE_CHECKING:
    from ssdh_surgery.engines.onnx.onnx_net import OnnxNet
    from ssdh_surgery.engines.torch.net.torch_net import TorchNet

Engine = Literal["auto", "torch", "onnx", "pycaffe"]
_ENGINES: tuple[Engine, ...] = get_args(Engine)


class Opener(Protocol):
    """A function that opens a net on one engine."""

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
    """Open a net to run it from Python, with pycaffe's interface.

    Args:
        prototxt: the net's file, in any dialect.
        weights: a .caffemodel or HDF5 file to copy params from, by layer name.
        phase: `TRAIN` or `TEST`.
        engine: `torch` is the embedded engine; `pycaffe` needs a pycaffe that can be imported;
            `auto` takes the first of these two that is installed. `onnx` (ONNX Runtime) is the
            fastest on a CPU, but only runs forward: it has no diffs, and params are read-only.
        level: the level for the layers' phase rules, in place of the one in the file.
        stages: stages for the layers' phase rules, in addition to those in the file.

    Raises:
        FileError: a file cannot be read.
        ParseError: the net's file is not a prototxt.
        SchemaError: a field or value that Caffe does not have.
        EngineError: the engine cannot run the net.
        DataError: the weights do not match the net.
        MissingExtra: no engine is installed.
        UsageError: unknown phase or engine.
    """
    net_phase: Phase | None = next((name for name in PHASES if name == str(phase).upper()), None)
    if net_phase is None:
        raise UsageError(f"unknown phase '{phase}'", hint="TRAIN or TEST")
    if engine not in _ENGINES:
        raise UsageError(f"unknown engine '{engine}'", hint=", ".join(_ENGINES))
    return _opener(engine)(prototxt, weights, net_phase, level, stages)


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
    """Open a net on ONNX Runtime, with all of its weights; see `open_net`.

    Raises:
        EngineError: a phase other than TEST, or a layer that ONNX cannot express.
        DataError: the weights do not match the net, or lack a layer.
        MissingExtra: onnx or onnxruntime is not installed.
    """
    require_extra("onnx", "the ONNX engine", "onnx", "onnxruntime")
    if phase != "TEST":
        raise EngineError(
            "the ONNX engine runs nets in phase TEST only", hint='engine="torch" runs both phases'
        )
    from ssdh_surgery.engines.onnx.onnx_net import OnnxNet

    view = Net(parse(files.read_bytes(prototxt), str(prototxt)))
    return OnnxNet(view, view.state(phase).with_arguments(level, stages), weights)


def open_torch(
    prototxt: str | Path,
    weights: str | Path | None = None,
    phase: Phase = "TEST",
    level: int = 0,
    stages: Sequence[str] = (),
) -> TorchNet:
    """Open a net on the embedded engine, on the CPU, and load its weights; see `open_net`.

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
