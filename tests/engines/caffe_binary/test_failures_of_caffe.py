"""The real executable made to fail: what it prints is explained, at the place of the field.

Every case is a net or a solver that is wrong in one place, which is marked by `<<` and `>>`.
"""

import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ssdh_surgery.engines.caffe_binary.failures import explain

pytestmark = pytest.mark.caffe

DATA = """\
layer { name: "data" type: "DummyData" top: "data" top: "label" dummy_data_param {
  shape { dim: 4 dim: 3 dim: 8 dim: 8 } shape { dim: 4 }
  data_filler { type: "gaussian" std: 1 } data_filler { type: "constant" value: 1 } } }
"""
LOSS = """\
layer { name: "fc" type: "InnerProduct" bottom: "data" top: "fc"
  inner_product_param { num_output: 4 weight_filler { type: "xavier" } } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "fc" bottom: "label" top: "loss" }
"""
SOLVER = (
    'net: "net.prototxt" base_lr: 0.01 lr_policy: "fixed" max_iter: 2 display: 1 '
    'solver_mode: CPU snapshot_after_train: false snapshot_prefix: "run" '
)


def layer(name, rest):
    return f'layer {{ name: "a" type: "{name}" {rest} }}\n'


def conv(settings, bottom="data", name="Convolution", param="convolution_param"):
    return layer(name, f'bottom: "{bottom}" top: "a" {param} {{ {settings} }}')


def images(settings):
    return layer("ImageData", f'top: "a" top: "b" image_data_param {{ batch_size: 4 {settings} }}')


def hdf5(tops, settings):
    return layer("HDF5Data", f"{tops} hdf5_data_param {{ batch_size: 1 {settings} }}")


def pool(settings):
    return conv(f"pool: MAX {settings}", name="Pooling", param="pooling_param")


def joined(text, first, second, bottoms=2):
    """Two convolutions, and a layer that joins them."""
    parts = [
        f'layer {{ name: "{name}" type: "Convolution" bottom: "data" top: "{name}" '
        f"convolution_param {{ kernel_size: 1 {settings} }} }}\n"
        for name, settings in (("p", first), ("q", second))
    ]
    return "".join(parts) + text


