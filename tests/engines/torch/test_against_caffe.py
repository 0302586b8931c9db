"""The embedded engine against the Caffe that `make caffe` built, on random nets."""

import re

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, note, reject, settings

from ssdh_surgery.engines.caffe_binary.executable import built_pycaffe
from ssdh_surgery.engines.open_net import open_net
from ssdh_surgery.errors import EngineError
from support import adventurous_nets
from support.caffe_process import CaffeProcess, run
from support.layer_catalogue import CASES
from support.live_nets import Refused
from support.random_nets import nets
from support.small_nets import input_layer
from support.strategies import searched

# What overflows in one order of additions does not in another.
HUGE = 1e6


@pytest.fixture(scope="module")
def caffe_process(tmp_path_factory):
    process = CaffeProcess(built_pycaffe(), tmp_path_factory.mktemp("caffe"))
    yield process
    process.close()


def random_values(name, shape, random):
    return random.integers(0, 3, shape) if name == "label" else random.uniform(-1, 1, shape)


def arrays_for(net, seed, values_of=random_values):
    """Values for the inputs and the params of a net, and diffs for its outputs."""
    random = np.random.default_rng(seed)
    given = {}
    for name in net.inputs:
        values = values_of(name, net.blobs[name].shape, random)
        given[f"data/{name}"] = values.astype(np.float32)
    for layer, params in net.params.items():
        for index, param in enumerate(params):
            values = random.normal(0, 0.4, param.shape)
            if net.layer_dict[layer].type == "BatchNorm":
                values *= 0
            given[f"param/{layer}/{index}"] = values.astype(np.float32)
    for name in set(net.outputs) - {"loss"}:
        shape = net.blobs[name].shape
        given[f"diff/{name}"] = random.uniform(-1, 1, shape).astype(np.float32)
    return given


def compared(net, found):
    """The arrays that Caffe defines.

    Some of its layers use diffs that are not asked for as scratch memory, and the diff of a
    view is written over by a layer in place below.
    """
    reached = set(net.outputs)
    for step in net.steps:
        if step.needs_backward:
            pairs = zip(step.bottoms, step.propagate_down, strict=True)
            reached |= {net.plan.blobs[number].name for number, wanted in pairs if wanted}
    views = [layer for layer in net.layers if layer.type in ("Flatten", "Reshape")]
    reached -= {top for layer in views for top in net.top_names[layer.name]}
    return [key for key in found if not key.startswith("diff/") or key[5:] in reached]


def assert_close(ours, theirs, keys):
    # Sums that cancel leave the rounding of their terms, so the greatest value counts, too.
    scale = max([1.0, *(np.abs(theirs[key]).max(initial=0) for key in keys)])
    for key in keys:
        assert ours[key].shape == theirs[key].shape, key
        excess = np.abs(ours[key] - theirs[key]) - 1e-4 * np.abs(theirs[key])
        assert excess.max(initial=0) <= 1e-5 * scale, key


@pytest.mark.caffe
@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_catalogue(case, caffe_process):
    prototxt = caffe_process.folder / "net.prototxt"
    prototxt.write_text(case.text)
    net = open_net(prototxt, phase="TRAIN")
    given = arrays_for(net, 1, case.values)
    if case.is_forward_only:
        given = {key: value for key, value in given.items() if not key.startswith("diff/")}
    theirs = caffe_process.run(prototxt, given)
    assert theirs is not None, "Caffe refuses it"
    ours = run(net, given)
    assert list(ours) == list(theirs)
    for key in compared(net, ours):
        assert ours[key].shape == theirs[key].shape, key
        np.testing.assert_allclose(ours[key], theirs[key], rtol=1e-4, atol=1e-5, err_msg=key)


@pytest.mark.caffe
@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(text=nets())
def test_random_nets(text, caffe_process):
    note(text)
    prototxt = caffe_process.folder / "net.prototxt"
    prototxt.write_text(text)
    try:
        net = open_net(prototxt, phase="TRAIN")
    except EngineError:
        assert caffe_process.run(prototxt, {}) is None, "only the embedded engine refuses it"
        return
    given = arrays_for(net, seed=len(text))
    theirs = caffe_process.run(prototxt, given)
    assert theirs is not None, "only Caffe refuses it"
    if all(np.abs(values).max(initial=0) < HUGE for values in theirs.values()):
        ours = run(net, given)
        assert_close(ours, theirs, compared(net, ours))


