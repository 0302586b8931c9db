"""What layers refuse, in Caffe's words."""

import pytest

from ssdh_surgery.errors import EngineError, SchemaError
from support.layer_catalogue import Case
from support.small_nets import opened

IMAGE = (2, 3, 4, 5)
WINDOW = "kernel_size: 1"
REFUSED = [
    # The number of blobs.
    ("Softmax", "", [IMAGE, IMAGE], 1, "Softmax Layer takes 1 bottom blob(s) as input. (1 vs. 2)"),
    (
        "Eltwise",
        "",
        [IMAGE],
        1,
        "Eltwise Layer takes at least 2 bottom blob(s) as input. (2 vs. 1)",
    ),
    (
        "Scale",
        "",
        [IMAGE] * 3,
        1,
        "Scale Layer takes at most 2 bottom blob(s) as input. (2 vs. 3)",
    ),
    ("Concat", "", [IMAGE], 2, "Concat Layer produces 1 top blob(s) as output. (1 vs. 2)"),
    ("Slice", "", [IMAGE], 0, "Slice Layer produces at least 1 top blob(s) as output. (1 vs. 0)"),
    (
        "Accuracy",
        "",
        [(2, 3), (2,)],
        3,
        "Accuracy Layer produces at most 2 top blob(s) as output. (2 vs. 3)",
    ),
    (
        "Convolution",
        f"convolution_param {{ num_output: 1 {WINDOW} }}",
        [IMAGE],
        2,
        "Convolution Layer produces one top blob as output for each bottom blob input. (1 vs. 2)",
    ),
    (
        "Softmax",
        "loss_weight: 1 loss_weight: 2",
        [IMAGE],
        1,
        "loss_weight must be unspecified or specified once per top blob.",
    ),
    (
        "Softmax",
        "propagate_down: true propagate_down: true",
        [IMAGE],
        1,
        "propagate_down param must be specified either 0 or bottom_size times ",
    ),
    # Axes.
    (
        "Softmax",
        "softmax_param { axis: 4 }",
        [IMAGE],
        1,
        "axis 4 out of range for 4-D Blob with shape 2 3 4 5 (120)",
    ),
    (
        "LRN",
        "",
        [(2, 3)],
        1,
        "Input must have 4 axes, corresponding to (num, channels, height, width) (4 vs. 2)",
    ),
    ("PReLU", "", [(2,)], 1, "Number of axes of bottom blob must be >=2. (1 vs. 2)"),
    # Windows.
    (
        "Convolution",
        "convolution_param { num_output: 1 }",
        [IMAGE],
        1,
        "kernel_size must be specified once, or once per spatial dimension (kernel_size "
        "specified 0 times; 2 spatial dims).",
    ),
    (
        "Convolution",
        "convolution_param { num_output: 1 kernel_size: 1 kernel_h: 1 }",
        [IMAGE],
        1,
        "Either kernel_size or kernel_h/w should be specified; not both.",
    ),
    (
        "Convolution",
        "convolution_param { num_output: 1 kernel_h: 1 kernel_w: 1 }",
        [(2, 3, 4)],
        1,
        "kernel_h & kernel_w can only be used for 2D convolution.",
    ),
    (
        "Convolution",
        f"convolution_param {{ num_output: 3 group: 2 {WINDOW} }}",
        [(2, 4, 3, 3)],
        1,
        "Number of output should be multiples of group.",
    ),
    (
        "Convolution",
        "convolution_param { num_output: 1 kernel_size: 0 }",
        [IMAGE],
        1,
        "Filter dimensions must be nonzero.",
    ),
    (
        "Convolution",
        "convolution_param { num_output: 1 kernel_size: 9 }",
        [IMAGE],
        1,
        "Check failed: shape[i] >= 0 (-4 vs. 0)",
    ),
    (
        "Convolution",
        "convolution_param { num_output: 1 kernel_h: 5 kernel_w: 1 bias_term: false }",
        [IMAGE],
        1,
        "Check failed: data_",
    ),
    (
        "Convolution",
        f"convolution_param {{ num_output: 1 {WINDOW} }}",
        [(1, 1, 2, 2, 2, 2)],
        1,
        "has 4 spatial axes, but the embedded engine supports up to 3",
    ),
    (
        "Pooling",
        "pooling_param { kernel_size: 2 kernel_h: 2 kernel_w: 2 }",
        [IMAGE],
        1,
        "Filter size is kernel_size OR kernel_h and kernel_w; not both",
    ),
    (
        "Pooling",
        "pooling_param { kernel_h: 2 }",
        [IMAGE],
        1,
        "Filter size is kernel_size OR kernel_h and kernel_w; not both",
    ),
    (
        "Pooling",
        "pooling_param { global_pooling: true kernel_size: 2 }",
        [IMAGE],
        1,
        "With Global_pooling: true Filter size cannot specified",
    ),
    (
        "Pooling",
        "pooling_param { kernel_size: 2 stride_h: 2 }",
        [IMAGE],
        1,
        "Stride is stride OR stride_h and stride_w are required.",
    ),
    (
        "Pooling",
        "pooling_param { kernel_size: 2 pad: 2 }",
        [IMAGE],
        1,
        "Check failed: pad_h_ < kernel_h_ (2 vs. 2)",
    ),
    (
        "Pooling",
        "pooling_param { kernel_size: 2 pool: STOCHASTIC }",
        [IMAGE],
        1,
        "uses stochastic pooling, which Caffe supports on a GPU only",
    ),
    # Shapes that do not go together.
    (
        "Eltwise",
        "",
        [IMAGE, (2, 3, 4, 4)],
        1,
        "bottom[0]: 2 3 4 5 (120), bottom[1]: 2 3 4 4 (96)",
    ),
    (
        "Eltwise",
        "eltwise_param { coeff: 1 }",
        [IMAGE, IMAGE],
        1,
        "Eltwise Layer takes one coefficient per bottom blob.",
    ),
    (
        "Concat",
        "",
        [IMAGE, (2, 3, 4, 4)],
        1,
        "All inputs must have the same shape, except at concat_axis. (5 vs. 4)",
    ),
    (
        "Slice",
        "",
        [IMAGE],
        2,
        "Number of top blobs (2) should evenly divide input slice axis (3)",
    ),
    (
        "Slice",
        "slice_param { slice_point: 2 slice_point: 1 }",
        [IMAGE],
        3,
        "Check failed: slice_point_[i] > prev (1 vs. 2)",
    ),
    ("Slice", "slice_param { slice_point: 3 }", [IMAGE], 2, "Check failed: data_"),
    (
        "Crop",
        "crop_param { offset: 2 }",
        [IMAGE, (1, 1, 3, 3)],
        1,
        "the crop for dimension 2 is out-of-bounds with size 3 and offset 2 (2 vs. 3)",
    ),
    (
        "Reshape",
        "reshape_param { shape { dim: 7 dim: -1 } }",
        [IMAGE],
        1,
        "bottom count (120) must be divisible by the product of the specified dimensions (7)",
    ),
    (
        "Reshape",
        "reshape_param { shape { dim: -1 dim: -1 } }",
        [IMAGE],
        1,
        "new shape contains multiple -1 dims; at most a single (1) value of -1 may be specified",
    ),
    (
        "Reshape",
        "reshape_param { shape { dim: 7 } }",
        [IMAGE],
        1,
        "output count must match input count (7 vs. 120)",
    ),
    ("Tile", "", [IMAGE], 1, "Number of tiles must be specified"),
    (
        "Scale",
        "scale_param { axis: 1 }",
        [IMAGE, (4,)],
        1,
        "dimension mismatch between bottom[0]->shape(1) and scale->shape(0) (3 vs. 4)",
    ),
    (
        "Bias",
        "bias_param { axis: 2 num_axes: 3 }",
        [IMAGE],
        1,
        "bias blob's shape extends past bottom[0]'s shape when applied starting with bottom[0] "
        "axis = 2",
    ),
    # What has no axes.
    ("ArgMax", "", [()], 1, "Check failed: start_axis <= end_axis (1 vs. 0)"),
    (
        "SigmoidCrossEntropyLoss",
        "",
        [(), ()],
        1,
        "axis 0 out of range for 0-D Blob with shape (1)",
    ),
    # What has too many.
    (
        "PReLU",
        "prelu_param { channel_shared: true }",
        [(1, 2, 1, 1, 1)],
        1,
        "Cannot use legacy accessors on Blobs with > 4 axes.",
    ),
    # Losses.
    (
        "SoftmaxWithLoss",
        "",
        [(3, 2), (4,)],
        1,
        "The data and label should have the same first dimension. (3 vs. 4)",
    ),
    (
        "SoftmaxWithLoss",
        "",
        [(3, 2, 2), (3,)],
        1,
        "Number of labels must match number of predictions; e.g., if softmax axis == 1 and "
        "prediction shape is (N, C, H, W), label count (number of labels) must be N*H*W, with "
        "integer values in {0, 1, ..., C-1}. (6 vs. 3)",
    ),
    (
        "SoftmaxWithLoss",
        "loss_weight: 1 loss_weight: 0",
        [(3, 2), (3,)],
        2,
        "loss_weight must be unspecified or specified once per top blob. (1 vs. 2)",
    ),
    (
        "EuclideanLoss",
        "",
        [(3, 2), (3, 4)],
        1,
        "Inputs must have the same dimension. (2 vs. 4)",
    ),
    (
        "InfogainLoss",
        "",
        [(3, 2), (3,)],
        1,
        "Infogain matrix source must be specified.",
    ),
    (
        "InfogainLoss",
        "",
        [(3, 2), (3,), (3, 3)],
        1,
        "Check failed: infogain->count() == num_labels_*num_labels_ (9 vs. 4)",
    ),
    (
        "Accuracy",
        "accuracy_param { top_k: 3 }",
        [(3, 2), (3,)],
        1,
        "top_k must be less than or equal to the number of classes. (3 vs. 2)",
    ),
    # Settings.
    (
        "LRN",
        "lrn_param { local_size: 4 }",
        [IMAGE],
        1,
        "LRN only supports odd values for local_size",
    ),
    ("Exp", "exp_param { base: 0 }", [IMAGE], 1, "base must be strictly positive. (0 vs. 0)"),
    ("InnerProduct", "", [IMAGE], 1, "Check failed: data_"),
    (
        "InnerProduct",
        'inner_product_param { num_output: 1 weight_filler { type: "x" } }',
        [IMAGE],
        1,
        "Unknown filler name: x",
    ),
    (
        "BatchNorm",
        "param { lr_mult: 1 }",
        [IMAGE],
        1,
        "Cannot configure batch normalization statistics as layer parameters.",
    ),
    (
        "Dropout",
        "dropout_param { dropout_ratio: 1 }",
        [IMAGE],
        1,
        "dropout_ratio must be at least 0 and below 1, not 1",
    ),
    (
        "DummyData",
        "",
        [],
        2,
        "Must specify 'shape' once, or once per top blob (2); specified 0.",
    ),
    (
        "MemoryData",
        "",
        [],
        2,
        "batch_size, channels, height, and width must be specified and positive in "
        "memory_data_param",
    ),
]