NETS = {
    "kernel 0": ("kernel", conv("num_output: 2 kernel_size: <<0>>")),
    "two kernels": ("kernel", conv("num_output: 2 kernel_size: <<3>> kernel_h: 3 kernel_w: 3")),
    "two pads": ("pad", conv("num_output: 2 kernel_size: 3 pad: <<1>> pad_h: 1 pad_w: 1")),
    "stride 0": ("stride", conv("num_output: 2 kernel_size: 3 stride: <<0>>")),
    "group": ("group", conv("num_output: 4 kernel_size: 3 group: <<2>>")),
    "group of outputs": ("group", conv("num_output: 4 kernel_size: 3 group: <<3>>")),
    "num_output 0": ("num-output", conv("num_output: <<0>> kernel_size: 3")),
    "kernel too large": ("negative-size", conv("num_output: 2 kernel_size: <<20>>")),
    "filler": (
        "unknown-filler",
        conv('num_output: 2 kernel_size: 3 <<weight_filler>> { type: "xaver" }'),
    ),
    "std 0": (
        "filler-range",
        conv('num_output: 2 kernel_size: 3 <<weight_filler>> { type: "gaussian" std: 0 }'),
    ),
    "range": (
        "filler-range",
        conv('num_output: 2 kernel_size: 3 <<weight_filler>> { type: "uniform" min: 1 max: 0 }'),
    ),
    "bilinear": (
        "filler-shape",
        conv('num_output: 2 kernel_h: 3 kernel_w: 1 <<weight_filler>> { type: "bilinear" }'),
    ),
    "pad of a pooling": ("pad", pool("kernel_size: 2 pad: <<2>>")),
    "global pooling": ("global-pooling", pool("global_pooling: true kernel_size: <<2>>")),
    "local_size": ("local-size", conv("local_size: <<4>>", name="LRN", param="lrn_param")),
    "slice": (
        "slice",
        layer("Slice", 'bottom: "data" top: <<"a">> top: "b"'),
    ),
    "reshape": (
        "reshape",
        layer("Reshape", 'bottom: "data" top: "a" reshape_param { <<shape>> { dim: 5 dim: -1 } }'),
    ),
    "reshape to another count": (
        "reshape",
        layer("Reshape", 'bottom: "data" top: "a" reshape_param { <<shape>> { dim: 5 dim: 7 } }'),
    ),
    "in place": ("in-place", layer("Flatten", 'bottom: "data" top: <<"data">>')),
    "concat": (
        "concat",
        joined(
            layer("Concat", 'bottom: <<"p">> bottom: "q" top: "a"'),
            "num_output: 2",
            "num_output: 2 pad: 1",
        ),
    ),
    "coefficients": (
        "eltwise-coefficients",
        joined(
            layer("Eltwise", 'bottom: "p" bottom: "q" top: "a" eltwise_param { coeff: <<1>> }'),
            "num_output: 2",
            "num_output: 2",
        ),
    ),
    "axis": (
        "axis",
        layer("Softmax", 'bottom: <<"data">> top: "a" softmax_param { axis: 7 }'),
    ),
    "top_k": (
        "top-k",
        layer("ArgMax", 'bottom: "label" top: "a" argmax_param { top_k: <<9>> }'),
    ),
    "labels of a loss": (
        "label-count",
        layer("SoftmaxWithLoss", 'bottom: <<"data">> bottom: "label" top: "a"'),
    ),
    "inputs of a loss": (
        "loss-inputs",
        layer("EuclideanLoss", 'bottom: <<"data">> bottom: "label" top: "a"'),
    ),
    "loss_weight": (
        "loss-weights",
        layer("ReLU", 'bottom: "data" top: "a" loss_weight: <<1>> loss_weight: 2'),
    ),
    "propagate_down": (
        "propagate-down",
        layer("ReLU", 'bottom: "data" top: "a" propagate_down: <<true>> propagate_down: true'),
    ),
    "include and exclude": (
        "include-and-exclude",
        layer(
            "ReLU", 'bottom: "data" top: "a" include { phase: TRAIN } <<exclude>> { phase: TEST }'
        ),
    ),
    "params": (
        "too-many-params",
        layer("ReLU", 'bottom: "data" top: "a" <<param>> { lr_mult: 1 }'),
    ),
    "bottoms": (
        "blob-count",
        'layer { type: <<"ReLU">> name: "a" bottom: "data" bottom: "label" top: "a" }\n',
    ),
    "base": (
        "base",
        layer("Exp", 'bottom: "data" top: "a" exp_param { base: <<-2>> }'),
    ),
    "tiles": ("tile", layer("Tile", 'bottom: "data" top: "a" tile_param { tiles: <<0>> }')),
    "MemoryData": (
        "memory-data-sizes",
        layer("MemoryData", 'top: "a" top: "b" <<memory_data_param>> { batch_size: 4 }'),
    ),
    "an empty list": (
        "empty-list",
        images('source: <<"empty.txt">>'),
    ),
    "no list": (
        "empty-list",
        images('source: <<"none.txt">>'),
    ),
    "no image": (
        "missing-image",
        images('source: <<"images.txt">>'),
    ),
    "one side": (
        "one-side",
        images('source: "images.txt" new_height: <<3>>'),
    ),
    "no list of HDF5": (
        "missing-list",
        hdf5('top: "a"', 'source: <<"none.txt">>'),
    ),
    "an empty list of HDF5": (
        "empty-list",
        hdf5('top: "a"', 'source: <<"empty.txt">>'),
    ),
    "HDF5 as a list": (
        "hdf5-as-list",
        hdf5('top: "a"', 'source: <<"a.h5">>'),
    ),
    "transform of HDF5": (
        "no-transform",
        hdf5('top: "a" <<transform_param>> { scale: 2 }', 'source: "x"'),
    ),
    "dataset": (
        "hdf5-dataset",
        hdf5('top: <<"nothing">>', 'source: "h5.txt"'),
    ),
    "rows": (
        "hdf5-rows",
        hdf5('top: "x" top: "y"', 'source: <<"h5.txt">>'),
    ),
    "words": (
        "hdf5-type",
        hdf5('top: "words"', 'source: <<"h5.txt">>'),
    ),
    "mean and values": (
        "mean-twice",
        layer(
            "ImageData",
            'top: "a" top: "b" transform_param { mean_file: "m" mean_value: <<1>> } '
            'image_data_param { source: "images.txt" }',
        ),
    ),
    "a list of windows": (
        "missing-list",
        layer(
            "WindowData",
            'top: "a" top: "b" window_data_param { source: <<"none.txt">> batch_size: 4 }',
        ),
    ),
}
SOLVERS = {
    "two nets": ("two-nets", SOLVER + 'train_net: <<"net.prototxt">>'),
    "average_loss": ("average-loss", SOLVER + "average_loss: <<0>>"),
    "regularization": (
        "unknown-regularization",
        SOLVER + 'weight_decay: 1 regularization_type: <<"L3">>',
    ),
    "momentum": ("momentum", SOLVER + 'type: "AdaGrad" momentum: <<0.9>>'),
    "rms_decay": ("rms-decay", SOLVER + 'type: "RMSProp" rms_decay: <<1>>'),
    "test_interval": ("test-interval", SOLVER + "test_iter: 1 test_interval: <<0>>"),
    "test_state": (
        "test-state",
        SOLVER + "test_iter: 1 test_interval: 1 test_state { } <<test_state>> { }",
    ),
    "policy": ("unknown-policy", SOLVER.replace('"fixed"', '<<"fixd">>')),
    "both types": (
        "solver-type-twice",
        SOLVER + 'type: "SGD" solver_type: <<NESTEROV>>',
    ),
    "an empty net": ("empty-net", SOLVER.replace('"net.prototxt"', '<<"empty.txt">>')),
}


