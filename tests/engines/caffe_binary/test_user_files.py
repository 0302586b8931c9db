"""Failures at their places in the user's files, by what the log says."""

from pathlib import Path

import pytest

from ssdh_surgery.engines.caffe_binary.failures import explain

NET = """\
layer {
  name: "data"
  type: "Data"
  include { phase: TRAIN }
  transform_param { crop_size: 227 mean_file: "mean.binaryproto" }
  data_param { source: "train_lmdb" batch_size: 8 backend: LMDB }
}
layer {
  name: "data"
  type: "Data"
  include { phase: TEST }
  transform_param { crop_size: 224 mean_file: "mean.binaryproto" }
  data_param { source: "test_lmdb" batch_size: 8 backend: LMDB }
}
layer { name: "conv" type: "Convolution" bottom: "data" bottom: "dota" top: "conv"
  convolution_param { num_output: 4 weight_filler { type: "xaver" } } }
layer { name: "relu" type: "Rely" bottom: "conv" top: "conv" }
"""
V1_NET = """\
layers {
  name: "data" type: DATA top: "data"
  data_param { source: "train_lmdb" batch_size: 8 crop_size: 227 }
}
layers { name: "conv" type: CONVOLUTION bottom: "data" top: "conv" }
"""
SOLVER = 'net: "net.prototxt"\ntype: "SDG"\nlr_policy: "setp"\n'
TRAIN = "Creating training net from net file: net.prototxt"
TEST = "Creating test net (#0) specified by net file: net.prototxt"
BUILDING = "Initializing net from parameters: "
DONE = "Solver scaffolding done."


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("net.prototxt").write_text(NET)
    Path("solver.prototxt").write_text(SOLVER)
    return tmp_path


def error_of(fatal, *before, cwd=Path(), solver="solver.prototxt"):
    lines = [f"I0101 10:00:00.000001   100 net.cpp:51] {message}" for message in before]
    lines += f"F0101 10:00:01.000001   100 x.cpp:1] {fatal}".split("\n")
    return explain(lines, -6, log="c.log", cwd=cwd, solver=solver)


def place(error):
    """The place of an error, and what is marked there."""
    where = error.location
    start = where.column - 1
    return str(where), where.text[start : start + where.width]


def test_the_field_of_the_layer_that_was_built(folder):
    crop = "Check failed: datum_height >= crop_size (200 vs. 224) "
    error = error_of(crop, TRAIN, TEST, BUILDING, "Creating layer data")
    assert place(error) == ("net.prototxt:12:32", "224")
    assert error.layer == "data"
    mean = "Check failed: datum_height == data_mean_.height() (200 vs. 256) "
    error = error_of(mean, TRAIN, BUILDING, "Creating layer data")
    assert place(error) == ("net.prototxt:5:47", '"mean.binaryproto"')


def test_while_it_trains_the_field_with_the_value_that_the_log_names(folder):
    crop = "Check failed: datum_height >= crop_size (200 vs. 224) "
    assert place(error_of(crop, TRAIN, TEST, DONE))[0] == "net.prototxt:12:32"
    # Two layers have the mean: which one, nothing tells.
    mean = "Check failed: datum_height == data_mean_.height() (200 vs. 256) "
    assert str(error_of(mean, TRAIN, TEST, DONE).location).startswith("c.log:4:")


@pytest.mark.parametrize(
    ("fatal", "where", "text"),
    [
        ("Unknown bottom blob 'dota' (layer 'conv', bottom index 1)", "15:65", '"dota"'),
        ("Unknown layer type: Rely (known types: ReLU)", "17:28", '"Rely"'),
        ("Check failed: false Unknown filler name: xaver", "16:53", None),
        ("Check failed: num_output_ % group_ == 0 (1 vs. 0) Number of output should be multiples "
         "of group.", "16:35", "4"),
    ],
)  # fmt: skip
def test_fields_of_other_layers(folder, fatal, where, text):
    layer = "relu" if "Rely" in fatal else "conv"
    error = error_of(fatal, TRAIN, BUILDING, f"Creating layer {layer}")
    found, marked = place(error)
    assert found.split(":")[:2] == ["net.prototxt", where.split(":")[0]]
    if text:
        assert (found, marked) == (f"net.prototxt:{where}", text)


def test_a_layer_without_the_field(folder):
    error = error_of("Check failed: threshold_ < 1. ", TRAIN, BUILDING, "Creating layer relu")
    assert place(error) == ("net.prototxt:17:15", '"relu"')


def test_the_fields_of_the_solver(folder):
    assert place(error_of("Unknown learning rate policy: setp")) == (
        "solver.prototxt:3:12",
        '"setp"',
    )
    error = error_of("Unknown solver type: SDG (known types: SGD, Adam)")
    assert (place(error), error.hint) == (
        ("solver.prototxt:2:7", '"SDG"'),
        "did you mean 'SGD'?",
    )
    error = error_of("Check failed: end < layers_.size() (-1 vs. 0) ", TRAIN, DONE)
    assert place(error) == ("solver.prototxt:1:6", '"net.prototxt"')


def test_from_another_folder(folder, monkeypatch):
    (folder / "below").mkdir()
    monkeypatch.chdir(folder / "below")
    fatal = "Check failed: datum_height >= crop_size (200 vs. 224) "
    error = error_of(fatal, TRAIN, TEST, BUILDING, "Creating layer data", cwd=folder)
    assert place(error)[0] == f"{folder}/net.prototxt:12:32"


