"""Every blob and param of the corpus's nets has the shape that real Caffe gave it."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from ssdh_surgery.caffe.net.layer_rules import DATA_TYPES
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.net.phase import PHASES, Phase
from ssdh_surgery.caffe.shapes import NetShapes, shapes
from ssdh_surgery.prototxt.parser import parse
from support.paths import GOLDEN

RECORDS = GOLDEN / "shapes.json"


@cache
def records() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(RECORDS.read_text())
    return found


def fed(net: Net, phase: Phase, geometry: list[int]) -> dict[str, tuple[int, ...]]:
    """What the data layers were fed where they do not crop."""
    return {
        layer.tops[0]: (layer.parameter.data_param.batch_size, *geometry)
        for layer in net.layers_in(phase)
        if layer.type in DATA_TYPES - {"Input"}
        and not layer.parameter.transform_param.crop_size
        and not layer.parameter.image_data_param.new_height
    }


def shapes_as_recorded(corpus: Path, file: str, phase: Phase) -> NetShapes:
    net = Net(parse((corpus / file).read_bytes(), file))
    return shapes(net, phase, fed(net, phase, records()[file][phase]["data_geometry"]))


def test_the_records_are_of_72_nets() -> None:
    assert len(records()) == 72
    assert all(set(by_phase) <= set(PHASES) for by_phase in records().values())


@pytest.mark.corpus
@pytest.mark.parametrize(
    ("file", "phase"), [(file, phase) for file, found in records().items() for phase in found]
)
def test_shapes_are_those_of_caffe(corpus: Path, file: str, phase: Phase) -> None:
    found = shapes_as_recorded(corpus, file, phase)
    record = records()[file][phase]
    # Splits are Caffe's own.
    blobs = {name: shape for name, shape in record["blobs"].items() if "_split_" not in name}
    assert {name: list(shape or ()) for name, shape in found.blobs.items()} == blobs
    assert {name: list(map(list, shapes)) for name, shapes in found.params.items()} == (
        record["params"]
    )
    assert None not in found.blobs.values()
    assert [finding for finding in found.findings if finding.severity != "info"] == []


@pytest.mark.corpus
@pytest.mark.parametrize("file", records())
def test_without_data_nothing_wrong_is_said(corpus: Path, file: str) -> None:
    for phase, record in records()[file].items():
        found = shapes(Net(parse((corpus / file).read_bytes(), file)), phase)
        known = {name: list(shape) for name, shape in found.blobs.items() if shape is not None}
        assert {name: record["blobs"][name] for name in known} == known
        assert {each.severity for each in found.findings} <= {"info"}
        assert (None in found.blobs.values()) == any(
            each.name == "unknown-shape" for each in found.findings
        )
