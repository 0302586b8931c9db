"""Opening nets: which engine, what is refused, weights in and out, on each engine."""

import os
import subprocess
import sys

import numpy as np
import pytest

from ssdh_surgery.engines.caffe_binary.executable import built_pycaffe
from ssdh_surgery.engines.open_net import open_net
from ssdh_surgery.engines.torch.net.torch_net import TorchNet
from ssdh_surgery.errors import DataError, EngineError, FileError, UsageError
from support.paths import GOLDEN

TRAIN = GOLDEN / "train"
SNAPSHOT = TRAIN / "snap_sgd_step_ssdh_iter_20.caffemodel"

NET = """
layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 2 dim: 3 } } }
layer { name: "a" type: "InnerProduct" bottom: "x" top: "a" param { name: "w" }
  inner_product_param { num_output: 3 bias_term: false weight_filler { type: "xavier" } } }
layer { name: "relu" type: "ReLU" bottom: "a" top: "a" }
layer { name: "b" type: "InnerProduct" bottom: "a" top: "b" param { name: "w" } param { name: "v" }
  inner_product_param { num_output: 3 weight_filler { type: "xavier" } } }
"""
X = np.array([[1, 2, -3], [0.5, -1, 2]])


@pytest.fixture
def prototxt(tmp_path):
    path = tmp_path / "net.prototxt"
    path.write_text(NET)
    return path


def in_new_process(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)


def test_torch_is_the_first_choice(prototxt):
    assert isinstance(open_net(prototxt), TorchNet)


def test_the_phase_may_be_written_small(prototxt):
    assert open_net(str(prototxt), phase="train").phase == "TRAIN"


@pytest.mark.parametrize(
    ("settings", "message", "hint"),
    [
        ({"phase": "VALID"}, "unknown phase 'VALID'", "TRAIN or TEST"),
        (
            {"engine": "binary"},
            "unknown engine 'binary'",
            "auto, torch, onnx, pycaffe",
        ),
    ],
)
def test_wrong_settings(prototxt, settings, message, hint):
    with pytest.raises(UsageError) as caught:
        open_net(prototxt, **settings)
    assert (caught.value.message, caught.value.hint) == (message, hint)


def test_a_file_that_is_missing(tmp_path):
    with pytest.raises(FileError) as caught:
        open_net(tmp_path / "no.prototxt")
    assert str(caught.value) == f"{tmp_path}/no.prototxt: cannot read: no such file"


def test_nothing_heavy_is_loaded_before_a_net_is_opened():
    run = in_new_process(
        "import sys; from ssdh_surgery.engines.open_net import open_net; "
        "print({'torch', 'numpy', 'caffe'} & set(sys.modules))"
    )
    assert (run.stdout, run.stderr) == ("set()\n", "")


def test_without_torch_the_extra_is_named(prototxt):
    run = in_new_process(
        "import sys; sys.modules['torch'] = None\n"
        "from ssdh_surgery.engines.open_net import open_net\n"
        "from ssdh_surgery.errors import MissingExtra\n"
        f"try: open_net({str(prototxt)!r})\n"
        "except MissingExtra as error: print(error)"
    )
    assert run.stdout == (
        "running a net needs the extra 'train'\nhint: pip install 'ssdh-surgery[train]'\n"
    ), run.stderr


# Weights.


def test_weights_go_out_and_in(prototxt, tmp_path):
    first, second = open_net(prototxt), open_net(prototxt)
    for name in ("w.caffemodel", "w.caffemodel.h5"):
        first.params["a"][0].data[...] = np.random.default_rng(1).uniform(size=(3, 3))
        first.save(tmp_path / name)
        second.params["a"][0].data[...] = 0
        rows = second.copy_from(tmp_path / name)

        assert [(row.layer, row.status) for row in rows] == [("a", "copied"), ("b", "copied")]
        np.testing.assert_array_equal(second.forward(x=X)["b"], first.forward(x=X)["b"])
        assert open_net(prototxt, tmp_path / name).params["b"][1].shape == (3,)


SHAPE_CLASH = (
    "Cannot copy param 0 weights from layer 'a'; shape mismatch.  Source param shape is 3 3 (9); "
    "target param shape is 3 4 (12).\n"
    "hint: To learn this layer's parameters from scratch rather than copying from a saved net, "
    "rename the layer."
)


def test_weights_of_a_layer_with_another_shape(prototxt, tmp_path):
    open_net(prototxt).save(tmp_path / "w.caffemodel")
    prototxt.write_text(NET.replace("dim: 3 }", "dim: 4 }").replace('param { name: "w" }', ""))
    net = open_net(prototxt)
    before = net.params["b"][0].data.copy()

    with pytest.raises(DataError) as caught:
        net.copy_from(tmp_path / "w.caffemodel")
    assert str(caught.value) == f"{tmp_path}/w.caffemodel: {SHAPE_CLASH}"
    np.testing.assert_array_equal(net.params["b"][0].data, before)


def test_weights_of_a_layer_with_another_number_of_blobs(prototxt, tmp_path):
    open_net(prototxt).save(tmp_path / "w.caffemodel")
    prototxt.write_text(NET.replace("bias_term: false", ""))

    with pytest.raises(DataError) as caught:
        open_net(prototxt, tmp_path / "w.caffemodel")
    assert str(caught.value) == (
        f"{tmp_path}/w.caffemodel: Incompatible number of blobs for layer a: the file has 1, "
        "the net 2"
    )


