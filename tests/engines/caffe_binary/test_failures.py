import math
from pathlib import Path

import pytest

from ssdh_surgery.engines.caffe_binary.diagnosis import shell_code
from ssdh_surgery.engines.caffe_binary.evidence import loss_trouble
from ssdh_surgery.engines.caffe_binary.failures import explain
from ssdh_surgery.engines.caffe_binary.rules import FATAL_RULES
from ssdh_surgery.errors import EngineError
from support.failure_lines import LINES, PLAIN_LINES
from support.paths import GOLDEN

LOGS = GOLDEN / "logs"
PREFIX = "20261123 20:50:26.734620 15616 x.cpp:1] "
ENDING = "; caffe ended with exit code 134 (SIGABRT)"
CWD = Path("/data/job")


def of_log(name, code=-6, cwd=CWD):
    lines = (LOGS / f"{name}.log").read_text().splitlines(keepends=True)
    return explain(lines, code, log=f"runs/a/{name}.log", cwd=cwd)


def of_lines(*lines, code=-6, cwd=CWD):
    return explain(lines, code, log="caffe.log", cwd=cwd)


def info(message):
    return f"I{PREFIX}{message}"


def fatal(message):
    return f"F{PREFIX}{message}"


GOLDEN = {
    "crop_too_big": """\
runs/a/crop_too_big.log:277:59: crop_size is 40, but the height of the images of 'train_lmdb' is \
28 (layer 'data'); caffe ended with exit code 134 (SIGABRT)
  277 | ...ata_transformer.cpp:466] Check failed: datum_height >= crop_size (28 vs. 40)\x20
      |                             ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
hint: lower crop_size, or build the data from larger images""",
    "diverged": """\
runs/a/diverged.log:961:96: the loss became nan by iteration 10; caffe ended with exit code 134 \
(SIGABRT)
  961 | ...ration 10 (333.333 iter/s, 0.015s/5 iters), loss = -nan
      |                                                ^^^^^^^^^^^
hint: lower base_lr; check the labels (below num_output?), the mean and the scale""",
    "gpu_on_cpu_build": """\
runs/a/gpu_on_cpu_build.log:2:48: a GPU was requested, but this Caffe was built for the CPU \
only; caffe ended with exit code 134 (SIGABRT)
  2 | F20261123 20:50:29.439404 15670 common.cpp:66] Cannot use GPU in CPU-only Caffe: check mode.
    |                                                ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
hint: train with --gpu none, or choose a Caffe with CUDA: --caffe""",
    "missing_lmdb": """\
runs/a/missing_lmdb.log:271:63: the LMDB 'absent_lmdb' does not exist (layer 'data'); caffe \
ended with exit code 134 (SIGABRT)
  271 | ...db.hpp:15] Check failed: mdb_status == 0 (2 vs. 0) No such file or directory
      |                             ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
hint: relative paths start at /data/job, the folder that caffe runs in""",
    "missing_mean": """\
runs/a/missing_mean.log:276:79: the mean file 'absent.binaryproto' does not exist; caffe ended \
with exit code 134 (SIGABRT)
  276 | ...eck failed: fd != -1 (-1 vs. -1) File not found: absent.binaryproto
      |                                     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
hint: relative paths start at /data/job, the folder that caffe runs in""",
    "missing_solver": """\
runs/a/missing_solver.log:1:79: the solver 'nope.prototxt' does not exist; caffe ended with exit \
code 134 (SIGABRT)
  1 | ...Check failed: fd != -1 (-1 vs. -1) File not found: nope.prototxt
    |                                       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
hint: relative paths start at /data/job, the folder that caffe runs in""",
    "missing_weights": """\
runs/a/missing_weights.log:487:85: the weights file 'nope.caffemodel' does not exist; caffe \
ended with exit code 134 (SIGABRT)
  487 | ...k failed: file_hid >= 0 (-1 vs. 0) Couldn't open nope.caffemodel
      |                                       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
hint: relative paths start at /data/job, the folder that caffe runs in""",
    "mixed_v1_v2": """\
runs/a/mixed_v1_v2.log:24:109: the net mixes 'layer' and 'layers' entries, which Caffe does not \
accept; caffe ended with exit code 134 (SIGABRT)
  24 | ...tent NetParameter input; the definition includes both 'layer' and 'layers' fields. The \
current forma...
     |                             ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
hint: write all of them as layer, with the type as a string""",
    "unknown_bottom": """\
runs/a/unknown_bottom.log:270:55: layer 'latent_SSDH' reads the blob 'pool55' (bottom index 0), \
which no layer above writes in this phase; caffe ended with exit code 134 (SIGABRT)
  270 | ...42 insert_splits.cpp:29] Unknown bottom blob 'pool55' (layer 'latent_SSDH', \
bottom index 0)
      |                             ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
hint: check the name, and the include and exclude rules of the layer that writes it""",
    "unknown_field": """\
/data/job/n_tmp.prototxt:13:187: caffe cannot parse this net: Message type \
"caffe.InnerProductParameter" has no field named "num_outptu"; caffe ended with exit code 134 \
(SIGABRT)
hint: a field that this Caffe lacks comes from another version or fork of Caffe""",
    "unknown_layer_type": """\
runs/a/unknown_layer_type.log:387:105: this Caffe has no layer type 'K1_EuclideanLoss' (layer \
'bin'): only the SSDH authors' Caffe has it; caffe ended with exit code 134 (SIGABRT)
  387 | ...stry.count(type) == 1 (0 vs. 1) Unknown layer type: K1_EuclideanLoss (known types: \
AbsVal, Accuracy,...
      |                                    ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
hint: express the term with stock layers (Power and Reduction), or choose their Caffe: --caffe""",
    "unwritable_snapshot": """\
runs/a/unwritable_snapshot.log:22:49: snapshots cannot be written to 'absent_dir/x'; caffe ended \
with exit code 134 (SIGABRT)
  22 | ...7247 15675 solver.cpp:448] Cannot write to snapshot prefix 'absent_dir/x'.  Make sure \
that the direc...
     |                               ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
hint: create the folder (relative paths start at /data/job), or change snapshot_prefix""",
    "weights_shape_mismatch": """\
runs/a/weights_shape_mismatch.log:460:46: param 0 of layer 'latent_SSDH' has the shape (16 128) \
in the weights, but (24 128) in the net; caffe ended with exit code 134 (SIGABRT)
  460 | ...83307 15634 net.cpp:759] Cannot copy param 0 weights from layer 'latent_SSDH'; shape \
mismatch.  Sour...
      |                             ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
hint: rename the layer to train it from scratch, or use the net that the weights belong to""",
}


