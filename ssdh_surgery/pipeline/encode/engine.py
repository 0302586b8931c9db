"""The engine that makes codes: the one named, or the first that can run the net."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from ssdh_surgery.engines.extractor import Extraction, Extractor, width_of
from ssdh_surgery.errors import EngineError, MissingExtra, SchemaError, SurgeryError, require_extra

EncodeEngine = Literal["auto", "onnx", "torch", "pycaffe", "binary"]
# These errors are an engine's own, so `auto` tries the next; any other error would hit them all.
_REFUSALS = (EngineError, MissingExtra, SchemaError, SurgeryError)


@dataclass(frozen=True)
class EncodeEngineChoice:
    """An engine that has opened the net.

    `passed_over` has a sentence for each engine that `auto` tried before and could not use.
    """

    extractor: Extractor
    name: str
    passed_over: tuple[str, ...] = ()


def open_extractor(
    engine: EncodeEngine, extraction: Extraction, caffe: str | None = None
) -> EncodeEngineChoice:
    """Open a net on an engine; `auto` takes the first that can run it.

    Args:
        engine: its name.
        extraction: the net, its weights and the blob to read.
        caffe: the caffe executable; `binary` looks for its tool next to it.

    Raises:
        EngineError: the named engine cannot run the net, or with `auto` none can.
        MissingExtra: the named engine is not installed.
        DataError, FileError: the weights cannot be read, or do not fit.
    """
    if engine != "auto":
        return EncodeEngineChoice(_OPENERS[engine](extraction, caffe), engine)
    hint: str | None = None
    passed_over: list[str] = []
    for name, opener in _OPENERS.items():
        try:
            return EncodeEngineChoice(opener(extraction, caffe), name, tuple(passed_over))
        except _REFUSALS as error:
            hint = hint or error.hint
            passed_over.append(f"{name}: {error.message}")
    raise EngineError("no engine can run this net: " + "; ".join(passed_over), hint=hint)


def _onnx(extraction: Extraction, caffe: str | None) -> Extractor:
    if extraction.gpu is not None:
        raise EngineError(f"it runs on the CPU, not on GPU {extraction.gpu}")
    require_extra("onnx", "the ONNX engine", "onnx", "onnxruntime")
    from ssdh_surgery.engines.onnx.onnx_extractor import OnnxExtractor

    return OnnxExtractor(extraction)


def _torch(extraction: Extraction, caffe: str | None) -> Extractor:
    require_extra("train", "the embedded engine", "torch")
    from ssdh_surgery.engines.torch.run.torch_extractor import TorchExtractor

    return TorchExtractor(extraction)


def _pycaffe(extraction: Extraction, caffe: str | None) -> Extractor:
    from ssdh_surgery.engines.caffe_binary import pycaffe

    return pycaffe.open_extractor(extraction)


def _binary(extraction: Extraction, caffe: str | None) -> Extractor:
    from ssdh_surgery.caffe.shapes import shapes
    from ssdh_surgery.engines.caffe_binary.executable import can_use_gpu, find_caffe
    from ssdh_surgery.engines.caffe_binary.extract_features import INPUTS, ToolExtractor, find_tool
    from ssdh_surgery.surgery.core.gate import prove
    from ssdh_surgery.surgery.derive.lmdb_input import read_from_lmdb

    tool = find_tool(caffe)
    executable = find_caffe(caffe)
    gpu, net = extraction.gpu, extraction.net
    if gpu is not None and executable and not can_use_gpu(executable.path, str(gpu)):
        raise EngineError(f"{executable.path} cannot use GPU {gpu}")
    sizes = {extraction.input: (extraction.batch, *extraction.shape)}
    shape = shapes(net, "TEST", sizes).blobs.get(extraction.blob)
    width = None if shape is None else width_of(shape, extraction)
    change = read_from_lmdb(net, extraction.input, INPUTS, extraction.batch)
    proof = prove(net.document, change, "NetParameter")
    return ToolExtractor(tool, proof.document.text, extraction, width)


# In the order in which `auto` tries them.
_OPENERS: dict[str, Callable[[Extraction, str | None], Extractor]] = {
    "onnx": _onnx,
    "torch": _torch,
    "pycaffe": _pycaffe,
    "binary": _binary,
}
ENGINES: tuple[str, ...] = ("auto", *_OPENERS)
