"""A small run to check: a net on an LMDB, its solver, and what is found of both."""

from __future__ import annotations

from pathlib import Path

from ssdh_surgery.caffe.net.solver import Solver
from ssdh_surgery.findings import Finding
from ssdh_surgery.pipeline.check.check import check
from ssdh_surgery.pipeline.check.subject import subject_of
from ssdh_surgery.pipeline.check.target import ANY_TARGET, Target
from ssdh_surgery.prototxt.parser import parse

NET = """
layer { name: "data" type: "Data" top: "data" top: "label" transform_param { crop_size: 8 }
  data_param { source: "lmdb" batch_size: BATCH backend: LMDB } }
layer { name: "fc" type: "InnerProduct" bottom: "data" top: "fc"
  inner_product_param { num_output: WIDTH weight_filler { type: "xavier" } } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "fc" bottom: "label" top: "loss" }
"""
SOLVER = {
    "net": '"net.prototxt"',
    "base_lr": "0.1",
    "lr_policy": '"fixed"',
    "max_iter": "90",
}


def solver_text(more: str = "") -> str:
    """A solver: its fields on the first line, without those that `more` sets, and then `more`."""
    fields = (f"{name}: {value}" for name, value in SOLVER.items() if f"{name}:" not in more)
    return " ".join(fields) + "\n" + more


def findings(
    folder: Path,
    more: str = "",
    *,
    net: str = NET,
    batch: int = 4,
    width: int = 10,
    prefix: str = "run",
    snapshot: str | None = None,
    target: Target = ANY_TARGET,
) -> dict[str, Finding]:
    """The findings of the fifth family about a run in a folder, by name.

    Args:
        folder: where the files are, and caffe would run.
        more: fields of the solver.
        net: the text of the net, with BATCH and WIDTH.
        batch: its batch size.
        width: the width of its layer.
        prefix: the prefix of the snapshots.
        snapshot: the solverstate that is resumed.
        target: what the run is launched on.
    """
    text = net.replace("BATCH", str(batch)).replace("WIDTH", str(width))
    (folder / "net.prototxt").write_text(text)
    solver = Solver(parse(solver_text(more).encode(), "solver.prototxt"))
    subject = subject_of(solver, folder, folder / prefix, snapshot=snapshot, target=target)
    return {each.name: each for each in check(subject) if each.code.startswith("SSDH5")}