@pytest.mark.parametrize(
    ("layer_type", "settings", "shapes", "tops", "message"),
    REFUSED,
    ids=[f"{row[0]}-{number}" for number, row in enumerate(REFUSED)],
)
def test_refused(layer_type, settings, shapes, tops, message, tmp_path):
    names = tuple(f"out{index}" for index in range(tops))
    case = Case("", f'type: "{layer_type}" {settings}', tuple(shapes), names)
    with pytest.raises(EngineError) as caught:
        opened(case.text, tmp_path)

    assert caught.value.message == f"layer 'it' ({layer_type}): {message}"
    assert caught.value.location.line == 2 + len(shapes)
    assert caught.value.layer == "it"


@pytest.mark.parametrize("layer_type", ["AbsVal", "Reshape", "Flatten", "Split"])
def test_in_place_where_caffe_does_not_allow_it(layer_type, tmp_path):
    text = Case("", "", (IMAGE,), ()).text.splitlines()[1]
    text += f'\nlayer {{ name: "it" type: "{layer_type}" bottom: "a" top: "a" }}'
    with pytest.raises(EngineError) as caught:
        opened(text, tmp_path)

    assert caught.value.message == (
        f"layer 'it' ({layer_type}): {layer_type} Layer does not allow in-place computation."
    )


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            "pooling_param { ceil_mod: true }",
            'Message type "PoolingParameter" has no field named "ceil_mod"',
        ),
        (
            "pooling_param { pool: MEDIAN }",
            'Enum type "PoolingParameter.PoolMethod" has no value named MEDIAN',
        ),
    ],
)
def test_a_field_that_caffe_does_not_have(settings, message, tmp_path):
    case = Case("", f'type: "Pooling"\n  {settings}', (IMAGE,))
    with pytest.raises(SchemaError) as caught:
        opened(case.text, tmp_path)

    assert message in caught.value.message
    assert caught.value.location.line == 4
    assert caught.value.location.file == str(tmp_path / "net.prototxt")
