"""Solvers with small nets, and what the check finds in them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ssdh_surgery.caffe.net.solver import Solver
from ssdh_surgery.findings import Finding
from ssdh_surgery.pipeline.check.check import check
from ssdh_surgery.pipeline.check.subject import subject_of
from ssdh_surgery.prototxt.parser import parse

SOLVER = 'net: "net.prototxt" base_lr: 0.1 lr_policy: "fixed" max_iter: 40 display: 1 '


def data(items: int = 4, channels: int = 3, side: int = 8) -> str:
    """A layer of images, all 1, with labels 0."""
    return (
        'layer { name: "data" type: "DummyData" top: "data" top: "label" dummy_data_param {\n'
        f"  shape {{ dim: {items} dim: {channels} dim: {side} dim: {side} }}\n"
        f'  shape {{ dim: {items} }} data_filler {{ type: "constant" value: 1 }}\n'
        '  data_filler { type: "constant" } } }\n'
    )


def product(name: str, bottom: str, outputs: int = 4, more: str = "", filler: str = "") -> str:
    """A fully connected layer with random weights, unless a filler is given."""
    weights = filler or 'weight_filler { type: "xavier" }'
    return (
        f'layer {{ name: "{name}" type: "InnerProduct" bottom: "{bottom}" top: "{name}" {more}\n'
        f"  inner_product_param {{ num_output: {outputs} {weights} }} }}\n"
    )


def layer(name: str, kind: str, *bottoms: str, more: str = "") -> str:
    """A layer of a type with a top of its name."""
    below = " ".join(f'bottom: "{bottom}"' for bottom in bottoms)
    return f'layer {{ name: "{name}" type: "{kind}" {below} top: "{name}" {more} }}\n'


def loss(bottom: str = "fc", label: str = "label", name: str = "loss", more: str = "") -> str:
    """A softmax loss."""
    return layer(name, "SoftmaxWithLoss", bottom, label, more=more)


def write_run(folder: Path, net: str, solver: str = SOLVER) -> None:
    """Write `net.prototxt` and `solver.prototxt`."""
    (folder / "net.prototxt").write_text(net)
    (folder / "solver.prototxt").write_text(solver)


def findings_of(
    folder: Path, net: str, solver: str = SOLVER, weights: Sequence[str] = (), **run: Any
) -> list[Finding]:
    """The findings about a solver and its net, which are written into a folder."""
    write_run(folder, net, solver)
    view = Solver(parse(solver.encode(), "solver.prototxt"))
    return check(subject_of(view, folder, folder / "run", tuple(weights), **run))


def sentences(findings: Sequence[Finding], *codes: str) -> list[str]:
    """The severity, code and message of the findings that begin with one of the codes."""
    return [
        f"{finding.severity} {finding.code}: {finding.message}"
        for finding in findings
        if not codes or finding.code.startswith(codes)
    ]