@pytest.mark.parametrize("name", GOLDEN)
def test_recorded_failures(name):
    error = of_log(name)
    assert isinstance(error, EngineError)
    assert str(error) == GOLDEN[name]
    assert error.data["engine_exit_code"] == 134
    assert error.exit_code == 3


def test_killed_from_outside():
    assert str(of_log("sigterm_killed", -15)) == (
        "runs/a/sigterm_killed.log: another program asked caffe to terminate; caffe ended with "
        "exit code 143 (SIGTERM)"
    )


def test_data_of_an_error():
    data = of_log("unknown_bottom").data
    assert data["lines"] == [
        "F20261123 20:50:27.954929 15642 insert_splits.cpp:29] Unknown bottom blob 'pool55' "
        "(layer 'latent_SSDH', bottom index 0)"
    ]
    assert {key: data[key] for key in data if key != "lines"} == {
        "kind": "unknown-bottom",
        "layer": "latent_SSDH",
        "blob": "pool55",
        "engine_exit_code": 134,
    }


def test_the_place_is_the_nets_where_it_can_be_read(tmp_path, monkeypatch):
    net = ["\n"] * 12 + [f"layer {{ {' ' * 160}num_outptu: 5 }}\n"]
    (tmp_path / "n_tmp.prototxt").write_text("".join(net))
    monkeypatch.chdir(tmp_path)
    error = of_log("unknown_field", cwd=Path())
    assert str(error) == (
        "n_tmp.prototxt:13:169: caffe cannot parse this net: Message type "
        '"caffe.InnerProductParameter" has no field named "num_outptu"; caffe ended with exit '
        "code 134 (SIGABRT)\n"
        "  13 | ...                                             num_outptu: 5 }\n"
        "     |                                                 ^^^^^^^^^^\n"
        "hint: a field that this Caffe lacks comes from another version or fork of Caffe"
    )
    assert [line[:20] for line in error.data["lines"]] == [
        "[libprotobuf ERROR g",
        "F20261123 20:50:28.1",
    ]


