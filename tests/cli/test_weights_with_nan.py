"""Weights of a run that diverged are named by every command that reads them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ssdh_surgery.caffe.weights.weights import LayerWeights, read_any_weights, write_any_weights
from support.command_line import Ssdh
from support.hashed_run import write_hashed

SNAPSHOT = "snap_ssdh_iter_1.caffemodel"
NAMED = f"{SNAPSHOT} holds {{}} nan in layer '{{}}'"


@pytest.fixture
def spoil(ssdh: Ssdh, tmp_path: Path) -> Callable[[str], str]:
    """Puts nan into a layer of the weights of a run, and returns what is said about it."""
    write_hashed(ssdh, tmp_path)
    ssdh("train", "--engine", "torch", "--weights", "start.caffemodel", "--iterations", "1")

    def put(name: str) -> str:
        layers = list(read_any_weights(SNAPSHOT).layers)
        (index,) = (i for i, layer in enumerate(layers) if layer.name == name)
        blobs = tuple(np.full_like(blob, np.nan) for blob in layers[index].blobs)
        layers[index] = LayerWeights(name, layers[index].type, blobs)
        write_any_weights(SNAPSHOT, layers)
        return NAMED.format(sum(blob.size for blob in blobs), name)

    return put


def test_where_the_codes_need_them(ssdh: Ssdh, spoil: Callable[[str], str]) -> None:
    said = spoil("latent_SSDH")
    assert said in ssdh("encode", "records", "-o", "codes.npz", code=3).err
    assert f"warning: {said}" in ssdh("export", "-o", "net.onnx").err.replace(f"{SNAPSHOT}: ", "")
    Path("deploy_ssdh.prototxt").unlink()
    ran = ssdh("deploy")
    assert f"warning: {said}; " in ran.err
    assert "next:" not in ran.out
    words = ("--engine", "torch", "--weights", SNAPSHOT, "--force", "--iterations", "1")
    assert f"warning SSDH415 weights-not-finite: {said}\n" in ssdh("train", *words, code=1).err
    ran = ssdh("check", "solver_ssdh.prototxt", "--weights", SNAPSHOT)
    assert f"SSDH415 weights-not-finite: {said}\n" in ran.out
    ssdh("check", "solver_ssdh.prototxt", "--weights", SNAPSHOT, "--strict", code=1)


def test_where_only_the_classifier_has_them(ssdh: Ssdh, spoil: Callable[[str], str]) -> None:
    names = [layer.name for layer in read_any_weights(SNAPSHOT).layers if layer.blobs]
    said = spoil(names[-1])
    for words in (("encode", "records", "-o", "codes.npz"), ("export", "-o", "net.onnx")):
        assert "nan" not in ssdh(*words).err
    ran = ssdh("check", "solver_ssdh.prototxt", "--weights", SNAPSHOT)
    assert said in ran.out