def test_legacy_shapes_fit(prototxt, tmp_path):
    from ssdh_surgery.caffe.weights.binary_weights import write_weights
    from ssdh_surgery.caffe.weights.layer_weights import LayerWeights

    values = np.arange(9, dtype=np.float32).reshape(1, 1, 3, 3)
    layer = LayerWeights("a", "InnerProduct", (values,), legacy=frozenset({0}))
    write_weights(tmp_path / "old.caffemodel", [layer])
    net = open_net(prototxt, tmp_path / "old.caffemodel")

    np.testing.assert_array_equal(net.params["a"][0].data, values[0, 0])


def test_what_caffe_snapshot_is_read(monkeypatch):
    monkeypatch.chdir(TRAIN)
    net = open_net("net_ssdh.prototxt", SNAPSHOT)

    assert net.params["latent_SSDH"][0].data.any()
    assert 0 <= net.forward()["accuracy"] <= 1


# pycaffe.


@pytest.mark.caffe
def test_both_engines_agree(prototxt, tmp_path):
    ours, theirs = (open_net(prototxt, phase="TEST", engine=name) for name in ("torch", "pycaffe"))
    theirs.params["b"][1].data[...] = [1, 2, 3]
    theirs.save(str(tmp_path / "theirs.caffemodel"))
    ours.copy_from(tmp_path / "theirs.caffemodel")
    ours.save(tmp_path / "ours.caffemodel")
    theirs.copy_from(str(tmp_path / "ours.caffemodel"))

    for member in ("inputs", "outputs"):
        assert list(getattr(ours, member)) == list(getattr(theirs, member))
    for member in ("blobs", "params", "layer_dict"):
        assert list(getattr(ours, member)) == list(getattr(theirs, member))
    assert [layer.type for layer in ours.layers] == [layer.type for layer in theirs.layers]
    np.testing.assert_allclose(ours.forward(x=X)["b"], theirs.forward(x=X)["b"], 1e-4, 1e-5)


@pytest.mark.caffe
def test_pycaffe_takes_weights_phase_and_stages(prototxt, tmp_path):
    open_net(prototxt).save(tmp_path / "w.caffemodel")
    prototxt.write_text(
        NET + 'layer { name: "s" type: "Silence" bottom: "b" include { stage: "s" } }'
    )
    weights = tmp_path / "w.caffemodel"

    net = open_net(prototxt, weights, "TRAIN", "pycaffe", stages=["s"])
    assert list(net.outputs) == []
    assert list(open_net(prototxt, weights, engine="pycaffe").outputs) == ["b"]
    # A caffe that is started later speaks as ever.
    assert "GLOG_minloglevel" not in os.environ


@pytest.mark.caffe
@pytest.mark.parametrize("engine", ["torch", "onnx", "pycaffe"])
def test_a_level_is_in_place_of_the_files_own_and_stages_add_up(prototxt, tmp_path, engine):
    weights = tmp_path / "w.caffemodel"
    open_net(prototxt).save(weights)
    rules = ["min_level: 1", "max_level: 0", 'stage: "own" stage: "more"', "min_level: 2"]
    layers = [
        f'layer {{ name: "{n}" type: "TanH" bottom: "b" top: "{n}" include {{ {rule} }} }}\n'
        for n, rule in enumerate(rules)
    ]
    prototxt.write_text(f'{NET}{"".join(layers)}state {{ level: 2 stage: "own" }}')
    assert list(open_net(prototxt, weights, engine=engine).outputs) == ["1"]
    net = open_net(prototxt, weights, engine=engine, level=1, stages=["more"])
    assert list(net.outputs) == ["0", "2"]


@pytest.mark.caffe
def test_a_layer_that_pycaffe_lacks_is_an_error_and_not_the_end(prototxt):
    prototxt.write_text(NET + 'layer { name: "c" type: "Clip" bottom: "b" top: "c" }')

    with pytest.raises(EngineError) as caught:
        open_net(prototxt, engine="pycaffe")
    assert caught.value.message == (
        "layer 'c' has the type 'Clip', which this pycaffe does not have"
    )


@pytest.mark.caffe
def test_weights_that_do_not_fit_do_not_end_the_process(prototxt, tmp_path):
    open_net(prototxt).save(tmp_path / "w.caffemodel")
    prototxt.write_text(NET.replace("dim: 3 }", "dim: 4 }").replace('param { name: "w" }', ""))

    with pytest.raises(DataError) as caught:
        open_net(prototxt, tmp_path / "w.caffemodel", engine="pycaffe")
    assert str(caught.value) == f"{tmp_path}/w.caffemodel: {SHAPE_CLASH}"


def test_no_pycaffe(prototxt, tmp_path):
    run = in_new_process(
        "import os, sys; os.environ.pop('CAFFE_ROOT', None)\n"
        f"os.environ['XDG_CACHE_HOME'] = {str(tmp_path)!r}\n"
        "from ssdh_surgery.engines.open_net import open_net\n"
        f"open_net({str(prototxt)!r}, engine='pycaffe')"
    )
    assert run.stderr.endswith(
        "EngineError: pycaffe is not installed: there is no module 'caffe'\n"
        "hint: set $CAFFE_ROOT to a Caffe with pycaffe, or build one with `make caffe`\n"
    )


@pytest.mark.caffe
def test_pycaffe_under_caffe_root(prototxt, tmp_path):
    (tmp_path / "caffe").mkdir()
    (tmp_path / "caffe" / "python").symlink_to(built_pycaffe())
    run = in_new_process(
        "import os, sys\n"
        f"os.environ['CAFFE_ROOT'] = {str(tmp_path / 'caffe')!r}\n"
        "from ssdh_surgery.engines.open_net import open_net\n"
        f"print(list(open_net({str(prototxt)!r}, engine='pycaffe').blobs))"
    )
    assert run.stdout == "['x', 'a', 'b']\n", run.stderr
