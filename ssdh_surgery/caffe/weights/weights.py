"""Weights files of either form, binary or HDF5, read and written as Caffe does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from ssdh_surgery import errors, files
from ssdh_surgery.caffe.weights import binary_weights, hdf5
from ssdh_surgery.caffe.weights.binary_weights import read_weights, write_weights
from ssdh_surgery.caffe.weights.hdf5_weights import (
    ParamKey,
    read_hdf5_weights,
    stored_hdf5_layers,
    write_hdf5_weights,
)
from ssdh_surgery.caffe.weights.layer_weights import LayerWeights, Weights


def read_any_weights(
    path: Path | str, owners: Mapping[ParamKey, ParamKey] | None = None
) -> Weights:
    """The weights in a binary or an HDF5 file, whose form is detected from its content.

    `owners` maps each shared param of a net to the param that owns it: Caffe stores a shared
    param in HDF5 only once.

    Raises:
        FileError: the file cannot be read.
        DataError: it holds no weights or is truncated.
        MissingExtra: it is HDF5 and h5py is not installed.
    """
    return read_hdf5_weights(path, owners or {}) if _is_hdf5(path) else read_weights(path)


def stored_layers(path: Path | str) -> Iterator[LayerWeights]:
    """The layers in a file of either form, one by one; their blobs need not fit into memory.

    Those of a binary file are views of it, those of an HDF5 file are without the ones that
    another layer owns.

    Raises:
        FileError, DataError, MissingExtra: as in `read_any_weights`.
    """
    if _is_hdf5(path):
        return stored_hdf5_layers(path)
    return binary_weights.stored_layers(files.map_bytes(path), str(path), is_copied=False)


def _is_hdf5(path: Path | str) -> bool:
    with errors.file_errors(path, "read"), open(path, "rb") as file:
        return file.read(len(hdf5.MAGIC)) == hdf5.MAGIC


def write_any_weights(
    path: Path | str,
    layers: Iterable[LayerWeights],
    *,
    name: str = "",
    owners: Mapping[ParamKey, ParamKey] | None = None,
) -> None:
    """Write weights as Caffe does: as HDF5 if the file name ends in `.h5`, otherwise binary.

    Raises:
        FileError: the file cannot be written.
        DataError: HDF5 cannot hold a layer of that name.
        MissingExtra: the file is HDF5 and h5py is not installed.
    """
    if str(path).endswith(".h5"):
        write_hdf5_weights(path, tuple(layers), owners or {})
    else:
        write_weights(path, layers, name=name)
