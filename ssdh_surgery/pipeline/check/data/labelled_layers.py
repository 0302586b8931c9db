"""The labels that the nets of a run read, whatever the type of the data layer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.net.phase import Phase
from ssdh_surgery.caffe.shapes import NetShapes
from ssdh_surgery.data.label_counts import LabelCounts
from ssdh_surgery.errors import SsdhError
from ssdh_surgery.location import Location
from ssdh_surgery.pipeline.check.data.class_judges import ClassJudge, class_judges
from ssdh_surgery.pipeline.check.data.database_readers import database_readers
from ssdh_surgery.pipeline.check.data.hdf5_files import label_counts
from ssdh_surgery.pipeline.check.data.images import listed_images
from ssdh_surgery.pipeline.check.data.layer_paths import setting_entry
from ssdh_surgery.pipeline.check.subject import Subject


@dataclass(frozen=True)
class LabelledLayer:
    """A data layer in one state with labels that some `judges` read; `place` names its source."""

    layer: Layer
    phase: Phase
    place: Location
    labels: LabelCounts
    judges: tuple[ClassJudge, ...]

    @property
    def has_legal_labels(self) -> bool:
        """Whether every label has an output in all that read it."""
        return all(judge.allows(label) for judge in self.judges for label in self.labels.counts)


def labelled_layers(subject: Subject) -> list[LabelledLayer]:
    """The data layers whose labels are at hand and are read by a loss or an accuracy."""
    layers = [
        LabelledLayer(each.layer, each.phase, each.place, each.labels, each.judges)
        for each in database_readers(subject)
        if each.judges
    ]
    for (net, state), shapes in zip(subject.nets, subject.shapes, strict=True):
        for layer in net.layers_in(state):
            if layer.type == "ImageData":
                layers += _of_list(net, layer, shapes, subject)
            elif layer.type == "HDF5Data":
                layers += _of_files(net, layer, shapes, subject)
    return layers


def _of_list(
    net: Net, layer: Layer, shapes: NetShapes, subject: Subject
) -> Iterator[LabelledLayer]:
    entry = setting_entry(layer, "image_data_param", "source")
    judges = tuple(class_judges(net, shapes, layer))
    try:
        files = listed_images(layer, subject.folder)
    except SsdhError:
        return
    # The labels of a list with lines that Caffe misreads are not those that were meant.
    if entry and files and judges and not files.images.problems():
        yield LabelledLayer(layer, shapes.phase, entry.location, files.images.labels, judges)


def _of_files(
    net: Net, layer: Layer, shapes: NetShapes, subject: Subject
) -> Iterator[LabelledLayer]:
    entry = setting_entry(layer, "hdf5_data_param", "source")
    for index, top in enumerate(layer.tops):
        judges = tuple(class_judges(net, shapes, layer, index))
        if entry and judges and (labels := label_counts(layer, top, subject.folder)):
            yield LabelledLayer(layer, shapes.phase, entry.location, labels, judges)
