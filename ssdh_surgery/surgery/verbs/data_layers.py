"""Pointing a net at other data: source, batch size, backend and mean of its data layers."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from ssdh_surgery.caffe.messages.dialect import Dialect
from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.net.phase import PHASES, Phase
from ssdh_surgery.errors import SurgeryError
from ssdh_surgery.location import Location
from ssdh_surgery.prototxt.cst import Message, Scalar
from ssdh_surgery.prototxt.render import Word
from ssdh_surgery.surgery.core.change import Change, merge
from ssdh_surgery.surgery.verbs import fields
from ssdh_surgery.surgery.verbs.spelling import UPGRADE_HINT, dialect_error, field_in_v0

# The message in which each type of data layer names what it reads.
SOURCES = {
    "Data": "data_param",
    "HDF5Data": "hdf5_data_param",
    "ImageData": "image_data_param",
    "WindowData": "window_data_param",
}
# Those whose pictures a mean is taken from.
_WITH_MEAN = frozenset(SOURCES) - {"HDF5Data"}


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


@dataclass(frozen=True)
class DataSource:
    """What one data layer reads: source and mean as written, None where it has none."""

    layer: Layer
    phases: tuple[Phase, ...]
    source: str | None
    batch: str | None
    mean: str | None


def data_sources(net: Net, phases: Collection[Phase] = PHASES) -> list[DataSource]:
    """The data layers of some phases that name what they read."""
    return [
        DataSource(layer, found, *_read(layer))
        for layer in net.layers
        if layer.type in SOURCES
        and (
            found := tuple(
                phase for phase in PHASES if phase in phases and layer in net.layers_in(phase)
            )
        )
    ]


def _read(layer: Layer) -> tuple[str | None, str | None, str | None]:
    name = SOURCES[layer.type]
    values = [entry.value for entry in layer.settings("transform_param", "mean_value")]
    listed = ",".join(value.text for value in values if isinstance(value, Scalar))
    mean = layer.setting("transform_param", "mean_file") or listed
    return (
        layer.setting(name, "source") or None,
        layer.setting(name, "batch_size") or None,
        mean or None,
    )


def repoint(
    net: Net, choices: Mapping[Phase, DataChoice], phases: Collection[Phase] = PHASES
) -> Change:
    """Point the data layers of a net at other data.

    Args:
        net: the net.
        choices: what each phase is to read.
        phases: the phases that the net is built for.

    Raises:
        SurgeryError: a phase has no such layer or several, or one layer serves both phases
            and the two would differ.
    """
    wanted = {phase: choice for phase, choice in choices.items() if choice and phase in phases}
    if not wanted:
        return Change()
    found = data_sources(net, wanted)
    for phase, choice in wanted.items():
        _refuse_unclear(net, phase, choice, [each for each in found if phase in each.phases])
    if not any(each.layer.type in _WITH_MEAN for each in found) and any(
        choice.mean is not None for choice in wanted.values()
    ):
        raise SurgeryError(
            "no data layer takes a mean", location=Location(net.file), hint="HDF5Data has none"
        )
    return merge(_repointed(each.layer, _for_layer(each, wanted)) for each in found)


def _refuse_unclear(
    net: Net, phase: Phase, choice: DataChoice, found: Sequence[DataSource]
) -> None:
    if choice.source is None and choice.batch is None:
        return
    if not found:
        raise SurgeryError(
            f"no data layer in phase {phase} names a source",
            location=Location(net.file),
            hint="only Data, ImageData, HDF5Data and WindowData layers do",
        )
    if len(found) > 1 and choice.source is not None:
        lines = ", ".join(f"'{each.layer.name}' (line {each.layer.line})" for each in found)
        raise SurgeryError(
            f"several data layers in phase {phase} name a source: {lines}",
            location=found[1].layer.location,
            hint="edit their sources by hand",
        )


def _for_layer(each: DataSource, wanted: Mapping[Phase, DataChoice]) -> DataChoice:
    """What one layer is to read, which may serve both phases."""
    one, *others = (wanted[phase] for phase in each.phases)
    for other in others:
        for name in ("source", "batch"):
            values = {getattr(one, name), getattr(other, name)} - {None}
            if len(values) > 1:
                raise SurgeryError(
                    f"layer '{each.layer.name}' serves both phases and cannot read both "
                    + " and ".join(f"'{value}'" for value in sorted(values, key=str)),
                    location=each.layer.location,
                    hint="give each phase a data layer of its own: include { phase: TEST }",
                )
        one = replace(
            one,
            source=one.source or other.source,
            batch=one.batch or other.batch,
            backend=one.backend or other.backend,
        )
    return one


def _repointed(layer: Layer, choice: DataChoice) -> Change:
    name = SOURCES[layer.type]
    new: list[tuple[str, object]] = []
    if choice.source is not None:
        new.append(("source", choice.source))
    if choice.batch is not None:
        new.append(("batch_size", choice.batch))
    if choice.backend is not None and layer.type == "Data" and choice.source is not None:
        new.append(("backend", Word(choice.backend)))
    if layer.dialect is Dialect.V0:
        return _repointed_v0(layer, name, new, choice)
    changes = [_put_all(layer, name, new)]
    if choice.mean is not None and layer.type in _WITH_MEAN:
        changes += _mean(layer, choice.mean)
    return merge(changes)


def _repointed_v0(
    layer: Layer, name: str, new: Sequence[tuple[str, object]], choice: DataChoice
) -> Change:
    """V0 has its fields side by side, a mean file only, and reads no other database than LEVELDB.

    Raises:
        SurgeryError: what is asked for has no field in V0.
    """
    if ("backend", "LMDB") in new:
        raise SurgeryError(
            f"a V0 net reads LEVELDB alone, for it has no 'backend', and '{choice.source}' is none",
            location=layer.location,
            hint=UPGRADE_HINT,
        )
    wanted = [(name, field, value) for field, value in new if field != "backend"]
    if choice.mean is not None and layer.type in _WITH_MEAN:
        if not isinstance(choice.mean, str):
            raise dialect_error("field 'mean_value'", layer.dialect, layer.location)
        wanted.append(("transform_param", "mean_file", choice.mean))
    place = layer.location
    return fields.put_all(
        layer.core,
        [
            (field_in_v0(layer.type, message, field, place), value)
            for message, field, value in wanted
        ],
    )


def _put_all(layer: Layer, name: str, new: Sequence[tuple[str, object]]) -> Change:
    message = layer.core.message(name)
    return fields.put_all(message, new) if message else _add_message(layer, name, new)


def _add_message(layer: Layer, name: str, new: Sequence[tuple[str, object]]) -> Change:
    return fields.add_inside(layer.core, [(name, list(new))]) if new else Change()


def _mean(layer: Layer, mean: str | Sequence[Decimal]) -> Iterator[Change]:
    """A mean file or mean values; Caffe refuses to have both."""
    is_file = isinstance(mean, str)
    new: list[tuple[str, object]] = (
        [("mean_file", mean)] if isinstance(mean, str) else [("mean_value", v) for v in mean]
    )
    # Caffe still reads the place where old files have it, and takes that for the newer one's.
    if source := layer.core.message(SOURCES[layer.type]):
        yield fields.take_out(source.entries("mean_file"), "delete")
    message = layer.core.message("transform_param")
    if message is None:
        yield _add_message(layer, "transform_param", new)
        return
    other = message.entries("mean_value" if is_file else "mean_file")
    if other and not message.entries(new[0][0]):
        # In the place of the other, so that a message is never emptied on the way.
        yield fields.add_after(other[-1], new)
    else:
        yield _replaced(message, new)
    yield fields.take_out(other, "delete")


def _replaced(message: Message, new: Sequence[tuple[str, object]]) -> Change:
    """Values of one field in the place of all that it had."""
    old = message.entries(new[0][0])
    changes = [fields.set_value(entry, value) for entry, (_, value) in zip(old, new, strict=False)]
    changes.append(fields.take_out(old[len(new) :], "delete"))
    rest = new[len(old) :]
    changes.append(
        fields.add_after(old[-1], rest) if old and rest else fields.add_inside(message, rest)
    )
    return merge(changes)
