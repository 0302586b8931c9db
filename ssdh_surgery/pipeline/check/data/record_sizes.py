"""SSDH1xx: sizes of records that a Data layer cannot take, and sizes that look exchanged."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.data.datum import Shape
from ssdh_surgery.data.record_scan import Occurrence, RecordScan
from ssdh_surgery.findings import CHANNELS_LAST, RECORD_SIZES, Finding
from ssdh_surgery.location import Location
from ssdh_surgery.names import size_text

# Images of fewer rows are none.
_LEAST_ROWS = 8


def findings(layer: Layer, path: Path, scan: RecordScan, place: Location) -> Iterator[Finding]:
    """The findings about the sizes of the records of a Data layer."""
    forced = _forced_channels(layer)
    if scan.deep is not None and forced is None:
        yield RECORD_SIZES.at(
            place,
            f"record '{scan.deep.key}' of {path} is an image of 16 bits per channel, and Caffe "
            "takes 8",
            "transform_param { force_color: true } (or force_gray) reads it in 8 bits",
        )
    sizes = _sizes(scan, forced)
    yield from _channels_last(scan, path, place)
    if len({channels for channels, _, _ in sizes}) > 1:
        yield _channels(scan, sizes, path, place)
    elif len(sizes) > 1:
        yield from _differing(layer, sizes, path, place)


def _forced_channels(layer: Layer) -> int | None:
    """The channels that all encoded images get; None if they keep their own."""
    transform = layer.parameter.transform_param
    if transform.force_color:
        return 3
    return 1 if transform.force_gray else None


def _sizes(scan: RecordScan, forced: int | None) -> dict[Shape, Occurrence]:
    """The sizes that the layer makes of the records."""
    if forced is None or scan.raw is not None:
        return scan.sizes
    sizes: dict[Shape, Occurrence] = {}
    for (_, height, width), each in scan.sizes.items():
        sizes.setdefault((forced, height, width), each)
    return sizes


def _channels(
    scan: RecordScan, sizes: dict[Shape, Occurrence], path: Path, place: Location
) -> Finding:
    first: dict[int, tuple[Shape, Occurrence]] = {}
    for size, each in sizes.items():
        first.setdefault(size[0], (size, each))
    (one, one_record), (other, other_record), *_ = first.values()
    can_force = scan.raw is None and {one[0], other[0]} <= {1, 3, 4}
    return RECORD_SIZES.at(
        place,
        f"the records of {path} differ in their channels: {_record(one, one_record)}, "
        f"{_record(other, other_record)}",
        "transform_param { force_color: true } reads all of them in color"
        if can_force
        else "build it again from one list, with the same options for all images",
    )


def _differing(
    layer: Layer, sizes: dict[Shape, Occurrence], path: Path, place: Location
) -> Iterator[Finding]:
    """Records of several sizes, where the layer does not cut them to one."""
    param = layer.parameter
    crop, batch = param.transform_param.crop_size, param.data_param.batch_size
    smallest = min(sizes, key=lambda size: min(size[1:]))
    (one, one_record), (other, other_record), *_ = sizes.items()
    differ = f"the records of {path} differ in size: {_record(one, one_record)}, " + _record(
        other, other_record
    )
    if param.transform_param.mean_file:
        mean = param.transform_param.mean_file
        yield RECORD_SIZES.at(
            place,
            f"{differ}, and the mean file '{mean}' has one size",
            "build it with --resize, or subtract a mean_value for each channel",
        )
    elif not crop and batch > 1:
        yield RECORD_SIZES.at(
            place,
            f"{differ}, and a batch of {batch} has one size",
            "build it with --resize WxH, or set crop_size",
        )
    elif crop and min(smallest[1:]) < crop:
        yield RECORD_SIZES.at(
            place,
            f"{_record(smallest, sizes[smallest])} in {path}, smaller than crop_size: {crop}",
            f"build it with --resize, or set a crop_size of at most {min(smallest[1:])}",
        )


def _channels_last(scan: RecordScan, path: Path, place: Location) -> Iterator[Finding]:
    """Raw records that are rows x columns x channels, by what images look like."""
    if scan.raw is None or scan.encoded is not None or scan.common_size is None:
        return
    channels, height, width = scan.common_size
    is_gray = width == 1 and channels == height
    if min(channels, height) >= _LEAST_ROWS and (width in (3, 4) or is_gray):
        yield CHANNELS_LAST.at(
            place,
            f"the records of {path} are {size_text(scan.common_size)} (channels x height x width): "
            f"are they images of {height} x {channels} with {width} channels?",
            "write channels x height x width: image.transpose(2, 0, 1) in numpy",
        )


def _record(size: Shape, record: Occurrence) -> str:
    return f"'{record.key}' is {size_text(size)}"
