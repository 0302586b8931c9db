"""Blobs and passes with pycaffe's manners: what a user may read, write and ask for."""

import functools

import numpy as np
import pytest

from ssdh_surgery.errors import EngineError
from support import small_nets
from support.small_nets import CHAIN, filled, input_layer, product


@pytest.fixture
def opened(tmp_path):
    """Opens a net from its text."""
    return functools.partial(small_nets.opened, folder=tmp_path)


def test_arrays_that_were_taken_stay_current(opened):
    net = opened(CHAIN)
    x, b = net.blobs["x"].data, net.blobs["b"].data
    for seed in range(3):
        x[...] = np.random.default_rng(seed).uniform(-1, 1, x.shape)
        net.forward()
        expected = x @ net.params["a"][0].data.T @ net.params["b"][0].data.T
        np.testing.assert_allclose(b, expected, rtol=1e-4, atol=1e-6)


def test_an_array_of_a_blob_in_place_shows_the_last_layer(opened):
    text = input_layer("x", 2, 2) + (
        'layer { name: "p" type: "Power" bottom: "x" top: "p" power_param { shift: -1 } }\n'
        'layer { name: "relu" type: "ReLU" bottom: "p" top: "p" }\n'
        'layer { name: "drop" type: "Dropout" bottom: "p" top: "p" dropout_param '
        "{ dropout_ratio: 0.5 } }\n"
    )
    net = opened("force_backward: true\n" + text)
    p = net.blobs["p"].data
    net.forward(x=[[0, 1], [2, 3]])
    assert set(p.ravel()) <= {0, 2, 4}
    net.blobs["p"].diff[...] = 1
    net.backward()

    kept = p > 0
    np.testing.assert_array_equal(net.blobs["x"].diff, 2.0 * kept)


def test_what_a_user_writes_into_a_blob_goes_on(opened):
    net = filled(opened(CHAIN))
    net.forward()
    net.blobs["a"].data[...] = 7
    net.forward(start="b")

    expected = [7 * net.params["b"][0].data.sum(1)] * 3
    np.testing.assert_allclose(net.blobs["b"].data, expected, rtol=1e-5)


def test_it_goes_on_through_a_split_as_well(opened):
    net = filled(
        opened(input_layer("x", 3, 4) + product("a", "x") + product("b", "a") + product("c", "a"))
    )
    net.blobs["a"].data[...] = 2
    net.forward(start="b")

    expected = [2 * net.params["c"][0].data.sum(1)] * 3
    np.testing.assert_allclose(net.blobs["c"].data, expected, rtol=1e-5)


def test_a_crop_of_the_whole_has_memory_of_its_own(opened):
    net = opened(
        input_layer("x", 1, 2)
        + 'layer { name: "c" type: "Crop" bottom: "x" bottom: "x" top: "c" crop_param { axis: 1 } }'
    )
    net.forward(x=[[1, 2]])
    net.blobs["x"].data[...] = 7

    assert net.blobs["c"].data.tolist() == [[1, 2]]


def test_the_top_of_a_loss_that_names_none(opened):
    net = opened(CHAIN + 'layer { name: "l" type: "EuclideanLoss" bottom: "b" bottom: "like" }')

    assert net.top_names["l"] == ["(automatic)"]
    assert list(net.forward(end="l")) == ["(automatic)"]


def test_forward_returns_outputs_or_the_tops_of_its_last_layer(opened):
    net = filled(opened(CHAIN + product("z", "a")))

    assert sorted(net.forward()) == ["b", "like", "z"]
    assert list(net.forward(end="a")) == ["a"]
    assert sorted(net.forward(["a"], end="b")) == ["a", "b"]
    assert list(net.forward(start="b", end="b")) == ["b"]


def test_backward_between_two_layers(opened):
    net = filled(opened("force_backward: true\n" + CHAIN))
    net.forward()
    net.blobs["a"].diff[...] = 1
    found = net.backward(start="a", end="a")

    assert list(found) == ["x"]
    np.testing.assert_allclose(found["x"], [net.params["a"][0].data.sum(0)] * 3, rtol=1e-5)
    assert not net.params["b"][0].diff.any()


def test_diffs_of_the_outputs_as_arguments(opened):
    net = filled(opened("force_backward: true\n" + input_layer("x", 3, 4) + product("a", "x")))
    net.forward()
    found = net.backward(["a"], a=np.ones((3, 2)))

    assert sorted(found) == ["a", "x"]
    np.testing.assert_allclose(found["x"], [net.params["a"][0].data.sum(0)] * 3, rtol=1e-5)


def test_reshape(opened):
    net = filled(opened(CHAIN))
    net.forward()
    net.blobs["x"].reshape(5, 4)
    net.reshape()
    assert net.blobs["b"].shape == (5, 2)
    net.blobs["x"].data[...] = 1
    net.forward()

    assert net.blobs["b"].data.shape == (5, 2)
    assert net.blobs["b"].num == 5
    assert net.blobs["b"].channels == 2
    assert net.blobs["b"].height == net.blobs["b"].width == 1
    assert net.blobs["b"].count == 10


def test_a_pass_takes_new_shapes_by_itself(opened):
    net = opened(CHAIN)
    net.blobs["x"].reshape(1, 4)
    net.blobs["x"].data[...] = 1

    assert net.forward()["b"].shape == (1, 2)


def test_a_shape_that_a_layer_does_not_take(opened):
    net = opened(CHAIN)
    net.blobs["x"].reshape(3, 5)

    for act in (net.reshape, net.forward):
        with pytest.raises(EngineError) as caught:
            act()
        assert caught.value.message == (
            "layer 'a' (InnerProduct): Input size incompatible with inner product parameters."
        )


@pytest.mark.parametrize(
    ("call", "message", "hint"),
    [
        (
            lambda net: net.forward(x=np.zeros((3, 4))),
            "Input blob arguments do not match net inputs. Given: x; the net has: x, like",
            None,
        ),
        (
            lambda net: net.forward(x=np.zeros((4, 4)), like=np.zeros((3, 2))),
            "Input is not batch sized: 'x' is 3 4 (12), the array 4 4 (16)",
            "net.blobs['x'].reshape(...) changes the batch size",
        ),
        (
            lambda net: net.forward(x=np.zeros((3, 5)), like=np.zeros((3, 2))),
            "blob 'x' is 3 4 (12), the array 3 5 (15)",
            None,
        ),
        (lambda net: net.forward(start="c"), "no layer is called 'c'", None),
        (lambda net: net.forward(end="bb"), "no layer is called 'bb'", "did you mean 'b'?"),
        (lambda net: net.forward(["lik"]), "no blob is called 'lik'", "did you mean 'like'?"),
        (
            lambda net: net.backward(b=np.zeros((3, 2))),
            "Top diff arguments do not match net outputs. Given: b; the net has: b, like",
            None,
        ),
        (
            lambda net: net.set_input_arrays(np.zeros((1, 1, 1, 1)), np.zeros(1)),
            "set_input_arrays may only be called if the first layer is a MemoryDataLayer",
            None,
        ),
    ],
)
def test_wrong_arguments(opened, call, message, hint):
    with pytest.raises(EngineError) as caught:
        call(opened(CHAIN))
    assert (caught.value.message, caught.value.hint) == (message, hint)
