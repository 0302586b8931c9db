"""Fields of forks mean what the built Caffe, which has them, makes of them."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

import ssdh_surgery
from ssdh_surgery import parse
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.shapes import shapes
from ssdh_surgery.errors import SchemaError
from support.caffe_runs import inputs, pycaffe

GEOMETRY = "kernel_size: 3 stride: 2"
CASES = list(itertools.product(["true", "false", "1", "0"], [6, 7], ["", "pad: 1"]))


def pooled(field: str, side: int, more: str = "") -> str:
    return inputs(x=(1, 1, side, side)) + (
        'layer { name: "p" type: "Pooling" bottom: "x" top: "out"\n'
        f"  pooling_param {{ {GEOMETRY} {field}; {more} }} }}\n"
    )


@pytest.mark.caffe
def test_ceil_mode_rounds_as_where_it_comes_from(tmp_path: Path) -> None:
    texts = [pooled(f"ceil_mode: {mode}", side, pad) for mode, side, pad in CASES]
    run = pycaffe(
        tmp_path,
        f"""
found = []
for text in {texts!r}:
    made = net(text)
    side = made.blobs["x"].data.shape[-1]
    made.blobs["x"].data[...] = np.arange(side * side).reshape(side, side)
    made.forward()
    found.append(made.blobs["out"].data.tolist())""",
    )
    assert len(run.found) == len(CASES), run.stderr
    for text, wanted in zip(texts, run.found, strict=True):
        path = tmp_path / "p.prototxt"
        path.write_text(text)
        for engine in ("torch", "onnx"):
            made = ssdh_surgery.open_net(str(path), engine=engine)
            pixels = np.arange(made.blobs["x"].data.size).reshape(made.blobs["x"].data.shape)
            assert made.forward(x=pixels.astype(np.float32))["out"].tolist() == wanted
        assert shapes(Net(parse(text.encode())), "TEST").blobs["out"] == np.shape(wanted)


def test_an_unknown_field_beside_it_is_named_at_its_place(tmp_path: Path) -> None:
    path = tmp_path / "p.prototxt"
    path.write_text(pooled("ceil_mode: # as published\n  false", 7, "ceiling: 1"))
    with pytest.raises(SchemaError, match='has no field named "ceiling"') as caught:
        ssdh_surgery.open_net(str(path), engine="torch")
    assert (caught.value.location.line, caught.value.location.column) == (4, 10)
