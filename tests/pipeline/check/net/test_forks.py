"""Fields, layer types and modules that the engine of a run may not have."""

from __future__ import annotations

from pathlib import Path

import pytest

from ssdh_surgery.pipeline.check.target import Target
from support.solver_findings import SOLVER, data, findings_of, layer, loss, product, sentences

NET = data() + product("fc", "data") + loss()


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PYTHONPATH", raising=False)
    return tmp_path


def with_field(text: str) -> str:
    """The net with a field in its fully connected layer."""
    return NET.replace("num_output: 4", f"num_output: 4 {text}")


@pytest.mark.parametrize(
    ("net", "sentence"),
    [
        (
            with_field("relu: true"),
            "warning SSDH218: BVLC Caffe has no field 'relu' in inner_product_param; IntelCaffe "
            "has",
        ),
        (
            with_field("bias_trem: 1"),
            "warning SSDH218: BVLC Caffe has no field 'bias_trem' in inner_product_param; the "
            "caffe at hand may",
        ),
        (
            data()
            + layer("pool", "Pooling", "data", more="pooling_param { engine: MKLDNN }")
            + product("fc", "data")
            + loss(),
            "warning SSDH218: BVLC Caffe has no value 'MKLDNN' of engine in pooling_param; "
            "IntelCaffe has",
        ),
        (
            NET + "default_forward_type: FLOAT16",
            "warning SSDH218: BVLC Caffe has no field 'default_forward_type' in a net; NVCaffe has",
        ),
        (
            NET.replace('top: "fc"', 'top: "fc" engine: "MKL2017"', 1),
            "warning SSDH218: BVLC Caffe has no field 'engine' in layer; IntelCaffe has",
        ),
        (
            NET + layer("prior", "PriorBox", "fc", "data"),
            "warning SSDH210: BVLC Caffe has no layer type 'PriorBox' (layer 'prior'); the Caffe "
            "of SSD, NVCaffe and IntelCaffe have",
        ),
        (
            NET + layer("mine", "OurOwn", "fc"),
            "warning SSDH210: BVLC Caffe has no layer type 'OurOwn' (layer 'mine')",
        ),
        (
            NET + layer("sum", "InerProduct", "fc"),
            "warning SSDH210: Unknown layer type: InerProduct (layer 'sum')",
        ),
    ],
)
def test_what_bvlc_caffe_does_not_have(folder: Path, net: str, sentence: str) -> None:
    assert sentences(findings_of(folder, net), "SSDH218", "SSDH210") == [sentence]


def test_a_field_that_looks_misspelt(folder: Path) -> None:
    found = findings_of(folder, with_field("bias_trem: 1"))
    (finding,) = (each for each in found if each.code == "SSDH218")
    assert finding.hint == "did you mean 'bias_term'?"
    assert finding.location is not None
    assert (finding.location.line, finding.location.text) == (
        6,
        '  inner_product_param { num_output: 4 bias_trem: 1 weight_filler { type: "xavier" } } }',
    )


def test_a_field_of_another_dialect_is_reported_once(folder: Path) -> None:
    net = NET.replace('top: "fc"', 'top: "fc" blobs_lr: 1', 1)
    assert [
        each.code for each in findings_of(folder, net) if each.code in ("SSDH205", "SSDH218")
    ] == ["SSDH205"]


@pytest.mark.parametrize(
    ("field", "forks"),
    [
        ('eval_type: "classification"', "the Caffe of SSD, NVCaffe and IntelCaffe have"),
        ("rampup_interval: 9", "NVCaffe has"),
        ("min_lr: 0.1", "NVCaffe has"),
        ("warmup_iter: 9", "IntelCaffe has"),
        ("local_lr_auto: true", "IntelCaffe has"),
        ("our_own: 1", "the caffe at hand may"),
    ],
)
def test_a_solver_field_of_a_fork_is_a_warning(folder: Path, field: str, forks: str) -> None:
    (sentence,) = sentences(findings_of(folder, NET, SOLVER + field), "SSDH3")
    name = field.split(":")[0]
    assert sentence == f"warning SSDH313: BVLC Caffe has no field '{name}' in a solver; {forks}"


def test_the_net_inside_a_solver_is_a_net(folder: Path) -> None:
    solver = SOLVER.replace('net: "net.prototxt"', f"net_param {{ {with_field('relu: true')} }}")
    (sentence,) = sentences(findings_of(folder, NET, solver), "SSDH2")
    assert sentence.startswith("warning SSDH218:")


@pytest.mark.parametrize(
    ("net", "solver", "sentence"),
    [
        (
            NET + layer("prior", "PriorBox", "fc", "data"),
            SOLVER,
            "error SSDH219: layer 'prior' has the type 'PriorBox', which the embedded engine does "
            "not have",
        ),
        (
            NET + layer("code", "Python", "fc"),
            SOLVER,
            "error SSDH219: layer 'code' has the type 'Python', which the embedded engine does "
            "not have",
        ),
        (
            with_field("relu: true"),
            SOLVER,
            "error SSDH220: the embedded engine has no field 'relu' in inner_product_param",
        ),
        (
            NET,
            SOLVER.replace("fixed", "plateau"),
            "error SSDH310: unknown learning rate policy 'plateau'",
        ),
        (
            NET,
            SOLVER + "min_lr: 0.1",
            "warning SSDH313: BVLC Caffe has no field 'min_lr' in a solver; NVCaffe has",
        ),
        # It has the fork's losses.
        (NET + layer("k", "K1_EuclideanLoss", "fc", "fc"), SOLVER, None),
    ],
)
def test_what_the_embedded_engine_does_not_have(
    folder: Path, net: str, solver: str, sentence: str | None
) -> None:
    found = sentences(findings_of(folder, net, solver, target=Target("torch")), "SSDH2", "SSDH3")
    assert found == ([sentence] if sentence else [])


def test_a_layer_of_another_phase_is_not_run(folder: Path) -> None:
    prior = layer("prior", "PriorBox", "fc", "data", more="include { phase: TEST }")
    assert sentences(findings_of(folder, NET + prior, target=Target("torch")), "SSDH219") == []


def test_a_python_module_that_is_not_on_the_path(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    net = NET + layer("code", "Python", "fc", more='python_param { module: "ours" layer: "A" }')
    assert sentences(findings_of(folder, net), "SSDH221") == []
    (folder / "ours.py").write_text("")
    (finding,) = (each for each in findings_of(folder, net) if each.code == "SSDH221")
    assert finding.message == (
        "layer 'code' is in Python: its module 'ours' is in ., which is not in PYTHONPATH"
    )
    assert finding.hint == f'export PYTHONPATH="{folder.resolve()}:$PYTHONPATH"'
    monkeypatch.setenv("PYTHONPATH", str(folder))
    assert sentences(findings_of(folder, net), "SSDH221") == []
