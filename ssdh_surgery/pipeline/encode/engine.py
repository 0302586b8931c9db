"""Which engine makes codes: the one that was asked for, or the first that can run the net."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from ssdh_surgery.caffe.net.net import net_of
from ssdh_surgery.engines.extractor import Extraction, Extractor, NetExtractor
from ssdh_surgery.errors import EngineError, MissingExtra, SchemaError, SurgeryError, require_extra
from ssdh_surgery.pipeline.files.sources import read_source

EncodeEngine = Literal["auto", "onnx", "torch", "pycaffe", "binary"]
ENGINES: tuple[EncodeEngine, ...] = ("auto", "onnx", "torch", "pycaffe", "binary")
# An engine that says so leaves the net to the next; what else is wrong is wrong for all.
_REFUSALS = (EngineError, MissingExtra, SchemaError, SurgeryError)


@dataclass(frozen=True)
class EncodeEngineChoice:
    """An engine that has opened the net.

    `passed_over` says in sentences why `auto` did not take the engines before it.
    """

    extractor: Extractor
    name: str
    passed_over: tuple[str, ...] = ()


def open_extractor(
    engine: EncodeEngine, wanted: Extraction, caffe: str | None = None
) -> EncodeEngineChoice:
    """Open a net on an engine; `auto` takes the first that can run it.

    Args:
        engine: its name.
        wanted: the net, and what is asked of it.
        caffe: the caffe executable, beside which `binary` finds its tool.

    Raises:
        EngineError: the engine that was asked for cannot do it, or with `auto` none can.
        MissingExtra: the engine that was asked for is not installed.
        DataError, FileError: the weights cannot be read, or do not fit.
    """
    if engine != "auto":
        return EncodeEngineChoice(_OPENERS[engine](wanted, caffe), engine)
    hint: str | None = None
    passed_over: list[str] = []
    for name, opener in _OPENERS.items():
        try:
            return EncodeEngineChoice(opener(wanted, caffe), name, tuple(passed_over))
        except _REFUSALS as error:
            hint = hint or error.hint
            passed_over.append(f"{name}: {error.message}")
    raise EngineError("no engine can run this net: " + "; ".join(passed_over), hint=hint)


def _onnx(wanted: Extraction, caffe: str | None) -> Extractor:
    if wanted.gpu is not None:
        raise EngineError(f"it runs on the CPU, not on GPU {wanted.gpu}")
    require_extra("onnx", "the ONNX engine", "onnx", "onnxruntime")
    from ssdh_surgery.engines.onnx.extractor import OnnxExtractor

    return OnnxExtractor(wanted)


def _torch(wanted: Extraction, caffe: str | None) -> Extractor:
    require_extra("train", "the embedded engine", "torch")
    from ssdh_surgery.engines.torch.run.extractor import TorchExtractor

    return TorchExtractor(wanted)


def _pycaffe(wanted: Extraction, caffe: str | None) -> Extractor:
    from ssdh_surgery.engines.caffe_binary.pycaffe import open_pycaffe

    return NetExtractor(open_pycaffe(wanted.net, wanted.weights, gpu=wanted.gpu), wanted)


def _binary(wanted: Extraction, caffe: str | None) -> Extractor:
    from ssdh_surgery.caffe.shapes import shapes
    from ssdh_surgery.engines.caffe_binary.executable import can_use_gpu, find_caffe
    from ssdh_surgery.engines.caffe_binary.extract_features import INPUTS, ToolExtractor, find_tool
    from ssdh_surgery.engines.extractor import width_of
    from ssdh_surgery.prototxt.edits import apply
    from ssdh_surgery.surgery.derive.lmdb_input import read_from_lmdb

    tool = find_tool(caffe)
    executable = find_caffe(caffe)
    if wanted.gpu is not None and executable and not can_use_gpu(executable.path, str(wanted.gpu)):
        raise EngineError(f"{executable.path} cannot use GPU {wanted.gpu}")
    net = net_of(read_source(str(wanted.net)).document)
    known = shapes(net, "TEST", {wanted.input: (wanted.batch, *wanted.shape)}).blobs
    shape = known.get(wanted.blob)
    width = None if shape is None else width_of(shape, wanted)
    change = read_from_lmdb(net, wanted.input, INPUTS, wanted.batch)
    return ToolExtractor(tool, apply(net.document.text, change.edits), wanted, width)


# In the order in which `auto` asks them.
_OPENERS: dict[str, Callable[[Extraction, str | None], Extractor]] = {
    "onnx": _onnx,
    "torch": _torch,
    "pycaffe": _pycaffe,
    "binary": _binary,
}
