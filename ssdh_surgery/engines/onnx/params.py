"""Reads the params of a planned net from a weights file: all of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ssdh_surgery.caffe.shapes.layer_setup import shape_string
from ssdh_surgery.caffe.weights.copy_table import copy_table
from ssdh_surgery.caffe.weights.hdf5_weights import ParamKey
from ssdh_surgery.caffe.weights.layer_weights import Weights
from ssdh_surgery.caffe.weights.weights import read_any_weights
from ssdh_surgery.engines.onnx.plan import OnnxPlan, PlannedLayer
from ssdh_surgery.engines.weight_clashes import refuse_clashes
from ssdh_surgery.errors import EngineError, did_you_mean

# The params of each layer, in the order of the plan.
Params = tuple[tuple[NDArray[np.float32], ...], ...]
# A param, by the layer's index in the plan and the param's index in the layer.
_Key = tuple[int, int]


def read_params(plan: OnnxPlan, path: str | Path | None) -> Params:
    """The params of every layer of a plan, matched by layer name as in Caffe.

    Raises:
        FileError: the file cannot be read.
        DataError: it is not a weights file, or a layer's params do not match.
        EngineError: it lacks a layer, which Caffe would fill at random.
    """
    layers = plan.layers
    if path is None and not any(layer.params for layer in layers):
        return ((),) * len(layers)
    owners = _owners(layers)
    if path is None:
        raise _missing(layers, {}, owners, Weights("", ()), "no weights file is given")
    weights = read_any_weights(path, named_owners(plan))
    table = copy_table([(layer.spec.param.name, layer.params) for layer in layers], weights)
    refuse_clashes(table, path)
    arrays = _copy(layers, owners, weights)
    if set(owners.values()) - set(arrays):
        raise _missing(layers, arrays, owners, weights, f"{path} does not contain it")
    return tuple(
        tuple(
            arrays[owners[place, index]].reshape(shape) for index, shape in enumerate(layer.params)
        )
        for place, layer in enumerate(layers)
    )


def refuse_other_shapes(plan: OnnxPlan, params: Params) -> None:
    """Refuse a plan whose params have other shapes than the arrays.

    Raises:
        EngineError: names the layer.
    """
    for layer, arrays in zip(plan.layers, params, strict=True):
        for shape, array in zip(layer.params, arrays, strict=True):
            if shape != array.shape:
                name, kind = layer.spec.param.name, layer.spec.param.type
                raise EngineError(
                    f"layer '{name}' ({kind}): its weights are {shape_string(array.shape)}, but "
                    f"these inputs need {shape_string(shape)}",
                    location=layer.spec.location,
                    layer=name,
                )


def named_owners(plan: OnnxPlan) -> dict[ParamKey, ParamKey]:
    """The params that another layer owns, with their owner, by layer names."""

    def named(key: _Key) -> ParamKey:
        return plan.layers[key[0]].spec.param.name, key[1]

    owners = _owners(plan.layers)
    return {named(key): named(owner) for key, owner in owners.items() if key != owner}


def _owners(layers: Sequence[PlannedLayer]) -> dict[_Key, _Key]:
    """Every param, mapped to the one that owns its values: usually itself."""
    owners: dict[_Key, _Key] = {}
    by_name: dict[str, _Key] = {}
    for place, layer in enumerate(layers):
        specs = layer.spec.param.param
        for index in range(len(layer.params)):
            name = specs[index].name if index < len(specs) else ""
            key = (place, index)
            owners[key] = by_name.setdefault(name, key) if name else key
    return owners


def _copy(
    layers: Sequence[PlannedLayer], owners: dict[_Key, _Key], weights: Weights
) -> dict[_Key, NDArray[np.float32]]:
    # If several layers share a name, Caffe copies to the first one only.
    targets = {layer.spec.param.name: place for place, layer in reversed(list(enumerate(layers)))}
    arrays: dict[_Key, NDArray[np.float32]] = {}
    for source in weights.layers:
        if (place := targets.get(source.name)) is not None:
            arrays.update((owners[place, index], blob) for index, blob in enumerate(source.blobs))
    return arrays


def _missing(
    layers: Sequence[PlannedLayer],
    arrays: dict[_Key, NDArray[np.float32]],
    owners: dict[_Key, _Key],
    weights: Weights,
    reason: str,
) -> EngineError:
    """The error for layers without weights."""
    places = sorted({place for (place, _), owner in owners.items() if owner not in arrays})
    names = [layers[place].spec.param.name for place in places]
    more = f" (and {len(names) - 1} more)" if names[1:] else ""
    near = did_you_mean(names[0], (layer.name for layer in weights.layers))
    return EngineError(
        f"layer '{names[0]}' has no weights{more}: {reason}",
        location=layers[places[0]].spec.location,
        hint=near or "use the weights that were trained with this net",
        layer=names[0],
    )
