"""The shapes of the blobs of data layers: from options, the net itself, data, and means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.net.phase import Phase, State
from ssdh_surgery.errors import MissingExtra, SsdhError, SurgeryError

if TYPE_CHECKING:
    from ssdh_surgery.surgery.derive.deploy import DataBlob

Shape = tuple[int, ...]
_COLORS = 3
# The messages of the data layers whose shapes depend on their data; they state the batch size.
_READERS = {
    "Data": "data_param",
    "HDF5Data": "hdf5_data_param",
    "ImageData": "image_data_param",
    "WindowData": "window_data_param",
}
# The data layers whose mean has one value per channel of their images.
_IMAGE_LAYERS = frozenset(["Data", "ImageData", "WindowData"])


def shapes_at_hand(net: Net, phase: Phase | State, folders: Sequence[Path]) -> dict[str, Shape]:
    """The shapes of the blobs that a net's data layers would read from the data on disk.

    Only those of images and arrays: labels follow their batch.
    """
    blob_shapes: dict[str, Shape] = {}
    for layer in net.layers_in(phase):
        if layer.type not in _READERS:
            continue
        batch = getattr(layer.parameter, _READERS[layer.type]).batch_size
        for top in layer.tops if layer.type == "HDF5Data" else layer.tops[:1]:
            try:
                shape = _Sizes.of(net, layer, top, folders).shape
            except MissingExtra:
                continue
            if shape and batch:
                blob_shapes[top] = (batch, *shape[1:])
    return blob_shapes


def data_shape(
    net: Net, blob: DataBlob, explicit: Mapping[str, Shape], folders: Sequence[Path]
) -> Shape:
    """The shape of a data blob with a batch of 1, or as given on the command line.

    From `explicit`, else the layer's own sizes, the records, the mean file, the mean values,
    in this order; of several layers that write the blob the first whose shape is known.

    Raises:
        SurgeryError: the shape is unknown; the message names what was looked at.
    """
    if blob.name in explicit:
        return explicit[blob.name]
    for layer in blob.layers:
        if shape := _Sizes.of(net, layer, blob.top, folders).shape:
            return shape
    layer = blob.layers[0]
    raise SurgeryError(
        f"the shape of '{blob.name}' is unknown: {_evidence(layer)}",
        location=layer.location,
        hint=f"give it: --input-shape {blob.name}=1,C,H,W",
        layer=layer.name,
        blob=blob.name,
    )


@dataclass
class _Sizes:
    """What is known so far of the images that a layer reads."""

    channels: int | None = None
    height: int | None = None
    width: int | None = None
    # The shape of data other than images, which is known as a whole.
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
            # Caffe reads its images in colour, even if they are gray.
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
        """Fill in what is unknown so far."""
        self.channels = self.channels or channels
        self.height = self.height or height
        self.width = self.width or width

    @property
    def shape(self) -> Shape | None:
        """The shape with a batch of 1, None as long as part of it is unknown."""
        if self.whole is not None:
            return self.whole
        if self.channels and self.height and self.width:
            return (1, self.channels, self.height, self.width)
        return None


# Channels, height and width.
ImageSize = tuple[int | None, int | None, int | None]
_UNKNOWN = (None, None, None)


def _declared(net: Net, layer: Layer, top: str) -> Shape | None:
    from ssdh_surgery.caffe.shapes import shapes

    graph = next(iter(net.graphs_with(layer)), None)
    if graph is None:
        return None
    shape = shapes(net, graph.state).of(layer).tops[layer.tops.index(top)]
    return (1, *shape[1:]) if shape else None


def _of_records(layer: Layer, folders: Sequence[Path]) -> ImageSize:
    source = layer.parameter.data_param.source
    for path in _existing(source, folders):
        # Imported late: most nets are patched where their data is not.
        from ssdh_surgery.data.open_records import common_shape

        try:
            return common_shape(path, 1) or _UNKNOWN
        except SsdhError:
            continue
    return _UNKNOWN


def _of_mean_file(name: str, folders: Sequence[Path]) -> ImageSize:
    for path in _existing(name, folders):
        # Imported late: it imports numpy.
        from ssdh_surgery.data.mean import read_mean

        try:
            channels, height, width = read_mean(path).shape
        except SsdhError:
            continue
        return channels, height, width
    return _UNKNOWN


def _of_hdf5(layer: Layer, top: str, folders: Sequence[Path]) -> Shape | None:
    """The shape of an array in the first file of the list, the first that Caffe reads.

    Raises:
        MissingExtra: there is a list, and h5py is not installed.
    """
    from ssdh_surgery.data.hdf5_contents import can_read, hdf5_contents
    from ssdh_surgery.data.hdf5_source import listed_files

    for folder in folders:
        try:
            first, *_ = listed_files(folder, layer.parameter.hdf5_data_param.source)
        except SsdhError:
            continue
        if not can_read():
            raise MissingExtra("codes", "reading HDF5 files")
        (contents,) = hdf5_contents([folder / first], layer.tops)
        dataset = contents.datasets.get(top)
        if dataset is not None and dataset.shape:
            return (1, *dataset.shape[1:])
    return None


def _existing(name: str, folders: Sequence[Path]) -> list[Path]:
    """The files that a path in a net may mean; none for an empty path."""
    paths = [folder / name for folder in folders] if name else []
    return [path for path in dict.fromkeys(paths) if path.exists()]


def _evidence(layer: Layer) -> str:
    """What a layer states about its data, so that a user sees why that is not enough."""
    param = layer.parameter
    transform = param.transform_param
    source = (
        param.data_param.source
        or param.hdf5_data_param.source
        or param.image_data_param.source
        or param.window_data_param.source
    )
    parts = [
        f"crop_size is {transform.crop_size}" if transform.crop_size else "",
        f"'{source}' does not exist or cannot be read" if source else "it names no source",
        f"mean file '{transform.mean_file}' does not exist" if transform.mean_file else "",
    ]
    if layer.type in _IMAGE_LAYERS and len(transform.mean_value) < 2:
        has_one = len(transform.mean_value) == 1
        parts.append("one mean_value serves any channels" if has_one else "it has no mean_value")
    return f"in layer '{layer.name}' ({layer.type}), " + ", ".join(filter(None, parts))
