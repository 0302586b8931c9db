"""SSDH153, SSDH154: the window files of WindowData layers, their images, and the mean."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.data.window_file import WindowFile, read_windows
from ssdh_surgery.errors import SsdhError
from ssdh_surgery.findings import WINDOW_FILE, WINDOW_MEAN, Finding
from ssdh_surgery.location import path_in_shell
from ssdh_surgery.names import count_text, printable, size_text
from ssdh_surgery.pipeline.check.data import labels
from ssdh_surgery.pipeline.check.data.class_judges import class_judges
from ssdh_surgery.pipeline.check.data.images import spread
from ssdh_surgery.pipeline.check.data.layer_paths import path_of, setting_entry
from ssdh_surgery.pipeline.check.data.means import mean_of
from ssdh_surgery.pipeline.check.subject import Subject

# Caffe reads the images of windows in color, whatever they are.
_COLORS = 3
_LOOKED_UP = 2_000


def findings(subject: Subject) -> Iterator[Finding]:
    """The findings about the window file of each WindowData layer."""
    for (net, state), shapes in zip(subject.nets, subject.shapes, strict=True):
        for layer in net.layers_in(state):
            entry = setting_entry(layer, "window_data_param", "source")
            path = path_of(entry, subject.folder) if entry else Path()
            if layer.type != "WindowData" or entry is None or not path.is_file():
                continue
            yield from _mean(layer, subject.folder)
            try:
                windows = read_windows(path)
            except SsdhError as error:
                yield WINDOW_FILE.at(entry.location, f"{error.location}: {error.message}")
                continue
            for message in (*_windows(layer, windows), *_images(layer, windows, subject.folder)):
                yield WINDOW_FILE.at(entry.location, message)
            param = layer.parameter.window_data_param
            counts = windows.labels(param.fg_threshold, param.bg_threshold)
            judges = class_judges(net, shapes, layer)
            yield from labels.findings(counts, judges, state.phase, entry.location)


def _windows(layer: Layer, windows: WindowFile) -> Iterator[str]:
    """Windows that Caffe cannot use."""
    param = layer.parameter.window_data_param
    name = path_in_shell(str(windows.path))
    foreground = [each for each in windows.windows if each.overlap >= param.fg_threshold]
    for window in foreground:
        if window.label <= 0:
            yield (
                f"{name}:{window.line}: a window of an object, with overlap {window.overlap:g}, "
                f"has class {window.label}; classes of objects count from 1"
            )
            break
    if windows.is_complete:
        has_background = any(each.overlap < param.bg_threshold for each in windows.windows)
        if not foreground:
            yield f"{name} has no window of an object: no overlap reaches {param.fg_threshold:g}"
        elif not has_background:
            yield (
                f"{name} has no window of the background: no overlap is below "
                f"{param.bg_threshold:g}"
            )
    if param.context_pad or param.crop_mode == "square":
        return  # what is outside of the image is cut off
    for window in windows.windows:
        image = windows.images[window.image]
        x1, y1, x2, y2 = window.corners
        if not (0 <= x1 <= x2 < image.width and 0 <= y1 <= y2 < image.height):
            yield (
                f"{name}:{window.line}: the window from ({x1}, {y1}) to ({x2}, {y2}) is not "
                f"inside its image of {image.width} x {image.height} (width x height)"
            )
            break


def _images(layer: Layer, windows: WindowFile, folder: Path) -> Iterator[str]:
    """Images that do not exist, or that are stated to have other channels than Caffe reads."""
    name = path_in_shell(str(windows.path))
    root = layer.parameter.window_data_param.root_folder
    gray = next((each for each in windows.images if each.channels != _COLORS), None)
    if gray is not None:
        channels = count_text(gray.channels, "channel")
        yield (
            f"{name}:{gray.line}: '{printable(gray.path)}' has {channels} there, and Caffe reads "
            f"{_COLORS} of every image"
        )
    indices = spread(len(windows.images), _LOOKED_UP)
    missing = [
        image
        for image in (windows.images[index] for index in indices)
        if not (folder / (root + image.path)).is_file()
    ]
    if missing:
        first = missing[0]
        yield (
            f"{name}:{first.line}: {count_text(len(missing), 'image')} of {len(indices):,} "
            f"{'does' if len(missing) == 1 else 'do'} not exist, the first is "
            f"'{printable(root + first.path)}', looked up from {folder}"
        )


def _mean(layer: Layer, folder: Path) -> Iterator[Finding]:
    """A mean that does not cover the crop."""
    transform = layer.parameter.transform_param
    entry = setting_entry(layer, "transform_param", "mean_file")
    if entry is None:
        return
    try:
        mean = mean_of(layer, folder)
    except SsdhError:
        return  # the family of transforms reports it
    if mean is None:
        return
    channels, height, width = mean.shape
    crop = transform.crop_size
    if channels < _COLORS or min(height, width) < crop:
        yield WINDOW_MEAN.at(
            entry.location,
            f"{transform.mean_file} is {size_text((channels, height, width))} (channels x height x "
            f"width), a window {size_text((_COLORS, crop, crop))}",
            "use the mean of color images that are at least as large as the crop",
        )
