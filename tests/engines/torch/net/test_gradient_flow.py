"""Where the gradient flows, and what a diff is after a backward pass."""

import functools
import re

import numpy as np
import pytest

from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.engines.torch.net.graph_net import GraphNet
from ssdh_surgery.engines.torch.solver.display import output_weights
from ssdh_surgery.errors import EngineError
from ssdh_surgery.prototxt.parser import parse
from support import small_nets
from support.paths import GOLDEN
from support.small_nets import CHAIN, LOSS, filled, input_layer, product

LOGS = GOLDEN / "logs"


@pytest.fixture
def opened(tmp_path):
    """Opens a net from its text."""
    return functools.partial(small_nets.opened, folder=tmp_path)


def nets_of_log(text):
    """The nets that Caffe printed when it began, each with which layers go backward."""
    pattern = r"Initializing net from parameters: \n(.*?)\nI\d+ .*?(?=Initializing net from|\Z)"
    for found in re.finditer(pattern, text, re.DOTALL):
        flags = {
            name: said == "needs"
            for name, said in re.findall(
                r"\] (\S+) (needs|does not need) backward computation", found[0]
            )
        }
        if flags and "\n..." not in found[1]:
            yield found[1], flags


def test_the_layers_that_go_backward_are_those_of_caffes_logs():
    seen = 0
    for log in sorted(LOGS.glob("*.log")):
        for text, flags in nets_of_log(log.read_text()):
            view = Net(parse(text.encode()))
            phase = "TEST" if "phase: TEST" in text.partition("layer {")[0] else "TRAIN"
            net = GraphNet(view, view.state(phase), open_source=lambda *_: Batch())
            ours = {step.layer.name: step.needs_backward for step in net.steps}
            assert ours == flags, log.name
            seen += 1
    assert seen == 10


class Batch:
    """A source of batches of zeros, as large as those of the runs that were logged."""

    shapes = ((16, 1, 28, 28), (16,))

    def next(self):
        return [np.zeros(shape, np.float32) for shape in self.shapes]


def test_nothing_is_computed_below_the_lowest_layer_that_learns(opened):
    text = (
        CHAIN.replace(
            'name: "a" type: "InnerProduct"', 'name: "a" param { lr_mult: 0 } type: "InnerProduct"'
        )
        + LOSS
    )
    net = filled(opened(text))
    net.forward()
    net.backward()

    assert [step.needs_backward for step in net.steps if step.layer.name in "ab"] == [False, True]
    assert not net.params["a"][0].diff.any()
    assert not net.blobs["a"].diff.any()
    assert net.params["b"][0].diff.any()


def test_in_one_graph_nothing_is_computed_below_it_either(opened):
    text = (
        CHAIN.replace(
            'name: "a" type: "InnerProduct"', 'name: "a" param { lr_mult: 0 } type: "InnerProduct"'
        )
        + LOSS
    )
    net = filled(opened(text))
    loss = net.run().loss
    loss.backward()

    assert net.params["a"][0].leaf.grad is None
    assert net.params["b"][0].leaf.grad.any()


