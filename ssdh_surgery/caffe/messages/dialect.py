"""The three dialects of nets, and their names for layer types.

V0:      `layers { layer { name: "c" type: "conv" } bottom: "a" top: "b" }`
V1:      `layers { name: "c" type: CONVOLUTION bottom: "a" top: "b" }`
current: `layer { name: "c" type: "Convolution" bottom: "a" top: "b" }`
"""

from __future__ import annotations

from enum import StrEnum

from ssdh_surgery.errors import SurgeryError
from ssdh_surgery.prototxt import literals
from ssdh_surgery.prototxt.cst import Entry, Message


class Dialect(StrEnum):
    """The form in which a net's layers are written; the value is its name for users."""

    V0 = "V0"
    V1 = "V1"
    CURRENT = "current"


# The current names of V1's enum values, as in Caffe's upgrade.
V1_TYPES = {
    "ABSVAL": "AbsVal",
    "ACCURACY": "Accuracy",
    "ARGMAX": "ArgMax",
    "BNLL": "BNLL",
    "CONCAT": "Concat",
    "CONTRASTIVE_LOSS": "ContrastiveLoss",
    "CONVOLUTION": "Convolution",
    "DATA": "Data",
    "DECONVOLUTION": "Deconvolution",
    "DROPOUT": "Dropout",
    "DUMMY_DATA": "DummyData",
    "ELTWISE": "Eltwise",
    "EUCLIDEAN_LOSS": "EuclideanLoss",
    "EXP": "Exp",
    "FLATTEN": "Flatten",
    "HDF5_DATA": "HDF5Data",
    "HDF5_OUTPUT": "HDF5Output",
    "HINGE_LOSS": "HingeLoss",
    "IM2COL": "Im2col",
    "IMAGE_DATA": "ImageData",
    "INFOGAIN_LOSS": "InfogainLoss",
    "INNER_PRODUCT": "InnerProduct",
    # Of the SSDH authors' fork.
    "K1_EUCLIDEAN_LOSS": "K1_EuclideanLoss",
    "K2_EUCLIDEAN_LOSS": "K2_EuclideanLoss",
    "LRN": "LRN",
    "MEMORY_DATA": "MemoryData",
    "MULTINOMIAL_LOGISTIC_LOSS": "MultinomialLogisticLoss",
    "MVN": "MVN",
    "NONE": "",
    "POOLING": "Pooling",
    "POWER": "Power",
    "RELU": "ReLU",
    "SIGMOID": "Sigmoid",
    "SIGMOID_CROSS_ENTROPY_LOSS": "SigmoidCrossEntropyLoss",
    "SILENCE": "Silence",
    "SLICE": "Slice",
    "SOFTMAX": "Softmax",
    "SOFTMAX_LOSS": "SoftmaxWithLoss",
    "SPLIT": "Split",
    "TANH": "TanH",
    "THRESHOLD": "Threshold",
    "WINDOW_DATA": "WindowData",
}

V0_TYPES = {
    "accuracy": "Accuracy",
    "bnll": "BNLL",
    "concat": "Concat",
    "conv": "Convolution",
    "data": "Data",
    "dropout": "Dropout",
    "euclidean_loss": "EuclideanLoss",
    "flatten": "Flatten",
    "hdf5_data": "HDF5Data",
    "hdf5_output": "HDF5Output",
    "im2col": "Im2col",
    "images": "ImageData",
    "infogain_loss": "InfogainLoss",
    "innerproduct": "InnerProduct",
    "lrn": "LRN",
    "multinomial_logistic_loss": "MultinomialLogisticLoss",
    "pool": "Pooling",
    "relu": "ReLU",
    "sigmoid": "Sigmoid",
    "softmax": "Softmax",
    "softmax_loss": "SoftmaxWithLoss",
    "split": "Split",
    "tanh": "TanH",
    "window_data": "WindowData",
}

# By type, the message that had the fields of `transform_param` in V1.
V1_TRANSFORMS = {
    "Data": "data_param",
    "ImageData": "image_data_param",
    "WindowData": "window_data_param",
}
TRANSFORM_FIELDS = ("scale", "mean_file", "crop_size", "mirror")


def layer_entries(root: Message) -> list[Entry]:
    """The layers of a net, in the order of the text."""
    return [
        entry
        for field in root.fields
        if field.name in ("layer", "layers")
        for entry in field.entries
        if isinstance(entry.value, Message)
    ]


def dialect_of(root: Message) -> Dialect:
    """The dialect of a net; the current one for a net without layers.

    Raises:
        SurgeryError: it mixes dialects, which Caffe refuses.
    """
    dialects: dict[Dialect, Entry] = {}
    for entry in layer_entries(root):
        dialects.setdefault(_of_entry(entry), entry)
    if len(dialects) > 1:
        (first, one), (second, other) = list(dialects.items())[:2]
        raise SurgeryError(
            f"the net mixes {_describe(first)} (line {one.line}) and {_describe(second)}; "
            "Caffe refuses such a file",
            location=other.location,
            hint="write all layers in one dialect",
        )
    return next(iter(dialects), Dialect.CURRENT)


def _of_entry(entry: Entry) -> Dialect:
    if entry.field.name == "layer":
        return Dialect.CURRENT
    assert isinstance(entry.value, Message)
    return Dialect.V0 if entry.value.message("layer") else Dialect.V1


def _describe(dialect: Dialect) -> str:
    if dialect is Dialect.CURRENT:
        return "'layer' of the current dialect"
    return f"'layers' of dialect {dialect}"


def current_type(dialect: Dialect, name: str) -> str:
    """A layer type's name in the current dialect; unknown names are kept.

    >>> current_type(Dialect.V1, "INNER_PRODUCT"), current_type(Dialect.V1, "14")
    ('InnerProduct', 'InnerProduct')
    """
    current = known_type(dialect, name)
    return name if current is None else current


def known_type(dialect: Dialect, name: str) -> str | None:
    """A layer type's name in the current dialect, or None if Caffe's upgrade has none."""
    if dialect is Dialect.CURRENT:
        return name
    if dialect is Dialect.V0:
        return V0_TYPES.get(name)
    return V1_TYPES.get(name if name in V1_TYPES else _word_of_number(name))


def _word_of_number(text: str) -> str:
    """The name of a value of V1's enum, which may be given as a number."""
    number = literals.integer(text)
    if number is None:
        return text
    from ssdh_surgery.caffe.messages import schema

    values = schema.enum_values("V1LayerParameter.LayerType")
    return next((word for word, value in values.items() if value == number), text)
