"""Layers that Caffe refuses are findings in its words, at the right place; Caffe agrees."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.shapes import NetShapes, shapes
from ssdh_surgery.prototxt.parser import parse

Sizes = tuple[int, ...]
MAPS: Sizes = (2, 3, 6, 6)
LABELS = (
    "Number of labels must match number of predictions; e.g., if {} axis == 1 and prediction "
    "shape is (N, C, H, W), label count (number of labels) must be N*H*W, with integer values in "
    "{{0, 1, ..., C-1}}. "
)


class Case(NamedTuple):
    """A layer on blobs of some shapes, what is said of it, and the text that is marked.

    `says` ends with the numbers that Caffe writes before its words, and `built` is what the
    built Caffe says instead, where its words are others (None: it does not refuse).
    """

    kind: str
    bottoms: list[Sizes]
    settings: str
    says: str
    marked: str
    built: str | None = ""


def convolution(settings: str) -> str:
    return f"convolution_param {{ {settings} }}"


def pooling(settings: str) -> str:
    return f"pooling_param {{ {settings} }}"


CASES = [
    Case("Convolution", [MAPS], convolution("kernel_size: 3"),
         "Check failed: num_output_ > 0 (0 vs. 0)", "convolution_param"),
    Case("Convolution", [MAPS], convolution("num_output: 0 kernel_size: 3"),
         "Check failed: num_output_ > 0 (0 vs. 0)", "0"),
    Case("Convolution", [MAPS], convolution("num_output: 4 kernel_size: 3 group: 2"),
         "Check failed: channels_ % group_ == 0 (1 vs. 0)", "2"),
    Case("Convolution", [MAPS], convolution("num_output: 4 kernel_size: 3 group: 3"),
         "Number of output should be multiples of group.", "4"),
    Case("Convolution", [MAPS], convolution("num_output: 4 kernel_size: 9 bias_term: false"),
         "Check failed: shape[i] >= 0 (-2 vs. 0)", "9"),
    Case("Convolution", [MAPS], convolution("num_output: 4 kernel_size: 7"),
         "Check failed: data_", "7"),
    Case("Convolution", [MAPS], convolution("num_output: 4"),
         "kernel_size must be specified once, or once per spatial dimension (kernel_size "
         "specified 0 times; 2 spatial dims).", "convolution_param"),
    Case("Convolution", [MAPS], convolution("num_output: 4 kernel_size: [3, 3, 3]"),
         "kernel_size must be specified once, or once per spatial dimension (kernel_size "
         "specified 3 times; 2 spatial dims).", "3"),
    Case("Convolution", [MAPS], convolution("num_output: 4 kernel_size: 0"),
         "Filter dimensions must be nonzero.", "0"),
    Case("Convolution", [MAPS], convolution("num_output: 4 kernel_size: 1 stride: 0"),
         "Stride dimensions must be nonzero.", "0"),
    Case("Convolution", [MAPS], convolution("num_output: 4 kernel_size: 1 kernel_h: 1 kernel_w: 1"),
         "Either kernel_size or kernel_h/w should be specified; not both.", "1"),
    Case("Convolution", [(2, 3, 6)], convolution("num_output: 4 kernel_h: 1 kernel_w: 1"),
         "kernel_h & kernel_w can only be used for 2D convolution.", "1"),
    Case("Convolution", [MAPS], convolution("num_output: 4 kernel_size: 1 axis: 4"),
         "axis 4 out of range for 4-D Blob with shape 2 3 6 6 (216)", '"in0"'),
    Case("Deconvolution", [MAPS], convolution("num_output: 4 kernel_size: 1 pad: 9"),
         "Check failed: shape[i] >= 0 (-12 vs. 0)", "1"),
    Case("Im2col", [(2, 3)], convolution("kernel_size: 1"),
         "Check failed: num_spatial_axes_ >= 1 (0 vs. 1)", '"in0"'),
    Case("Pooling", [MAPS], "",
         "Filter size is kernel_size OR kernel_h and kernel_w; not both", '"it"'),
    Case("Pooling", [MAPS], pooling("kernel_size: 2 kernel_h: 2 kernel_w: 2"),
         "Filter size is kernel_size OR kernel_h and kernel_w; not both", "2"),
    Case("Pooling", [MAPS], pooling("kernel_size: 0"),
         "Filter dimensions cannot be zero.", "0"),
    Case("Pooling", [MAPS], pooling("global_pooling: true kernel_size: 2"),
         "With Global_pooling: true Filter size cannot specified", "true"),
    Case("Pooling", [MAPS], pooling("global_pooling: true stride: 2"),
         "With Global_pooling: true; only pad = 0 and stride = 1", "true"),
    Case("Pooling", [MAPS], pooling("kernel_size: 2 pad_h: 1"),
         "pad is pad OR pad_h and pad_w are required.", "1"),
    Case("Pooling", [MAPS], pooling("kernel_size: 2 stride_w: 1"),
         "Stride is stride OR stride_h and stride_w are required.", "1"),
    Case("Pooling", [MAPS], pooling("kernel_size: 2 pad: 2"),
         "Check failed: pad_h_ < kernel_h_ (2 vs. 2)", "2"),
    Case("Pooling", [MAPS], pooling("kernel_size: 2 pad: 1 pool: STOCHASTIC"),
         "Padding implemented only for average and max pooling.", "1"),
    Case("Pooling", [MAPS], pooling("kernel_size: 9"),
         "Check failed: shape[i] >= 0 (-2 vs. 0)", "9"),
    Case("Pooling", [(2, 3, 6)], pooling("kernel_size: 2"),
         "Input must have 4 axes, corresponding to (num, channels, height, width) (4 vs. 3)",
         '"in0"'),
    Case("SPP", [MAPS], "spp_param { pyramid_height: 4 }",
         "Check failed: pad_h_ < kernel_h_ (1 vs. 1)", "4"),
    Case("InnerProduct", [MAPS], "inner_product_param { num_output: 4 axis: -5 }",
         "axis -5 out of range for 4-D Blob with shape 2 3 6 6 (216)", '"in0"'),
    Case("InnerProduct", [(2, 0)], "inner_product_param { num_output: 4 }",
         "Check failed: data_", '"it"'),
    Case("Embed", [(5,)], "embed_param { num_output: 4 }",
         "EmbedLayer input_dim must be positive.", "embed_param"),
    Case("Concat", [MAPS, (2, 5, 6, 7)], "",
         "All inputs must have the same shape, except at concat_axis. (6 vs. 7)", '"in1"'),
    Case("Concat", [MAPS, (2, 3, 6)], "",
         "All inputs must have the same #axes. (4 vs. 3)", '"in1"'),
    Case("Concat", [MAPS, MAPS], "concat_param { concat_dim: 4 }",
         "concat_dim out of range. (4 vs. 4)", "4"),
    Case("Concat", [MAPS, MAPS], "concat_param { concat_dim: 1 axis: 1 }",
         "Either axis or concat_dim should be specified; not both.", "1"),
    # The built Caffe's Eltwise compares less.
    Case("Eltwise", [MAPS, (2, 3, 6, 7)], "",
         "bottom[0]: 2 3 6 6 (216), bottom[1]: 2 3 6 7 (252)", '"in1"', None),
    Case("Eltwise", [MAPS, MAPS], "eltwise_param { coeff: 1 }",
         "Eltwise Layer takes one coefficient per bottom blob.", "1"),
    Case("Eltwise", [MAPS, MAPS], "eltwise_param { operation: PROD coeff: 1 coeff: 2 }",
         "Eltwise layer only takes coefficients for summation.", "2"),
    Case("Eltwise", [MAPS], "",
         "Eltwise Layer takes at least 2 bottom blob(s) as input. (2 vs. 1)", '"it"'),
    Case("Slice", [MAPS], 'top: "b"',
         "Number of top blobs (2) should evenly divide input slice axis (3)", '"b"'),
    Case("Slice", [MAPS], 'top: "b" slice_param { slice_point: [1, 2] }',
         "Check failed: slice_point_.size() == top.size() - 1 (2 vs. 1)", "2"),
    Case("Slice", [MAPS], 'top: "b" top: "c" slice_param { slice_point: [2, 2] }',
         "Check failed: slice_point_[i] > prev (2 vs. 2)", "2"),
    Case("Slice", [MAPS], 'top: "b" slice_param { slice_point: 4 }',
         "Check failed: shape[i] >= 0 (-1 vs. 0)", "4"),
    Case("InnerProduct", [MAPS], "", "Check failed: data_", '"it"'),
    Case("InnerProduct", [MAPS], "inner_product_param { num_output: 0 }",
         "Check failed: data_", "0"),
    Case("Concat", [(2, 0)], "", "Check failed: data_", '"in0"'),
    Case("ArgMax", [()], "", "Check failed: start_axis <= end_axis (1 vs. 0)", '"in0"'),
    Case("Convolution", [(1, 4, 4, 1)], convolution("num_output: 1 kernel_size: 4 dilation: 2"),
         "Check failed: shape[i] >= 0 (-2 vs. 0)", "4"),
    Case("Filter", [MAPS, (3,)], "",
         "Each bottom should have the same 0th dimension as the selector blob (3 vs. 2)", '"in0"'),
    Case("Filter", [MAPS, (2, 2)], "",
         "Selector blob dimensions must be singletons (1), except the first", '"in1"'),
    Case("BatchReindex", [MAPS, (2, 1)], "",
         "Check failed: 1 == bottom[1]->num_axes() (1 vs. 2)", '"in1"'),
    Case("Crop", [MAPS, (2, 3, 4, 4)], "crop_param { offset: 3 }",
         "the crop for dimension 2 is out-of-bounds with size 4 and offset 3 (3 vs. 4)", '"in1"'),
    Case("Crop", [MAPS, (2, 3, 4, 4)], "crop_param { axis: 1 offset: [1, 1] }",
         "number of offset values specified must be equal to the number of dimensions following "
         "axis. (3 vs. 4)", "1"),
    Case("Flatten", [MAPS], "flatten_param { axis: 3 end_axis: 1 }",
         "Check failed: start_axis <= end_axis (3 vs. 2)", "1"),
    Case("Reshape", [MAPS], "reshape_param { shape { dim: [0, -1, -1] } }",
         "new shape contains multiple -1 dims; at most a single (1) value of -1 may be specified",
         "shape"),
    Case("Reshape", [MAPS], "reshape_param { shape { dim: [0, 5, -1] } }",
         "bottom count (216) must be divisible by the product of the specified dimensions (10)",
         "shape"),
    Case("Reshape", [MAPS], "reshape_param { shape { dim: [0, 5] } }",
         "output count must match input count (10 vs. 216)", "shape"),
    Case("Reshape", [(2, 3)], "reshape_param { shape { dim: [0, 0, 0] } }",
         "new shape contains a 0, but there was no corresponding bottom axis to copy (2 vs. 2)",
         "shape"),
    Case("Reshape", [(2, 3)], "reshape_param { shape { dim: 6 } axis: 3 }",
         "axis 3 out of range for 2-D input blob", "3"),
    Case("Reshape", [(2, 3)], "reshape_param { shape { dim: 6 } num_axes: 3 }",
         "end_axis = axis + num_axes is out of range (3 vs. 2)", "3"),
    Case("Reduction", [MAPS], "reduction_param { axis: 4 }",
         "axis 4 out of range for 4-D Blob with shape 2 3 6 6 (216)", '"in0"'),
    Case("Tile", [MAPS], "tile_param { axis: 1 }", "Number of tiles must be specified",
         "tile_param"),
    Case("ArgMax", [(2, 3)], "argmax_param { top_k: 4 }",
         "top_k must be less than or equal to the dimension of the flattened bottom blob per "
         "instance. (4 vs. 3)", "4"),
    Case("Scale", [MAPS, (4,)], "",
         "dimension mismatch between bottom[0]->shape(1) and scale->shape(0) (3 vs. 4)",
         '"in1"', None),
    Case("Scale", [MAPS], "scale_param { num_axes: 4 }",
         "scale blob's shape extends past bottom[0]'s shape when applied starting with bottom[0] "
         "axis = 1", "4"),
    Case("Bias", [MAPS, (3, 6, 6, 1)], "",
         "bias blob's shape extends past bottom[0]'s shape when applied starting with bottom[0] "
         "axis = 1", '"in1"'),
    Case("PReLU", [(6,)], "", "Number of axes of bottom blob must be >=2. (1 vs. 2)", '"in0"'),
    Case("LRN", [MAPS], "lrn_param { local_size: 4 }",
         "LRN only supports odd values for local_size", "4"),
    Case("MVN", [(1, 2, 3, 4, 5)], "", "Cannot use legacy accessors on Blobs with > 4 axes.",
         '"in0"'),
    Case("BatchNorm", [MAPS], "param { lr_mult: 1 }",
         "Cannot configure batch normalization statistics as layer parameters.", "param", None),
    Case("ReLU", [MAPS], "param { lr_mult: 1 }",
         "Too many params specified for layer it (1 vs. 0)", "param"),
    Case("ReLU", [MAPS], "loss_weight: [1, 2]",
         "loss_weight must be unspecified or specified once per top blob. (1 vs. 2)", "2"),
    Case("ReLU", [MAPS, MAPS], "",
         "ReLU Layer takes 1 bottom blob(s) as input. (1 vs. 2)", '"in1"'),
    Case("SoftmaxWithLoss", [(4, 10), (3,)], "",
         "The data and label should have the same first dimension. (4 vs. 3)", '"in1"'),
    Case("SoftmaxWithLoss", [(4, 10, 2, 2), (4,)], "",
         LABELS.format("softmax") + "(16 vs. 4)", '"in1"'),
    Case("SoftmaxWithLoss", [(4, 10), (4,)], 'top: "p"',
         "loss_weight must be unspecified or specified once per top blob. (2 vs. 1)", '"it"'),
    Case("Accuracy", [(4, 10), (4,)], "accuracy_param { top_k: 11 }",
         "top_k must be less than or equal to the number of classes. (11 vs. 10)", "11"),
    Case("Accuracy", [(4, 10), (5,)], "", LABELS.format("label") + "(4 vs. 5)", '"in1"'),
    Case("EuclideanLoss", [(4, 10), (4, 9)], "",
         "Inputs must have the same dimension. (10 vs. 9)", '"in1"'),
    Case("SigmoidCrossEntropyLoss", [(4, 10), (4, 9)], "",
         "SIGMOID_CROSS_ENTROPY_LOSS layer inputs must have the same count. (40 vs. 36)",
         '"in1"'),
    Case("MultinomialLogisticLoss", [(4, 10), (4, 2)], "",
         "Check failed: bottom[1]->channels() == 1 (2 vs. 1)", '"in1"'),
    Case("ContrastiveLoss", [(4, 10), (4, 9), (4,)], "",
         "Check failed: bottom[0]->channels() == bottom[1]->channels() (10 vs. 9)", '"in1"'),
    Case("HingeLoss", [(4, 10)], "",
         "HingeLoss Layer takes 2 bottom blob(s) as input. (2 vs. 1)", '"it"'),
    # The built Caffe has a loss of its own here.
    Case("InfogainLoss", [(4, 3), (4,), (8,)], "",
         "Check failed: infogain->count() == num_labels_*num_labels_ (8 vs. 9)", '"in2"',
         "Check failed:"),
    Case("LSTM", [(3, 2, 5), (3, 1)], "recurrent_param { num_output: 4 }",
         "Check failed: N_ == bottom[1]->shape(1) (2 vs. 1)", '"in1"'),
    Case("RNN", [(3, 2, 5), (3, 2)], "recurrent_param { num_output: 4 expose_hidden: true }",
         "RNN Layer takes at least 3 bottom blob(s) as input. (3 vs. 2)", '"it"'),
    Case("RNN", [(3, 2), (3, 2)], "recurrent_param { num_output: 4 }",
         "axis 2 out of range for 2-D Blob with shape 3 2 (6)", '"in0"'),
    Case("Input", [], "input_param { shape { } shape { } }",
         "Must specify 'shape' once, once per top blob, or not at all: 1 tops vs. 2 shapes.",
         "shape"),
    Case("DummyData", [], "dummy_data_param { num: 1 channels: 1 height: 1 }",
         "Must specify 'width' once, or once per top blob (1); specified 0.", "dummy_data_param"),
    Case("MemoryData", [], 'top: "b" memory_data_param { batch_size: 1 }',
         "batch_size, channels, height, and width must be specified and positive in "
         "memory_data_param", "memory_data_param"),
    Case("ImageData", [], 'top: "b" image_data_param { source: "no list" new_height: 5 }',
         "Current implementation requires new_height and new_width to be set at the same time.",
         "5"),
    Case("Parameter", [], "parameter_param { shape { dim: [65536, 32768] } }",
         "blob size exceeds INT_MAX: 65536 x 32768", '"it"', "blob size exceeds INT_MAX"),
]  # fmt: skip
IDS = [f"{index}-{case.kind}" for index, case in enumerate(CASES)]


def text_of(case: Case) -> str:
    blobs = [f"in{index}" for index in range(len(case.bottoms))]
    inputs = "".join(
        f'layer {{ name: "{name}" type: "Input" top: "{name}" input_param {{ shape {{ '
        f"dim: {list(shape)} }} }} }}\n"
        for name, shape in zip(blobs, case.bottoms, strict=True)
    )
    bottoms = " ".join(f'bottom: "{name}"' for name in blobs)
    return (
        f'{inputs}layer {{ type: "{case.kind}" name: "it" {bottoms} top: "a" {case.settings} }}\n'
    )


def found(text: str) -> NetShapes:
    return shapes(Net(parse(text.encode(), "net.prototxt")), "TRAIN")


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_a_refusal_is_a_finding_in_caffes_words(case: Case) -> None:
    findings = [each for each in found(text_of(case)).findings if each.severity == "error"]
    assert [finding.message for finding in findings] == [f"layer 'it' ({case.kind}): {case.says}"]
    place = findings[0].location
    assert place is not None
    assert place.text is not None
    assert place.column is not None
    start = place.column - 1
    assert place.text[start : start + place.width] == case.marked
    assert place.line == len(case.bottoms) + 1


# Each net in a process of its own, which Caffe ends when it refuses.
_SCRIPT = """
import json, os, sys
sys.path.insert(0, sys.argv[1])
import caffe
said = []
for text in json.load(sys.stdin):
    open("net.prototxt", "w").write(text)
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.dup2(writer, 2)
        caffe.Net("net.prototxt", caffe.TRAIN)
        os._exit(0)
    os.close(writer)
    said.append(open(reader).read() if os.waitpid(child, 0)[1] else None)
