"""Pointing a net at other data: source, batch size, backend and mean of its data layers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from ssdh_surgery.caffe.layer import Layer
from ssdh_surgery.caffe.net import Net
from ssdh_surgery.caffe.phase import Phase
from ssdh_surgery.errors import SurgeryError
from ssdh_surgery.prototxt.cst import Message
from ssdh_surgery.prototxt.render import Word
from ssdh_surgery.surgery import fields
from ssdh_surgery.surgery.change import Change, merged

# The message in which each type of data layer names what it reads.
SOURCES = {
    "Data": "data_param",
    "HDF5Data": "hdf5_data_param",
    "ImageData": "image_data_param",
    "WindowData": "window_data_param",
}


@dataclass(frozen=True)
class DataChoice:
    """What the data layers of one phase are to read; None leaves a thing as it is.

    `backend` is `LMDB` or `LEVELDB`, for Data layers; `mean` is a file, or values per
    channel in the order of the records (blue, green, red).
    """

    source: str | None = None
    batch: int | None = None
    backend: str | None = None
    mean: str | Sequence[Decimal] | None = None

    def __bool__(self) -> bool:
        return (self.source, self.batch, self.mean) != (None, None, None)


def repoint(net: Net, phase: Phase, choice: DataChoice) -> Change:
    """Point the data layers of a phase at other data.

    Raises:
        SurgeryError: the phase has no such layer, or one serves both phases and the two
            would differ.
    """
    if not choice:
        return Change()
    layers = [layer for layer in net.layers_in(phase) if layer.type in SOURCES]
    if not layers:
        raise SurgeryError(
            f"{net.file}: no data layer in phase {phase} names a source",
            hint="only Data, ImageData, HDF5Data and WindowData layers do",
        )
    if len(layers) > 1 and choice.source is not None:
        lines = ", ".join(f"'{layer.name}' (line {layer.line})" for layer in layers)
        raise SurgeryError(f"{net.file}: several data layers in phase {phase}: {lines}")
    return merged(_repointed(layer, choice) for layer in layers)


def _repointed(layer: Layer, choice: DataChoice) -> Change:
    name = SOURCES[layer.type]
    new: list[tuple[str, object]] = []
    if choice.source is not None:
        new.append(("source", choice.source))
    if choice.batch is not None:
        new.append(("batch_size", choice.batch))
    if choice.backend is not None and layer.type == "Data" and choice.source is not None:
        new.append(("backend", Word(choice.backend)))
    changes = [_put_all(layer, name, new)]
    if choice.mean is not None and layer.type != "HDF5Data":
        changes.append(_mean(layer, choice.mean))
    return merged(changes)


def _put_all(layer: Layer, name: str, new: Sequence[tuple[str, object]]) -> Change:
    message = layer.core.message(name)
    if message is None:
        return _add_message(layer, name, new)
    existing = [(field, value) for field, value in new if message.entry(field)]
    missing = [(field, value) for field, value in new if not message.entry(field)]
    changes = [fields.put(message, field, value) for field, value in existing]
    return merged([*changes, fields.add_inside(message, missing)])


def _add_message(layer: Layer, name: str, new: Sequence[tuple[str, object]]) -> Change:
    return fields.add_inside(layer.core, [(name, list(new))]) if new else Change()


def _mean(layer: Layer, mean: str | Sequence[Decimal]) -> Change:
    """A mean file or mean values; Caffe refuses to have both."""
    is_file = isinstance(mean, str)
    new: list[tuple[str, object]] = (
        [("mean_file", mean)] if isinstance(mean, str) else [("mean_value", v) for v in mean]
    )
    message = layer.core.message("transform_param")
    if message is None:
        return _add_message(layer, "transform_param", new)
    other = message.entries("mean_value" if is_file else "mean_file")
    return merged([fields.take_out(other, "delete"), _replaced(message, new)])


def _replaced(message: Message, new: Sequence[tuple[str, object]]) -> Change:
    """Values of one field in the place of all that it had."""
    old = message.entries(new[0][0])
    changes = [fields.set_value(entry, value) for entry, (_, value) in zip(old, new, strict=False)]
    changes.append(fields.take_out(old[len(new) :], "delete"))
    rest = new[len(old) :]
    changes.append(
        fields.add_after(old[-1], rest) if old and rest else fields.add_inside(message, rest)
    )
    return merged(changes)
