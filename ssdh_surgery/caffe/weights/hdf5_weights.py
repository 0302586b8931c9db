"""Weights in HDF5 (.caffemodel.h5) to numpy and back, and weights of whatever form."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ssdh_surgery import files
from ssdh_surgery.caffe.weights import hdf5
from ssdh_surgery.caffe.weights.weights import LayerWeights, Weights, read_weights, write_weights
from ssdh_surgery.errors import DataError
from ssdh_surgery.location import Location

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# A param by its layer's name and its index there.
ParamKey = tuple[str, int]


def read_any_weights(
    path: Path | str, owners: Mapping[ParamKey, ParamKey] | None = None
) -> Weights:
    """The weights in a binary or an HDF5 file, told by its content.

    `owners` says which param of a net shares another one's: Caffe stores shared ones in
    HDF5 only once.

    Raises:
        FileError: the file cannot be read.
        DataError: it holds no weights, or it is cut short.
        MissingExtra: it is HDF5 and h5py is not installed.
    """
    with files.explained(path, "read"), open(path, "rb") as file:
        is_hdf5 = file.read(len(hdf5.MAGIC)) == hdf5.MAGIC
    return _read(path, owners or {}) if is_hdf5 else read_weights(path)


def _read(path: Path | str, owners: Mapping[ParamKey, ParamKey]) -> Weights:
    with hdf5.opened(path) as file:
        if "data" not in file or not len(file["data"]):
            raise DataError("holds no layers of weights", location=Location(str(path)))
        groups = dict(file["data"].items())
        stored = {
            (layer, int(name)): hdf5.floats(group, name, path)
            for layer, group in groups.items()
            for name in _indices(group, path)
        }
    layers = (LayerWeights(name, "", _blobs(name, stored, owners)) for name in groups)
    return Weights("", tuple(layers))


def _indices(group: Any, path: Path | str) -> list[str]:
    names = list(group)
    if not all(name.isdecimal() for name in names):
        raise DataError(
            f"'{group.name}' is not a layer with numbered blobs",
            location=Location(str(path)),
            hint="a weights file has /data/LAYER/0, /data/LAYER/1, ...",
        )
    return names


def _blobs(
    layer: str,
    stored: Mapping[ParamKey, NDArray[np.float32]],
    owners: Mapping[ParamKey, ParamKey],
) -> tuple[NDArray[np.float32], ...]:
    """The blobs of a layer, shared ones from the layer that owns them."""
    indices = {index for name, index in [*stored, *owners] if name == layer}
    keys = [(layer, index) for index in sorted(indices)]
    found = (stored.get(key, stored.get(owners.get(key, key))) for key in keys)
    return tuple(blob for blob in found if blob is not None)


def write_any_weights(
    path: Path | str,
    layers: Iterable[LayerWeights],
    *,
    name: str = "",
    owners: Mapping[ParamKey, ParamKey] | None = None,
) -> None:
    """Write weights as Caffe does: HDF5 where the file's name ends in `.h5`, else binary.

    Raises:
        FileError: the file cannot be written.
        DataError: HDF5 cannot hold a layer of that name.
        MissingExtra: HDF5 is asked for and h5py is not installed.
    """
    if not str(path).endswith(".h5"):
        write_weights(path, layers, name=name)
        return
    layers = tuple(layers)
    refuse_slashes(layer.name for layer in layers)
    with hdf5.written(path) as file:
        data = file.create_group("data")
        for layer in layers:
            group = data.create_group(layer.name)
            for index, blob in enumerate(layer.blobs):
                if (layer.name, index) not in (owners or {}):
                    group.create_dataset(str(index), data=blob.astype("<f4", copy=False))


def refuse_slashes(names: Iterable[str]) -> None:
    """Refuse layer names that HDF5 takes for paths, which Caffe fails on as well.

    Raises:
        DataError: naming the first of them.
    """
    for name in names:
        if "/" in name or name in ("", "."):
            raise DataError(
                f"HDF5 cannot hold weights of a layer called '{name}'",
                hint="snapshot_format: BINARYPROTO takes any name",
                layer=name,
            )
