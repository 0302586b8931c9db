"""`ssdh upgrade` of weights files: what Caffe's own upgrade makes of them, values untouched."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import corpus_files

from ssdh_surgery.caffe.messages import schema
from ssdh_surgery.caffe.weights.binary_weights import read_weights
from ssdh_surgery.errors import SchemaError
from support.caffe_runs import pycaffe
from support.command_line import Ssdh, snapshot

BLOBS = """
  blobs { num: 1 channels: 1 height: 2 width: 3
    data: [1, 2, 3, 4, 5, 6.125] diff: [9, 9, 9, 9, 9, 9] }
  blobs { shape { dim: 2 } double_data: [7, 0.1] }
"""
V0 = f"""name: "n" input: "data" input_dim: 4 input_dim: 3 input_dim: 1 input_dim: 1
layers {{ layer {{ name: "ip" type: "innerproduct" num_output: 2 blobs_lr: 1 blobs_lr: 2 {BLOBS} }}
  bottom: "data" top: "ip" }}
layers {{ layer {{ name: "prob" type: "softmax" }} bottom: "ip" top: "prob" }}"""
V1 = f"""name: "n" input: "data" input_dim: 4 input_dim: 3 input_dim: 1 input_dim: 1
layers {{ name: "ip" type: INNER_PRODUCT blobs_lr: 1 blobs_lr: 2 bottom: "data" top: "ip" {BLOBS}
  inner_product_param {{ num_output: 2 }} }}
layers {{ name: "prob" type: SOFTMAX bottom: "ip" top: "prob" }}"""
CURRENT = f"""name: "n"
layer {{ name: "input" type: "Input" top: "data"
  input_param {{ shape {{ dim: 4 dim: 3 dim: 1 dim: 1 }} }} }}
layer {{ name: "ip" type: "InnerProduct" bottom: "data" top: "ip" {BLOBS}
  param {{ lr_mult: 1 }} param {{ lr_mult: 2 }} inner_product_param {{ num_output: 2 }} }}