def test_a_place_behind_tabs_and_letters(tmp_path):
    # protobuf counts bytes, and tabs to the next multiple of eight.
    (tmp_path / "s.prototxt").write_text("\t# ü\n\tö\tx: oops\n")
    error = of_lines(
        "[libprotobuf ERROR text_format.cc:307] Error parsing text-format "
        "caffe.SolverParameter: 2:20: Expected integer, got: oops",
        fatal(
            "Check failed: ReadProtoFromTextFile(param_file, param) Failed to parse "
            "SolverParameter file: s.prototxt"
        ),
        cwd=tmp_path,
    )
    assert str(error) == (
        f"{tmp_path}/s.prototxt:2:7: caffe cannot parse this solver: Expected integer, got: "
        f"oops{ENDING}\n"
        "  2 | \tö\tx: oops\n"
        "    | \t \t   ^"
    )


def test_a_binary_file_that_cannot_be_read():
    says = "Check failed: ReadProtoFromBinaryFile(param_file, param) Failed to parse NetParameter"
    error = of_lines(info("Finetuning from w.caffemodel"), fatal(f"{says} file: w.caffemodel"))
    assert error.message == f"the weights file 'w.caffemodel' cannot be read{ENDING}"
    assert error.hint == "it is damaged or of another type: an incomplete download, or a web page"
    # For a mean file, Caffe does not say which.
    error = of_lines(
        info("Loading mean file from: mean.binaryproto"),
        fatal("Check failed: ReadProtoFromBinaryFile(filename, proto) "),
    )
    assert error.message == f"the mean file 'mean.binaryproto' cannot be read{ENDING}"


def missing(*before, file):
    says = f"Check failed: fd != -1 (-1 vs. -1) File not found: {file}"
    return of_lines(*map(info, before), fatal(says)).message.removesuffix(ENDING)


def test_what_kind_of_file_is_missing():
    train = "Creating training net from net file: n.prototxt"
    test = "Creating test net (#0) specified by test_net file: t.prototxt"
    resume = "Resuming from a.solverstate"
    assert missing(file="s.prototxt") == "the solver 's.prototxt' does not exist"
    assert missing(train, file="n.prototxt") == "the net 'n.prototxt' does not exist"
    assert missing(train, file="t.prototxt") == "the net 't.prototxt' does not exist"
    assert missing(test, file="t.prototxt") == "the net 't.prototxt' does not exist"
    assert missing(train, file="w.caffemodel") == "the weights file 'w.caffemodel' does not exist"
    assert missing(resume, file="a.solverstate") == "the snapshot 'a.solverstate' does not exist"
    assert missing(resume, file="b.caffemodel") == (
        "the weights file 'b.caffemodel', named by the snapshot, does not exist"
    )
    state = (
        "Check failed: file_hid >= 0 (-1 vs. 0) Couldn't open solver state file a.solverstate.h5"
    )
    error = of_lines(info("Resuming from a.solverstate.h5"), fatal(state))
    assert error.message == f"the snapshot 'a.solverstate.h5' does not exist{ENDING}"
    assert missing(train, file="thing") == "the file 'thing' does not exist"


def test_a_file_that_is_there_but_cannot_be_opened(tmp_path):
    (tmp_path / "s.prototxt").touch()
    error = of_lines(
        fatal("Check failed: fd != -1 (-1 vs. -1) File not found: s.prototxt"), cwd=tmp_path
    )
    assert error.message == f"the solver 's.prototxt' cannot be opened{ENDING}"
    assert error.hint == "check its permissions"


