"""The upgrade as text edits: equal to what Caffe's own upgrade makes of 61 legacy files."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ssdh_surgery.caffe.messages import schema
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.errors import SchemaError
from ssdh_surgery.prototxt.parser import parse
from ssdh_surgery.surgery.core.gate import prove
from ssdh_surgery.surgery.upgrade import NET_STEPS

pytestmark = pytest.mark.corpus


def test_nets_are_what_caffe_makes_of_them(corpus: Path) -> None:
    records = sorted((corpus.parent / "golden" / "upgrade").glob("*.prototxt"))
    compared = 0
    for record in records:
        try:
            wanted = schema.parse_text(record.read_text(), "NetParameter")
        except SchemaError:
            continue  # a solver
        source = corpus / record.name.replace("__", "/")
        document = parse(source.read_bytes(), source.name)
        before = re.findall(r"#[^\n]*", document.text)
        for step in NET_STEPS:
            document = prove(document, step.change(Net(document)), "NetParameter").document
        assert schema.parse_text(document.text, "NetParameter") == wanted, source
        assert re.findall(r"#[^\n]*", document.text) == before, source
        compared += 1
    assert compared > 40
