"""How much of the test data a test reads: `test_iter` times the batch size."""

from __future__ import annotations

from collections.abc import Iterator

from ssdh_surgery.caffe.net.layer import Layer, integer
from ssdh_surgery.errors import SsdhError
from ssdh_surgery.findings import TEST_COVERAGE, Finding
from ssdh_surgery.pipeline.check.subject import Subject
from ssdh_surgery.pipeline.workspace.paths import relative_to_cwd


def findings(subject: Subject) -> Iterator[Finding]:
    """Tests that read a part of their database, or some of its records twice."""
    tests = [(net, state) for net, state in subject.nets if state.phase == "TEST"]
    iterations = subject.solver.root.entries("test_iter")
    counts = subject.solver.integers("test_iter")
    for (net, state), entry, count in zip(tests, iterations, counts, strict=False):
        for layer in net.layers_in(state):
            size = _records(layer, subject)
            batch = integer(layer.core.message("data_param"), "batch_size") or 0
            if size is None or batch < 1 or count * batch == size:
                continue
            whole = -(-size // batch)
            if count == whole:
                continue
            source = layer.setting("data_param", "source")
            part = f"{count} x {batch} = {count * batch:,} of the {size:,} records of {source}"
            more = "" if count < whole else ", some of them twice"
            yield TEST_COVERAGE.at(
                entry.location,
                f"a test reads {part}{more}",
                f"test_iter: {whole} reads all",
            )


def _records(layer: Layer, subject: Subject) -> int | None:
    """The number of records in the database of a Data layer, if all of it can be read."""
    source = layer.setting("data_param", "source") if layer.type == "Data" else None
    if not source:
        return None
    try:
        scan = subject.databases.scan(relative_to_cwd(subject.folder / source))
    except SsdhError:
        return None
    return scan.records if scan.is_complete else None