print(json.dumps(said))
"""


@pytest.mark.caffe
def test_caffe_says_the_same(tmp_path: Path) -> None:
    from ssdh_surgery.engines.caffe_binary.executable import built_pycaffe

    ran = subprocess.run(
        [sys.executable, "-c", _SCRIPT, str(built_pycaffe())],
        input=json.dumps([text_of(case) for case in CASES]),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    for case, said in zip(CASES, json.loads(ran.stdout), strict=True):
        if case.built is None:
            assert said is None, case
            continue
        words = case.built or re.sub(r" \(-?\d+ vs\. -?\d+\)$", "", case.says)
        numbers = re.search(r"\(-?\d+ vs\. -?\d+\)$", case.says)
        assert said is not None, case
        assert words in said, case
        if numbers and not case.built:
            assert numbers[0] in said, case


FINDINGS_OF_ONE_NET = """\
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: [1, 3, 8, 8] } } }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
  convolution_param { num_output: 4 kernel_size: 11 } }
layer { name: "relu" type: "ReLU" bottom: "conv" top: "conv" }
layer { name: "join" type: "Concat" bottom: "conv" bottom: "data" top: "join" }
layer { name: "pool" type: "Pooling" bottom: "data" top: "pool"
  pooling_param { kernel_size: 3 stride: 2 }
  type: "Poolin" }
