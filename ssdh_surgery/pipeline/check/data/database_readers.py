"""The Data layers of the nets of a run, each with what its database holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.net.phase import Phase
from ssdh_surgery.caffe.shapes import NetShapes
from ssdh_surgery.data.label_counts import LabelCounts
from ssdh_surgery.data.record_scan import RecordScan
from ssdh_surgery.errors import SsdhError
from ssdh_surgery.location import Location
from ssdh_surgery.pipeline.check.data.class_judges import ClassJudge, class_judges
from ssdh_surgery.pipeline.check.data.layer_paths import has_wrong_backend, path_of, setting_entry
from ssdh_surgery.pipeline.check.subject import Subject
from ssdh_surgery.prototxt.cst import Entry


@dataclass(frozen=True)
class DatabaseReader:
    """A Data layer in one state, with what its database holds; `judges` read its labels."""

    net: Net
    shapes: NetShapes
    layer: Layer
    entry: Entry
    path: Path
    scan: RecordScan
    judges: tuple[ClassJudge, ...]

    @property
    def phase(self) -> Phase:
        """The phase of the state."""
        return self.shapes.phase

    @property
    def place(self) -> Location:
        """Where the net names the database."""
        return self.entry.location

    @property
    def batch(self) -> int:
        """The number of records that an iteration takes, iter_size aside."""
        return self.layer.parameter.data_param.batch_size

    @property
    def labels(self) -> LabelCounts:
        """Its labels, with the keys of their first records."""
        places = {label: f"key '{each.key}'" for label, each in self.scan.labels.items()}
        counts = self.scan.label_counts
        return LabelCounts(self.path, "record", counts, places, self.scan.is_complete)


def database_readers(subject: Subject) -> list[DatabaseReader]:
    """The Data layers whose database can be read, net by net."""
    return [each for each in _readers(subject) if isinstance(each, DatabaseReader)]


def unreadable_databases(subject: Subject) -> dict[Path, SsdhError]:
    """The databases that cannot be read, each with the reason."""
    return dict(each for each in _readers(subject) if not isinstance(each, DatabaseReader))


def _readers(subject: Subject) -> Iterator[DatabaseReader | tuple[Path, SsdhError]]:
    for (net, state), shapes in zip(subject.nets, subject.shapes, strict=True):
        for layer in net.layers_in(state):
            entry = setting_entry(layer, "data_param", "source") if layer.type == "Data" else None
            path = path_of(entry, subject.folder) if entry else Path()
            if entry is None or not path.exists():
                continue
            try:
                scan = subject.databases.scan(path)
            except SsdhError as error:
                # Where Caffe cannot open it anyway, that is what to say.
                if not has_wrong_backend(layer, path):
                    yield path, error
                continue
            judges = tuple(class_judges(net, shapes, layer))
            yield DatabaseReader(net, shapes, layer, entry, path, scan, judges)
