"""Params: their diffs, sharing by name and between nets, randomness."""

import functools

import numpy as np
import pytest
import torch

from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.engines.torch.net.graph_net import GraphNet
from ssdh_surgery.errors import EngineError
from ssdh_surgery.prototxt.parser import parse
from support import small_nets
from support.small_nets import CHAIN, LOSS, filled, input_layer, product


@pytest.fixture
def opened(tmp_path):
    """Opens a net from its text."""
    return functools.partial(small_nets.opened, folder=tmp_path)


def test_diffs_of_params_add_up_until_they_are_cleared(opened):
    net = filled(opened(CHAIN + LOSS))
    net.forward()
    net.backward()
    held = net.params["a"][0].diff
    once = held.copy()
    net.backward()
    np.testing.assert_allclose(held, 2 * once, rtol=1e-6)
    net.run().loss.backward()
    np.testing.assert_allclose(held, 3 * once, rtol=1e-6)
    net.clear_param_diffs()

    assert not held.any()


def test_params_of_one_name_are_one(opened):
    shared = 'param { name: "w" lr_mult: 3 }'
    net = filled(
        opened(
            input_layer("x", 3, 4)
            + input_layer("y", 3, 4)
            + product("a", "x", settings=shared)
            + product("b", "y", settings='param { name: "w" decay_mult: 0 }')
        )
    )
    net.params["b"][0].data[...] = 0.5

    assert (net.params["a"][0].data == 0.5).all()
    assert [(p.layer, p.lr_mult, p.decay_mult) for p in net.learnable_params] == [("a", 3, 0)]


def test_the_diff_of_a_shared_param_is_the_sum(opened):
    settings = 'param { name: "w" }'
    net = filled(
        opened(
            "force_backward: true\n"
            + input_layer("x", 3, 4)
            + input_layer("y", 3, 4)
            + product("a", "x", settings=settings)
            + product("b", "y", settings=settings)
        )
    )
    net.forward()
    net.blobs["a"].diff[...] = 1
    net.blobs["b"].diff[...] = 10
    net.backward()

    expected = net.blobs["x"].data.sum(0) + 10 * net.blobs["y"].data.sum(0)
    for name in "ab":
        np.testing.assert_allclose(net.params[name][0].diff, [expected] * 2, rtol=1e-5)


def test_a_permissive_param_is_shared_in_another_shape(opened):
    net = filled(
        opened(
            "force_backward: true\n"
            + input_layer("x", 3, 4)
            + input_layer("y", 3, 2)
            + product("a", "x", 2, 'param { name: "w" }')
            + product("b", "y", 4, 'param { name: "w" share_mode: PERMISSIVE }')
        )
    )
    net.params["a"][0].data[...] = np.arange(8).reshape(2, 4)
    net.forward()
    net.blobs["b"].diff[...] = 1
    net.backward()

    w = np.arange(8).reshape(4, 2)
    np.testing.assert_allclose(net.blobs["b"].data, net.blobs["y"].data @ w.T, rtol=1e-5)
    expected = np.tile(net.blobs["y"].data.sum(0), (4, 1))
    np.testing.assert_allclose(net.params["a"][0].diff, expected.reshape(2, 4), rtol=1e-5)
    np.testing.assert_allclose(net.params["b"][0].diff, expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("mode", "what", "verb"),
    [("", "shape", "sharing layer expects"), ("share_mode: PERMISSIVE", "count", "sharing layer")],
)
def test_params_that_cannot_be_shared(opened, mode, what, verb):
    text = input_layer("x", 3, 4) + input_layer("y", 3, 2)
    text += product("a", "x", 2, 'param { name: "w" }')
    text += product("b", "y", 3, f'param {{ name: "w" {mode} }}')

    with pytest.raises(EngineError) as caught:
        opened(text)
    assert caught.value.message == (
        "layer 'b' (InnerProduct): Cannot share param 'w' owned by layer 'a' with layer 'b'; "
        f"{what} mismatch.  Owner layer param shape is 2 4 (8); {verb} shape "
        f"{'is ' if mode else ''}3 2 (6)"
    )
    assert caught.value.location.line == 4


@pytest.mark.parametrize("field", ["lr_mult", "decay_mult"])
def test_shared_params_with_two_multipliers(opened, field):
    text = input_layer("x", 3, 4)
    text += product("a", "x", 2, f'param {{ name: "w" {field}: 1 }}')
    text += product("b", "x", 2, f'param {{ name: "w" {field}: 2 }}')

    with pytest.raises(EngineError) as caught:
        opened(text)
    assert caught.value.message == (
        f"layer 'b' (InnerProduct): Shared param 'w' has mismatched {field}."
    )


def test_more_params_than_blobs(opened):
    with pytest.raises(EngineError) as caught:
        opened(input_layer("x", 3, 4) + product("a", "x", 2, "param { } param { }"))
    assert caught.value.message == (
        "layer 'a' (InnerProduct): Too many params specified for layer a"
    )


def test_a_net_that_shares_with_another_follows_it(opened):
    trained = filled(opened(CHAIN + LOSS))
    tested = filled(opened(CHAIN, phase="TEST"))
    tested.share_with(trained)
    with torch.no_grad():
        for learnable in trained.learnable_params:
            learnable.tensor.mul_(2).add_(1)

    np.testing.assert_array_equal(tested.params["a"][0].data, trained.params["a"][0].data)
    np.testing.assert_array_equal(tested.forward()["b"], filled(trained).forward(end="b")["b"])


def test_nets_whose_params_differ_cannot_share(opened):
    other = opened(input_layer("x", 3, 5) + product("a", "x"))

    with pytest.raises(EngineError) as caught:
        opened(CHAIN).share_with(other)
    assert caught.value.message == (
        "layer 'a' (InnerProduct): Cannot share param 0 weights from layer 'a'; shape mismatch.  "
        "Source param shape is 2 5 (10); target param shape is 2 4 (8)"
    )


def test_a_seed_fixes_fillers_and_dropout(tmp_path):
    text = (
        input_layer("x", 50, 4)
        + product("a", "x")
        + ('layer { name: "drop" type: "Dropout" bottom: "a" top: "a" loss_weight: 1 }')
    )
    view = Net(parse(text.encode()))
    runs = []
    for seed in (1, 1, 2):
        net = GraphNet(view, view.state("TRAIN"), seed=seed)
        net.plan.blobs[0].data[...] = 1
        runs.append((net.learnable_params[0].tensor.detach(), net.run().outputs["a"]))

    assert all(map(torch.equal, runs[0], runs[1]))
    assert not any(map(torch.equal, runs[0], runs[2]))
