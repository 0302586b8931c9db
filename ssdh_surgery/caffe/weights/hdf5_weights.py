"""Weights in HDF5 (.caffemodel.h5), read into numpy arrays and written from them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ssdh_surgery.caffe.weights import hdf5
from ssdh_surgery.caffe.weights.content import Content, hdf5_content, neighbour_hint
from ssdh_surgery.caffe.weights.layer_weights import LayerWeights, Weights
from ssdh_surgery.errors import DataError
from ssdh_surgery.location import Location

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# A param: the name of its layer, and its index there.
ParamKey = tuple[str, int]


def read_hdf5_weights(path: Path | str, owners: Mapping[ParamKey, ParamKey]) -> Weights:
    """The weights in an HDF5 file; `owners` maps each shared param to the one that owns it.

    Raises:
        DataError: it holds no weights, or it is truncated or damaged.
        MissingExtra: h5py is not installed.
    """
    with hdf5.open_file(path) as file:
        groups = _groups(file, path)
        stored = {
            (layer, index): hdf5.floats(group, str(index), path)
            for layer, group in groups.items()
            for index in _indices(group, path)
        }
    layers = (LayerWeights(name, "", _blobs(name, stored, owners)) for name in groups)
    return Weights("", tuple(layers))


def stored_hdf5_layers(path: Path | str) -> Iterator[LayerWeights]:
    """The layers of an HDF5 file one by one, each with the blobs that it holds itself.

    Raises:
        DataError: as in `read_hdf5_weights`.
    """
    with hdf5.open_file(path) as file:
        for name, group in _groups(file, path).items():
            indices = sorted(_indices(group, path))
            blobs = tuple(hdf5.floats(group, str(index), path) for index in indices)
            yield LayerWeights(name, "", blobs, indices=tuple(indices))


def _groups(file: Any, path: Path | str) -> dict[str, Any]:
    """The group of each layer.

    Raises:
        DataError: the file holds no weights.
    """
    content = hdf5_content(file)
    groups = dict(file["data"].items()) if content is Content.WEIGHTS else {}
    if not groups:
        message = "contains no layers of weights"
        if content is Content.STATE:
            message = f"{content.value}, not weights"
        hint = neighbour_hint(path, content)
        raise DataError(message, location=Location(str(path)), hint=hint, content=content)
    for name, group in groups.items():
        if not hasattr(group, "keys"):
            raise _no_layer(f"/data/{name}", path)
    return groups


def _indices(group: Any, path: Path | str) -> list[int]:
    names = list(group)
    if not all(name.isdecimal() for name in names):
        raise _no_layer(group.name, path)
    return [int(name) for name in names]


def _no_layer(name: str, path: Path | str) -> DataError:
    return DataError(
        f"'{name}' is not a layer with numbered blobs",
        location=Location(str(path)),
        hint="a weights file has /data/LAYER/0, /data/LAYER/1, ...",
    )


def _blobs(
    layer: str,
    stored: Mapping[ParamKey, NDArray[np.float32]],
    owners: Mapping[ParamKey, ParamKey],
) -> tuple[NDArray[np.float32], ...]:
    """The blobs of a layer; shared ones come from the layer that owns them."""
    indices = {index for name, index in [*stored, *owners] if name == layer}
    keys = [(layer, index) for index in sorted(indices)]
    blobs = (stored.get(key, stored.get(owners.get(key, key))) for key in keys)
    return tuple(blob for blob in blobs if blob is not None)


def write_hdf5_weights(
    path: Path | str, layers: Sequence[LayerWeights], owners: Mapping[ParamKey, ParamKey]
) -> None:
    """Write weights as HDF5; the params among the keys of `owners` are left out.

    Raises:
        FileError: the file cannot be written.
        DataError: HDF5 cannot hold a layer of that name.
        MissingExtra: h5py is not installed.
    """
    refuse_slashes(layer.name for layer in layers)
    with hdf5.new_file(path) as file:
        data = file.create_group("data")
        for layer in layers:
            group = data.create_group(layer.name)
            for index, blob in enumerate(layer.blobs):
                if (layer.name, index) not in owners:
                    group.create_dataset(str(index), data=blob.astype("<f4", copy=False))


def refuse_slashes(names: Iterable[str]) -> None:
    """Refuse layer names that HDF5 would read as paths; Caffe fails on them, too.

    Raises:
        DataError: naming the first such layer.
    """
    for name in names:
        if "/" in name or name in ("", "."):
            raise DataError(
                f"HDF5 cannot hold weights of a layer called '{name}'",
                hint="snapshot_format: BINARYPROTO allows any name",
                layer=name,
            )
