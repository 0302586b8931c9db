"""A small training job in a folder, and what a check finds about it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ssdh_surgery.caffe.net.net import net_of
from ssdh_surgery.caffe.net.solver import Solver
from ssdh_surgery.caffe.shapes import shapes
from ssdh_surgery.caffe.weights.weights import LayerWeights, write_any_weights
from ssdh_surgery.data.datum import write_raw
from ssdh_surgery.data.lmdb_writer import LmdbWriter
from ssdh_surgery.findings import Finding
from ssdh_surgery.pipeline.check.check import check
from ssdh_surgery.pipeline.check.subject import subject_of
from ssdh_surgery.pipeline.files.sources import read_source
from ssdh_surgery.pipeline.nets.data_shapes import shapes_at_hand
from ssdh_surgery.prototxt.parser import parse

NET = """name: "small"
layer { name: "data" type: "Data" top: "data" top: "label"
  transform_param { scale: 0.01 }
  data_param { source: "records" batch_size: 4 backend: LMDB } }
layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1"
  convolution_param { num_output: 3 kernel_size: 3 weight_filler { type: "xavier" } } }
layer { name: "fc6" type: "InnerProduct" bottom: "conv1" top: "fc6"
  inner_product_param { num_output: 5 weight_filler { type: "xavier" } } }
layer { name: "fc8" type: "InnerProduct" bottom: "fc6" top: "fc8"
  inner_product_param { num_output: 4 weight_filler { type: "xavier" } } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "fc8" bottom: "label" top: "loss" }
"""
SOLVER = (
    'net: "net.prototxt" base_lr: 0.01 lr_policy: "fixed" momentum: 0.9 max_iter: 4 '
    'snapshot_prefix: "run" solver_mode: CPU random_seed: 1\n'
)


def write_job(folder: Path, net: str = NET, solver: str = SOLVER, size: int = 8) -> None:
    """The net, the solver and records of four classes, square and of one channel."""
    (folder / "net.prototxt").write_text(net)
    (folder / "solver.prototxt").write_text(solver)
    random = np.random.default_rng(1)
    with LmdbWriter(folder / "records") as writer:
        for number in range(12):
            picture = random.integers(0, 255, (1, size, size)).astype(np.uint8)
            writer.put(f"{number:08d}".encode(), write_raw(picture, number % 4))


def write_weights_of(
    net: str, path: str, changes: Mapping[str, str | None] | None = None, fill: float = 0.1
) -> None:
    """Weights of a net with all values equal; `changes` are new names of layers, None removes."""
    view = net_of(parse(net.encode()))
    params = shapes(view, "TRAIN", shapes_at_hand(view, "TRAIN", [Path()])).params
    types = {layer.name: layer.type for layer in view.layers}
    names = {name: (changes or {}).get(name, name) for name in params}
    layers = [
        LayerWeights(
            str(new), types[name], tuple(np.full(s, fill, np.float32) for s in params[name])
        )
        for name, new in names.items()
        if new is not None
    ]
    write_any_weights(path, layers)


def findings_of_job(**options: Any) -> list[Finding]:
    """What a check of the job in the current directory finds, but for nets and solvers.

    The options are those of a subject.
    """
    source = read_source("solver.prototxt")
    found = check(subject_of(Solver(source.document), Path(), Path("run"), **options))
    return [finding for finding in found if not finding.code.startswith(("SSDH2", "SSDH3"))]


def texts_of_job(**options: Any) -> list[str]:
    """The same as texts without excerpts."""
    return [
        "\n".join(line for line in str(finding).splitlines() if not line.startswith("  "))
        for finding in findings_of_job(**options)
    ]
