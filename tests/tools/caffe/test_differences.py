"""Each behaviour that tests/caffe_differences.toml lists, shown on the built Caffe.

A test is named after its difference. What is merely missing is shown in test_built_caffe.py.
"""

import math
import re
import signal
import tomllib

import pytest

from support.caffe_runs import fatal, inputs, pycaffe, train
from support.paths import CAFFE_DIFFERENCES, GOLDEN

LOGS = GOLDEN / "logs"
TABLE = tomllib.loads(CAFFE_DIFFERENCES.read_text())["difference"]
DIFFERENCES = {difference["name"]: difference for difference in TABLE}

# Keys whose items test_built_caffe.py holds against the built Caffe, one by one.
LISTS = {"layers", "messages", "fields", "defaults", "records", "trajectories"}


def test_every_difference_is_shown():
    behaviours = {name for name, difference in DIFFERENCES.items() if not LISTS & set(difference)}

    assert len(DIFFERENCES) == len(TABLE)
    assert [name for name in behaviours if f"test_{name}" not in globals()] == []


@pytest.mark.caffe
def test_fields_of_ssd(tmp_path):
    run = pycaffe(
        tmp_path,
        """
from google.protobuf import text_format
text_format.Parse("eval_type: 'detection'", caffe_pb2.SolverParameter())
text_format.Parse("layer { transform_param { crop_h: 1 } pooling_param { ceil_mode: true } }",
                  caffe_pb2.NetParameter())
found = True""",
    )

    assert run.found, run.stderr


@pytest.mark.caffe
def test_infogain_without_softmax(tmp_path):
    text = inputs(p=(1, 2), label=(1, 1, 1, 1), h=(1, 1, 2, 2)) + (
        'layer { name: "l" type: "InfogainLoss" '
        'bottom: "p" bottom: "label" bottom: "h" top: "out" }'
    )
    run = pycaffe(
        tmp_path, f"found = forward({text!r}, p=[[0.9, 0.1]], label=0, h=[[[[1, 0], [0, 1]]]])"
    )

    assert run.found == pytest.approx(-math.log(0.9)), run.stderr
    assert run.found != pytest.approx(-math.log(math.exp(0.9) / (math.exp(0.9) + math.exp(0.1))))


@pytest.mark.caffe
@pytest.mark.parametrize("loss_param", ["", "ignore_label: 1", "normalization: NONE"])
def test_sigmoid_cross_entropy_ignores_loss_param(tmp_path, loss_param):
    text = inputs(x=(2, 1), t=(2, 1)) + (
        'layer { name: "l" type: "SigmoidCrossEntropyLoss" bottom: "x" bottom: "t" top: "out" '
        f"loss_param {{ {loss_param} }} }}"
    )
    run = pycaffe(tmp_path, f"found = forward({text!r}, x=0, t=[[0], [1]])")

    assert run.found == pytest.approx(2 * math.log(2) / 2), run.stderr


ACCURACY = 'layer { name: "l" type: "Accuracy" bottom: "x" bottom: "label" top: "out" %s }'


@pytest.mark.caffe
def test_accuracy_ties(tmp_path):
    text = inputs(x=(1, 3), label=(1,)) + ACCURACY % ""
    run = pycaffe(tmp_path, f"found = [forward({text!r}, label=i) for i in range(3)]")

    assert run.found == [0, 0, 1], run.stderr


@pytest.mark.caffe
def test_accuracy_without_labels(tmp_path):
    text = inputs(x=(1, 3), label=(1,)) + ACCURACY % "accuracy_param { ignore_label: 0 }"
    run = pycaffe(tmp_path, f"found = forward({text!r}, label=0)")

    assert math.isnan(run.found), run.stderr


@pytest.mark.caffe
def test_eltwise_shapes_unchecked(tmp_path):
    text = inputs(a=(1, 2), b=(1, 3)) + (
        'layer { name: "l" type: "Eltwise" bottom: "a" bottom: "b" top: "out" }'
    )
    run = pycaffe(tmp_path, f"found = forward({text!r}, a=[[1, 2]], b=[[10, 20, 30]])")

    assert run.found == [[11, 22]], run.stderr


