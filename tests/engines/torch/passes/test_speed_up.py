"""Nets that were made faster, against the same nets by their plain plan.

Bound: |ours - plain| <= 1e-5 + 1e-4 |plain|, for the loss, every blob and every gradient, if a
test does not say otherwise.
"""

import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, note, reject, settings
from hypothesis import strategies as st

from ssdh_surgery import zoo
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.net.phase import State
from ssdh_surgery.engines.torch.layers.fillers import fill
from ssdh_surgery.engines.torch.net.graph_net import GraphNet
from ssdh_surgery.engines.torch.net.weights import copy_weights, save_weights
from ssdh_surgery.engines.torch.passes.in_place_relu import rectify_in_place
from ssdh_surgery.engines.torch.passes.scale_fusion import fuse_scales
from ssdh_surgery.engines.torch.passes.speed_up import speed_up
from ssdh_surgery.errors import EngineError
from ssdh_surgery.prototxt.parser import parse
from support.random_nets import nets
from support.small_nets import opened
from support.training import Runner, difference, write_records, write_solver

# What overflows in one order of additions does not in another.
HUGE = 1e6


def layer(kind, bottom, top, settings="", name=None):
    return (
        f'layer {{ name: "{name or top}" type: "{kind}" bottom: "{bottom}" top: "{top}" '
        f"{settings} }}\n"
    )


def convolution(bottom, top, outputs, kernel=1, settings=""):
    fields = f"num_output: {outputs} kernel_size: {kernel} pad: {kernel // 2} {settings}"
    filler = 'weight_filler { type: "xavier" } bias_filler { type: "gaussian" std: 0.5 }'
    return layer("Convolution", bottom, top, f"convolution_param {{ {fields} {filler} }}")


def relu(blob):
    return layer("ReLU", blob, blob, name=f"{blob}_relu")


def image_input(*shape):
    dims = " ".join(f"dim: {size}" for size in shape)
    return (
        f'layer {{ name: "data" type: "Input" top: "data" input_param {{ shape {{ {dims} }} }} }}\n'
    )


# All that the passes know of: grouped and plain convolutions, one blob read by four layers,
# LRN of both kinds, odd pooling, statistics with a scale, sums, and ReLUs on top of them.
INCEPTION = (
    image_input(3, 6, 11, 9)
    + convolution("data", "first", 8, 3, "stride: 2")
    + relu("first")
    + layer("Pooling", "first", "pooled", "pooling_param { pool: MAX kernel_size: 3 stride: 2 }")
    + layer("LRN", "pooled", "norm", "lrn_param { local_size: 5 alpha: 0.3 beta: 0.75 }")
    + convolution("norm", "a", 4)
    + relu("a")
    + convolution("norm", "b_reduce", 6)
    + relu("b_reduce")
    + convolution("b_reduce", "b", 4, 3, "group: 2")
    + relu("b")
    + layer(
        "Pooling", "norm", "c_pool", "pooling_param { pool: MAX kernel_size: 3 stride: 1 pad: 1 }"
    )
    + convolution("c_pool", "c", 4)
    + layer("ReLU", "c", "c", "relu_param { negative_slope: 0.1 }", name="c_relu")
    + 'layer { name: "all" type: "Concat" bottom: "a" bottom: "b" bottom: "c" top: "all" }\n'
    + relu("all")
    + convolution("all", "d", 8, 3)
    + layer("BatchNorm", "d", "d", name="d_norm")
    + layer("Scale", "d", "d", "scale_param { bias_term: true }", name="d_scale")
    + convolution("norm", "e", 8)
    + 'layer { name: "sum" type: "Eltwise" bottom: "d" bottom: "e" top: "sum" }\n'
    + relu("sum")
    + layer("LRN", "sum", "within", "lrn_param { norm_region: WITHIN_CHANNEL alpha: 0.5 }")
    + layer("Sigmoid", "within", "bits", name="bits")
    + layer("InnerProduct", "bits", "ip", 'inner_product_param { num_output: 5 weight_filler '
            '{ type: "xavier" } }')
    + relu("ip")
    + layer("Reduction", "ip", "loss", "loss_weight: 1 reduction_param { operation: SUMSQ }")
)  # fmt: skip