def marked(text):
    """A text without its marks, and the line and column of what they mark."""
    before, _, rest = text.partition("<<")
    inside, _, after = rest.partition(">>")
    line = before.count("\n") + 1
    return before + inside + after, (line, len(before.rpartition("\n")[2]) + 1)


def fail(folder, caffe, net, solver):
    folder.mkdir()
    (folder / "net.prototxt").write_text(net)
    (folder / "solver.prototxt").write_text(solver)
    (folder / "empty.txt").touch()
    (folder / "images.txt").write_text("none.jpg 0\n")
    (folder / "h5.txt").write_text("a.h5\n")
    import h5py
    import numpy as np

    with h5py.File(folder / "a.h5", "w") as file:
        file["x"], file["y"] = np.zeros((4, 2), "f4"), np.zeros((3, 1), "f4")
        file["words"] = np.array([b"a", b"b"])
    process = subprocess.run(
        [caffe, "train", "--solver=solver.prototxt"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=60,
    )
    lines = process.stdout.decode("utf-8", "surrogateescape").split("\n")
    return explain(
        lines,
        process.returncode,
        log="c.log",
        cwd=folder,
        solver=str(folder / "solver.prototxt"),
    )


@pytest.fixture(scope="module")
def failures(tmp_path_factory):
    """The errors of all cases; two runs at a time, since caffe spends them on starting."""
    from ssdh_surgery.engines.caffe_binary.executable import built_caffe

    folder, caffe = tmp_path_factory.mktemp("failures"), built_caffe()
    jobs = [(name, marked(DATA + text + LOSS)[0], SOLVER) for name, (_, text) in NETS.items()]
    jobs += [(name, DATA + LOSS, marked(text)[0]) for name, (_, text) in SOLVERS.items()]
    with ThreadPoolExecutor(2) as pool:
        errors = pool.map(
            lambda job: fail(folder / job[0].replace(" ", "_"), caffe, *job[1:]), jobs
        )
        return dict(zip([name for name, *_ in jobs], errors, strict=True))


@pytest.mark.parametrize("name", [*NETS, *SOLVERS])
def test_what_caffe_dies_of(name, failures):
    file = "net.prototxt" if name in NETS else "solver.prototxt"
    kind, text = NETS[name] if name in NETS else SOLVERS[name]
    _, place = marked(DATA + text if name in NETS else text)
    error = failures[name]
    assert error.data["kind"] == kind, str(error)
    assert Path(error.location.file).name == file, str(error)
    assert (error.location.line, error.location.column) == place, str(error)
