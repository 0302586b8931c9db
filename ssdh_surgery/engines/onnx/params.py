"""The params of a planned net, from a weights file: all of them, or none."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ssdh_surgery.caffe.weights.copy_table import copy_table
from ssdh_surgery.caffe.weights.hdf5_weights import ParamKey
from ssdh_surgery.caffe.weights.layer_weights import Weights
from ssdh_surgery.caffe.weights.weights import read_any_weights
from ssdh_surgery.engines.onnx.plan import Plan, PlannedLayer
from ssdh_surgery.engines.weight_clashes import refuse_clashes, shape_string
from ssdh_surgery.errors import EngineError, did_you_mean

# The params of each layer, in the order of the plan.
Params = tuple[tuple[NDArray[np.float32], ...], ...]
# A param by the layer's place in the plan and its index there.
_Key = tuple[int, int]


def read_params(plan: Plan, path: str | Path | None) -> Params:
    """The params of every layer of a plan, by layer names, as Caffe copies them.

    Raises:
        FileError: the file cannot be read.
        DataError: it is no weights file, or a layer's params do not fit.
        EngineError: it has none for a layer: Caffe would fill it at random.
    """
    layers = plan.layers
    if path is None and not any(layer.params for layer in layers):
        return ((),) * len(layers)
    owners = _owners(layers)
    if path is None:
        raise _missing(layers, {}, owners, Weights("", ()), "no weights are given")
    weights = read_any_weights(path, named_owners(plan))
    table = copy_table([(layer.spec.param.name, layer.params) for layer in layers], weights)
    refuse_clashes(table, path)
    found = _copied(layers, owners, weights)
    if set(owners.values()) - set(found):
        raise _missing(layers, found, owners, weights, f"{path} has none")
    return tuple(
        tuple(found[owners[place, index]].reshape(shape) for index, shape in enumerate(each.params))
        for place, each in enumerate(layers)
    )


def refuse_others(plan: Plan, params: Params) -> None:
    """Stop where the shapes of a plan ask for other params than there are.

    Raises:
        EngineError: naming the layer.
    """
    for layer, arrays in zip(plan.layers, params, strict=True):
        for wanted, array in zip(layer.params, arrays, strict=True):
            if wanted != array.shape:
                name, kind = layer.spec.param.name, layer.spec.param.type
                raise EngineError(
                    f"layer '{name}' ({kind}): its weights are {shape_string(array.shape)}, for "
                    f"these inputs they would be {shape_string(wanted)}",
                    location=layer.spec.location,
                    layer=name,
                )


def named_owners(plan: Plan) -> dict[ParamKey, ParamKey]:
    """The params that another layer owns, and where, by the names of the layers."""

    def named(key: _Key) -> ParamKey:
        return plan.layers[key[0]].spec.param.name, key[1]

    owners = _owners(plan.layers)
    return {named(key): named(owner) for key, owner in owners.items() if key != owner}


def _owners(layers: Sequence[PlannedLayer]) -> dict[_Key, _Key]:
    """Every param with the one that it shares the values of: mostly itself."""
    owners: dict[_Key, _Key] = {}
    by_name: dict[str, _Key] = {}
    for place, layer in enumerate(layers):
        specs = layer.spec.param.param
        for index in range(len(layer.params)):
            name = specs[index].name if index < len(specs) else ""
            key = (place, index)
            owners[key] = by_name.setdefault(name, key) if name else key
    return owners


def _copied(
    layers: Sequence[PlannedLayer], owners: dict[_Key, _Key], weights: Weights
) -> dict[_Key, NDArray[np.float32]]:
    # Of layers that share a name Caffe copies to the first only.
    targets = {layer.spec.param.name: place for place, layer in reversed(list(enumerate(layers)))}
    found: dict[_Key, NDArray[np.float32]] = {}
    for source in weights.layers:
        if (place := targets.get(source.name)) is not None:
            found.update((owners[place, index], blob) for index, blob in enumerate(source.blobs))
    return found


def _missing(
    layers: Sequence[PlannedLayer],
    found: dict[_Key, NDArray[np.float32]],
    owners: dict[_Key, _Key],
    weights: Weights,
    why: str,
) -> EngineError:
    """The error for layers without weights."""
    places = sorted({place for (place, _), owner in owners.items() if owner not in found})
    names = [layers[place].spec.param.name for place in places]
    more = f" (nor {len(names) - 1} more)" if names[1:] else ""
    near = did_you_mean(names[0], (layer.name for layer in weights.layers))
    return EngineError(
        f"layer '{names[0]}' has no weights{more}: {why}",
        location=layers[places[0]].spec.location,
        hint=near or "give the weights that were trained with this net",
        layer=names[0],
    )
