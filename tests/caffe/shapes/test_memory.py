"""The memory of nets, against the figures in Caffe's own log and the size of its process."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

from ssdh_surgery.caffe.net.net import Net, net_of
from ssdh_surgery.caffe.net.solver import Solver
from ssdh_surgery.caffe.shapes import shapes
from ssdh_surgery.caffe.shapes.memory import NetMemory, net_memory
from ssdh_surgery.data.datum import write_raw
from ssdh_surgery.data.lmdb_writer import LmdbWriter
from ssdh_surgery.engines.caffe_binary.executable import built_caffe
from ssdh_surgery.pipeline.check.run.memory import run_memory
from ssdh_surgery.pipeline.check.subject import subject_of
from ssdh_surgery.prototxt.parser import parse
from support.paths import GOLDEN

INPUT = 'layer {{ name: "in" type: "Input" top: "x" input_param {{ shape {{ {dims} }} }} }}\n'


def net(text: str) -> Net:
    return net_of(parse(text.encode(), "net.prototxt"))


def memory(text: str, dims: str = "dim: 2 dim: 3 dim: 8 dim: 8", **options: bool) -> NetMemory:
    view = net(INPUT.format(dims=dims) + text)
    result = net_memory(view, shapes(view, "TRAIN"), **({"is_trained": True} | options))
    assert result is not None
    return result


# Each in floats of 4 bytes; the input has 384.
def test_an_in_place_layer_has_no_memory_and_a_line_in_the_log() -> None:
    result = memory('layer { name: "r" type: "ReLU" bottom: "x" top: "x" }')
    assert (result.in_log, result.batch) == (4 * 384 * 2, 4 * 384)


def test_copies_share_data_and_have_diffs_of_their_own() -> None:
    ip = "inner_product_param { num_output: 5 }"
    text = f"""
        layer {{ name: "a" type: "InnerProduct" bottom: "x" top: "a" {ip} }}
        layer {{ name: "s" type: "Power" bottom: "a" top: "s" }}
        layer {{ name: "t" type: "Power" bottom: "a" top: "t" }}"""
    tested = memory(text, is_trained=False)
    assert (tested.in_log, tested.batch) == (4 * (384 + 10 * 5), 4 * (384 + 10 * 3))
    # a, its two copies, s and t.
    assert memory(text).batch - tested.batch == 4 * 10 * 5


def test_a_frozen_net_has_no_diffs() -> None:
    text = """layer { name: "a" type: "InnerProduct" bottom: "x" top: "a" RATES
        inner_product_param { num_output: 5 } }"""
    frozen = text.replace("RATES", "param { lr_mult: 0 } param { lr_mult: 0 }")
    assert memory(frozen).batch == memory(frozen, is_trained=False).batch
    half = text.replace("RATES", "param { lr_mult: 0 }")
    assert memory(half).batch == memory(text.replace("RATES", "")).batch


def test_a_convolution_keeps_the_columns_of_one_image() -> None:
    text = """layer { name: "c" type: "Convolution" bottom: "x" top: "c"
        convolution_param { num_output: 4 kernel_size: 3 } }"""
    assert memory(text).columns == 4 * (3 * 3 * 3) * (6 * 6)
    assert memory(text.replace("kernel_size: 3", "kernel_size: 1")).columns == 0


def test_an_unknown_shape_has_no_memory() -> None:
    view = net('layer { name: "p" type: "Python" top: "x" }')
    assert net_memory(view, shapes(view, "TRAIN"), is_trained=True) is None


def test_the_figure_in_a_recorded_log() -> None:
    """Both nets of the record: copies, in-place layers, an automatic top, weights on tops."""
    log = (GOLDEN / "logs" / "finetune_ok.log").read_text()
    figures = [int(each) for each in re.findall(r"Memory required for data: (\d+)", log)]
    view = net_of(parse((GOLDEN / "train" / "net_ssdh.prototxt").read_bytes(), "net.prototxt"))
    for phase in ("TRAIN", "TEST"):
        blobs = shapes(view, phase, {"data": (16, 1, 28, 28)})
        result = net_memory(view, blobs, is_trained=False)
        assert result is not None
        assert result.in_log in figures


NET = """
layer { name: "data" type: "Data" top: "data" top: "label"
  data_param { source: "records" batch_size: 48 backend: LMDB } }
layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1"
  convolution_param { num_output: 32 kernel_size: 3 pad: 1 weight_filler { type: "msra" } } }
layer { name: "bn1" type: "BatchNorm" bottom: "conv1" top: "conv1" }
layer { name: "scale1" type: "Scale" bottom: "conv1" top: "conv1" scale_param { bias_term: true } }
layer { name: "relu1" type: "ReLU" bottom: "conv1" top: "conv1" }
layer { name: "norm1" type: "LRN" bottom: "conv1" top: "norm1" }
layer { name: "a" type: "Convolution" bottom: "norm1" top: "a"
  convolution_param { num_output: 16 kernel_size: 1 weight_filler { type: "msra" } } }
layer { name: "b" type: "Convolution" bottom: "norm1" top: "b"
  convolution_param { num_output: 16 kernel_size: 5 pad: 2 weight_filler { type: "msra" } } }
layer { name: "sum" type: "Eltwise" bottom: "a" bottom: "b" top: "sum" }
layer { name: "pool" type: "Pooling" bottom: "sum" top: "pool"
  pooling_param { pool: MAX kernel_size: 2 stride: 2 } }
layer { name: "drop" type: "Dropout" bottom: "pool" top: "pool" }
layer { name: "fc" type: "InnerProduct" bottom: "pool" top: "fc"
  inner_product_param { num_output: 1000 weight_filler { type: "xavier" } } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "fc" bottom: "label" top: "loss" }
"""
SOLVER = (
    'net: "net.prototxt" test_iter: 1 test_interval: 5 base_lr: 0.0001 lr_policy: "fixed" '
    'type: "Adam" max_iter: 1 solver_mode: CPU snapshot_prefix: "run"'
)


@pytest.mark.caffe
def test_the_size_of_a_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The estimate is within 30 % of the peak of a run, and the log's figures are exact."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.prototxt").write_text(NET)
    (tmp_path / "solver.prototxt").write_text(SOLVER)
    with LmdbWriter(tmp_path / "records") as writer:
        for number in range(64):
            writer.put(b"%08d" % number, write_raw(np.zeros((3, 64, 64), np.uint8), number % 9))
    subject = subject_of(Solver(parse(SOLVER.encode(), "solver.prototxt")), tmp_path, tmp_path)
    log, peak = _run(tmp_path)
    for (view, _), blobs in zip(subject.nets, subject.shapes, strict=True):
        result = net_memory(view, blobs, is_trained=True)
        assert result is not None
        assert f"Memory required for data: {result.in_log}\n" in log
    estimate = run_memory(subject)
    assert estimate is not None
    assert estimate.total == pytest.approx(peak, rel=0.3), estimate


def _run(folder: Path) -> tuple[str, int]:
    """The log of a run, and the largest resident size of its process in bytes."""
    command = [str(built_caffe()), "train", "--solver=solver.prototxt"]
    with open(folder / "log", "wb") as file:
        process = subprocess.Popen(command, cwd=folder, stdout=file, stderr=file)
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, (folder / "log").read_text()[-2000:]
    return (folder / "log").read_text(), usage.ru_maxrss * 1024
