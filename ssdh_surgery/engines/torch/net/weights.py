"""Reads and writes a net's params: weights files, binary or HDF5, matched by layer name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from ssdh_surgery.caffe.weights.copy_table import CopyRow, copy_table
from ssdh_surgery.caffe.weights.hdf5_weights import ParamKey
from ssdh_surgery.caffe.weights.layer_weights import LayerWeights, Weights
from ssdh_surgery.caffe.weights.weights import read_any_weights, write_any_weights
from ssdh_surgery.engines.torch.layers.layer import TorchLayer
from ssdh_surgery.engines.weight_clashes import refuse_clashes

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def copy_weights(layers: Sequence[TorchLayer], path: str | Path) -> list[CopyRow]:
    """Copy the params of layers with the same names from a weights file, and report on each layer.

    Nothing is copied unless everything matches.

    Raises:
        FileError: the file cannot be read.
        DataError: it is not a weights file, or a layer's params do not match.
    """
    weights = read_any_weights(path, _owners(layers))
    rows = copy_table(
        [(layer.name, [param.shape for param in layer.params]) for layer in layers], weights
    )
    refuse_clashes(rows, path)
    _copy(layers, weights)
    return rows


def _copy(layers: Sequence[TorchLayer], weights: Weights) -> None:
    targets = {layer.name: layer for layer in reversed(layers)}
    for source in weights.layers:
        if source.name not in targets:
            continue
        with torch.no_grad():
            for param, blob in zip(targets[source.name].params, source.blobs, strict=True):
                param.tensor.copy_(torch.from_numpy(blob.reshape(param.shape)))


def save_weights(layers: Sequence[TorchLayer], path: str | Path, name: str) -> None:
    """Write the params of layers to a .caffemodel, or to HDF5 if the name ends in .h5.

    Raises:
        FileError: the file cannot be written.
        DataError: HDF5 cannot hold a layer's name.
    """
    layer_weights = [LayerWeights(layer.name, layer.type, _arrays(layer)) for layer in layers]
    write_any_weights(path, layer_weights, name=name, owners=_owners(layers))


def _owners(layers: Sequence[TorchLayer]) -> dict[ParamKey, ParamKey]:
    """The params that another layer owns, with their owner: HDF5 files contain them once."""
    return {
        (layer.name, index): param.owner
        for layer in layers
        for index, param in enumerate(layer.params)
        if param.owner
    }


def _arrays(layer: TorchLayer) -> tuple[NDArray[np.float32], ...]:
    return tuple(param.tensor.detach().cpu().numpy() for param in layer.params)
