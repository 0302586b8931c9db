"""The shapes that data at hand has: what the records of a net's LMDBs say of its inputs."""

from __future__ import annotations

from pathlib import Path

from ssdh_surgery.caffe.layer import Layer, integer
from ssdh_surgery.caffe.net import Net
from ssdh_surgery.caffe.phase import Phase, State
from ssdh_surgery.data.lmdb_store import LmdbStore
from ssdh_surgery.errors import SsdhError

Shape = tuple[int, ...]


def input_shapes(net: Net, phase: Phase | State, folder: Path) -> dict[str, Shape]:
    """The shape of the pictures of each Data layer whose LMDB can be read from a folder."""
    found = {}
    for layer in net.layers_in(phase):
        if layer.type == "Data" and layer.tops and (shape := _of_layer(layer, folder)):
            found[layer.tops[0]] = shape
    return found


def _of_layer(layer: Layer, folder: Path) -> Shape | None:
    param = layer.core.message("data_param")
    source = param.string("source") if param else layer.core.string("source")
    batch = integer(param, "batch_size") or integer(layer.core, "batchsize")
    if not source or not batch:
        return None
    try:
        with LmdbStore(folder / source) as store:
            channels, height, width = store.record_shape()
    except SsdhError:
        return None
    transform = layer.core.message("transform_param")
    crop = integer(transform, "crop_size") or integer(layer.core, "cropsize")
    return (batch, channels, crop or height, crop or width)