def built(text, phase="TRAIN", fast=False, seed=1):
    """A net with random inputs, its outputs weighed into the loss where it has none."""
    net = GraphNet(Net(parse(text.encode(), "net.prototxt")), State(phase), seed=seed)
    random = np.random.default_rng(seed)
    for number in net.plan.inputs:
        blob = net.plan.blobs[number]
        is_label = blob.name == "label"
        blob.data[...] = (
            random.integers(0, 3, blob.shape) if is_label else random.uniform(-1, 1, blob.shape)
        )
    if fast:
        speed_up(net)
    return net


def found(net, is_trained=True):
    """The loss, every blob, and every gradient of a pass."""
    with torch.set_grad_enabled(is_trained):
        passed = net.run(blobs=list(net.plan.names))
        if passed.loss.requires_grad:
            torch.autograd.backward(passed.loss)
    result = {"loss": passed.loss.detach()} | {f"blob {k}": v for k, v in passed.outputs.items()}
    for each in net.learnable_params:
        if each.tensor.grad is not None:
            result[f"gradient {each.layer} {each.index}"] = each.tensor.grad
    return {name: value.numpy() for name, value in result.items()}


def assert_equal(ours, plain):
    assert list(ours) == list(plain)
    for name, value in plain.items():
        np.testing.assert_allclose(ours[name], value, 1e-4, 1e-5, err_msg=name)


@pytest.mark.parametrize("phase", ["TRAIN", "TEST"])
def test_a_fast_net_is_the_plain_one(phase):
    plain, fast = (found(built(INCEPTION, phase, fast)) for fast in (False, True))
    assert sum(name.startswith("gradient") for name in plain) == 18
    assert_equal(fast, plain)


@pytest.mark.parametrize("items", [1, 2])
def test_statistics_in_place_on_a_rectified_blob(items):
    """Of one item the blob has a stride that torch's gradient of the statistics takes wrong."""
    text = (
        image_input(items, 3, 8, 8)
        + convolution("data", "a", 2, 3)
        + relu("a")
        + layer("BatchNorm", "a", "a", "param { lr_mult: 0 decay_mult: 0 } " * 3, "norm")
        + layer(
            "InnerProduct",
            "a",
            "out",
            'inner_product_param { num_output: 2 weight_filler { type: "xavier" } }',
        )
        + layer("Reduction", "out", "loss", "loss_weight: 1 reduction_param { operation: SUMSQ }")
    )
    assert_equal(found(built(text, fast=True)), found(built(text)))


def test_a_fast_net_without_a_graph_is_the_plain_one():
    plain, fast = (found(built(INCEPTION, "TEST", fast), False) for fast in (False, True))
    assert not any(name.startswith("gradient") for name in plain)
    assert_equal(fast, plain)


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
@given(nets(), st.integers(0, 2**16))
def test_random_nets(text, seed):
    note(text)
    try:
        plain = found(built(text, seed=seed))
    except EngineError:
        reject()
    if not all(np.all(np.abs(value) < HUGE) for value in plain.values()):
        reject()
    assert_equal(found(built(text, fast=True, seed=seed)), plain)


def test_googlenet():
    """Of the zoo, with one picture, its three losses and its drop-outs; gradients by their norm."""
    parts = zoo.text("googlenet", "train_val").split("layer {\n")[1:]
    body = [part for part in parts if '"Data"' not in part and "phase: TEST" not in part]
    text = image_input(1, 3, 224, 224) + "".join(f"layer {{\n{part}" for part in body)
    text += 'layer { name: "label" type: "Input" top: "label" input_param { shape { dim: 1 } } }\n'
    head, label = text.rsplit("layer {", 1)
    text = f"layer {{{label}{head}"
    plain, fast = (found(built(text, fast=fast)) for fast in (False, True))
    gradients = [name for name in plain if name.startswith("gradient")]
    assert len(gradients) == 128
    for name in gradients:
        # Of the activations of one picture a few are so close to zero that rounding, which
        # differs between processors, decides whether they pass the gradient on.
        given, wanted = fast.pop(name), plain.pop(name)
        assert np.linalg.norm(given - wanted) < 1e-2 * np.linalg.norm(wanted), name
    assert_equal(fast, plain)


def in_place(text):
    """The names of the ReLUs that overwrite their bottom."""
    net = built(text)
    steps = rectify_in_place(net.steps)
    pairs = zip(steps, net.steps, strict=True)
    return [new.layer.name for new, old in pairs if new is not old]


