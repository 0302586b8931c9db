"""SSDH1xx: test data against training data: classes that only one has, and records in both."""

from __future__ import annotations

import itertools
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from ssdh_surgery.caffe.net.layer_rules import LAYER_RULES
from ssdh_surgery.findings import (
    TEST_DATA_TRAINED_ON,
    UNTESTED_CLASSES,
    UNTRAINED_TEST_CLASSES,
    Finding,
)
from ssdh_surgery.names import count_text
from ssdh_surgery.pipeline.check.data.database_readers import DatabaseReader, database_readers
from ssdh_surgery.pipeline.check.data.images import listed_images
from ssdh_surgery.pipeline.check.data.labelled_layers import LabelledLayer, labelled_layers
from ssdh_surgery.pipeline.check.subject import Subject

# Labels that a message names.
_NAMED = 5
# An image that occurs more often stands for missing ones, and is no particular one.
_COPIES = 3
# The paths of longer lists are not compared.
_COMPARED = 200_000


def findings(subject: Subject) -> Iterator[Finding]:
    """The findings about each test net's data beside those of the train net."""
    for train, test in _pairs(database_readers(subject), lambda each: each.path):
        if _has_images(train) and _has_images(test):
            yield from _overlap(subject, train, test)
    for one, other in _pairs(labelled_layers(subject), lambda each: each.labels.path):
        yield from _classes(one, other)
        if one.layer.type == other.layer.type == "ImageData":
            yield from _listed_twice(subject, one, other)


Side = TypeVar("Side", DatabaseReader, LabelledLayer)


def _pairs(sides: Sequence[Side], path: Callable[[Side], Path]) -> Iterator[tuple[Side, Side]]:
    """Each of training with each of tests, unless both read the same data."""
    trained = [side for side in sides if side.phase == "TRAIN"]
    tested = [side for side in sides if side.phase == "TEST"]
    for train, test in itertools.product(trained, tested):
        if not os.path.samefile(path(train), path(test)):
            yield train, test


def _classes(train: LabelledLayer, test: LabelledLayer) -> Iterator[Finding]:
    """Labels that one of two sets has, and the other has not."""
    sides = (train, test)
    if not all(side.labels.is_complete and side.has_legal_labels for side in sides):
        return
    if any(len(side.labels.counts) == 1 for side in sides):
        return  # which is a finding of its own
    only_tested = sorted(set(test.labels.counts) - set(train.labels.counts))
    only_trained = sorted(set(train.labels.counts) - set(test.labels.counts))
    if only_tested:
        count = sum(test.labels.counts[label] for label in only_tested)
        yield UNTRAINED_TEST_CLASSES.at(
            test.place,
            f"{count:,} of {test.labels.text} have labels that no {train.labels.unit} of "
            f"{train.labels.path} has: {_listed(only_tested)}",
            "number both sets alike: 'ssdh data build --labels-file labels.txt' takes the "
            "numbers of the training set",
        )
    if only_trained:
        yield UNTESTED_CLASSES.at(
            test.place,
            f"{count_text(len(only_trained), 'label')} of {train.labels.path} without a "
            f"{test.labels.unit} in {test.labels.path}: {_listed(only_trained)}",
        )


def _listed(labels: Sequence[int]) -> str:
    return ", ".join(map(str, labels[:_NAMED])) + (", ..." if labels[_NAMED:] else "")


def _has_images(reader: DatabaseReader) -> bool:
    """Whether what a layer reads goes through weights, as labels do not."""
    graph = reader.net.graph(reader.shapes.state)
    above = graph.above([reader.layer])
    return any(
        layer.index in above and layer.type in LAYER_RULES and LAYER_RULES[layer.type].has_params
        for layer in graph.layers
    )


def _overlap(subject: Subject, train: DatabaseReader, test: DatabaseReader) -> Iterator[Finding]:
    """Test records whose content is that of a training record, by their fingerprints."""
    # Of equal records the first.
    trained = dict(zip(train.scan.fingerprints[::-1], train.scan.numbers[::-1], strict=True))
    counts = Counter(train.scan.fingerprints), Counter(test.scan.fingerprints)
    shared = [
        (number, trained[fingerprint])
        for fingerprint, number in zip(test.scan.fingerprints, test.scan.numbers, strict=True)
        if fingerprint in trained and max(each[fingerprint] for each in counts) <= _COPIES
    ]
    if not shared:
        return
    key, content = subject.databases.record(test.path, shared[0][0])
    other_key, other_content = subject.databases.record(train.path, shared[0][1])
    if content != other_content:
        return  # different contents of one fingerprint
    share = max(train.scan.share, test.scan.share)
    compared = f"of one in {share} that were compared, " if share > 1 else ""
    are = "is" if len(shared) == 1 else "are"
    yield TEST_DATA_TRAINED_ON.at(
        test.place,
        f"{compared}{len(shared):,} of {count_text(test.scan.records, 'record')} of {test.path} "
        f"{are} in {train.path}, too: '{key}' is '{other_key}' there",
        "'ssdh data build' with --split keeps identical images on one side",
    )


def _listed_twice(subject: Subject, train: LabelledLayer, test: LabelledLayer) -> Iterator[Finding]:
    """Test images that the list of the training images names as well."""
    sides = [listed_images(each.layer, subject.folder) for each in (train, test)]
    if any(side is None or len(side.images) > _COMPARED for side in sides):
        return
    trained, tested = (side.names() for side in sides if side is not None)
    shared = [path for path in tested if path in trained]
    if shared:
        first = min(shared, key=lambda path: tested[path])
        are = "is" if len(shared) == 1 else "are"
        yield TEST_DATA_TRAINED_ON.at(
            test.place,
            f"{len(shared):,} of {count_text(len(tested), 'image')} of {test.labels.path} {are} in "
            f"{train.labels.path}, too: line {tested[first] + 1} is line {trained[first] + 1} "
            "there",
            "'ssdh data build' with --split keeps identical images on one side",
        )
