"""Verbs on data layers: point them at another source, with its batch size, backend and mean."""

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

# The message in which each type of data layer names its source.
SOURCES = {
    "Data": "data_param",
    "HDF5Data": "hdf5_data_param",
    "ImageData": "image_data_param",
    "WindowData": "window_data_param",
}
# The types that subtract a mean from images.
_WITH_MEAN = frozenset(SOURCES) - {"HDF5Data"}


@dataclass(frozen=True)
class DataChoice:
    """The data for the data layers of one phase; None leaves a setting unchanged.

    `backend` is `LMDB` or `LEVELDB`, for Data layers; `mean` is a file, or one value per
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
    """The source, batch size and mean of a data layer as written; None if it has none."""

    layer: Layer
    phases: tuple[Phase, ...]
    source: str | None
    batch: str | None
    mean: str | None


def data_sources(net: Net, phases: Collection[Phase] = PHASES) -> list[DataSource]:
    """The data layers that name a source, in the given phases."""
    return [
        DataSource(layer, layer_phases, *_read(layer))
        for layer in net.layers
        if layer.type in SOURCES
        and (
            layer_phases := tuple(
                phase for phase in PHASES if phase in phases and _is_in_phase(net, layer, phase)
            )
        )
    ]


def _is_in_phase(net: Net, layer: Layer, phase: Phase) -> bool:
    return any(layer.is_in(state) for state in net.states_of(phase))


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


def image_layers(net: Net, classifier: Layer) -> tuple[Layer, ...]:
    """The data layers that the features of a classifier come from, and no layer of its targets."""
    indices: set[int] = set()
    graphs = [graph for graph in net.run_graphs if graph.takes_part(classifier)]
    for graph in graphs or net.graphs_with(classifier):
        features = graph.reads(classifier)[:1]
        indices |= graph.below([blob.writer for blob in features if blob and blob.writer])
    return tuple(layer for layer in net.layers if layer.is_data and layer.index in indices)


@dataclass(frozen=True)
class Repointing:
    """A change that points data layers at other data; `kept` are those that keep their source."""

    change: Change
    kept: tuple[DataSource, ...] = ()


def repoint(
    net: Net,
    classifier: Layer,
    choices: Mapping[Phase, DataChoice],
    phases: Collection[Phase] = PHASES,
) -> Repointing:
    """Point the data layers of a net at other data.

    Where several layers of a phase name a source, as with labels of their own, a new one goes to
    the layer of the images.

    Args:
        net: the net.
        classifier: a mean goes to the data layers that its features come from, to no other.
        choices: the data of each phase.
        phases: the phases that the net is built for; choices of others are ignored.

    Raises:
        SurgeryError: a phase has no such layer or several of images, or one layer serves both
            phases and their data differ.
    """
    active = {phase: choice for phase, choice in choices.items() if choice and phase in phases}
    if not active:
        return Repointing(Change())
    sources = data_sources(net, active)
    of_images = {layer.index for layer in image_layers(net, classifier)}
    kept: list[DataSource] = []
    for phase, choice in active.items():
        of_phase = [each for each in sources if phase in each.phases]
        kept += _without_new_source(net, phase, choice, of_phase, of_images)
    images = {layer.index for layer in image_layers(net, classifier) if layer.type in _WITH_MEAN}
    if not any(each.layer.index in images for each in sources) and any(
        choice.mean is not None for choice in active.values()
    ):
        others = any(each.layer.type in _WITH_MEAN for each in sources)
        which = f" that '{classifier.bottoms[0]}' depends on" if others else ""
        raise SurgeryError(
            f"no data layer{which} takes a mean",
            location=Location(net.file),
            hint=f"{', '.join(sorted(_WITH_MEAN))} layers do" if others else "HDF5Data has none",
        )
    changes = []
    for each in sources:
        own = {phase: replace(active[phase], source=None) for phase in each.phases}
        choice = _choice_for(each, own if each in kept else active)
        has_mean = each.layer.index in images
        changes.append(
            _repoint_layer(each.layer, choice if has_mean else replace(choice, mean=None))
        )
    return Repointing(merge(changes), tuple(dict.fromkeys(kept)))


def _without_new_source(
    net: Net,
    phase: Phase,
    choice: DataChoice,
    sources: Sequence[DataSource],
    of_images: Collection[int],
) -> list[DataSource]:
    """The data layers of a phase that keep their source: all but the one of the images.

    Raises:
        SurgeryError: no layer takes the data of the phase, or it is unclear which one does.
    """
    if choice.source is None and choice.batch is None:
        return []
    if not sources:
        raise SurgeryError(
            f"no data layer in phase {phase} names a source",
            location=Location(net.file),
            hint="only Data, ImageData, HDF5Data and WindowData layers do",
        )
    images = [each for each in sources if each.layer.index in of_images]
    if len(sources) > 1 and choice.source is not None and len(images) != 1:
        lines = ", ".join(f"'{each.layer.name}' (line {each.layer.line})" for each in sources)
        raise SurgeryError(
            f"several data layers in phase {phase} name a source: {lines}",
            location=sources[1].layer.location,
            hint="edit their sources by hand",
        )
    if len(sources) == 1 or choice.source is None:
        return []
    return [each for each in sources if each not in images]


def _choice_for(source: DataSource, choices: Mapping[Phase, DataChoice]) -> DataChoice:
    """The data of one layer, which may serve both phases."""
    one, *others = (choices[phase] for phase in source.phases)
    for other in others:
        for name in ("source", "batch"):
            values = {getattr(one, name), getattr(other, name)} - {None}
            if len(values) > 1:
                raise SurgeryError(
                    f"layer '{source.layer.name}' serves both phases and cannot read both "
                    + " and ".join(f"'{value}'" for value in sorted(values, key=str)),
                    location=source.layer.location,
                    hint="give each phase a data layer of its own: include { phase: TEST }",
                )
        one = replace(
            one,
            source=one.source or other.source,
            batch=one.batch or other.batch,
            backend=one.backend or other.backend,
        )
    return one


def _repoint_layer(layer: Layer, choice: DataChoice) -> Change:
    name = SOURCES[layer.type]
    new: list[tuple[str, object]] = []
    if choice.source is not None:
        new.append(("source", choice.source))
    if choice.batch is not None:
        new.append(("batch_size", choice.batch))
    if choice.backend is not None and layer.type == "Data" and choice.source is not None:
        new.append(("backend", Word(choice.backend)))
    if layer.dialect is Dialect.V0:
        return _repoint_v0(layer, name, new, choice)
    changes = [_put_all(layer, name, new)]
    if choice.mean is not None and layer.type in _WITH_MEAN:
        changes += _mean(layer, choice.mean)
    return merge(changes)


def _repoint_v0(
    layer: Layer, name: str, new: Sequence[tuple[str, object]], choice: DataChoice
) -> Change:
    """In V0 the fields are not grouped in messages; it has no mean values, and only LEVELDB.

    Raises:
        SurgeryError: V0 has no field for a setting.
    """
    if ("backend", "LMDB") in new:
        raise SurgeryError(
            f"a V0 net has no 'backend' and reads only LEVELDB; '{choice.source}' is an LMDB",
            location=layer.location,
            hint=UPGRADE_HINT,
        )
    settings = [(name, field, value) for field, value in new if field != "backend"]
    if choice.mean is not None and layer.type in _WITH_MEAN:
        if not isinstance(choice.mean, str):
            raise dialect_error("field 'mean_value'", layer.dialect, layer.location)
        settings.append(("transform_param", "mean_file", choice.mean))
    place = layer.location
    return fields.put_all(
        layer.core,
        [
            (field_in_v0(layer.type, message, field, place), value)
            for message, field, value in settings
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
    # Caffe still reads the field of old files, and prefers it to the newer one.
    if source := layer.core.message(SOURCES[layer.type]):
        yield fields.take_out(source.entries("mean_file"), "delete")
    message = layer.core.message("transform_param")
    if message is None:
        yield _add_message(layer, "transform_param", new)
        return
    other = message.entries("mean_value" if is_file else "mean_file")
    if other and not message.entries(new[0][0]):
        # Put in the place of the other, so that the message is never empty.
        yield fields.add_after(other[-1], new)
    else:
        yield _replace_values(message, new)
    yield fields.take_out(other, "delete")


def _replace_values(message: Message, new: Sequence[tuple[str, object]]) -> Change:
    """Put values of one field in the place of all the values it had."""
    old = message.entries(new[0][0])
    changes = [fields.set_value(entry, value) for entry, (_, value) in zip(old, new, strict=False)]
    changes.append(fields.take_out(old[len(new) :], "delete"))
    rest = new[len(old) :]
    changes.append(
        fields.add_after(old[-1], rest) if old and rest else fields.add_inside(message, rest)
    )
    return merge(changes)
