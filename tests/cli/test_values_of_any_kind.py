"""Fields of the schema with every kind of value, and layers without blobs: no command breaks.

`SSDH_EXAMPLES=5000 pytest tests/cli/test_values_of_any_kind.py` searches at random.
"""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssdh_surgery import parse, zoo
from ssdh_surgery.caffe.messages import schema
from ssdh_surgery.caffe.net.solver import Solver
from ssdh_surgery.cli import run
from ssdh_surgery.errors import SsdhError
from ssdh_surgery.pipeline.check.check import check
from ssdh_surgery.pipeline.check.subject import subject_of
from support.strategies import searched

VALUES = [
    *["word", "TRAIN", '"text"', '"1"', '""', '"\\xff"', "0", "1", "-1", "0.5", "1e400", "nan"],
    *["-inf", "true", "2147483647", "4294967295", "99999999999999999999", "{}", "{ a: 1 }"],
    *["[1, 2]", '["a"]', "[{}]", "[]"],
]
V1 = """\
layers { name: "data" type: DATA top: "data" top: "label"
  data_param { source: "x" batch_size: 4 } transform_param { crop_size: 8 } }
layers { name: "conv" type: CONVOLUTION bottom: "data" top: "conv"
  convolution_param { num_output: 4 kernel_size: 3 } }
layers { name: "ip" type: INNER_PRODUCT bottom: "conv" top: "ip"
  inner_product_param { num_output: 5 } }
layers { name: "loss" type: SOFTMAX_LOSS bottom: "ip" bottom: "label" }
"""
V0 = """\
layers { layer { name: "data" type: "data" source: "x" batchsize: 4 } top: "data" top: "label" }
layers { layer { name: "pad" type: "padding" pad: 1 } bottom: "data" top: "pad" }
layers { layer { name: "conv" type: "conv" num_output: 4 kernelsize: 3 } bottom: "pad" top: "c" }
layers { layer { name: "ip" type: "innerproduct" num_output: 5 } bottom: "c" top: "ip" }
layers { layer { name: "loss" type: "softmax_loss" } bottom: "ip" bottom: "label" }
"""
HASHED = """\
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 } } }
layer { name: "latent_SSDH" type: "InnerProduct" bottom: "data" top: "latent_SSDH"
  inner_product_param { num_output: 8 } }
layer { name: "latent_SSDH_encode" type: "Sigmoid" bottom: "latent_SSDH"
  top: "latent_SSDH_encode" }
layer { name: "conv" type: "Convolution" bottom: "latent_SSDH_encode" top: "conv"
  convolution_param { num_output: 4 kernel_size: 1 } }
layer { name: "pool" type: "Pooling" bottom: "conv" top: "pool" pooling_param { pool: AVE } }
layer { name: "prob" type: "Softmax" bottom: "pool" top: "prob" }
"""
NETS = [zoo.text("lenet", "train_val"), zoo.text("lenet", "deploy"), V1, V0, HASHED]
SOLVER = """\
net: "n.prototxt"
test_iter: 1
test_interval: 5
base_lr: 0.01
lr_policy: "step"
gamma: 0.1
stepsize: 10
max_iter: 20
snapshot_prefix: "p"
"""
COMMANDS = [
    "show n.prototxt",
    "show n.prototxt --phase TEST --json",
    "patch n.prototxt --dry-run --bits 8",
    "patch n.prototxt --dry-run --solver s.prototxt --objective ssdh --classes 3 --remove delete",
    "deploy n.prototxt --dry-run --binary",
    "upgrade n.prototxt s.prototxt --dry-run",
    "diff n.prototxt zoo:lenet",
    "diff s.prototxt zoo:lenet/solver",
    "train --solver s.prototxt --dry-run",
]


@cache
def paths(message: str, holders: tuple[str, ...] = ()) -> tuple[tuple[str, ...], ...]:
    """The fields of a message and of the messages inside it, by their names."""
    return tuple(_paths(schema.descriptor(message), (), holders))


def _paths(message: Any, outer: tuple[str, ...], holders: tuple[str, ...]) -> Iterator[Any]:
    for field in message.fields:
        path = (*outer, field.name)
        yield path
        inner = field.message_type
        if inner is not None and inner.name not in holders:
            yield from _paths(inner, path, (*holders, inner.name))


def text_of(path: tuple[str, ...], value: str) -> str:
    return " { ".join(path) + f": {value}" + " }" * (len(path) - 1)


@st.composite
def net_and_solver(draw: st.DrawFn) -> tuple[str, str]:
    """A net and its solver: a field of any kind added or replaced, or blobs taken away."""
    net, solver = draw(st.sampled_from(NETS)), SOLVER
    what = draw(st.sampled_from(["layer", "layer", "value", "blobs", "net", "solver"]))
    value = draw(st.sampled_from(VALUES))
    if what == "layer":
        message = "LayerParameter" if "layers" not in net else "V1LayerParameter"
        path = draw(st.sampled_from(paths(message)))
        ends = [match.end() for match in re.finditer(r"^layers? \{", net, re.MULTILINE)]
        end = draw(st.sampled_from(ends))
        net = f"{net[:end]} {text_of(path, value)} {net[end:]}"
    elif what == "net":
        net += text_of(draw(st.sampled_from(paths("NetParameter", _LAYERS))), value)
    elif what == "solver":
        path = draw(st.sampled_from(paths("SolverParameter", ("NetParameter",))))
        solver += text_of(path, value)
    elif what == "value":
        net = _replace(draw, net, r'(?<=: )("[^"]*"|[^\s{}]+)', [*VALUES, '"Sigmoid"', '"ip1"'])
    else:
        for _ in range(draw(st.integers(1, 3))):
            net = _replace(draw, net, r'(bottom|top): "[^"]*"', [""])
    return net, solver


_LAYERS = ("LayerParameter", "V1LayerParameter")


def _replace(draw: st.DrawFn, text: str, pattern: str, values: list[str]) -> str:
    matches = list(re.finditer(pattern, text))
    match = draw(st.sampled_from(matches))
    return text[: match.start()] + draw(st.sampled_from(values)) + text[match.end() :]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("any_kind")


@searched
@given(net_and_solver(), st.sampled_from(COMMANDS))
def test_no_command_breaks(folder: Path, files: tuple[str, str], command: str) -> None:
    net, solver = files
    folder.joinpath("n.prototxt").write_text(net)
    folder.joinpath("s.prototxt").write_text(solver)
    out, err = io.StringIO(), io.StringIO()
    with contextlib.chdir(folder), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run(command.split())
    assert "a bug in" not in err.getvalue(), err.getvalue()
    assert code in (0, 1, 3), err.getvalue()
    assert code != 3 or re.search(r"^[ns]\.prototxt", err.getvalue(), re.MULTILINE)


@searched
@given(net_and_solver())
def test_no_check_breaks(folder: Path, files: tuple[str, str]) -> None:
    net, solver = files
    folder.joinpath("n.prototxt").write_text(net)
    with contextlib.chdir(folder), contextlib.suppress(SsdhError):
        view = Solver(parse(solver.encode(), "s.prototxt"))
        assert all(map(str, check(subject_of(view, Path(), Path("p")))))