"""


def test_one_mistake_is_told_once_with_place_caret_and_hint() -> None:
    shaped = found(FINDINGS_OF_ONE_NET)
    assert list(map(str, shaped.findings)) == [
        "net.prototxt:3:50: error SSDH214 layer-setup: layer 'conv' (Convolution): "
        "Check failed: shape[i] >= 0 (-2 vs. 0)\n"
        "  3 |   convolution_param { num_output: 4 kernel_size: 11 } }\n"
        "    |                                                  ^^\n"
        "hint: the kernel (11 x 11) is larger than its padded input (8 x 8)",
        "net.prototxt:8:9: warning SSDH210 unknown-layer-type: Unknown layer type: Poolin "
        "(layer 'pool'): its shapes are not known\n"
        '  8 |   type: "Poolin" }\n'
        "    |         ^^^^^^^^\n"
        "hint: did you mean 'Pooling'?",
    ]
    assert shaped.blobs == {"data": (1, 3, 8, 8), "conv": None, "join": None, "pool": None}


def test_a_blob_that_comes_out_empty_is_told() -> None:
    text = """\
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: [1, 3, 8, 8] } } }
layer { name: "pool" type: "Pooling" bottom: "data" top: "pool"
  pooling_param { kernel_size: 9 } }
"""
    shaped = found(text)
    assert shaped.blobs["pool"] == (1, 3, 0, 0)
    assert [(each.code, each.severity, each.message) for each in shaped.findings] == [
        ("SSDH216", "warning", "the blob 'pool' of layer 'pool' is empty: [1, 3, 0, 0]")
    ]


def test_old_files_are_marked_where_they_say_it() -> None:
    text = """\
input: "data" input_dim: [1, 3, 8, 8]
layers { layer { name: "conv" type: "conv" num_output: 4 kernelsize: 11 }
  bottom: "data" top: "conv" }
"""
    place = found(text).findings[0].location
    assert place is not None
    assert (place.line, place.column, place.width) == (2, 70, 2)
