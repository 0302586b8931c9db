"""Random nets in any layout: what `patch` and `deploy` write of them, Caffe takes and computes."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.net.phase import PHASES
from ssdh_surgery.caffe.shapes import shapes
from ssdh_surgery.cli import run
from ssdh_surgery.prototxt.parser import parse
from support.adventurous_nets import train_nets
from support.live_nets import Caffe
from support.net_files import laid_out
from support.strategies import searched


def ssdh(*words: str) -> None:
    """Run a command line, which must succeed."""
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
        code = run(list(words))
    assert code == 0, said.getvalue()


def below_the_classifier(data: bytes) -> list[str]:
    """The blobs that a net's classifier depends on, in both phases."""
    net = Net(parse(data))
    graphs = [net.graph(phase) for phase in PHASES]
    found = [
        {
            blob: None
            for layer in graph.layers
            if layer.index in graph.below([net.layer("classifier")])
            for blob in layer.bottoms
        }
        for graph in graphs
    ]
    return [blob for blob in found[0] if blob in found[1]]


@pytest.mark.caffe
@settings(searched, max_examples=max(20, searched.max_examples // 8))
@given(train_nets().flatmap(laid_out), st.sampled_from(["sigmoid", "ssdh"]), st.data())
def test_a_patched_net_is_set_up_and_its_deploy_net_gives_its_codes(
    live_caffe: Caffe,
    tmp_path_factory: pytest.TempPathFactory,
    data: bytes,
    objective: str,
    draw: st.DataObject,
) -> None:
    note(data.decode(errors="replace"))
    at = draw.draw(st.sampled_from(below_the_classifier(data)))
    folder = tmp_path_factory.mktemp("net")
    with contextlib.chdir(folder):
        Path("train.prototxt").write_bytes(data)
        ssdh("patch", "train.prototxt", "--bits", "8", "--objective", objective, "--at", at)
        ssdh("deploy")
    files = (folder / "train_ssdh.prototxt", folder / "deploy_ssdh.prototxt")
    texts = [file.read_bytes().decode("utf-8-sig", "surrogateescape") for file in files]
    for text, phase in (*((texts[0], phase) for phase in PHASES), (texts[1], "TEST")):
        note(text)
        found = shapes(Net(parse(text.encode("utf-8", "surrogateescape"))), phase)
        theirs = live_caffe.set_up(text, phase)
        assert (found.blobs, found.params) == (theirs.blobs, theirs.params)
    ours, theirs = live_caffe.codes(*texts, "latent_SSDH_encode")
    assert len(ours) == 8
    np.testing.assert_allclose(ours, theirs, atol=1e-5)
