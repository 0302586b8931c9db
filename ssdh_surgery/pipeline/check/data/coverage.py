"""How much of the test data a test reads: `test_iter` times the batch size."""

from __future__ import annotations

from collections.abc import Iterator

from ssdh_surgery.findings import TEST_COVERAGE, Finding
from ssdh_surgery.pipeline.check.data.streams import Stream
from ssdh_surgery.pipeline.check.subject import Subject
from ssdh_surgery.surgery.verbs.data_layers import SOURCES


def findings(subject: Subject) -> Iterator[Finding]:
    """Tests that read a part of their data, or some of it twice."""
    tests = [(net, state) for net, state in subject.nets if state.phase == "TEST"]
    iterations = subject.solver.root.entries("test_iter")
    counts = subject.solver.integers("test_iter")
    for (net, state), entry, count in zip(tests, iterations, counts, strict=False):
        for layer in net.layers_in(state):
            stream = Stream.of(layer, subject)
            size = stream.count if stream else None
            if stream is None or size is None:
                continue
            batch = stream.batch
            if batch < 1 or count * batch == size:
                continue
            whole = -(-size // batch)
            if count == whole:
                continue
            source = layer.setting(SOURCES[layer.type], "source")
            part = (
                f"{count} x {batch} = {count * batch:,} of the {size:,} {stream.unit}s of {source}"
            )
            more = "" if count < whole else ", some of them twice"
            yield TEST_COVERAGE.at(
                entry.location,
                f"a test reads {part}{more}",
                f"test_iter: {whole} reads all",
            )
