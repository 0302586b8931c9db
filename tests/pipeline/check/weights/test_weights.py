"""Weights that a run starts from: what does not fit and why, and what is fine."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from ssdh_surgery.caffe.messages.dialect import Dialect
from ssdh_surgery.caffe.weights.weights import (
    LayerWeights,
    read_any_weights,
    write_any_weights,
    write_weights,
)
from ssdh_surgery.engines.caffe_binary.executable import built_caffe
from ssdh_surgery.pipeline.check.weights.renamed_layers import same_name
from support.caffe_runs import fatal
from support.job_with_weights import (
    NET,
    SOLVER,
    findings_of_job,
    texts_of_job,
    write_job,
    write_weights_of,
)

HASHED = NET.replace(
    'layer { name: "fc8" type: "InnerProduct" bottom: "fc6"',
    'layer { name: "latent_SSDH" type: "InnerProduct" bottom: "fc6" top: "latent"\n'
    "  inner_product_param { num_output: 6 } }\n"
    'layer { name: "code" type: "Sigmoid" bottom: "latent" top: "code" }\n'
    'layer { name: "fc8" type: "InnerProduct" bottom: "code"',
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_job(tmp_path)
    return tmp_path


def codes(*weights: str) -> list[str]:
    return [finding.code for finding in findings_of_job(weights=weights or ("w",))]


def changed(name: str, **blobs: tuple[int, ...]) -> None:
    """The weights of the net, with blobs of other shapes."""
    write_weights_of(NET, "whole")
    layers = [
        LayerWeights(
            layer.name,
            layer.type,
            tuple(np.ones(shape, np.float32) for shape in blobs[layer.name])
            if layer.name in blobs
            else layer.blobs,
        )
        for layer in read_any_weights("whole").layers
    ]
    write_any_weights(name, layers)


@pytest.mark.parametrize("name", ["w", "w.caffemodel.h5"])
def test_fitting_weights_are_fine(name: str) -> None:
    write_weights_of(NET, name)
    assert codes(name) == []


@pytest.mark.parametrize("name", ["w", "w.h5"])
@pytest.mark.parametrize(
    ("layer", "shapes", "reason", "hint"),
    [
        (
            "fc6",
            ((5, 192), (5,)),
            "'conv1' is 6 x 6 here, and 8 x 8 there: images of another size",
            "give it images of the size that the weights were trained with (10 pixels), or rename "
            "the layer, so that it starts from its filler",
        ),
        (
            "fc6",
            ((5, 100), (5,)),
            "'conv1' has 108 values here, and 100 there: another net",
            "rename the layer, so that it starts from its filler",
        ),
        (
            "fc8",
            ((10, 5), (10,)),
            "the classifier has 4 classes here, and 10 there",
            "rename the layer, so that it starts from its filler; 'ssdh patch net.prototxt' does, "
            "and adds the hash layer",
        ),
        (
            "fc8",
            ((1000, 4096), (1000,)),
            "the classifier has 4 classes here, and 1000 there",
            "rename the layer, so that it starts from its filler; 'ssdh patch net.prototxt' does, "
            "and adds the hash layer",
        ),
        (
            "fc8",
            ((4, 9), (4,)),
            "'fc6' has 5 values here, and 9 there: another net",
            "rename the layer, so that it starts from its filler",
        ),
        (
            "conv1",
            ((3, 3, 3, 3), (3,)),
            "images have 1 channel here, and 3 there",
            "give it images of 3 channels, or rename the layer, so that it starts from its filler",
        ),
        (
            "conv1",
            ((3, 1, 5, 5), (3,)),
            "its kernel is 3 x 3 here, and 5 x 5 there",
            "rename the layer, so that it starts from its filler",
        ),
        (
            "conv1",
            ((8, 1, 3, 3), (8,)),
            "it has 3 outputs here, and 8 there: another net",
            "rename the layer, so that it starts from its filler",
        ),
        (
            "fc6",
            ((5, 108),),
            "there it has no bias",
            "bias_term: false in its inner_product_param fits the weights",
        ),
        (
            "conv1",
            ((3, 1, 3, 3), (3,), (1,)),
            "2 blobs here, 3 there: these are the weights of another net, or of a Caffe with "
            "another Convolution layer",
            "rename the layer, so that it starts from its filler",
        ),
    ],
)
def test_a_clash_names_its_cause(
    name: str, layer: str, shapes: tuple[tuple[int, ...], ...], reason: str, hint: str
) -> None:
    changed(name, **{layer: shapes})
    (finding,) = findings_of_job(weights=(name,))
    assert (finding.code, finding.name) == ("SSDH404", "shape-clash")
    assert finding.message.endswith(f": {reason}")
    assert " and Caffe stops at that" in finding.message
    assert finding.hint == hint
    assert finding.location is not None
    assert finding.location.text is not None
    assert f'"{layer}"' in finding.location.text


def test_a_clash_of_the_hash_layer_and_of_what_reads_it() -> None:
    Path("net.prototxt").write_text(HASHED)
    write_weights_of(HASHED.replace("num_output: 6 }", "num_output: 12 }"), "w")
    latent, classifier = findings_of_job(weights=("w",))[:2]
    assert latent.message.endswith("the codes have 6 bits here, and 12 there")
    assert latent.hint is not None
    assert latent.hint.endswith("patch the net again with --bits 12")
    assert classifier.message.endswith(
        "it reads the 6 bits of the hash layer here, and 12 features there"
    )


def test_a_clash_of_a_first_layer_that_is_fully_connected() -> None:
    head, tail = NET.split('layer { name: "conv1"')
    net = head + tail.partition("\n")[2].partition("\n")[2].replace('"conv1"', '"data"')
    Path("net.prototxt").write_text(net)
    for count, reason in (
        (192, "images have 1 channel here, and 3 there"),
        (144, "'data' is 8 x 8 here, and 12 x 12 there: images of another size"),
        (80, "'data' is 8 x 8 here, and 8 x 10 there: images of another size"),
    ):
        blobs = (np.ones((5, count), np.float32), np.ones(5, np.float32))
        write_any_weights("w", [LayerWeights("fc6", "InnerProduct", blobs)])
        (finding,) = findings_of_job(weights=("w",))
        assert finding.message.endswith(reason)


def test_a_clash_of_another_group() -> None:
    fc6 = 'layer { name: "fc6" type: "InnerProduct" bottom: '
    conv2 = (
        'layer { name: "conv2" type: "Convolution" bottom: "conv1" top: "conv2"\n'
        "  convolution_param { num_output: 6 kernel_size: 1 group: 3 } }\n"
    )
    net = NET.replace(f'{fc6}"conv1"', f'{conv2}{fc6}"conv2"')
    Path("net.prototxt").write_text(net)
    write_weights_of(net.replace("group: 3", "group: 1"), "w")
    (finding,) = findings_of_job(weights=("w",))
    assert finding.message.endswith("it has group: 3 here, and 1 there")
    assert finding.hint is not None
    assert finding.hint.startswith("group: 1 in its convolution_param fits the weights")


def test_legacy_shapes_fit_as_caffe_compares_them() -> None:
    write_weights_of(NET, "whole")
    layers = [
        LayerWeights(
            layer.name,
            layer.type,
            tuple(blob.reshape((1,) * (4 - blob.ndim) + blob.shape) for blob in layer.blobs),
            frozenset(range(len(layer.blobs))),
        )
        for layer in read_any_weights("whole").layers
    ]
    write_weights("w", layers, dialect=Dialect.V1)
    assert codes() == []
    write_weights("w", [LayerWeights(e.name, e.type, e.blobs) for e in layers])
    assert codes() == ["SSDH404"] * 3
    assert "axes of 1 in front" in findings_of_job(weights=("w",))[0].message


def test_a_solverstate_as_weights() -> None:
    from ssdh_surgery.caffe.weights.solverstate import SolverState, write_solver_state

    write_solver_state("run_iter_2.solverstate", SolverState(2, "run_iter_2.caffemodel", []))
    assert texts_of_job(weights=("run_iter_2.solverstate",)) == [
        "run_iter_2.solverstate: error SSDH407 weights-are-a-state: run_iter_2.solverstate holds a "
        "solver's state, not weights\n"
        "hint: to go on from it: --snapshot run_iter_2.solverstate; to start anew: --weights "
        "FILE.caffemodel"
    ]
    write_weights_of(NET, "run_iter_2.caffemodel")
    (text,) = texts_of_job(weights=("run_iter_2.solverstate",))
    assert text.endswith("to start anew: --weights run_iter_2.caffemodel (it stands beside)")


def test_weights_that_hold_nan() -> None:
    write_weights_of(NET, "w", fill=float("nan"))
    assert texts_of_job(weights=("w",)) == [
        "w: warning SSDH415 weights-not-finite: w holds 599 nan in 3 layers: 'conv1', 'fc6', "
        "'fc8'\n"
        "hint: such weights come from a training run that diverged: take an earlier snapshot, or "
        "train again with a lower base_lr and data without nan"
    ]
    # A layer that the net does not have does no harm.
    write_weights_of(NET, "whole")
    bad = LayerWeights("other", "InnerProduct", (np.float32([np.inf]),))
    write_any_weights("w", [*read_any_weights("whole").layers, bad])
    assert codes() == []


def test_weights_of_which_hardly_anything_is_copied() -> None:
    names = [f"fc{number}" for number in range(8)]
    wide = NET.replace(
        'layer { name: "fc8"',
        "".join(
            f'layer {{ name: "{name}" type: "InnerProduct" bottom: "fc6" top: "fc6" '
            "inner_product_param { num_output: 5 } }\n"
            for name in names[:5]
        )
        + 'layer { name: "fc8"',
    )
    Path("net.prototxt").write_text(wide)
    others = {name: f"other_{number}x" for number, name in enumerate(names[:5])}
    write_weights_of(wide, "w", {**others, "fc6": "dense", "fc8": "scores"})
    assert texts_of_job(weights=("w",)) == [
        "w: warning SSDH416 hardly-copied: 1 of 7 layers copied from w: the others of net.prototxt "
        "start from their fillers, and 7 layers of the weights are not used\n"
        "hint: these may be the weights of another net"
    ]
    # All that the file has is copied: so it was meant.
    write_weights_of(wide, "w", {**dict.fromkeys(others), "fc6": None, "fc8": None})
    assert codes() == []
    # A new classifier and half of the layers.
    write_weights_of(wide, "w", {**dict(list(others.items())[:4]), "fc8": "scores"})
    assert codes() == []


def test_layers_of_nearly_the_same_name() -> None:
    write_weights_of(NET, "w", {"conv1": "Conv_1", "fc6": "net/fc6"})
    assert texts_of_job(weights=("w",)) == [
        "net.prototxt:5:15: warning SSDH417 renamed-layer: 'conv1' starts from its filler, but w "
        "has 'Conv_1' with the same shapes, and 1 other layer likewise: are they the same?\n"
        "hint: rename 'conv1' to 'Conv_1', or the other way round in the weights, if they are"
    ]
    # A classifier is renamed to be learned anew; other shapes or names are other layers.
    write_weights_of(NET, "w", {"fc8": "fc8_old"})
    assert codes() == []
    write_weights_of(NET, "w", {"fc6": "fc7"})
    assert codes() == []


@pytest.mark.parametrize(
    ("name", "other", "is_same"),
    [
        ("conv1", "CONV1", True),
        ("conv1", "conv-1", True),
        ("conv1", "vgg/conv1", True),
        ("fc7_new", "fc7", True),
        ("conv1_1", "conv1_2", False),
        ("conv1", "conv11", False),
        ("inception_3a/1x1", "inception_3b/1x1", False),
        ("/", "_", False),
    ],
)
def test_which_names_are_nearly_the_same(name: str, other: str, is_same: bool) -> None:
    assert same_name(name, other) is same_name(other, name) is is_same


def test_layers_that_are_all_zero() -> None:
    write_weights_of(NET, "w", fill=0)
    assert texts_of_job(weights=("w",)) == [
        "w: warning SSDH418 zero-weights: the weights of 'conv1', 'fc6', 'fc8' are all zero: "
        "nothing is learned below\n"
        "hint: take other weights, or rename the layer, so that it starts from its filler"
    ]
    write_weights_of(NET, "whole")
    layers = [
        LayerWeights(each.name, each.type, (each.blobs[0], each.blobs[1] * 0))
        for each in read_any_weights("whole").layers
    ]
    write_any_weights("w", layers)
    assert codes() == []  # biases begin so


def test_a_hash_layer_of_an_earlier_run() -> None:
    Path("net.prototxt").write_text(HASHED)
    write_weights_of(HASHED, "w")
    assert texts_of_job(weights=("w",)) == [
        "w: info SSDH419 hash-layer-copied: w holds the hash layer 'latent_SSDH' already: its 6 "
        "bits go on from there, not from its filler\n"
        "hint: to train them anew, start from the weights of the classifier; to go on with a run, "
        "--resume"
    ]
    write_weights_of(HASHED, "w", {"latent_SSDH": None, "fc8": None})
    assert codes() == []


def test_weights_that_the_solver_names(folder: Path) -> None:
    (folder / "solver.prototxt").write_text(SOLVER + 'weights: "a, b"\n')
    write_weights_of(NET, "a")
    assert texts_of_job() == [
        "solver.prototxt:2:10: error SSDH401 no-weights: no such weights file: b"
    ]
    write_weights_of(NET, "b", fill=float("inf"))
    assert [finding.code for finding in findings_of_job()] == ["SSDH415"]
    # The command line replaces them.
    assert [finding.code for finding in findings_of_job(weights=("a",))] == []


def test_params_that_hdf5_stores_once() -> None:
    twins = "".join(
        f'layer {{ name: "{name}" type: "InnerProduct" bottom: "{bottom}" top: "{name}"\n'
        '  param { name: "w" } inner_product_param { num_output: 5 bias_term: false } }\n'
        for name, bottom in (("twin", "fc6"), ("again", "twin"))
    )
    start = 'layer { name: "fc8" type: "InnerProduct" bottom: '
    shared = NET.replace(f'{start}"fc6"', f'{twins}{start}"again"')
    Path("net.prototxt").write_text(shared)
    write_weights_of(shared, "whole")
    owners = {("again", 0): ("twin", 0)}
    write_any_weights("w.h5", read_any_weights("whole").layers, owners=owners)
    assert codes("w.h5") == []
    owners = {("twin", 0): ("again", 0)}
    write_any_weights("w.h5", read_any_weights("whole").layers, owners=owners)
    assert codes("w.h5") == ["SSDH404"]


def train(*flags: str) -> subprocess.CompletedProcess[str]:
    """Caffe itself, training the job."""
    command = [str(built_caffe()), "train", "--solver=solver.prototxt", *flags]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.caffe
@pytest.mark.parametrize("name", ["w", "w.h5"])
@pytest.mark.parametrize(
    ("layer", "shapes"),
    [
        ("fc6", ((5, 192), (5,))),
        ("fc8", ((10, 5), (10,))),
        ("fc6", ((5, 108),)),
        ("conv1", ((3, 1, 3, 3), (3,), (1,))),
        ("fc6", ((1, 1, 5, 108), (5,))),
    ],
)
def test_caffe_stops_at_a_clash(name: str, layer: str, shapes: tuple[tuple[int, ...], ...]) -> None:
    changed(name, **{layer: shapes})
    (finding,) = findings_of_job(weights=(name,))
    assert finding.code == "SSDH404"
    messages = fatal(train(f"--weights={name}"))
    if "computes with wrong values" in finding.message:
        assert name == "w.h5"
        assert messages == []
    else:
        assert "mismatch" in messages[0] or "Incompatible number of blobs" in messages[0]


@pytest.mark.caffe
def test_caffe_takes_what_has_no_error(folder: Path) -> None:
    (folder / "solver.prototxt").write_text(SOLVER + "display: 1\n")
    write_weights_of(NET, "good")
    write_weights_of(NET, "good.h5")
    write_weights_of(NET, "nan", fill=float("nan"))
    write_weights_of(NET, "renamed", {"conv1": "Conv1"})
    legacy = [
        LayerWeights(
            layer.name,
            layer.type,
            tuple(blob.reshape((1,) * (4 - blob.ndim) + blob.shape) for blob in layer.blobs),
            frozenset(range(len(layer.blobs))),
        )
        for layer in read_any_weights("good").layers
    ]
    write_weights("legacy", legacy, dialect=Dialect.V1)
    for name in ("good", "good.h5", "nan", "renamed", "legacy"):
        assert not any(finding.is_error for finding in findings_of_job(weights=(name,)))
        process = train(f"--weights={name}")
        assert process.returncode == 0
        assert ("Ignoring source layer Conv1" in process.stderr) == (name == "renamed")
        assert ("loss = nan" in process.stderr) == (name == "nan")
    (folder / "solver.prototxt").write_text(SOLVER + 'weights: "renamed, good"\n')
    assert findings_of_job()[0].name == "renamed-layer"
    assert "Finetuning from good" in train().stderr
