"""The zoo's files against the published ones, as messages: names too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ssdh_surgery import zoo
from ssdh_surgery.caffe import schema

PUBLISHED = {
    ("googlenet", "train_val"): "bvlc/models/bvlc_googlenet/train_val.prototxt",
    ("googlenet", "solver"): "bvlc/models/bvlc_googlenet/solver.prototxt",
    ("googlenet", "deploy"): "bvlc/models/bvlc_googlenet/deploy.prototxt",
}


@pytest.mark.corpus
@pytest.mark.parametrize(("name", "kind"), PUBLISHED, ids="-".join)
def test_equal_to_the_published_file(name: str, kind: str, corpus: Path) -> None:
    message = "SolverParameter" if kind == "solver" else "NetParameter"
    file = corpus / PUBLISHED[name, kind]
    published: Any = schema.parse_text(file.read_text(), message, file=file.name)
    ours: Any = schema.parse_text(zoo.text(name, kind), message)
    if kind == "solver":
        # These two say where the files lie.
        for solver in (published, ours):
            solver.ClearField("net")
            solver.ClearField("snapshot_prefix")
    assert ours == published


@pytest.mark.corpus
def test_googlenets_train_net_is_equal_in_bytes(corpus: Path) -> None:
    file = corpus / PUBLISHED["googlenet", "train_val"]
    assert zoo.text("googlenet", "train_val").encode() == file.read_bytes()