def test_relus_on_layers_that_do_without_their_tops_run_in_place():
    names = ["first", "a", "b_reduce", "b", "c", "all", "sum", "ip"]
    assert in_place(INCEPTION) == [f"{name}_relu" for name in names]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(relu("data"), id="on an input"),
        pytest.param(layer("Sigmoid", "data", "x") + relu("x"), id="whose bottom is read again"),
        pytest.param(layer("LRN", "data", "x") + relu("x"), id="that Caffe's gradient finds"),
        pytest.param(layer("Flatten", "data", "x") + relu("x"), id="on a view"),
        pytest.param(
            'layer { name: "x" type: "Eltwise" bottom: "data" bottom: "data" top: "x" '
            "eltwise_param { operation: MAX } }\n" + relu("x"),
            id="on a maximum",
        ),
        pytest.param(
            convolution("data", "x", 2) + layer("ReLU", "x", "y"), id="that Caffe has not in place"
        ),
        pytest.param(
            convolution("data", "x", 2)
            + layer("ReLU", "x", "x", "relu_param { negative_slope: -1 }", name="bent"),
            id="of no sign",
        ),
    ],
)
def test_other_relus_do_not_run_in_place(text):
    assert in_place(image_input(2, 4, 5, 5) + text) == []


NORMS = (
    image_input(4, 3, 6, 5)
    + convolution("data", "x", 4, 3)
    + layer("BatchNorm", "x", "x", "batch_norm_param { use_global_stats: true }", name="norm")
    + layer("Scale", "x", "x", "scale_param { %s }", name="scale")
    + relu("x")
    + layer("Reduction", "x", "loss", "loss_weight: 1 reduction_param { operation: SUMSQ }")
)


@pytest.mark.parametrize("is_trained", [False, True])
@pytest.mark.parametrize("settings", ["bias_term: true", ""])
def test_statistics_and_scale_are_one_layer(settings, is_trained):
    """With means that are large beside the deviations."""

    def values(fast):
        net = built(NORMS % settings, fast=fast)
        norm, scale = (each for each in net.layers if each.name in ("norm", "scale"))
        generator = torch.Generator().manual_seed(1)
        for param, value in zip(norm.params, (50, 3, 1), strict=True):
            param.leaf.data.uniform_(0.9 * value, value, generator=generator)
        for param in scale.params:
            param.leaf.data.uniform_(0.5, 2, generator=generator)
        return found(net, is_trained)

    plain = values(False)
    assert sum(name.startswith("gradient") for name in plain) == ((3 + bool(settings)) * is_trained)
    assert_equal(values(True), plain)


def joined(text, phase="TEST"):
    net = built(text, phase)
    return len(net.steps) - len(fuse_scales(net.steps))


def test_which_scales_are_joined():
    text = NORMS % "bias_term: true"
    assert joined(text) == 1
    assert joined(INCEPTION) == 1
    # Statistics of the batch; another axis; two axes; a blob between the two that can be read.
    assert joined(INCEPTION, "TRAIN") == 0
    assert joined(NORMS % "axis: 0") == 0
    assert joined(NORMS % "num_axes: 2") == 0
    apart = text.replace('top: "x" scale_param', 'top: "y" scale_param')
    apart = apart.replace(relu("x"), relu("y")).replace('"x" top: "loss"', '"y" top: "loss"')
    assert joined(apart) == 0


def is_channels_last(tensor):
    return not tensor.is_contiguous() and tensor.is_contiguous(memory_format=torch.channels_last)


def kernels(net):
    return [
        each.params[0].leaf for each in net.layers if each.type == "Convolution" and
        each.param.convolution_param.kernel_size[0] > 1
    ]  # fmt: skip


def test_kernels_and_blobs_have_their_channels_innermost():
    net = built(INCEPTION, fast=True)
    assert len(kernels(net)) == 3
    assert all(map(is_channels_last, kernels(net)))
    tops = net.run(blobs=["norm", "all", "sum", "within"]).outputs
    assert all(is_channels_last(tops[name]) for name in ("norm", "all", "sum", "within"))


def test_open_net_is_plain(tmp_path):
    net = opened(INCEPTION, tmp_path)
    assert all(kernel.is_contiguous() for kernel in kernels(net))