def scaled(*shape, settings=""):
    """A net with a Scale on a blob of a shape."""
    return input_layer("a", *shape) + (
        'layer { name: "it" type: "Scale" bottom: "a" top: "out" '
        f"scale_param {{ bias_term: true {settings} }} }}"
    )


# The diffs of a second pass are added to those of the first, or take their place.
TWICE = {
    "each_value": scaled(2, 3, settings="axis: 0 num_axes: 2"),
    "one_image": scaled(1, 3, 2, 2),
    "one_item": scaled(1, 3),
    "one_factor": scaled(1, 3, settings="num_axes: 0"),
    "first_axis": scaled(3, 2, settings="axis: 0"),
    "images": scaled(2, 3, 2, 2),
    "parameter": 'layer { name: "it" type: "Parameter" top: "out" '
    "parameter_param { shape { dim: 2 dim: 3 } } }",
}


@pytest.mark.caffe
@pytest.mark.parametrize("name", TWICE)
def test_param_diffs_of_two_passes(name, caffe_process):
    prototxt = caffe_process.folder / "net.prototxt"
    prototxt.write_text(TWICE[name])
    net = open_net(prototxt, phase="TRAIN")
    given = arrays_for(net, 1)
    theirs = caffe_process.run(prototxt, given, passes=2)
    ours = run(net, given, passes=2)
    keys = [key for key in ours if key.startswith("param_diff/")]
    assert keys
    for key in keys:
        np.testing.assert_allclose(ours[key], theirs[key], rtol=1e-4, atol=1e-6, err_msg=key)


@pytest.mark.caffe
@pytest.mark.parametrize(
    "body",
    ['"ReLU" relu_param { negative_slope: -0.3 }', '"ELU" elu_param { alpha: -0.3 }'],
    ids=["relu", "elu"],
)
def test_a_slope_below_zero_in_place(body, caffe_process):
    prototxt = caffe_process.folder / "net.prototxt"
    prototxt.write_text(
        "force_backward: true\n"
        + input_layer("a", 4, 5)
        + 'layer { name: "copy" type: "Power" bottom: "a" top: "out" power_param { shift: 0.1 } }\n'
        + f'layer {{ name: "it" type: {body} bottom: "out" top: "out" }}'
    )
    net = open_net(prototxt, phase="TRAIN")
    given = arrays_for(net, 1)
    ours, theirs = run(net, given), caffe_process.run(prototxt, given)
    np.testing.assert_allclose(ours["diff/a"], theirs["diff/a"], rtol=1e-5)


@pytest.mark.caffe
@settings(searched, max_examples=max(60, searched.max_examples // 4))
@given(text=adventurous_nets.nets())
def test_what_caffe_refuses_is_refused(text, live_caffe, caffe_process):
    note(text)
    prototxt = caffe_process.folder / "net.prototxt"
    prototxt.write_text(text)
    try:
        theirs = live_caffe.set_up(text, "TRAIN")
    except Refused:
        theirs = None
    try:
        net = open_net(prototxt, phase="TRAIN")
    except EngineError as refused:
        note(refused.message)
        # What this engine lacks, what Caffe sets up and cannot run, and what it does not check.
        assume(not re.search("embedded|stochastic|data_|Eltwise", refused.message))
        assert theirs is None, "only the embedded engine refuses it"
    else:
        assert theirs is not None, "only Caffe refuses it"
        ours = {name: blob.shape for name, blob in net.blobs.items()}
        assert ours == theirs.blobs


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(text=nets())
def test_one_graph_gives_the_gradients_of_single_layers(text, tmp_path_factory):
    note(text)
    prototxt = tmp_path_factory.mktemp("net") / "net.prototxt"
    prototxt.write_text(text)
    try:
        net = open_net(prototxt, phase="TRAIN")
    except EngineError:
        reject()
    given = {
        key: value
        for key, value in arrays_for(net, seed=len(text)).items()
        if not key.startswith("diff/")
    }
    single = run(net, given)

    net.clear_param_diffs()
    at_once = net.run()
    if at_once.loss.requires_grad:
        at_once.loss.backward()

    for key, value in single.items():
        kind, _, name = key.partition("/")
        if kind == "param_diff":
            layer, _, index = name.rpartition("/")
            found = net.params[layer][int(index)].diff
            np.testing.assert_allclose(found, value, rtol=1e-5, atol=1e-6)
    for name, output in at_once.outputs.items():
        np.testing.assert_allclose(output, single[f"data/{name}"], rtol=1e-6)
