"""Layers and settings that the built Caffe lacks or cannot be asked about: against arithmetic."""

import functools
import math

import numpy as np
import pytest

from ssdh_surgery.engines.torch.solver.display import output_weights
from ssdh_surgery.errors import EngineError
from support import small_nets
from support.layer_catalogue import Case


@pytest.fixture
def opened(tmp_path):
    """Opens a net from its text."""
    return functools.partial(small_nets.opened, folder=tmp_path)


@pytest.fixture
def run(opened):
    """Runs a layer both ways on given inputs; what it holds then."""

    def run_layer(body, *inputs, tops=("out0",), diffs=None, phase="TRAIN"):
        arrays = [np.asarray(values, np.float32) for values in inputs]
        net = opened(Case("", body, tuple(a.shape for a in arrays), tops).text, phase=phase)
        for name, values in zip("abc", arrays, strict=False):
            net.blobs[name].data[...] = values
        net.forward()
        if diffs is not None:
            for top, diff in zip(tops, diffs, strict=True):
                net.blobs[top].diff[...] = diff
            net.backward()
        return net

    return run_layer


def softmax(rows):
    powers = np.exp(rows - rows.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


def slope(function, values, step=1e-3):
    """The derivative of a scalar function of an array, by differences."""
    values = np.asarray(values, np.float64)
    found = np.zeros_like(values)
    for place in np.ndindex(values.shape):
        up, down = values.copy(), values.copy()
        up[place] += step
        down[place] -= step
        found[place] = (function(up) - function(down)) / (2 * step)
    return found


# Activations.


def test_clip(run):
    net = run('type: "Clip" clip_param { min: -1 max: 2 }', [[-3, -1, 0, 2, 5]], diffs=[1])

    assert net.blobs["out0"].data.tolist() == [[-1, -1, 0, 2, 2]]
    # The borders themselves pass.
    assert net.blobs["a"].diff.tolist() == [[0, 1, 1, 1, 0]]


def test_relu6(run):
    x = [[-3, 0, 0.5, 4, 6, 7]]
    net = run('type: "ReLU6"', x, diffs=[1])

    assert net.blobs["out0"].data.tolist() == [[0, 0, 0.5, 4, 6, 6]]
    assert net.blobs["a"].diff.tolist() == [[0, 0, 1, 1, 0, 0]]


def test_swish(run):
    x = np.array([[-2, -0.5, 0, 1, 3]])

    def swish(values):
        return values / (1 + np.exp(-1.5 * values))

    net = run('type: "Swish" swish_param { beta: 1.5 }', x, diffs=[1])
    np.testing.assert_allclose(net.blobs["out0"].data, swish(x), rtol=1e-6)
    expected = slope(lambda values: swish(values).sum(), x)
    np.testing.assert_allclose(net.blobs["a"].diff, expected, rtol=1e-3)


def test_dropout_in_train(run):
    body = 'type: "Dropout" dropout_param { dropout_ratio: 0.3 }'
    net = run(body, np.ones((100, 100)), diffs=[2])
    out, diff = net.blobs["out0"].data, net.blobs["a"].diff

    assert set(np.unique(out)) == {0, np.float32(1 / 0.7)}
    assert abs((out == 0).mean() - 0.3) < 0.02
    np.testing.assert_array_equal(diff, 2 * out)
    first = out.copy()
    net.forward()
    assert (first != out).any()


def test_dropout_in_test(run):
    net = run('type: "Dropout"', [[1, 2]], diffs=[3], phase="TEST")

    assert net.blobs["out0"].data.tolist() == [[1, 2]]
    assert net.blobs["a"].diff.tolist() == [[3, 3]]


def test_a_gradient_below_a_layer_in_place_is_taken_where_caffe_takes_it(opened):
    # Caffe's sigmoid finds tanh's values in its top: s(1 - s) at s = tanh(sigmoid(x)).
    net = opened(
        "force_backward: true\n"
        + small_nets.input_layer("x", 1, 3)
        + 'layer { name: "s" type: "Sigmoid" bottom: "x" top: "s" }\n'
        + 'layer { name: "t" type: "TanH" bottom: "s" top: "s" }\n'
    )
    net.forward(x=[[-1, 0, 2]])
    net.blobs["s"].diff[...] = 1
    net.backward()

    top = np.tanh(1 / (1 + np.exp([[1, 0, -2]])))
    np.testing.assert_allclose(net.blobs["s"].data, top, rtol=1e-6)
    expected = (1 - top**2) * top * (1 - top)
    np.testing.assert_allclose(net.blobs["x"].diff, expected, rtol=1e-5)


def test_a_power_in_place_has_its_own_gradient(opened):
    net = opened(
        "force_backward: true\n"
        + small_nets.input_layer("x", 1, 2)
        + 'layer { name: "p" type: "Power" bottom: "x" top: "x" power_param { power: 2 } }'
    )
    net.forward(x=[[3, -4]])
    net.blobs["x"].diff[...] = 10
    net.backward()

    assert net.blobs["x"].diff.tolist() == [[60, -80]]


def test_a_constant_power_of_a_negative_number_is_nan(run):
    net = run('type: "Power" power_param { power: 1.5 scale: 0 shift: -1 }', [[1, 2]])

    assert np.isnan(net.blobs["out0"].data).all()


# Losses.


@pytest.mark.parametrize("layer_type", ["EuclideanLoss", "HingeLoss"])
def test_a_loss_of_five_axes_is_set_up_and_refused_when_it_runs(run, layer_type):
    labels = np.zeros((2, 1, 1, 1, 1))
    with pytest.raises(EngineError, match="Cannot use legacy accessors on Blobs"):
        run(f'type: "{layer_type}"', labels, labels, tops=("loss",))


def test_a_probability_of_zero_costs_87(run):
    net = run('type: "SoftmaxWithLoss"', [[1000, 0]], [1], tops=("loss",), diffs=[1])

    assert net.blobs["loss"].data == pytest.approx(87.33655)
    assert net.blobs["a"].diff.tolist() == [[1, -1]]


@pytest.mark.parametrize(
    ("settings", "divisor"),
    [
        ("", 2),
        ("normalization: VALID", 2),
        ("normalization: FULL", 3),
        ("normalization: BATCH_SIZE", 3),
        ("normalization: NONE", 1),
        ("normalize: true", 2),
        ("normalize: false", 3),
    ],
)
def test_softmax_loss_is_divided(run, settings, divisor):
    scores = np.array([[1.0, 2, 3], [0, 0, 1], [2, 1, 0]])
    body = f'type: "SoftmaxWithLoss" loss_param {{ ignore_label: 1 {settings} }}'
    net = run(body, scores, [0, 1, 2], tops=("loss",), diffs=[1])
    chosen = np.array([[1, 0, 0], [0, 0, 0], [0, 0, 1]])
    p = softmax(scores)

    assert net.blobs["loss"].data == pytest.approx(-(chosen * np.log(p)).sum() / divisor)
    expected = (p - chosen) * [[1], [0], [1]] / divisor
    np.testing.assert_allclose(net.blobs["a"].diff, expected, rtol=1e-5, atol=1e-7)


def test_softmax_loss_with_nothing_but_ignored_labels(run):
    body = 'type: "SoftmaxWithLoss" loss_param { ignore_label: -1 }'
    net = run(body, [[1, 2]], [-1], tops=("loss",), diffs=[1])

    assert net.blobs["loss"].data == 0
    assert net.blobs["a"].diff.tolist() == [[0, 0]]


@pytest.mark.parametrize(
    ("settings", "divisor"),
    [
        ("", 2),
        ("normalization: BATCH_SIZE", 2),
        ("normalization: VALID", 3),
        ("normalization: FULL", 4),
        ("normalize: true", 3),
    ],
)
def test_sigmoid_cross_entropy_is_divided(run, settings, divisor):
    x, targets = np.array([[1.0, -2], [0.5, 3]]), np.array([[1, 0], [7, 1]])
    body = f'type: "SigmoidCrossEntropyLoss" loss_param {{ ignore_label: 7 {settings} }}'
    net = run(body, x, targets, tops=("loss",), diffs=[1])
    counts = targets != 7
    p = 1 / (1 + np.exp(-x))
    losses = -(targets * np.log(p) + (1 - targets) * np.log(1 - p)) * counts

    assert net.blobs["loss"].data == pytest.approx(losses.sum() / divisor)
    np.testing.assert_allclose(net.blobs["a"].diff, (p - targets) * counts / divisor, rtol=1e-5)


def test_infogain(run):
    scores = np.array([[1.0, 2, 0], [0, 1, 1], [2, 1, 0]])
    matrix = np.array([[1, 0.5, 0], [0, 1, 0.2], [0.1, 0, 1]])
    labels = [2, 1, 0]
    body = 'type: "InfogainLoss" loss_param { ignore_label: 1 } loss_weight: 1 loss_weight: 0'

    def loss(values):
        logs = np.log(softmax(values))
        return -(matrix[labels] * logs)[[0, 2]].sum() / 2

    net = run(body, scores, labels, matrix, tops=("loss", "out1"))
    assert net.blobs["loss"].data == pytest.approx(loss(scores))
    np.testing.assert_allclose(net.blobs["out1"].data, softmax(scores), rtol=1e-6)
    assert output_weights(net) == {"loss": 1, "out1": 0}
    # Asked for every gradient, Caffe refuses that of the labels' matrix.
    with pytest.raises(EngineError) as caught:
        net.backward()
    assert caught.value.message == (
        "layer 'it' (InfogainLoss): InfogainLoss Layer cannot backpropagate to infogain inputs."
    )


def test_infogain_of_a_file(run, tmp_path):
    from ssdh_surgery.caffe.messages.schema import BlobProto

    scores, matrix = np.array([[1.0, 2], [0, 1]]), np.array([[1, 0.5], [0.25, 2]])
    path = tmp_path / "h.binaryproto"
    path.write_bytes(BlobProto(data=matrix.ravel()).SerializeToString())
    body = f'type: "InfogainLoss" infogain_loss_param {{ source: "{path}" }}'

    def loss(values):
        return -(matrix[[1, 0]] * np.log(softmax(values))).sum() / 2

    net = run(body, scores, [1, 0], tops=("loss",), diffs=[1])
    assert net.blobs["loss"].data == pytest.approx(loss(scores))
    np.testing.assert_allclose(net.blobs["a"].diff, slope(loss, scores), rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize(("layer", "sign"), [("K1", -1), ("K2", 1)])
def test_the_forks_losses_without_propagate_down_have_twice_the_gradient(opened, layer, sign):
    text = small_nets.input_layer("x", 2, 2) + small_nets.product("a", "x")
    wires = 'bottom: "a" bottom: "a" top: "loss"'
    nets = [
        opened(f'{text}layer {{ name: "loss" type: "{layer}_EuclideanLoss" {wires} {rule} }}')
        for rule in ("propagate_down: true propagate_down: false", "")
    ]
    diffs = []
    for net in nets:
        net.params["a"][0].data[...] = [[1, 2], [3, -1]]
        net.forward(x=[[1, 0], [0.5, 2]])
        net.backward()
        diffs.append(net.blobs["a"].diff)

    a = nets[0].blobs["a"].data
    assert nets[0].blobs["loss"].data == pytest.approx(sign * ((a - 0.5) ** 2).mean() / 2)
    np.testing.assert_allclose(diffs[0], sign * (a - 0.5) / 4, rtol=1e-6)
    np.testing.assert_allclose(diffs[1], 2 * diffs[0], rtol=1e-6)


# Accuracy.


def test_a_tie_counts_against_the_label(run):
    scores = [[1, 1, 0], [0, 1, 2]]

    assert run('type: "Accuracy"', scores, [0, 2]).blobs["out0"].data == 0.5


def test_accuracy_with_nothing_but_ignored_labels(run):
    body = 'type: "Accuracy" accuracy_param { ignore_label: 2 }'

    assert run(body, [[1, 0, 0]], [2]).blobs["out0"].data == 0


@pytest.mark.parametrize("layer_type", ["SoftmaxWithLoss", "Accuracy", "HingeLoss"])
@pytest.mark.parametrize("label", [3, -1])
def test_a_label_that_is_no_class(run, layer_type, label):
    with pytest.raises(EngineError) as caught:
        run(f'type: "{layer_type}"', np.zeros((2, 3)), [1, label])

    assert caught.value.message == (
        f"layer 'it' ({layer_type}): label {label} is not one of the 3 classes (0 to 2)"
    )
    assert caught.value.hint == (
        "set num_output of the layer below to the number of classes, or correct the labels"
    )
    assert caught.value.data["label"] == label


# Selecting.


def test_filter_and_its_gradient(opened):
    net = opened(
        small_nets.input_layer("x", 3, 2)
        + small_nets.input_layer("which", 3)
        + 'layer { name: "s" type: "Scale" bottom: "x" top: "s" }\n'
        + 'layer { name: "f" type: "Filter" bottom: "s" bottom: "which" top: "f" loss_weight: 2 }'
    )
    net.forward(x=[[1, 2], [3, 4], [5, 6]], which=[1, 0, 1])
    net.backward()

    assert net.blobs["f"].data.tolist() == [[1, 2], [5, 6]]
    assert net.blobs["s"].diff.tolist() == [[2, 2], [0, 0], [2, 2]]


def test_batch_reindex_and_its_gradient(opened):
    net = opened(
        small_nets.input_layer("x", 3, 1)
        + small_nets.input_layer("index", 4)
        + 'layer { name: "s" type: "Scale" bottom: "x" top: "s" }\n'
        + 'layer { name: "r" type: "BatchReindex" bottom: "s" bottom: "index" top: "r" '
        "loss_weight: 1 }"
    )
    net.forward(x=[[1], [2], [3]], index=[2, 0, 0, 2])
    net.backward()

    assert net.blobs["r"].data.tolist() == [[3], [1], [1], [3]]
    assert net.blobs["s"].diff.tolist() == [[2], [0], [2]]
    with pytest.raises(EngineError, match="greater than batch size"):
        net.forward(x=[[1], [2], [3]], index=[3, 0, 0, 2])


def test_embed_and_its_gradient(opened):
    net = opened(
        small_nets.input_layer("x", 3)
        + 'layer { name: "e" type: "Embed" bottom: "x" top: "e" embed_param { num_output: 2 '
        'input_dim: 4 weight_filler { type: "gaussian" } } loss_weight: 1 }'
    )
    net.forward(x=[3, 1, 3])
    net.backward()

    np.testing.assert_array_equal(net.blobs["e"].data, net.params["e"][0].data[[3, 1, 3]])
    assert net.params["e"][0].diff.tolist() == [[0, 0], [1, 1], [0, 0], [2, 2]]
    assert net.params["e"][1].diff.tolist() == [3, 3]
    with pytest.raises(EngineError) as caught:
        net.forward(x=[4, 0, 0])
    assert caught.value.message == (
        "layer 'e' (Embed): takes values from 0 to 3, but the bottom's are from 0 to 4"
    )


# Pooling.


def test_an_empty_last_window(run):
    body = 'type: "Pooling" pooling_param {{ pool: {} kernel_size: 1 stride: 4 }}'
    x = np.arange(1.0, 4).reshape(1, 1, 3, 1) * np.ones((1, 1, 1, 3))
    net = run(body.format("MAX"), x, diffs=[1])

    # Caffe's windows begin at 0 and 4, and the second is outside.
    smallest = -np.finfo(np.float32).max
    assert net.blobs["out0"].data.tolist() == [[[[1, smallest], [smallest, smallest]]]]
    assert net.blobs["a"].diff.sum() == 1


# Data.


def test_dummy_data(opened):
    net = opened(
        'layer { name: "d" type: "DummyData" top: "c" top: "r" dummy_data_param { '
        'shape { dim: 2 dim: 3 } data_filler { type: "constant" value: 4 } '
        'data_filler { type: "uniform" } } }'
    )
    net.forward()
    constant, random = net.blobs["c"].data, net.blobs["r"].data
    first = random.copy()
    assert (constant == 4).all()
    constant[...] = 5
    net.forward()

    assert (constant == 5).all(), "a constant is filled in once"
    assert (net.run().outputs["c"] == 5).all()
    assert (random != first).any()
    assert net.inputs == []


def test_dummy_data_of_old_files(opened):
    net = opened(
        'layer { name: "d" type: "DummyData" top: "a" top: "b" dummy_data_param { '
        "num: 2 channels: 3 channels: 1 height: 4 width: 5 } }"
    )

    assert net.forward()["a"].shape == (2, 3, 4, 5)
    assert net.blobs["b"].shape == (2, 1, 4, 5)
    assert not net.blobs["a"].data.any()


def test_memory_data(opened):
    net = opened(
        'layer { name: "m" type: "MemoryData" top: "data" top: "label" memory_data_param { '
        "batch_size: 2 channels: 1 height: 1 width: 3 } }"
    )
    with pytest.raises(EngineError) as caught:
        net.forward()
    assert str(caught.value.message) == (
        "layer 'm' (MemoryData): MemoryDataLayer needs to be initialized by calling Reset"
    )
    data = np.arange(12, dtype=np.float32).reshape(4, 1, 1, 3)
    net.set_input_arrays(data, np.arange(4, dtype=np.float32))

    labels = [net.forward()["label"].tolist() for _ in range(3)]
    assert labels == [[0, 1], [2, 3], [0, 1]]
    assert net.blobs["data"].data.tolist() == data[:2].tolist()


def test_parameter_is_learned(opened):
    net = opened(
        'layer { name: "p" type: "Parameter" top: "p" parameter_param { shape { dim: 2 } } '
        "loss_weight: 3 }"
    )
    net.params["p"][0].data[...] = [5, 6]
    assert net.forward()["p"].tolist() == [5, 6]
    net.backward()

    assert net.params["p"][0].diff.tolist() == [3, 3]


# Batch normalisation.


def test_moving_averages(run):
    x = np.random.default_rng(0).normal(3, 2, (4, 2, 5))
    body = 'type: "BatchNorm" batch_norm_param { moving_average_fraction: 0.9 }'
    net = run(body, x)
    net.forward()
    mean, variance, weight = (param.data for param in net.params["it"])
    unbiased = x.var((0, 2), ddof=1)

    np.testing.assert_allclose(mean, 1.9 * x.mean((0, 2)), rtol=1e-5)
    np.testing.assert_allclose(variance, 1.9 * unbiased, rtol=1e-5)
    np.testing.assert_allclose(weight, [1.9], rtol=1e-6)


def test_global_statistics_of_a_new_layer_are_zero(run):
    net = run('type: "BatchNorm" batch_norm_param { eps: 0.25 }', [[1, 2], [3, 4]], phase="TEST")

    assert net.blobs["out0"].data.tolist() == [[2, 4], [6, 8]]
    assert math.isclose(net.params["it"][2].data[0], 0)


def test_statistics_are_not_learned(opened):
    net = opened(
        small_nets.input_layer("x", 3, 2)
        + 'layer { name: "n" type: "BatchNorm" bottom: "x" top: "n" }'
    )

    assert [param.lr_mult for param in net.learnable_params] == [0, 0, 0]