def test_a_kernel_that_is_shared_in_another_shape_stays():
    """The inner product reads the kernel's values in their rows."""
    shared = 'param { name: "w" share_mode: PERMISSIVE }'
    text = (
        image_input(2, 3, 4, 4)
        + layer("Convolution", "data", "x", f"{shared} convolution_param {{ num_output: 2 "
                'kernel_size: 4 bias_term: false weight_filler { type: "xavier" } }')
        + layer("InnerProduct", "data", "y", f"{shared} inner_product_param {{ num_output: 2 "
                "bias_term: false }")
        + layer("Reduction", "y", "loss", "loss_weight: 1 reduction_param { operation: SUMSQ }")
        + layer("Reduction", "x", "more", "loss_weight: 1 reduction_param { operation: SUMSQ }")
    )  # fmt: skip
    plain, fast = (found(built(text, fast=fast)) for fast in (False, True))
    assert plain["blob loss"] == pytest.approx(plain["blob more"])
    assert_equal(fast, plain)


def test_weights_are_written_and_read_as_ever(tmp_path):
    plain, fast = built(INCEPTION), built(INCEPTION, fast=True)
    for suffix in ("caffemodel", "h5"):
        for net, name in ((plain, "plain"), (fast, "fast")):
            save_weights(net.layers, tmp_path / f"{name}.{suffix}", net.name)
    ours, theirs = (tmp_path / f"{name}.caffemodel" for name in ("fast", "plain"))
    assert ours.read_bytes() == theirs.read_bytes()
    other = built(INCEPTION, fast=True, seed=2)
    for suffix in ("caffemodel", "h5"):
        for kernel in kernels(other):
            fill(kernel, other.layers[0].param.convolution_param.weight_filler)
        copy_weights(other.layers, tmp_path / f"plain.{suffix}")
        for kernel, wanted in zip(kernels(other), kernels(plain), strict=True):
            assert is_channels_last(kernel)
            assert torch.equal(kernel, wanted)


def test_processes_share_kernels_and_resume(tmp_path):
    """What they send each other, and what a solver state holds, is in Caffe's order."""
    write_records(tmp_path)
    (tmp_path / "net.prototxt").write_text(
        'layer { name: "data" type: "Data" top: "data" top: "label" '
        'data_param { source: "records" batch_size: 2 } }\n'
        + convolution("data", "x", 4, 3)
        + relu("x")
        + layer("InnerProduct", "x", "ip", "inner_product_param { num_output: 3 weight_filler "
                '{ type: "xavier" } }')
        + 'layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }'
    )  # fmt: skip
    solver = write_solver(tmp_path, iter_size=2, snapshot=2, snapshot_prefix='"alone"')
    Runner(tmp_path).run(solver)
    solver = write_solver(tmp_path, snapshot=2, snapshot_prefix='"together"')
    Runner(tmp_path, {"on": ("cpu", "cpu")}, count=1).run(solver)
    ours, theirs = (tmp_path / f"{name}_iter_4.caffemodel" for name in ("together", "alone"))
    assert difference(ours, theirs) < 1e-5
    state = tmp_path / "alone_iter_2.solverstate"
    solver = write_solver(tmp_path, iter_size=2, snapshot=2, snapshot_prefix='"resumed"')
    Runner(tmp_path, count=2).run(solver, snapshot=str(state))
    assert (tmp_path / "resumed_iter_4.caffemodel").read_bytes() == theirs.read_bytes()


def test_run_keeps_the_blobs_that_are_asked_for():
    net = built(INCEPTION, "TEST", fast=True)
    assert list(net.run().outputs) == ["loss"]
    with torch.no_grad():
        outputs = net.run(blobs=["bits", "a"]).outputs
    assert [tuple(value.shape) for value in outputs.values()] == [(), (3, 8, 3, 2), (3, 4, 3, 2)]
    assert outputs["a"].min() == 0
    with pytest.raises(EngineError) as caught:
        net.run(blobs=["bit"])
    assert str(caught.value) == "no blob is called 'bit'\nhint: did you mean 'bits'?"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the C library must be glibc")
def test_freed_memory_is_used_again():
    """Blocks of a size that glibc would give back: pages are touched for the first time once."""
    code = """if True:
        import resource, sys, torch
        from ssdh_surgery.engines.torch.passes.speed_up import keep_freed_memory
        if sys.argv[1] == "kept":
            keep_freed_memory()
        start = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        for _ in range(4):
            torch.zeros(1 << 24)
        print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - start)
        """
    faults = {
        how: int(subprocess.check_output([sys.executable, "-c", code, how]))
        for how in ("kept", "given back")
    }
    # The heap may grow by a second block before the first is used again.
    assert faults["kept"] < faults["given back"] * 0.75