# What the log says of a data layer before it fails.
SETUP = [
    info("Initializing net from parameters: "),
    "layer {",
    '  name: "data"',
    "  data_param {",
    '    source: "db"',
    "  }",
    "}",
    info("Creating layer data"),
]
CUDA = "Check failed: error == cudaSuccess"
LMDB = "Check failed: mdb_status == 0"
CASES = [
    (
        "Check failed: registry.count(type) == 1 (0 vs. 1) Unknown layer type: Python (known "
        "types: AbsVal)",
        "the net has a Python layer, and this Caffe was built without them (layer 'data')",
    ),
    (
        "Check failed: registry.count(type) == 1 (0 vs. 1) Unknown layer type: Swish (known "
        "types: AbsVal, Accuracy)",
        "this Caffe has no layer type 'Swish' (layer 'data')",
    ),
    (
        "Unknown blob input pool55 (at index 0) to layer 7",
        "layer '7' reads the blob 'pool55', which no layer above writes in this phase",
    ),
    (
        "Top blob 'conv1' produced by multiple sources.",
        "two layers write the blob 'conv1' in the same phase",
    ),
    (
        "Duplicate blobs produced by multiple sources.",
        "two layers write the same blob in the same phase (layer 'data')",
    ),
    (
        "Check failed: target_blobs.size() == source_layer.blobs_size() (2 vs. 1) Incompatible "
        "number of blobs for layer fc8",
        "layer 'fc8' has a different number of params in the weights than in the net",
    ),
    (
        "Check failed: this_blob->count() == owner_blob->count() (4 vs. 2) Cannot share param "
        "'w' owned by layer 'a' with layer 'b'; count mismatch.  Owner layer param shape is 2",
        "layers 'a' and 'b' share the param 'w', but its shapes differ",
    ),
    (
        "Check failed: param_size <= num_param_blobs (2 vs. 1) Too many params specified for "
        "layer fc",
        "layer 'fc' has more param entries than learned blobs",
    ),
    (
        "Check failed: ExactNumBottomBlobs() == bottom.size() (2 vs. 1) EuclideanLoss Layer "
        "takes 2 bottom blob(s) as input.",
        "a EuclideanLoss layer takes 2 bottom blob(s), but this one has 1 (layer 'data')",
    ),
    (
        "Check failed: MinTopBlobs() <= top.size() (1 vs. 0) Slice Layer produces at least 1 top "
        "blob(s) as output.",
        "a Slice layer produces at least 1 top blob(s), but this one has 0 (layer 'data')",
    ),
    (
        "Check failed: top_k_ <= bottom[0]->count() / bottom[1]->count() (5 vs. 3) top_k must be "
        "less than or equal to the number of classes.",
        "an Accuracy or ArgMax layer has top_k: 5, but only 3 classes (layer 'data')",
    ),
    (
        "Check failed: outer_num_ * inner_num_ == bottom[1]->count() (16 vs. 32) Number of "
        "labels must match number of predictions; e.g.,",
        "there are 16 predictions but 32 labels (layer 'data')",
    ),
    (
        "Check failed: K_ == new_K (1024 vs. 4096) Input size incompatible with inner product "
        "parameters.",
        "the input of a layer does not match its inner product parameters: 1024 vs. 4096 "
        "(layer 'data')",
    ),
    (
        "Check failed: false Unknown filler name: normal",
        "Caffe has no filler 'normal' (layer 'data')",
    ),
    ("Unknown learning rate policy: setp", "Caffe has no lr_policy 'setp'"),
    (
        "Check failed: registry.count(type) == 1 (0 vs. 1) Unknown solver type: SDG (known "
        "types: AdaDelta, Adam, SGD)",
        "this Caffe has no solver type 'SDG'",
    ),
    (
        "Check failed: param_.test_iter_size() == num_test_nets (0 vs. 1) test_iter must be "
        "specified for each test network.",
        "the solver needs one test_iter per test net",
    ),
    (
        "Check failed: shape[i] <= 2147483647 / count_ (224 vs. 13) blob size exceeds INT_MAX",
        "a blob would have more than 2147483647 values (layer 'data')",
    ),
    (f"{LMDB} (2 vs. 0) No such file or directory", "the LMDB 'db' does not exist (layer 'data')"),
    (
        f"{LMDB} (13 vs. 0) Permission denied",
        "the LMDB 'db' cannot be opened: permission denied (layer 'data')",
    ),
    (
        f"{LMDB} (11 vs. 0) Resource temporarily unavailable",
        "the LMDB 'db' is locked: Resource temporarily unavailable (layer 'data')",
    ),
    (
        f"{LMDB} (12 vs. 0) Cannot allocate memory",
        "the LMDB 'db' cannot be mapped into memory: Cannot allocate memory (layer 'data')",
    ),
    (
        f"{LMDB} (-30793 vs. 0) MDB_INVALID: File is not an LMDB file",
        "the LMDB 'db' is damaged or incomplete: MDB_INVALID: File is not an LMDB file (layer "
        "'data')",
    ),
    (
        f"{LMDB} (5 vs. 0) Input/output error",
        "the LMDB 'db' cannot be read: Input/output error (layer 'data')",
    ),
    (
        "Check failed: status.ok() Failed to open leveldb db",
        "'db' cannot be opened as a LevelDB (layer 'data')",
    ),
    (
        "Unknown database backend",
        "this Caffe was built without the database backend of a data layer (layer 'data')",
    ),
    (
        "Check failed: datum_width >= crop_size (200 vs. 224) ",
        "crop_size is 224, but the width of the images of 'db' is 200 (layer 'data')",
    ),
    (
        "Check failed: datum_height >= crop_h (28 vs. 40) ",
        "crop_size is 40, but the height of the images of 'db' is 28 (layer 'data')",
    ),
    (
        "Check failed: datum_channels == data_mean_.channels() (1 vs. 3) ",
        "the mean file does not match the data of 'db': channels 3, but 1 in the images (layer "
        "'data')",
    ),
    (
        "Check failed: mean_values_.size() == 1 || mean_values_.size() == datum_channels "
        "Specify either 1 mean_value or as many as channels: 1",
        "a data layer needs 1 mean_value or one per channel (1) (layer 'data')",
    ),
    (
        "Check failed: param_.mean_value_size() == 0 (3 vs. 0) Cannot specify mean_file and "
        "mean_value at the same time",
        "a data layer sets both mean_file and mean_value (layer 'data')",
    ),
    (
        "Check failed: channels == datum_channels (3 vs. 1) ",
        "the images of 'db' differ in size or channels: 3 and 1 (layer 'data')",
    ),
    (
        "Check failed: datum_height == height (30 vs. 28) ",
        "the images of 'db' differ in size or channels: 30 and 28 (layer 'data')",
    ),
    (
        "Check failed: datum_channels > 0 (0 vs. 0) ",
        "the records of 'db' contain no image (layer 'data')",
    ),
    (
        "Encoded datum requires OpenCV; compile with USE_OPENCV.",
        "the records of 'db' are compressed images, and this Caffe has no OpenCV (layer 'data')",
    ),
    (
        "Check failed: cv_img.data Could not load images/a b.jpg",
        "the image 'images/a b.jpg' cannot be read (layer 'data')",
    ),
    ("Failed opening HDF5 file: a.h5", "'a.h5' cannot be opened (layer 'data')"),
    (
        "Check failed: param_.has_snapshot_prefix() In solver params, snapshot is specified but "
        "snapshot_prefix is not",
        "the solver sets snapshot but not snapshot_prefix",
    ),
    (
        "Check failed: file_hid >= 0 (-1 vs. 0) Couldn't open a.caffemodel.h5 to save weights.",
        "the snapshot 'a.caffemodel.h5' could not be written",
    ),
    (
        "Check failed: state.history_size() == history_.size() (12 vs. 14) Incorrect length of "
        "history blobs.",
        "the solverstate belongs to another net or another solver type",
    ),
    (
        "Check failed: !FLAGS_snapshot.size() || !FLAGS_weights.size() Give a snapshot to resume "
        "training or weights to finetune but not both.",
        "caffe takes -snapshot or -weights, not both",
    ),
    (
        "Multi-GPU execution not available - rebuild with USE_NCCL",
        "this Caffe was built without NCCL: it trains on one GPU only",
    ),
    (
        f"{CUDA} (2 vs. 0)  out of memory",
        "the GPU does not have enough free memory for this net (layer 'data')",
    ),
    (f"{CUDA} (101 vs. 0)  invalid device ordinal", "there is no GPU with that number"),
    (
        f"{CUDA} (38 vs. 0)  no CUDA-capable device is detected",
        "CUDA finds no GPU on this machine",
    ),
    (
        f"{CUDA} (35 vs. 0)  CUDA driver version is insufficient for CUDA runtime version",
        "CUDA does not work with the driver on this machine: CUDA driver version is insufficient "
        "for CUDA runtime version",
    ),
    (
        f"{CUDA} (46 vs. 0)  all CUDA-capable devices are busy or unavailable",
        "another program has exclusive use of the GPU",
    ),
    (
        f"{CUDA} (209 vs. 0)  no kernel image is available for execution on the device",
        "this Caffe was not built for this GPU",
    ),
    (
        f"{CUDA} (77 vs. 0)  an illegal memory access was encountered",
        "a kernel on the GPU failed: an illegal memory access was encountered (layer 'data')",
    ),
    (
        f"{CUDA} (11 vs. 0)  invalid argument",
        "CUDA failed with error 11: invalid argument (layer 'data')",
    ),
    (
        "Check failed: status == CUDNN_STATUS_SUCCESS (1 vs. 0)  CUDNN_STATUS_NOT_INITIALIZED",
        "cuDNN could not be initialised",
    ),
    (
        "Check failed: status == CUDNN_STATUS_SUCCESS (3 vs. 0)  CUDNN_STATUS_BAD_PARAM",
        "cuDNN failed: BAD_PARAM (layer 'data')",
    ),
    (
        "Check failed: status == CUBLAS_STATUS_SUCCESS (14 vs. 0)  CUBLAS_STATUS_INTERNAL_ERROR",
        "cuBLAS failed: INTERNAL_ERROR (layer 'data')",
    ),
    (
        "Check failed: status == CURAND_STATUS_SUCCESS (201 vs. 0)  CURAND_STATUS_LAUNCH_FAILURE",
        "cuRAND failed: LAUNCH_FAILURE",
    ),
    (
        "Check failed: result == ncclSuccess (2 vs. 0)  unhandled system error",
        "NCCL failed with error 2: unhandled system error",
    ),
    (
        "Check failed: *ptr host allocation of size 4096 failed",
        "the machine does not have enough free memory for this net",
    ),
]