def test_force_backward_reaches_the_inputs(opened):
    net = filled(opened("force_backward: true\n" + CHAIN + LOSS))
    net.forward()
    diffs = net.backward()

    error = net.blobs["b"].data - net.blobs["like"].data
    a, b = (net.params[name][0].data for name in "ab")
    np.testing.assert_allclose(diffs["x"], error / 3 @ b @ a, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(diffs["like"], -error / 3, rtol=1e-6)


def test_propagate_down_cuts_a_branch(opened):
    net = filled(
        opened(
            input_layer("x", 3, 4)
            + product("a", "x")
            + product("b", "x")
            + 'layer { name: "sum" type: "Eltwise" bottom: "a" bottom: "b" top: "sum" '
            "propagate_down: true propagate_down: false loss_weight: 1 }"
        )
    )
    net.forward()
    net.backward()

    assert net.params["a"][0].diff.any()
    assert not net.params["b"][0].diff.any()
    assert [s.needs_backward for s in net.steps if s.layer.name in "ab"] == [True, False]


def test_a_blob_that_several_layers_read_gets_the_sum(opened):
    net = filled(
        opened(
            "force_backward: true\n"
            + input_layer("x", 3, 4)
            + product("a", "x")
            + product("b", "x")
        )
    )
    net.forward()
    net.blobs["a"].diff[...] = 1
    net.blobs["b"].diff[...] = 2
    net.backward()

    a, b = (net.params[name][0].data for name in "ab")
    np.testing.assert_allclose(net.blobs["x"].diff, [a.sum(0) + 2 * b.sum(0)] * 3, rtol=1e-5)
    assert list(net.blobs) == ["x", "a", "b"]
    assert [layer.type for layer in net.layers] == ["Input", "InnerProduct", "InnerProduct"]


def test_a_loss_weight_on_a_blob_that_is_read_counts_with_the_readers(opened):
    net = filled(
        opened(
            "force_backward: true\n"
            + input_layer("x", 2, 3)
            + 'layer { name: "p" type: "Power" bottom: "x" top: "p" power_param { scale: 2 } '
            "loss_weight: 5 }\n"
            + 'layer { name: "q" type: "Power" bottom: "p" top: "q" power_param { scale: 3 } }\n'
        )
    )
    net.forward()
    net.blobs["q"].diff[...] = 1
    net.backward()

    assert (net.blobs["x"].diff == 2 * (5 + 3)).all()
    assert output_weights(net) == {"p": 5, "q": 0}
    assert net.outputs == ["p", "q"]
    np.testing.assert_allclose(net.run().loss.detach(), 5 * net.blobs["p"].data.sum(), rtol=1e-6)


def test_a_loss_without_a_top_has_one_that_is_no_output(opened):
    net = filled(opened(CHAIN + LOSS.replace('top: "loss" ', "")))

    assert net.outputs == []
    net.forward()
    expected = ((net.blobs["b"].data - net.blobs["like"].data) ** 2).sum() / 6
    np.testing.assert_allclose(net.blobs["(automatic)"].data, expected, rtol=1e-6)
    np.testing.assert_allclose(net.run().loss.detach(), expected, rtol=1e-6)


def test_labels_take_no_gradient(opened):
    net = filled(
        opened(
            input_layer("x", 3, 4)
            + product("a", "x", 5)
            + product("label", "x", 1)
            + 'layer { name: "loss" type: "SoftmaxWithLoss" bottom: "a" bottom: "label" }'
        )
    )
    net.params["label"][0].data[...] = 0
    net.forward()

    message = (
        "layer 'loss' (SoftmaxWithLoss): SoftmaxWithLoss Layer cannot backpropagate to label "
        "inputs."
    )
    with pytest.raises(EngineError) as caught:
        net.backward()
    assert caught.value.message == message
    with pytest.raises(EngineError) as caught:
        net.run()
    assert caught.value.message == message


def test_a_gradient_that_nobody_can_compute_is_an_error(opened):
    net = filled(
        opened(
            "force_backward: true\n"
            + input_layer("x", 3, 4)
            + 'layer { name: "t" type: "Threshold" bottom: "x" top: "t" }'
        )
    )
    net.forward()

    with pytest.raises(EngineError) as caught:
        net.backward()
    assert caught.value.message == (
        "layer 't' (Threshold): has no gradient: nothing below it can be trained through it"
    )


def test_backward_needs_a_forward_pass(opened):
    net = opened(CHAIN + LOSS)

    with pytest.raises(EngineError) as caught:
        net.backward()
    assert (caught.value.message, caught.value.hint) == (
        "layer 'loss' (EuclideanLoss): has no forward pass to go back through",
        "run net.forward() first",
    )
