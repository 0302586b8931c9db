"""How much of the test data a test reads: `test_iter` times the batch size."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.errors import SsdhError
from ssdh_surgery.findings import TEST_COVERAGE, Finding
from ssdh_surgery.pipeline.check.hdf5_files import row_count
from ssdh_surgery.pipeline.check.images import listed_images
from ssdh_surgery.pipeline.check.subject import Subject
from ssdh_surgery.pipeline.workspace.paths import relative_to_cwd
from ssdh_surgery.surgery.verbs.data_layers import SOURCES


def findings(subject: Subject) -> Iterator[Finding]:
    """Tests that read a part of their data, or some of it twice."""
    tests = [(net, state) for net, state in subject.nets if state.phase == "TEST"]
    iterations = subject.solver.root.entries("test_iter")
    counts = subject.solver.integers("test_iter")
    for (net, state), entry, count in zip(tests, iterations, counts, strict=False):
        for layer in net.layers_in(state):
            if layer.type not in _ITEMS:
                continue
            items, count_items = _ITEMS[layer.type]
            message = SOURCES[layer.type]
            source = layer.setting(message, "source")
            size = count_items(layer, subject) if source else None
            batch = getattr(layer.parameter, message).batch_size
            if size is None or batch < 1 or count * batch == size:
                continue
            whole = -(-size // batch)
            if count == whole:
                continue
            part = f"{count} x {batch} = {count * batch:,} of the {size:,} {items} of {source}"
            more = "" if count < whole else ", some of them twice"
            yield TEST_COVERAGE.at(
                entry.location,
                f"a test reads {part}{more}",
                f"test_iter: {whole} reads all",
            )


def _record_count(layer: Layer, subject: Subject) -> int | None:
    source = layer.setting("data_param", "source")
    try:
        scan = subject.databases.scan(relative_to_cwd(subject.folder / source))
    except SsdhError:
        return None
    return scan.records if scan.is_complete else None


def _line_count(layer: Layer, subject: Subject) -> int | None:
    try:
        files = listed_images(layer, subject.folder)
    except SsdhError:
        return None
    return len(files.images) if files else None


def _row_count(layer: Layer, subject: Subject) -> int | None:
    return row_count(layer, subject.folder)


# What each data layer reads item by item, and how many items there are; None if it is unknown.
_ITEMS: dict[str, tuple[str, Callable[[Layer, Subject], int | None]]] = {
    "Data": ("records", _record_count),
    "HDF5Data": ("rows", _row_count),
    "ImageData": ("lines", _line_count),
}
