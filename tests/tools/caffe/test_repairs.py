"""What tools/caffe/patch_sources.py repairs in the sources, shown on the built Caffe.

That `-weights` is heeded and that nets are logged is shown by the log in test_built_caffe.py.
"""

import subprocess

import pytest

from support.caffe_runs import fatal, inputs, pycaffe, train


@pytest.mark.caffe
def test_absent_weights_end_the_run(tmp_path):
    run = train(tmp_path, "-weights", "absent.caffemodel")

    assert fatal(run) == ["Check failed: file_hid >= 0 (-1 vs. 0) Couldn't open absent.caffemodel"]


@pytest.mark.caffe
def test_several_weights_are_loaded_in_turn(tmp_path):
    names = ["init.caffemodel", "snap_sgd_step_ssdh_iter_20.caffemodel"]
    run = train(tmp_path, "-weights", ", ".join(names))
    loaded = [line.partition("Finetuning from ")[2] for line in run.stderr.splitlines()]

    # Once into the train net, once into the test net.
    assert [name for name in loaded if name] == names * 2


@pytest.mark.caffe
def test_source_layers_that_are_not_there_are_named(tmp_path):
    run = train(tmp_path, "-weights", "init.caffemodel", net=[('name: "conv1"', 'name: "other"')])

    assert run.stderr.count("] Ignoring source layer conv1\n") == 2


@pytest.mark.caffe
def test_train_and_test_may_read_one_lmdb(tmp_path):
    run = train(tmp_path, net=[("test_lmdb", "train_lmdb")])

    assert run.returncode == 0, run.stderr
    assert run.stderr.count("] Opened lmdb train_lmdb\n") == 2


@pytest.mark.caffe
def test_a_crop_of_an_image_takes_its_part_of_the_mean(tmp_path):
    (tmp_path / "image.ppm").write_bytes(b"P6 3 1 255\n" + bytes([10] * 3 + [20] * 3 + [30] * 3))
    (tmp_path / "list.txt").write_text("image.ppm 0\n")
    text = """layer { name: "l" type: "ImageData" top: "out" top: "label"
      transform_param { crop_size: 1 mean_file: "mean.binaryproto" }
      image_data_param { source: "list.txt" batch_size: 1 } }"""
    run = pycaffe(
        tmp_path,
        f"""
mean = caffe_pb2.BlobProto(num=1, channels=3, height=1, width=3, data=[1, 2, 3] * 3)
open("mean.binaryproto", "wb").write(mean.SerializeToString())
open("net.prototxt", "w").write({text!r})
made = caffe.Net("net.prototxt", caffe.TEST)
made.forward()
found = made.blobs["out"].data.ravel().tolist()""",
    )

    assert run.found == [18, 18, 18], run.stderr


@pytest.mark.caffe
@pytest.mark.parametrize("params", [0, 1, 3])
def test_weight_decay_leaves_the_statistics_of_batchnorm_alone(tmp_path, params):
    net = inputs(x=(4, 2)) + (
        'layer { name: "ip" type: "InnerProduct" bottom: "x" top: "ip" '
        'inner_product_param { num_output: 2 weight_filler { type: "constant" value: 1 } } }\n'
        f'layer {{ name: "bn" type: "BatchNorm" bottom: "ip" top: "bn" '
        f"{'param { lr_mult: 0 decay_mult: 0 } ' * params}}}\n"
        'layer { name: "loss" type: "Reduction" bottom: "bn" top: "loss" loss_weight: 1 }'
    )
    solver = (
        'net: "net.prototxt" type: "SGD" base_lr: 0.1 lr_policy: "fixed" weight_decay: 0.5 '
        'max_iter: 3 snapshot_prefix: "x" snapshot_after_train: false'
    )
    run = pycaffe(
        tmp_path,
        f"""
open("net.prototxt", "w").write({net!r})
open("solver.prototxt", "w").write({solver!r})
solver = caffe.get_solver("solver.prototxt")
solver.net.blobs["x"].data[...] = np.arange(8).reshape(4, 2)
solver.step(3)
found = [float(solver.net.params["bn"][2].data[0]), float(solver.net.params["ip"][0].data[0, 0])]
""",
    )
    scale, weight = run.found

    # Three steps of a moving average that keeps 0.999 of itself.
    assert scale == pytest.approx(1 + 0.999 + 0.999**2), run.stderr
    assert weight < 0.9  # which decay has shrunk


@pytest.mark.caffe
def test_weights_are_hdf5_by_what_they_hold(tmp_path):
    train(tmp_path, solver=[("snapshot: 0", "snapshot: 20 snapshot_format: HDF5")])
    (tmp_path / "snap_sgd_step_ssdh_iter_20.caffemodel.h5").rename(tmp_path / "w.caffemodel")
    run = train(tmp_path, "-weights", "w.caffemodel")

    assert run.returncode == 0, run.stderr


@pytest.mark.caffe
def test_upgrading_keeps_the_params_of_batchnorm_at_rest(tmp_path, caffe):
    (tmp_path / "net.prototxt").write_text(
        'layer { name: "bn" type: "BatchNorm" param { lr_mult: 1 } param { } param { } }'
    )
    subprocess.run(
        [caffe.with_name("upgrade_net_proto_text"), "net.prototxt", "upgraded.prototxt"],
        cwd=tmp_path,
        capture_output=True,
        check=True,
    )
    upgraded = (tmp_path / "upgraded.prototxt").read_text()

    assert upgraded.count("  param {\n    lr_mult: 0\n    decay_mult: 0\n  }\n") == 3
