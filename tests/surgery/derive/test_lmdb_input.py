"""A deploy net of any dialect but the oldest reads its one input from an LMDB."""

from __future__ import annotations

import pytest

from ssdh_surgery import parse
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.errors import SurgeryError
from ssdh_surgery.surgery.core.gate import prove
from ssdh_surgery.surgery.derive.lmdb_input import read_from_lmdb

DATA = 'data_param { source: "in" batch_size: 2 backend: LMDB } }'
SIZES = "input_dim: 1 input_dim: 3 input_dim: 8 input_dim: 8"


def _read(text: str) -> str:
    net = Net(parse(text.encode(), "deploy.prototxt"))
    change = read_from_lmdb(net, "x", "in", 2)
    return prove(net.document, change, "NetParameter").document.text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            'layer { name: "x" type: "Input" top: "x" } layer { name: "a" bottom: "x" }',
            f'layer {{ name: "x" type: "Data" top: "x" {DATA} layer {{ name: "a" bottom: "x" }}',
            id="input-layer",
        ),
        pytest.param(
            f'input: "x"\n{SIZES}\nlayer {{ name: "x" bottom: "x" }}\n',
            f'layer {{ name: "x_2" type: "Data" top: "x" {DATA}\n'
            'layer { name: "x" bottom: "x" }\n',
            id="input",
        ),
        pytest.param(
            'layer { name: "a" bottom: "x" } layer { name: "x" type: "Input" top: "x" }',
            f'layer {{ name: "x" type: "Data" top: "x" {DATA} layer {{ name: "a" bottom: "x" }}',
            id="input-layer-below",
        ),
        pytest.param(
            f'input: "x"\n{SIZES}\nlayers {{ name: "a" type: RELU bottom: "x" }}\n',
            f'layers {{ name: "x" type: DATA top: "x" {DATA}\n'
            'layers { name: "a" type: RELU bottom: "x" }\n',
            id="v1",
        ),
    ],
)
def test_its_input_becomes_a_data_layer(text: str, expected: str) -> None:
    assert _read(text) == expected


def test_the_oldest_dialect_is_refused() -> None:
    with pytest.raises(SurgeryError) as caught:
        _read('input: "x" layers { layer { name: "a" type: "relu" } bottom: "x" }')
    assert str(caught.value) == (
        "deploy.prototxt: a Data layer cannot be put into a net of the oldest dialect\n"
        "hint: ssdh upgrade deploy.prototxt"
    )