@pytest.mark.caffe
def test_scale_shapes_unchecked(tmp_path):
    text = inputs(a=(3, 2), b=(2,)) + (
        'layer { name: "l" type: "Scale" bottom: "a" bottom: "b" top: "out" '
        "scale_param { axis: 0 } }"
    )
    run = pycaffe(tmp_path, f"found = forward({text!r}, a=1, b=[5, 6])")

    assert run.found[:2] == [[5, 5], [6, 6]], run.stderr


@pytest.mark.caffe
def test_batch_norm_rates_unchecked(tmp_path):
    text = inputs(x=(2, 1)) + (
        'layer { name: "l" type: "BatchNorm" bottom: "x" top: "out" param { lr_mult: 1 } }'
    )
    run = pycaffe(tmp_path, f"found = forward({text!r}, x=0)")

    assert run.found == [[0], [0]], run.stderr


def deconvolution(kernel):
    return inputs(x=(1, 1, 2, 2)) + (
        'layer { name: "l" type: "Deconvolution" bottom: "x" top: "out" convolution_param { '
        f"num_output: 1 kernel_size: {kernel} bias_term: false "
        'weight_filler { type: "bilinear" } } }'
    )


@pytest.mark.caffe
def test_bilinear_filler_of_odd_size(tmp_path):
    run = pycaffe(
        tmp_path,
        "found = [net(text).params['l'][0].data[0, 0, 0].tolist() for text in "
        f"({deconvolution(4)!r}, {deconvolution(3)!r})]",
    )
    even, odd = run.found

    assert even == [0.0625, 0.1875, 0.1875, 0.0625]  # as in BVLC
    assert odd == [0.0625, 0.1875, 0.1875]  # in BVLC [0.25, 0.5, 0.25]


@pytest.mark.caffe
@pytest.mark.parametrize("filler", ["xavier", "msra", "positive_unitball"])
def test_fillers_up_to_four_axes(tmp_path, filler):
    text = inputs(x=(1, 1, 2, 2, 2)) + (
        'layer { name: "l" type: "Convolution" bottom: "x" top: "out" convolution_param { '
        f'num_output: 1 kernel_size: 1 weight_filler {{ type: "{filler}" }} }} }}'
    )
    run = pycaffe(tmp_path, f"found = forward({text!r}, x=1)")

    assert fatal(run) == [
        "Check failed: num_axes() <= 4 (5 vs. 4) "
        "Cannot use legacy accessors on Blobs with > 4 axes."
    ]


@pytest.mark.caffe
def test_snapshot_prefix_as_written(tmp_path):
    snapshots = ("snapshot: 0", "snapshot: 10")
    missing = train(tmp_path / "missing", solver=[snapshots, ("snapshot_prefix: .*", "")])
    (tmp_path / "folder" / "kept").mkdir(parents=True)
    folder = train(
        tmp_path / "folder", solver=[snapshots, ("snapshot_prefix: .*", 'snapshot_prefix: "kept"')]
    )

    assert fatal(missing) == [
        "Check failed: param_.has_snapshot_prefix() "
        "In solver params, snapshot is specified but snapshot_prefix is not"
    ]
    assert folder.returncode == 0
    assert list((tmp_path / "folder" / "kept").iterdir()) == []
    assert (tmp_path / "folder" / "kept_iter_20.caffemodel").exists()


@pytest.mark.caffe
def test_step_policies_unchecked(tmp_path):
    no_size = train(tmp_path / "no_size", solver=[("stepsize: 8", "")])
    negative = train(tmp_path / "negative", solver=[("gamma: 0.1", "gamma: -0.1")])

    assert no_size.returncode == -signal.SIGFPE
    assert negative.returncode == 0
    assert "Iteration 8, lr = -0.005" in negative.stderr