@pytest.mark.parametrize(("says", "means"), CASES, ids=range(len(CASES)))
def test_caffes_checks(says, means):
    error = of_lines(*SETUP, fatal(says))
    assert error.message == means + ENDING
    assert error.location.line == len(SETUP) + 1


PLAIN_CASES = [
    (
        "caffe: error while loading shared libraries: libcudart.so.8.0: cannot open shared object "
        "file: No such file or directory",
        127,
        "caffe does not start: the library libcudart.so.8.0 is missing (cannot open shared object "
        "file: No such file or directory); caffe ended with exit code 127",
    ),
    (
        "caffe: /lib/libc.so.6: version `GLIBC_2.99' not found (required by caffe)",
        1,
        "caffe is incompatible with the libraries of this system; caffe ended with exit code 1",
    ),
    (
        "ERROR: unknown command line flag 'iteration'",
        1,
        "caffe has no flag 'iteration'; caffe ended with exit code 1",
    ),
    (
        "[libprotobuf FATAL google/protobuf/stubs/common.cc:61] This program requires version "
        "3.5.0 of the Protocol Buffer runtime library, but the installed version is 2.6.1.  "
        "Please update your library.",
        -6,
        f"caffe was built with protobuf 3.5.0, but 2.6.1 is installed{ENDING}",
    ),
    (
        "Warning! ***HDF5 library version mismatched error***",
        -6,
        f"caffe was built with a different version of HDF5 than the one installed{ENDING}",
    ),
    (
        "terminate called after throwing an instance of 'std::bad_alloc'",
        -6,
        f"the machine does not have enough free memory for this net{ENDING}",
    ),
    (
        "  what():  bad lexical cast: source type value could not be interpreted as target",
        -6,
        f"caffe cannot parse the GPU numbers passed with -gpu{ENDING}",
    ),
    (
        "  what():  locale::facet::_S_create_c_locale name not valid",
        -6,
        f"caffe was terminated by an exception: locale::facet::_S_create_c_locale name not "
        f"valid{ENDING}",
    ),
    (
        "caffe: command line brew",
        0,
        "caffe printed its usage message and did not train; caffe ended with exit code 0",
    ),
]


