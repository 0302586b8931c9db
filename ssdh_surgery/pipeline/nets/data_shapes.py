"""The shape of what a data layer reads, from all that may know it: options, data, means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.net.phase import Phase, State
from ssdh_surgery.errors import MissingExtra, SsdhError, SurgeryError
from ssdh_surgery.surgery.derive.deploy import DataBlob

Shape = tuple[int, ...]
_COLORS = 3
# The messages of data layers whose shape depends on their data; they have the size of the batch.
_READERS = {
    "Data": "data_param",
    "HDF5Data": "hdf5_data_param",
    "ImageData": "image_data_param",
    "WindowData": "window_data_param",
}
# The data layers whose mean has as many values as their pictures have channels.
_PICTURES = frozenset(["Data", "ImageData", "WindowData"])


def shapes_at_hand(net: Net, phase: Phase | State, folders: Sequence[Path]) -> dict[str, Shape]:
    """The shapes of blobs that a net's data layers would read from the data at hand.

    Only those of pictures and of arrays; labels have as many items as these.
    """
    found: dict[str, Shape] = {}
    for layer in net.layers_in(phase):
        if layer.type not in _READERS:
            continue
        batch = getattr(layer.parameter, _READERS[layer.type]).batch_size
        for top in layer.tops if layer.type == "HDF5Data" else layer.tops[:1]:
            shape = _Sizes.of(net, layer, top, folders).shape
            if shape and batch:
                found[top] = (batch, *shape[1:])
    return found


def data_shape(
    net: Net, blob: DataBlob, given: Mapping[str, Shape], folders: Sequence[Path]
) -> Shape:
    """The shape of one item of a data blob, with a batch of 1 (or as it was given).

    Taken from `given`, else the layer's own sizes, records, mean file or mean values, in
    this order; the first of the blob's layers that can tell it counts.

    Raises:
        SurgeryError: nothing tells it; what was looked at is named.
    """
    if blob.name in given:
        return given[blob.name]
    for layer in blob.layers:
        if shape := _Sizes.of(net, layer, blob.name, folders).shape:
            return shape
    layer = blob.layers[0]
    raise SurgeryError(
        f"the shape of '{blob.name}' cannot be told: {_looked_at(layer)}",
        location=layer.location,
        hint=f"give it: --input-shape {blob.name}=1,C,H,W",
        layer=layer.name,
        blob=blob.name,
    )


@dataclass
class _Sizes:
    """What is known so far of the pictures that a layer reads."""

    channels: int | None = None
    height: int | None = None
    width: int | None = None
    # Data of other kinds than pictures has a shape at once.
    whole: Shape | None = None

    @classmethod
    def of(cls, net: Net, layer: Layer, top: str, folders: Sequence[Path]) -> _Sizes:
        sizes = cls()
        if layer.type in ("DummyData", "MemoryData"):
            sizes.whole = _declared(net, layer, top)
            return sizes
        if layer.type == "HDF5Data":
            sizes.whole = _of_hdf5(layer, top, folders)
            return sizes
        transform = layer.parameter.transform_param
        if crop := transform.crop_size:
            sizes.learn(None, crop, crop)
        if layer.type == "ImageData":
            param = layer.parameter.image_data_param
            sizes.learn(
                _COLORS if param.is_color else 1,
                param.new_height or None,
                param.new_width or None,
            )
        elif layer.type == "WindowData":
            # Caffe reads its pictures in colour, whatever they are.
            sizes.learn(_COLORS, None, None)
        elif layer.type == "Data":
            sizes.learn(*_of_records(layer, folders))
        sizes.learn(*_of_mean_file(transform.mean_file, folders))
        if transform.force_gray or transform.force_color:
            sizes.channels = _COLORS if transform.force_color else 1
        # One mean value serves any number of channels.
        if len(transform.mean_value) > 1:
            sizes.learn(len(transform.mean_value), None, None)
        return sizes

    def learn(self, channels: int | None, height: int | None, width: int | None) -> None:
        """Take over what is not known yet."""
        self.channels = self.channels or channels
        self.height = self.height or height
        self.width = self.width or width

    @property
    def shape(self) -> Shape | None:
        """The shape of one item, where all of it is known."""
        if self.whole is not None:
            return self.whole
        if self.channels and self.height and self.width:
            return (1, self.channels, self.height, self.width)
        return None


_NOTHING = (None, None, None)
Known = tuple[int | None, int | None, int | None]


def _declared(net: Net, layer: Layer, top: str) -> Shape | None:
    from ssdh_surgery.caffe.shapes import shapes

    state = net.state_with(layer)
    if state is None:
        return None
    shape = shapes(net, state).of(layer).tops[layer.tops.index(top)]
    return (1, *shape[1:]) if shape else None


def _of_records(layer: Layer, folders: Sequence[Path]) -> Known:
    source = layer.parameter.data_param.source
    for path in _found(source, folders):
        # Only here: most nets are patched where their data are not.
        from ssdh_surgery.data.lmdb_store import common_shape

        try:
            return common_shape(path, 1) or _NOTHING
        except SsdhError:
            continue
    return _NOTHING


def _of_mean_file(name: str, folders: Sequence[Path]) -> Known:
    for path in _found(name, folders):
        # Only here: it imports numpy.
        from ssdh_surgery.data.mean import read_mean

        try:
            channels, height, width = read_mean(path).shape
        except SsdhError:
            continue
        return channels, height, width
    return _NOTHING


def _of_hdf5(layer: Layer, top: str, folders: Sequence[Path]) -> Shape | None:
    """The shape of an array in the first file of the list, which Caffe reads first."""
    from ssdh_surgery.caffe.weights import hdf5

    for folder in folders:
        listed = folder / layer.parameter.hdf5_data_param.source
        try:
            first = listed.read_text().split()[0]
            with hdf5.open_file(folder / first) as file:
                return (1, *(int(size) for size in file[top].shape[1:]))
        except MissingExtra:
            raise
        except (OSError, UnicodeDecodeError, IndexError, SsdhError):
            continue
    return None


def _found(name: str, folders: Sequence[Path]) -> list[Path]:
    """The places of a path that a net names; a net without one names none."""
    paths = [folder / name for folder in folders] if name else []
    return [path for path in dict.fromkeys(paths) if path.exists()]


def _looked_at(layer: Layer) -> str:
    """What a layer says of its data, for a person who wonders why that is not enough."""
    param = layer.parameter
    transform = param.transform_param
    source = (
        param.data_param.source
        or param.hdf5_data_param.source
        or param.image_data_param.source
        or param.window_data_param.source
    )
    said = [
        f"crop_size is {transform.crop_size}" if transform.crop_size else "",
        f"'{source}' is not at hand or cannot be read" if source else "it names no source",
        f"mean file '{transform.mean_file}' is not at hand" if transform.mean_file else "",
        _means_said(len(transform.mean_value)) if layer.type in _PICTURES else "",
    ]
    return f"of layer '{layer.name}' ({layer.type}), " + ", ".join(filter(None, said))


def _means_said(count: int) -> str:
    if count > 1:
        return ""
    return "one mean_value serves any number of channels" if count else "there is no mean_value"
