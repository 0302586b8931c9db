"""The facts about each layer type: the one table to which a new type is added.

Only its shape rule, a function, is elsewhere: in `caffe.shapes.rules`, under the same name. Types
without a shape rule belong to forks of Caffe.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Literal

from ssdh_surgery.caffe.messages.dialect import V1_TYPES
from ssdh_surgery.errors import plain

Family = Literal[
    "data",
    "convolution",
    "inner product",
    "pooling",
    "normalization",
    "activation",
    "joining and shaping",
    "loss",
    "score",
    "other",
]
Values = Literal["all", "first", "same index"]
# The minimum and maximum number of blobs; None means no maximum.
Counts = tuple[int, int | None]


@dataclass(frozen=True)
class LayerRule:
    """The facts about one layer type.

    Attributes:
        family: the family that determines its colour in a drawing.
        settings: the message with its settings; empty if it has none of its own.
        bottoms: the minimum and maximum number of bottoms.
        tops: the minimum and maximum number of tops.
        has_equal_counts: it needs as many tops as bottoms.
        has_automatic_tops: Caffe adds the tops that a file leaves out.
        allows_in_place: its top may be its bottom.
        has_params: it has params, learned or measured.
        has_statistics: its params are measured, not learned.
        has_input_weights: the shape of its params depends on the channels of its bottom.
        keeps_width: its top has the width of its bottom where that is a code, items x bits.
        is_classifier: it can be a classifier: it has weights and a `num_output`.
        passes_to_judge: it may come between a classifier and a loss or an accuracy.
        passes_to_output: it may come between a classifier and the output of a deploy net.
        is_distance: it is a loss on the distance of numbers, which distinguishes no classes.
        values: the bottoms whose values a top holds: all, the first, or the one of its own index.
    """

    family: Family
    settings: str = ""
    bottoms: Counts = (1, 1)
    tops: Counts = (1, 1)
    has_equal_counts: bool = False
    has_automatic_tops: bool = False
    allows_in_place: bool = True
    has_params: bool = False
    has_statistics: bool = False
    has_input_weights: bool = False
    keeps_width: bool = True
    is_classifier: bool = False
    passes_to_judge: bool = False
    passes_to_output: bool = False
    is_distance: bool = False
    values: Values = "all"


_NONE: Counts = (0, 0)
_ANY: Counts = (1, None)


def _data(settings: str, tops: Counts) -> LayerRule:
    return LayerRule("data", settings, bottoms=_NONE, tops=tops)


def _activation(
    settings: str = "",
    *,
    passes_to_judge: bool = False,
    passes_to_output: bool = False,
    allows_in_place: bool = True,
) -> LayerRule:
    return LayerRule(
        "activation",
        settings,
        passes_to_judge=passes_to_judge,
        passes_to_output=passes_to_output,
        allows_in_place=allows_in_place,
    )


def _loss(
    settings: str = "",
    *,
    bottoms: Counts = (2, 2),
    most_tops: int = 1,
    is_distance: bool = False,
) -> LayerRule:
    return LayerRule(
        "loss",
        settings,
        bottoms=bottoms,
        tops=(1, most_tops),
        has_automatic_tops=True,
        is_distance=is_distance,
    )


def _convolution(*, is_classifier: bool = False) -> LayerRule:
    return LayerRule(
        "convolution",
        "convolution_param",
        bottoms=_ANY,
        tops=_ANY,
        has_equal_counts=True,
        has_params=True,
        has_input_weights=True,
        keeps_width=False,
        is_classifier=is_classifier,
    )


def _recurrent() -> LayerRule:
    return LayerRule(
        "inner product",
        "recurrent_param",
        bottoms=(0, None),
        tops=(0, None),
        has_params=True,
        has_input_weights=True,
        keeps_width=False,
    )


LAYER_RULES: dict[str, LayerRule] = {
    "AbsVal": _activation(passes_to_judge=True, allows_in_place=False),
    "Accuracy": LayerRule(
        "score", "accuracy_param", bottoms=(2, 2), tops=(1, 2), keeps_width=False
    ),
    "ArgMax": LayerRule("score", "argmax_param", keeps_width=False, passes_to_output=True),
    "BNLL": _activation(passes_to_judge=True),
    "BatchNorm": LayerRule(
        "normalization",
        "batch_norm_param",
        has_params=True,
        has_statistics=True,
        has_input_weights=True,
        passes_to_judge=True,
    ),
    "BatchReindex": LayerRule(
        "joining and shaping", bottoms=(2, 2), passes_to_judge=True, values="first"
    ),
    "Bias": LayerRule(
        "normalization",
        "bias_param",
        bottoms=(1, 2),
        has_params=True,
        has_input_weights=True,
        passes_to_judge=True,
        passes_to_output=True,
    ),
    "Clip": _activation("clip_param"),
    "Concat": LayerRule("joining and shaping", "concat_param", bottoms=_ANY),
    "ContrastiveLoss": _loss("contrastive_loss_param", bottoms=(3, 3)),
    "Convolution": _convolution(is_classifier=True),
    # A fork's convolution with one kernel per channel.
    "ConvolutionDepthwise": LayerRule(
        "convolution", "convolution_param", has_params=True, has_input_weights=True
    ),
    "Crop": LayerRule("joining and shaping", "crop_param", bottoms=(2, 2), values="first"),
    "Data": _data("data_param", (1, 2)),
    "Deconvolution": _convolution(),
    # A fork's faster grouped convolution.
    "DepthwiseConvolution": _convolution(),
    "Dropout": _activation("dropout_param", passes_to_judge=True, passes_to_output=True),
    "DummyData": _data("dummy_data_param", _ANY),
    "ELU": _activation("elu_param", passes_to_judge=True),
    "Eltwise": LayerRule("joining and shaping", "eltwise_param", bottoms=(2, None)),
    "Embed": LayerRule("inner product", "embed_param", has_params=True, keeps_width=False),
    "EuclideanLoss": _loss(is_distance=True),
    "Exp": _activation("exp_param", passes_to_judge=True),
    # Its last bottom only selects items.
    "Filter": LayerRule(
        "joining and shaping",
        bottoms=(2, None),
        tops=_ANY,
        passes_to_judge=True,
        values="same index",
    ),
    "Flatten": LayerRule(
        "joining and shaping",
        "flatten_param",
        allows_in_place=False,
        passes_to_judge=True,
        passes_to_output=True,
    ),
    "HDF5Data": _data("hdf5_data_param", _ANY),
    "HDF5Output": LayerRule("other", "hdf5_output_param", bottoms=(2, 2), tops=_NONE),
    "HingeLoss": _loss("hinge_loss_param"),
    "HuberLoss": _loss(is_distance=True),
    "Im2col": LayerRule("convolution", "convolution_param"),
    "ImageData": _data("image_data_param", (2, 2)),
    "InfogainLoss": _loss("infogain_loss_param", bottoms=(2, 3), most_tops=2),
    "InnerProduct": LayerRule(
        "inner product",
        "inner_product_param",
        has_params=True,
        has_input_weights=True,
        keeps_width=False,
        is_classifier=True,
    ),
    "Input": _data("input_param", _ANY),
    # Losses of the SSDH authors' fork.
    "K1_EuclideanLoss": _loss(),
    "K2_EuclideanLoss": _loss(),
    "L1Loss": _loss(is_distance=True),
    "LRN": LayerRule("normalization", "lrn_param"),
    "LSTM": _recurrent(),
    "LSTMUnit": LayerRule("other", bottoms=(3, 3), tops=(2, 2)),
    "Log": _activation("log_param", passes_to_judge=True),
    "LogSoftmax": LayerRule("score", passes_to_judge=True, passes_to_output=True),
    "MVN": LayerRule("normalization", "mvn_param"),
    "MemoryData": _data("memory_data_param", (2, 2)),
    "MultinomialLogisticLoss": _loss(),
    "Normalize": LayerRule("normalization"),
    "PReLU": LayerRule(
        "activation",
        "prelu_param",
        has_params=True,
        has_input_weights=True,
        passes_to_judge=True,
    ),
    "Parameter": LayerRule("other", "parameter_param", bottoms=_NONE, has_params=True),
    "Permute": LayerRule("joining and shaping", passes_to_judge=True, passes_to_output=True),
    "Pooling": LayerRule(
        "pooling", "pooling_param", tops=_ANY, keeps_width=False, passes_to_judge=True
    ),
    "Power": _activation("power_param", passes_to_judge=True, passes_to_output=True),
    "RNN": _recurrent(),
    "ReLU": _activation("relu_param", passes_to_judge=True),
    "ReLU6": _activation(passes_to_judge=True),
    "Reduction": LayerRule("joining and shaping", "reduction_param", keeps_width=False),
    "Reshape": LayerRule(
        "joining and shaping",
        "reshape_param",
        allows_in_place=False,
        passes_to_judge=True,
        passes_to_output=True,
    ),
    "SPP": LayerRule("pooling", "spp_param"),
    "Scale": LayerRule(
        "normalization",
        "scale_param",
        bottoms=(1, 2),
        has_params=True,
        has_input_weights=True,
        passes_to_judge=True,
    ),
    "Sigmoid": _activation("sigmoid_param", passes_to_judge=True, passes_to_output=True),
    "SigmoidCrossEntropyLoss": _loss(),
    "Silence": LayerRule("joining and shaping", bottoms=_ANY, tops=_NONE, keeps_width=False),
    "Slice": LayerRule(
        "joining and shaping",
        "slice_param",
        tops=_ANY,
        passes_to_judge=True,
        passes_to_output=True,
    ),
    "SmoothL1Loss": _loss(bottoms=(2, 4), is_distance=True),
    "Softmax": LayerRule("score", "softmax_param", passes_to_judge=True, passes_to_output=True),
    "SoftmaxWithLoss": _loss("softmax_param", most_tops=2),
    "Split": LayerRule(
        "joining and shaping",
        tops=_ANY,
        allows_in_place=False,
        passes_to_judge=True,
        passes_to_output=True,
    ),
    "Swish": _activation("swish_param"),
    "TanH": _activation("tanh_param", passes_to_judge=True),
    "Threshold": _activation("threshold_param", passes_to_output=True),
    "Tile": LayerRule("joining and shaping", "tile_param"),
    "WindowData": _data("window_data_param", (2, 2)),
}

# Layers that feed data or labels into a net.
DATA_TYPES = frozenset(name for name, rule in LAYER_RULES.items() if rule.family == "data")

# Closer than the names of any two types; forks' own types are usually further away.
_NEAR = 0.88
# In shorter names a single letter makes another type.
_SHORT = 6


def nearest_type(name: str) -> str | None:
    """The type that a name is probably a misspelling of; None for a type, or if none is near.

    >>> nearest_type("innerproduct"), nearest_type("SoftmaxLoss"), nearest_type("ROIPooling")
    ('InnerProduct', 'SoftmaxWithLoss', None)
    """
    if not name or name in LAYER_RULES:
        return None
    types = {plain(each): each for each in LAYER_RULES}
    types |= {plain(old): new for old, new in V1_TYPES.items() if new}
    if plain(name) in types:
        return types[plain(name)]
    near = difflib.get_close_matches(plain(name), types, n=1, cutoff=_NEAR)
    # Forks vary names: Convolution3D, CReLU.
    is_variant = len(name) < _SHORT or any(char.isdigit() for char in name)
    return types[near[0]] if near and not is_variant else None