@pytest.mark.parametrize(("line", "code", "means"), PLAIN_CASES)
def test_what_others_say(line, code, means):
    error = of_lines(info("Using GPUs 0"), line, "a last word", code=code)
    assert error.message == means
    assert error.location.line == 2


def test_every_rule_has_a_case():
    """And no rule stands behind another that takes all of its lines."""
    lines = [line for line, *_ in [*CASES, *PLAIN_CASES, *LINES, *PLAIN_LINES]]
    lines += [line for name in GOLDEN for line in of_log(name).data["lines"]]
    lines += ["Check failed: proto.SerializeToOstream(&output) "]
    first = {next((r for r in FATAL_RULES if r.pattern.search(line)), None) for line in lines}
    assert [rule.pattern.pattern for rule in FATAL_RULES if rule not in first] == []


def test_hints_name_what_was_meant():
    solver = "Check failed: registry.count(type) == 1 (0 vs. 1) Unknown solver type: SDG (known "
    assert of_lines(fatal(f"{solver}types: AdaDelta, Adam, SGD)")).hint == "did you mean 'SGD'?"
    layer = "Check failed: registry.count(type) == 1 (0 vs. 1) Unknown layer type: Convolutoin "
    error = of_lines(fatal(f"{layer}(known types: Concat, Convolution)"))
    assert error.hint == "did you mean 'Convolution'?"