def test_an_old_dialect(folder):
    Path("net.prototxt").write_text(V1_NET)
    fatal = "Check failed: datum_height_ > cropsize (200 vs. 227) "
    assert place(error_of(fatal, TRAIN, DONE)) == ("net.prototxt:3:62", "227")
    layer = "Unknown V1LayerParameter layer type: 99"
    assert place(error_of(layer, TRAIN, BUILDING, "Creating layer conv"))[1] == "CONVOLUTION"


def test_a_net_inside_the_solver(folder):
    Path("solver.prototxt").write_text('train_net_param {\n  layer { name: "a" type: "X" }\n}\n')
    fatal = "Unknown layer type: X (known types: Y)"
    train = "Creating training net specified in train_net_param."
    assert place(error_of(fatal, train, BUILDING, "Creating layer a")) == (
        "solver.prototxt:2:27",
        '"X"',
    )


@pytest.mark.parametrize("text", [None, "layer {", "layer { name: 1 type: [2] }"])
def test_nets_that_cannot_be_read_have_no_places(folder, text):
    Path("net.prototxt").unlink()
    if text is not None:
        Path("net.prototxt").write_text(text)
    fatal = "Unknown bottom blob 'x' (layer 'conv', bottom index 1)"
    error = error_of(fatal, TRAIN, BUILDING, "Creating layer conv")
    assert str(error.location).startswith("c.log:4:")


def test_a_python_layer_whose_module_is_at_hand(folder):
    Path("net.prototxt").write_text(
        'layer { name: "p" type: "Python" python_param { module: "mine" layer: "Mine" } }\n'
    )
    (folder / "layers").mkdir()
    (folder / "layers" / "mine.py").touch()
    prefix = "I0101 10:00:00.000001   100 net.cpp:51] "
    lines = [prefix + message for message in (TRAIN, BUILDING, "Creating layer p")]
    lines += ["Traceback (most recent call last):", '  File "x.py", line 1, in <module>']
    lines += ["ImportError: No module named mine"]
    lines += ["terminate called after throwing an instance of 'boost::python::error_already_set'"]
    error = explain(lines, -6, log="c.log", cwd=folder)
    assert error.message.startswith("a Python layer cannot import 'mine' (layer 'p')")
    assert place(error) == ("net.prototxt:1:57", '"mine"')
    assert error.hint == (
        f"there is one in {folder}/layers: export PYTHONPATH={folder}/layers:$PYTHONPATH"
    )
    assert error.data["lines"][-1] == "ImportError: No module named mine"


def test_an_image_that_is_there_but_is_none(folder):
    (folder / "a.jpg").write_bytes(b"no image")
    lines = [
        f"E0101 10:00:00.000001 1 io.cpp:79] Could not open or find file {folder}/a.jpg",
        "F0101 10:00:00.000001 1 image_data_layer.cpp:1] Check failed: cv_img.data Could not load "
        "a.jpg",
    ]
    error = explain(lines, -6, log="c.log", cwd=Path("/elsewhere"))
    assert error.message.startswith("the image 'a.jpg' cannot be decoded")
    assert error.hint == "replace it, or take its line out of the list"
    error = explain(lines[1:], -6, log="c.log", cwd=Path("/elsewhere"))
    assert error.message.startswith("the image 'a.jpg' cannot be read")


def test_files_at_their_names(folder):
    missing = "Check failed: fd != -1 (-1 vs. -1) File not found: "
    loading = "Loading mean file from: mean.binaryproto"
    building = (TRAIN, TEST, BUILDING, "Creating layer data", loading)
    error = error_of(f"{missing}mean.binaryproto", *building)
    assert error.message.startswith("the mean file 'mean.binaryproto' does not exist")
    assert place(error) == ("net.prototxt:12:47", '"mean.binaryproto"')
    error = error_of("Check failed: count_ == proto.data_size() (1 vs. 0) ", *building)
    assert error.message.startswith("the mean file 'mean.binaryproto' holds no values")
    assert place(error) == ("net.prototxt:12:47", '"mean.binaryproto"')
    error = error_of(f"{missing}net.prototxt", TRAIN)
    assert place(error) == ("solver.prototxt:1:6", '"net.prototxt"')
    error = error_of(f"{missing}w.caffemodel", TRAIN, DONE, "Finetuning from w.caffemodel")
    assert str(error.location).startswith("c.log:4:")


def test_the_only_layer_of_a_type(folder):
    Path("net.prototxt").write_text(NET.replace('"Data"', '"MemoryData"', 1))
    fatal = "Check failed: data_ MemoryDataLayer needs to be initialized by calling Reset"
    assert place(error_of(fatal, TRAIN, TEST, DONE)) == ("net.prototxt:3:9", '"MemoryData"')


def test_a_batch_that_gpus_cannot_divide(folder):
    Path("net.prototxt").write_text(NET.replace("batch_size: 8", "batch_size: 9", 1))
    fatal = (
        "Check failed: batch * solver_count == total Batch size must be divisible by the number of "
        "solvers (GPUs)"
    )
    error = error_of(fatal, "Using GPUs 0, 1", TRAIN)
    assert error.message.startswith(
        "batch_size is 9, which is not a multiple of the 2 GPUs that this Caffe divides it among "
        "(layer 'data')"
    )
    assert place(error) == ("net.prototxt:6:49", "9")


def test_a_division_by_a_stepsize_that_is_not_set(folder):
    Path("solver.prototxt").write_text('lr_policy: "step"\n')
    error = explain([], -8, log="c.log", cwd=Path(), solver="solver.prototxt")
    assert error.message == (
        'caffe divided by zero: lr_policy is "step", and stepsize is 0 or not set; caffe ended '
        "with exit code 136 (SIGFPE)"
    )
    assert (place(error), error.hint) == (("solver.prototxt:1:12", '"step"'), "set stepsize")
    assert error.data["kind"] == "zero-stepsize"
