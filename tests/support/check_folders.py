"""Small nets over real LMDBs in the current folder, and their findings as text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from ssdh_surgery.caffe.net.solver import Solver
from ssdh_surgery.data.datum import write_raw
from ssdh_surgery.data.lmdb_writer import LmdbWriter
from ssdh_surgery.findings import Finding
from ssdh_surgery.pipeline.check.check import check
from ssdh_surgery.pipeline.check.subject import subject_of
from ssdh_surgery.pipeline.check.target import ANY_TARGET, Target
from ssdh_surgery.prototxt.parser import parse

SOLVER = 'net: "net.prototxt" base_lr: 0.1 lr_policy: "fixed" max_iter: 9 '
TESTED = SOLVER + "test_iter: 1 test_interval: 5"


def data_layer(source: str, phase: str = "TRAIN", more: str = "", param: str = "") -> str:
    """A Data layer over an LMDB."""
    return (
        f'layer {{ name: "data" type: "Data" top: "data" top: "label" include {{ phase: {phase} }} '
        f'{more} data_param {{ source: "{source}" batch_size: 2 backend: LMDB {param} }} }}\n'
    )


def classifier(classes: int, loss: str = "") -> str:
    """An InnerProduct with its loss."""
    return (
        'layer { name: "fc" type: "InnerProduct" bottom: "data" top: "fc"\n'
        f"  inner_product_param {{ num_output: {classes} }} }}\n"
        'layer { name: "loss" type: "SoftmaxWithLoss" bottom: "fc" bottom: "label" top: "loss" '
        f"{loss} }}\n"
    )


def write_lmdb(path: Path | str, records: Iterable[bytes], keys: Sequence[str] = ()) -> None:
    """An LMDB of records, with numbers for keys where none are given."""
    with LmdbWriter(Path(path)) as writer:
        for number, record in enumerate(records):
            key = keys[number] if keys else f"{number:08d}"
            writer.put(key.encode(), record)


def labelled(labels: Iterable[int], size: tuple[int, int, int] = (1, 2, 2)) -> list[bytes]:
    """Records of different pixels with these labels."""
    random = np.random.default_rng(1)
    return [write_raw(random.integers(0, 256, size).astype(np.uint8), each) for each in labels]


def found(net: str, solver: str = SOLVER, target: Target = ANY_TARGET) -> list[Finding]:
    """The findings about a solver of the current folder, whose net has this text."""
    Path("net.prototxt").write_text(net, "utf-8")
    view = Solver(parse(solver.encode(), "solver.prototxt"))
    return check(subject_of(view, Path.cwd(), Path("run").absolute(), target=target))


def texts(net: str, solver: str = SOLVER) -> list[str]:
    """Each finding as `code message` and its hint, without place and excerpt."""
    return [
        f"{each.code} {each.message}" + (f"\nhint: {each.hint}" if each.hint else "")
        for each in found(net, solver)
    ]