def test_a_snapshot_that_cannot_be_written():
    error = of_lines(
        info("Snapshotting to binary proto file a_iter_5.caffemodel"),
        fatal("Check failed: proto.SerializeToOstream(&output) "),
    )
    assert error.message == f"the snapshot 'a_iter_5.caffemodel' could not be written{ENDING}"
    assert error.hint == "is the disk full, or was the folder removed?"


def test_a_layer_is_named_only_while_nets_are_built():
    error = of_lines(
        *SETUP,
        info("Network initialization done."),
        fatal("Check failed: error == cudaSuccess (77 vs. 0)  an illegal memory access"),
    )
    assert error.message == f"a kernel on the GPU failed: an illegal memory access{ENDING}"


def test_older_caffes_name_a_layer_once_it_is_made():
    printed = [info("Initializing net from parameters: "), *(f'  name: "{n}"' for n in "abc")]
    made = [info("Creating Layer a"), info("Setting up a"), info("Creating Layer a_0_split")]
    error = of_lines(*printed, *made, info("Setting up a_0_split"), fatal("Unknown layer type: X"))
    assert error.message == f"this Caffe has no layer type 'X' (layer 'b'){ENDING}"
    assert error.layer == "b"
    error = of_lines(*printed, fatal("Unknown layer type: X"))
    assert error.layer == "a"


def test_without_the_printed_net_the_database_has_no_name():
    error = of_lines(fatal(f"{LMDB} (2 vs. 0) No such file or directory"))
    assert error.message == f"the LMDB of a data layer does not exist{ENDING}"


def test_a_leveldb_in_an_lmdbs_place(tmp_path):
    (tmp_path / "db").mkdir()
    line = fatal(f"{LMDB} (2 vs. 0) No such file or directory")
    error = of_lines(*SETUP, line, cwd=tmp_path)
    assert error.message == f"'db' is not an LMDB: it contains no data.mdb (layer 'data'){ENDING}"
    (tmp_path / "db" / "CURRENT").touch()
    error = of_lines(*SETUP, line, cwd=tmp_path)
    assert error.message == f"'db' is a LevelDB, not an LMDB (layer 'data'){ENDING}"
    assert error.hint == "set backend: LEVELDB in the layer"


@pytest.mark.parametrize(
    "says", ["Check failed: status.ok() Failed to open leveldb db", "Unknown database backend"]
)
def test_an_lmdb_in_a_leveldbs_place(tmp_path, says):
    (tmp_path / "db").mkdir()
    (tmp_path / "db" / "data.mdb").touch()
    error = of_lines(*SETUP, fatal(says), cwd=tmp_path)
    assert error.message == f"'db' is an LMDB, but read as a LevelDB (layer 'data'){ENDING}"
    assert error.hint == "set backend: LMDB in the layer"


def test_an_unknown_check():
    error = of_lines(info("Use CPU."), fatal("Check failed: a == b (1 vs. 2) "))
    assert str(error) == (
        f"caffe.log:2:42: caffe failed: Check failed: a == b (1 vs. 2){ENDING}\n"
        "  | I20261123 20:50:26.734620 15616 x.cpp:1] Use CPU.\n"
        "  | F20261123 20:50:26.734620 15616 x.cpp:1] Check failed: a == b (1 vs. 2) "
    )


def test_of_an_unknown_check_the_last_twenty_lines_are_shown():
    error = of_lines(*(info(f"line {i}") for i in range(30)), fatal("Check failed: a == b"))
    assert [line[-7:] for line in error.message.splitlines()[1:3]] == ["line 11", "line 12"]
    assert len(error.message.splitlines()) == 21