layer {{ name: "prob" type: "Softmax" bottom: "ip" top: "prob" }}"""


def net(text: str) -> Any:
    return schema.parse_text(text, "NetParameter")


def written(text: str, name: str = "old.caffemodel") -> Path:
    path = Path(name)
    path.write_bytes(net(text).SerializeToString())
    return path


@pytest.mark.parametrize("text", [V0, V1], ids=["V0", "V1"])
def test_layers_become_current_and_blobs_stay(text: str, ssdh: Ssdh) -> None:
    old = written(text)
    before = old.read_bytes()
    assert "wrote old_upgraded.caffemodel" in ssdh("upgrade", old).out
    new = Path("old_upgraded.caffemodel").read_bytes()
    assert schema.NetParameter.FromString(new) == net(CURRENT)
    assert old.read_bytes() == before
    for ours, theirs in zip(
        read_weights("old_upgraded.caffemodel").layers[1].blobs,
        read_weights(old).layers[0].blobs,
        strict=True,
    ):
        np.testing.assert_array_equal(ours, theirs)


def test_a_second_run_finds_nothing_to_do(ssdh: Ssdh) -> None:
    old = written(V1)
    ssdh("upgrade", old, "--check", code=1)
    assert list(snapshot(Path())) == ["old.caffemodel"]
    ssdh("upgrade", old, "--in-place")
    left = old.read_bytes()
    assert "nothing to do" in ssdh("upgrade", old, "--in-place").out
    ssdh("upgrade", old, "--check")
    assert old.read_bytes() == left


def test_a_diff_shows_the_net_and_no_values(ssdh: Ssdh) -> None:
    out = ssdh("upgrade", written(V1), "--diff").out
    assert '-  type: INNER_PRODUCT\n+  type: "InnerProduct"\n' in out
    assert "6.125" not in out
    assert list(snapshot(Path())) == ["old.caffemodel"]


def test_json_names_the_kind(ssdh: Ssdh) -> None:
    (file,) = ssdh("upgrade", written(V1), "--json").json["files"]
    assert (file["kind"], file["output"]) == ("weights", "old_upgraded.caffemodel")
    after = {each["path"]: each["after"] for each in file["changes"]}
    assert after["layer[ip]"]["type"] == "InnerProduct"


def test_through_a_pipe(ssdh: Ssdh) -> None:
    data = net(V0).SerializeToString()
    out, _ = ssdh.raw("upgrade", "-", stdin=data)
    assert schema.NetParameter.FromString(out) == net(CURRENT)
    again, _ = ssdh.raw("upgrade", "-", stdin=out)
    assert again == out


def test_net_and_weights_in_one_command_all_or_none(ssdh: Ssdh) -> None:
    text = V1.replace(BLOBS, "")
    Path("net.prototxt").write_text(text)
    old = written(V1)
    Path("old_upgraded.caffemodel").write_bytes(b"mine")
    before = snapshot(Path())
    said = ssdh("upgrade", "net.prototxt", old, code=3).err
    assert "old_upgraded.caffemodel: the file exists and holds something else" in said
    assert snapshot(Path()) == before
    ssdh("upgrade", "net.prototxt", old, "--force")
    assert Path("net_upgraded.prototxt").exists()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (net(V1).SerializeToString()[:-5], "is truncated or corrupt"),
        (b"\x89HDF\r\n\x1a\n\x00\x00", "is an HDF5 file: only binary .caffemodel files"),
        (b"\x12\x06\x22\x02\xb2\xe3\x28\x0e", "a name in it is not UTF-8"),
        (b"\x0a\x01n\x38\x00", "is not a .caffemodel: it contains no layers"),
        (
            net(V0.replace("innerproduct", "of_a_fork")).SerializeToString(),
            "of_a_fork",
        ),
    ],
    ids=["cut", "hdf5", "a name in GBK", "no layers", "a fork's type"],
)
def test_what_cannot_be_upgraded(data: bytes, said: str, ssdh: Ssdh) -> None:
    Path("x.caffemodel").write_bytes(data)
    err = ssdh("upgrade", "x.caffemodel", code=3).err
    assert err.startswith("x.caffemodel:")
    assert said in err
    assert list(snapshot(Path())) == ["x.caffemodel"]


def test_other_commands_still_refuse_weights(ssdh: Ssdh) -> None:
    assert "a .caffemodel, not a prototxt" in ssdh("patch", written(V1), code=3).err


# ---------------------------------------------------------------- against the real Caffe


def with_blobs(file: Path) -> Any:
    """An old net of the corpus as the weights file of it, None where it is no old net."""
    try:
        old = net(file.read_text(errors="surrogateescape"))
    except SchemaError:
        return None
    random = np.random.default_rng(len(old.layers))
    for layer in old.layers:
        holder = layer.layer if layer.HasField("layer") else layer
        if holder.type in ("conv", "innerproduct", 4, 14):
            values = random.standard_normal(6).astype(np.float32)
            holder.blobs.add(num=1, channels=1, height=2, width=3, data=values)
            holder.blobs.add(data=[1.5]).shape.dim.append(1)
    return old if old.layers else None


@pytest.mark.caffe
@pytest.mark.corpus
def test_equal_to_what_caffes_own_tool_makes(ssdh: Ssdh, caffe: Path) -> None:
    compared = 0
    for file in corpus_files():
        old = with_blobs(file)
        if old is None:
            continue
        Path("old.caffemodel").write_bytes(old.SerializeToString())
        tool = caffe.parent / "upgrade_net_proto_binary"
        subprocess.run(
            [tool, "old.caffemodel", "caffe.caffemodel"], check=True, capture_output=True
        )
        ssdh("upgrade", "old.caffemodel", "--force")
        wanted = schema.NetParameter.FromString(Path("caffe.caffemodel").read_bytes())
        found = schema.NetParameter.FromString(Path("old_upgraded.caffemodel").read_bytes())
        assert found == wanted, file
        compared += 1
    assert compared > 40


LOADED = """
made = caffe.Net("net_upgraded.prototxt", caffe.TEST, weights="old_upgraded.caffemodel")
found = [param.data.ravel().tolist() for param in made.params["ip"]]
"""


@pytest.mark.caffe
@pytest.mark.parametrize("text", [V0, V1], ids=["V0", "V1"])
def test_caffe_loads_net_and_weights(text: str, ssdh: Ssdh) -> None:
    Path("net.prototxt").write_text(text.replace(BLOBS, ""))
    ssdh("upgrade", "net.prototxt", written(text))
    ran = pycaffe(Path(), LOADED)
    assert ran.found == [[1, 2, 3, 4, 5, 6.125], [7, float(np.float32(0.1))]], ran.stderr
