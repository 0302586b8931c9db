"""The layers of Caffe's records have the shapes that Caffe gave them; the zoo its counts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ssdh_surgery import zoo
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.shapes import shapes
from ssdh_surgery.prototxt.parser import parse
from support.paths import GOLDEN

RECORDS = sorted((GOLDEN / "layers").glob("*.prototxt"))


def test_there_are_64_records() -> None:
    assert len(RECORDS) == 64


@pytest.mark.parametrize("file", RECORDS, ids=[file.stem for file in RECORDS])
def test_tops_and_params_are_as_recorded(file: Path) -> None:
    found = shapes(Net(parse(file.read_bytes(), file.name)), "TRAIN")
    assert found.findings == ()
    with np.load(file.with_suffix(".npz")) as record:
        recorded = {name: record[name].shape for name in record.files}
    last = found.layers[-1]
    # Of a chain the record has what comes out last.
    tops = {f"top{index}": shape for index, shape in enumerate(last.tops)}
    assert tops == {name: shape for name, shape in recorded.items() if name in tops}
    params = [shape for each in found.layers for shape in each.params or ()]
    names = sorted(name for name in recorded if name.startswith("param") and name[5:].isdigit())
    assert params == [recorded[name] for name in names]


# Multiply-adds of one image in millions. The authors of ResNet state 1.8, 3.8, 7.6 and 11.3
# billion, those of MobileNet 569 million.
MILLION_MACS = {
    "alexnet": 724,
    "googlenet": 1583,
    "vgg-16": 15470,
    "vgg-19": 19632,
    "resnet-18": 1827,
    "resnet-50": 3858,
    "resnet-101": 7570,
    "resnet-152": 11282,
    "mobilenet-v1": 569,
}


@pytest.mark.parametrize("name", zoo.names())
def test_the_zoo_counts_as_published(name: str) -> None:
    found = shapes(Net(parse(zoo.text(name, "deploy").encode())), "TEST")
    assert found.findings == ()
    assert found.learned_count == zoo.find(name).parameters
    assert found.macs is not None
    if name in MILLION_MACS:
        batch = next(iter(found.blobs.values()))
        assert batch is not None
        assert round(found.macs / batch[0] / 1e6) == MILLION_MACS[name]