@pytest.mark.caffe
def test_hdf5_shapes_unchecked(tmp_path):
    written = train(
        tmp_path,
        solver=[
            ("snapshot: 0", "snapshot: 20 snapshot_format: HDF5"),
            ("snapshot_prefix: .*", 'snapshot_prefix: "small"'),
        ],
    )
    read = train(
        tmp_path,
        "-weights",
        "small_iter_20.caffemodel.h5",
        net=[("num_output: 16", "num_output: 24")],
    )

    assert written.returncode == 0, written.stderr
    assert read.returncode == 0, read.stderr


IMAGES = """layer { name: "l" type: "ImageData" top: "out" top: "label"
  image_data_param { source: "list.txt" batch_size: 2 } }"""


@pytest.mark.caffe
def test_image_sizes_unchecked(tmp_path):
    # The second one is wider; its pixels are the numbers of their columns.
    (tmp_path / "small.ppm").write_bytes(b"P6 2 1 255\n" + bytes([7] * 6))
    (tmp_path / "wide.ppm").write_bytes(b"P6 3 1 255\n" + bytes([0] * 3 + [1] * 3 + [2] * 3))
    (tmp_path / "list.txt").write_text("small.ppm 0\nwide.ppm 1\n")
    run = pycaffe(tmp_path, f"found = forward({IMAGES!r})")

    assert [image[0] for image in run.found] == [[[7, 7]], [[0, 1]]], run.stderr


@pytest.mark.caffe
def test_pycaffe_of_one_process(tmp_path):
    run = pycaffe(
        tmp_path,
        """
wanted = {caffe: "NCCL Timer init_log log solver_count set_multiprocess has_nccl",
          caffe.Net: "before_forward after_forward before_backward after_backward",
          caffe.SGDSolver: "param apply_update share_weights lr"}
found = [name for owner, names in wanted.items() for name in names.split() if hasattr(owner, name)]
""",
    )

    assert run.found == [], run.stderr


def instead(name):
    """What BVLC logs and what the built Caffe logs."""
    theirs, ours = DIFFERENCES[name]["log"]
    return theirs, ours


@pytest.mark.caffe
def test_display_without_speed(tmp_path):
    theirs, ours = instead("display_without_speed")
    run = train(
        tmp_path,
        "-weights",
        "init.caffemodel",
        solver=[
            ("test_initialization: false", ""),
            ("test_interval: 1000", "test_interval: 10"),
            ("display: 1", "display: 5"),
        ],
    )

    assert f"] {theirs}\n" in (LOGS / "finetune_ok.log").read_text()
    assert f"] {ours}\n" in run.stderr
    assert "iter/s" not in run.stderr


@pytest.mark.caffe
def test_wording_unwritable_snapshot(tmp_path):
    theirs, ours = instead("wording_unwritable_snapshot")
    run = train(
        tmp_path,
        solver=[
            ("snapshot: 0", "snapshot: 10"),
            ("snapshot_prefix: .*", 'snapshot_prefix: "absent/x"'),
        ],
    )

    assert theirs in (LOGS / "unwritable_snapshot.log").read_text()
    assert fatal(run) == [f"Cannot write to snapshot prefix 'absent/x'.  {ours}"]


@pytest.mark.caffe
def test_wording_crop_too_big(tmp_path):
    theirs, ours = instead("wording_crop_too_big")
    run = train(tmp_path, net=[("mean_file", "crop_size: 40 mean_file")])

    assert theirs in (LOGS / "crop_too_big.log").read_text()
    assert fatal(run) == [f"{ours} "]


@pytest.mark.caffe
def test_log_order_of_data(tmp_path):
    run = train(tmp_path)
    record = (LOGS / "finetune_ok.log").read_text()

    assert set(re.findall(r"(\w+)\.cpp:\d+\] Restarting data", record)) == {"data_layer"}
    assert set(re.findall(r"(\w+)\.cpp:\d+\] Restarting data", run.stderr)) == {"data_reader"}
