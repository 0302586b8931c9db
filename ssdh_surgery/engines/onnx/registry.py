"""The layer types that ONNX can express, and their functions: readable without onnx.

To add a layer type, write a function in its family's file in `layers/` that takes a `LayerGraph`
and returns the name of each top's value, and add it here under its type in prototxt files.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ssdh_surgery.errors import EngineError, did_you_mean

if TYPE_CHECKING:
    from ssdh_surgery.caffe.net.layer import Layer
    from ssdh_surgery.engines.onnx.graph import LayerGraph

_LAYERS = "ssdh_surgery.engines.onnx.layers"

# Type -> "module:function", modules below _LAYERS.
EXPRESSIONS: dict[str, str] = {
    "AbsVal": "arithmetic:abs_val",
    "ArgMax": "selecting:arg_max",
    "BatchNorm": "normalization:batch_norm",
    "BatchReindex": "selecting:batch_reindex",
    "Bias": "scaling:bias",
    "BNLL": "activations:bnll",
    "Clip": "activations:clip",
    "Concat": "joining:concat",
    "Convolution": "convolution:convolution",
    "Crop": "selecting:crop",
    "Deconvolution": "convolution:deconvolution",
    "Dropout": "activations:dropout",
    "DummyData": "inputs:dummy_data",
    "Eltwise": "joining:eltwise",
    "ELU": "activations:elu",
    "Embed": "products:embed",
    "Exp": "arithmetic:exp",
    "Filter": "selecting:filter_",
    "Flatten": "shaping:flatten",
    "Im2col": "convolution:im2col",
    "InnerProduct": "products:inner_product",
    "Input": "inputs:input_",
    "Log": "arithmetic:log",
    "LRN": "normalization:lrn",
    "MVN": "normalization:mvn",
    "Parameter": "inputs:parameter",
    "Pooling": "pooling:pooling",
    "Power": "arithmetic:power",
    "PReLU": "activations:prelu",
    "Reduction": "shaping:reduction",
    "ReLU": "activations:relu",
    "ReLU6": "activations:relu6",
    "Reshape": "shaping:reshape",
    "Scale": "scaling:scale",
    "Sigmoid": "activations:sigmoid",
    "Silence": "joining:silence",
    "Slice": "selecting:slice_",
    "Softmax": "activations:softmax",
    "Split": "joining:split",
    "SPP": "pooling:spp",
    "Swish": "activations:swish",
    "TanH": "activations:tanh",
    "Threshold": "arithmetic:threshold",
    "Tile": "shaping:tile",
}
_DATA_TYPES = frozenset(["Data", "HDF5Data", "ImageData", "MemoryData", "WindowData"])


def is_expressible(layer_type: str) -> bool:
    """Whether ONNX can express a layer type."""
    return layer_type in EXPRESSIONS


def refuse_inexpressible(layer: Layer) -> None:
    """Refuse a layer that ONNX cannot express.

    Raises:
        EngineError: with the layer, its place, and what to do.
    """
    if is_expressible(layer.type):
        return
    if layer.type in _DATA_TYPES:
        hint: str | None = "a deploy net has an input instead: ssdh deploy makes one"
    elif layer.is_loss or layer.type == "Accuracy":
        hint = "a deploy net does not have it: ssdh deploy makes one"
    else:
        hint = did_you_mean(layer.type, EXPRESSIONS) or "--blob NAME stops at a blob below it"
    raise EngineError(
        f"layer '{layer.name}' has the type '{layer.type}', which ONNX cannot express",
        location=layer.location,
        hint=hint,
        layer=layer.name,
    )


def expression(layer_type: str) -> Callable[[LayerGraph], Sequence[str]]:
    """The function that expresses a layer type in ONNX; imports onnx."""
    module, _, name = EXPRESSIONS[layer_type].partition(":")
    function: Callable[[LayerGraph], Sequence[str]] = getattr(
        importlib.import_module(f"{_LAYERS}.{module}"), name
    )
    return function
