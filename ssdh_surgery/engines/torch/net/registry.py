"""The layer types of the embedded engine, and their classes: readable without PyTorch.

To add a layer type that has a rule in `caffe.shapes.rules`, write a subclass of
`layers.layer.TorchLayer` in its family's file in `layers/` (often ten lines), and add it here
under its type in prototxt files.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from ssdh_surgery.errors import EngineError, did_you_mean
from ssdh_surgery.location import Location

if TYPE_CHECKING:
    from ssdh_surgery.caffe.net.layer import Layer as LayerView
    from ssdh_surgery.engines.torch.layers.layer import TorchLayer

_LAYERS = "ssdh_surgery.engines.torch.layers"

# Type -> "module:Class", modules below _LAYERS.
REGISTRY: dict[str, str] = {
    "AbsVal": "arithmetic:AbsVal",
    "Accuracy": "accuracy:Accuracy",
    "ArgMax": "accuracy:ArgMax",
    "BatchNorm": "batch_norm:BatchNorm",
    "BatchReindex": "selecting:BatchReindex",
    "Bias": "scaling:Bias",
    "BNLL": "activations:BNLL",
    "Clip": "activations:Clip",
    "Concat": "joining:Concat",
    "ContrastiveLoss": "pair_losses:ContrastiveLoss",
    "Convolution": "convolution:Convolution",
    "Crop": "selecting:Crop",
    "Data": "data_layers:Data",
    "Deconvolution": "convolution:Deconvolution",
    "Dropout": "activations:Dropout",
    "DummyData": "inputs:DummyData",
    "Eltwise": "joining:Eltwise",
    "ELU": "activations:ELU",
    "Embed": "inner_product:Embed",
    "EuclideanLoss": "pair_losses:EuclideanLoss",
    "Exp": "arithmetic:Exp",
    "Filter": "selecting:Filter",
    "Flatten": "shaping:Flatten",
    "HDF5Data": "data_layers:HDF5Data",
    "HingeLoss": "label_losses:HingeLoss",
    "Im2col": "convolution:Im2col",
    "ImageData": "data_layers:ImageData",
    "InfogainLoss": "label_losses:InfogainLoss",
    "InnerProduct": "inner_product:InnerProduct",
    "Input": "inputs:Input",
    "K1_EuclideanLoss": "hashing_losses:K1EuclideanLoss",
    "K2_EuclideanLoss": "hashing_losses:K2EuclideanLoss",
    "Log": "arithmetic:Log",
    "LRN": "normalization:LRN",
    "MemoryData": "data_layers:MemoryData",
    "MultinomialLogisticLoss": "label_losses:MultinomialLogisticLoss",
    "MVN": "normalization:MVN",
    "Parameter": "inputs:Parameter",
    "Pooling": "pooling:Pooling",
    "Power": "arithmetic:Power",
    "PReLU": "activations:PReLU",
    "Reduction": "shaping:Reduction",
    "ReLU": "activations:ReLU",
    "ReLU6": "activations:ReLU6",
    "Reshape": "shaping:Reshape",
    "Scale": "scaling:Scale",
    "Sigmoid": "activations:Sigmoid",
    "SigmoidCrossEntropyLoss": "pair_losses:SigmoidCrossEntropyLoss",
    "Silence": "joining:Silence",
    "Slice": "selecting:Slice",
    "Softmax": "softmax:Softmax",
    "SoftmaxWithLoss": "softmax:SoftmaxWithLoss",
    "Split": "joining:Split",
    "SPP": "pooling:SPP",
    "Swish": "activations:Swish",
    "TanH": "activations:TanH",
    "Threshold": "arithmetic:Threshold",
    "Tile": "shaping:Tile",
}


def is_supported(layer_type: str) -> bool:
    """Whether the embedded engine has a layer type."""
    return layer_type in REGISTRY


def unsupported_type(layer_type: str, name: str, location: Location | None = None) -> EngineError:
    """The error for a layer type that the embedded engine lacks."""
    near = did_you_mean(layer_type, REGISTRY)
    hint = "use --engine binary with a Caffe that has it"
    return EngineError(
        f"layer '{name}' has the type '{layer_type}', which the embedded engine does not have",
        location=location,
        hint=f"{near} If not, {hint}" if near else hint,
        layer=name,
    )


def refuse_unsupported(layer: LayerView) -> None:
    """Refuse a layer type that the embedded engine lacks.

    Raises:
        EngineError: with the layer and its place.
    """
    if not is_supported(layer.type):
        raise unsupported_type(layer.type, layer.name, layer.location)


def layer_class(layer_type: str) -> type[TorchLayer]:
    """The class of a supported layer type; imports PyTorch."""
    module, _, name = REGISTRY[layer_type].partition(":")
    cls: type[TorchLayer] = getattr(importlib.import_module(f"{_LAYERS}.{module}"), name)
    return cls