def test_the_first_of_several_fatal_lines_is_the_cause():
    error = of_lines(fatal("Unknown filler name: x"), fatal("Check failed: a == b"))
    assert error.message == f"Caffe has no filler 'x'{ENDING}"


@pytest.mark.parametrize(
    ("code", "means"),
    [
        (-9, "caffe was killed; caffe ended with exit code 137 (SIGKILL)"),
        (
            -11,
            "caffe crashed with an invalid memory access; caffe ended with exit code 139 (SIGSEGV)",
        ),
        (
            132,  # as a script that started it shows the signal
            "caffe crashed: it was built for another processor; caffe ended with exit code 132 "
            "(SIGILL)",
        ),
        (-8, "caffe divided by zero; caffe ended with exit code 136 (SIGFPE)"),
        (
            -7,
            "caffe crashed: a memory-mapped file was truncated; caffe ended with "
            "exit code 135 (SIGBUS)",
        ),
    ],
)
def test_signals(code, means):
    assert of_lines(info("Iteration 5, loss = 2"), code=code).message == means


def test_the_hint_for_a_kill_is_memory():
    assert of_lines(code=-9).hint == (
        "if nobody killed it, the system ran out of memory (see dmesg): lower batch_size"
    )


def test_without_a_word_the_last_lines_are_shown():
    error = of_lines(*(f"line {i}" for i in range(24)), "*** Aborted at 1 ***", "", code=255)
    assert str(error) == (
        "caffe.log: caffe failed without giving a reason; caffe ended with exit code 255\n"
        + "\n".join(f"  | line {i}" for i in range(4, 24))
    )


def test_an_empty_log_and_a_good_exit_code():
    assert str(of_lines(code=0)) == (
        "caffe.log: caffe ended prematurely; caffe ended with exit code 0"
    )


def test_a_crash_after_the_work_was_done():
    error = of_lines(
        info("Snapshotting to binary proto file a_iter_5.caffemodel"),
        info("Snapshotting solver state to binary proto file a_iter_5.solverstate"),
        info("Optimization Done."),
        fatal("Check failed: error == cudaSuccess (29 vs. 0)  driver shutting down"),
    )
    assert error.message == f"training was complete, but caffe crashed on exit{ENDING}"
    assert error.hint == "the snapshot is usable: a_iter_5.solverstate"
    assert error.location.line == 4
    error = of_lines(info("Optimization Done."), "double free or corruption (out)")
    assert error.hint is None


def train_output(value):
    return info(f"    Train net output #0: loss = {value} (* 1 = {value} loss)")


def test_a_saturated_loss():
    error = of_lines(
        info("Iteration 0, loss = 2"),
        train_output(2),
        info("Iteration 20, loss = 139.738"),
        train_output(87.3365),
        code=-11,
    )
    assert error.message == (
        "the loss is stuck at 87.3365 (-ln of the smallest float) by iteration 20; caffe ended "
        "with exit code 139 (SIGSEGV)"
    )
    assert error.location.line == 3


def test_a_loss_that_recovers_explains_nothing():
    error = of_lines(info("Iteration 0, loss = inf"), info("Iteration 20, loss = 2"), code=-9)
    assert error.data["kind"] == "sigkill"


def test_a_known_check_says_more_than_a_bad_loss():
    before = info("Iteration 0, loss = nan")
    error = of_lines(before, fatal("Check failed: proto.SerializeToOstream(&output) "))
    assert error.data["kind"] == "snapshot-failed"
    error = of_lines(before, fatal("Check failed: !isnan(loss) "))
    assert error.data["kind"] == "diverged"


@pytest.mark.parametrize(
    ("value", "trouble"),
    [
        (math.nan, "the loss became nan"),
        (-math.nan, "the loss became nan"),
        (math.inf, "the loss became infinite"),
        (87.3365, "the loss is stuck at 87.3365 (-ln of the smallest float)"),
        (87.33, None),
        (0.0, None),
    ],
)
def test_loss_trouble(value, trouble):
    assert loss_trouble(value) == trouble


@pytest.mark.parametrize(("code", "shown"), [(0, 0), (3, 3), (-6, 134), (134, 134)])
def test_shell_code(code, shown):
    assert shell_code(code) == shown
