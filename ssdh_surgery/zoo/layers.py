"""Layers as fields ready to be rendered: a builder, and the layers that every network uses.

Keyword arguments are Caffe's own field names, in the order in which they are written. A mapping
is a message, a tuple a repeated field, and None is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ssdh_surgery.prototxt.render import Word

Scalar = bool | int | float | str
Value = Scalar | Mapping[str, "Value"] | tuple["Value", ...] | None
Field = tuple[str, object]

# Enum values.
TRAIN, TEST = Word("TRAIN"), Word("TEST")
MAX, AVE, SUM = Word("MAX"), Word("AVE"), Word("SUM")
LMDB, GPU = Word("LMDB"), Word("GPU")

# Learning rate and weight decay of weights and biases, as in most published nets.
WEIGHTS_AND_BIAS = ({"lr_mult": 1, "decay_mult": 1}, {"lr_mult": 2, "decay_mult": 0})
WEIGHTS_ALONE = ({"lr_mult": 1, "decay_mult": 1},)
# Mean, variance and scale factor are measured, not learned.
STATISTICS = ({"lr_mult": 0, "decay_mult": 0},) * 3
# Weight decay does not apply to the scaling of a normalised blob.
SCALE_AND_SHIFT = ({"lr_mult": 1, "decay_mult": 0},) * 2


def fields(values: Mapping[str, Value]) -> list[Field]:
    """A mapping as the (name, value) pairs that `prototxt.render` takes.

    >>> fields({"pool": MAX, "pad": None, "mean_value": (104, 117)})
    [('pool', 'MAX'), ('mean_value', 104), ('mean_value', 117)]
    """
    return [pair for name, value in values.items() for pair in _repeated(name, value)]


def _repeated(name: str, value: Value) -> Iterator[Field]:
    if isinstance(value, tuple):
        for item in value:
            yield from _repeated(name, item)
    elif isinstance(value, Mapping):
        yield name, fields(value)
    elif value is not None:
        yield name, value


def layer(
    name: str,
    kind: str,
    bottom: str | tuple[str, ...] | None = None,
    top: str | tuple[str, ...] | None = None,
    **parameters: Value,
) -> Field:
    """A layer of type `kind`; by default its top has the name of the layer."""
    head: dict[str, Value] = {"name": name, "type": kind, "bottom": bottom, "top": top or name}
    return "layer", fields({**head, **parameters})


def filler(kind: str, **parameters: Value) -> dict[str, Value]:
    """A filler: `filler("gaussian", std=0.01)`, `filler("xavier")`."""
    return {"type": kind, **parameters}


def in_phase(phase: str) -> dict[str, Value]:
    """The `include` rule that restricts a layer to one phase."""
    return {"phase": phase}


# ---------------------------------------------------------------- layers of every network


def input_layer(*shape: int, name: str = "data") -> Field:
    """The input of a deploy net: a blob `data` of the given shape.

    Caffe calls the layer `input` when it upgrades a net that declares its input at the top.
    """
    return layer(name, "Input", top="data", input_param={"shape": {"dim": shape}})


def data_layer(
    phase: str, transform: Mapping[str, Value], source: str, batch_size: int, name: str = "data"
) -> Field:
    """A Data layer that reads an LMDB into `data` and `label` in one phase."""
    return layer(
        name,
        "Data",
        top=("data", "label"),
        include=in_phase(phase),
        transform_param=transform,
        data_param={"source": source, "batch_size": batch_size, "backend": LMDB},
    )


def imagenet(
    train: Mapping[str, Value], test: Mapping[str, Value], batch_sizes: tuple[int, int]
) -> list[Field]:
    """The two Data layers of a net trained on ImageNet, with Caffe's names for the LMDBs."""
    folder = "examples/imagenet/ilsvrc12_{}_lmdb"
    return [
        data_layer(TRAIN, train, folder.format("train"), batch_sizes[0]),
        data_layer(TEST, test, folder.format("val"), batch_sizes[1]),
    ]


def convolution(
    name: str,
    bottom: str,
    *,
    param: Value = None,
    **parameters: Value,
) -> Field:
    """A Convolution; `parameters` are the fields of `convolution_param`."""
    return layer(name, "Convolution", bottom, param=param, convolution_param=parameters)


def inner_product(
    name: str,
    bottom: str,
    num_output: int,
    *,
    param: Value = None,
    **parameters: Value,
) -> Field:
    """An InnerProduct; `parameters` are the other fields of `inner_product_param`."""
    values: dict[str, Value] = {"num_output": num_output, **parameters}
    return layer(name, "InnerProduct", bottom, param=param, inner_product_param=values)


def relu(name: str, blob: str) -> Field:
    """An in-place ReLU."""
    return layer(name, "ReLU", blob, blob)


def dropout(name: str, blob: str, ratio: float) -> Field:
    """An in-place Dropout."""
    return layer(name, "Dropout", blob, blob, dropout_param={"dropout_ratio": ratio})


def pool(name: str, bottom: str, method: str, kernel_size: int, **parameters: Value) -> Field:
    """A Pooling layer; `stride` and `pad` are optional."""
    window = {"pool": method, "kernel_size": kernel_size, **parameters}
    return layer(name, "Pooling", bottom, pooling_param=window)


def global_pool(name: str, bottom: str) -> Field:
    """Global average pooling."""
    return layer(name, "Pooling", bottom, pooling_param={"pool": AVE, "global_pooling": True})


def lrn(name: str, bottom: str) -> Field:
    """Local response normalisation, with the values that all published nets share."""
    parameters = {"local_size": 5, "alpha": 0.0001, "beta": 0.75}
    return layer(name, "LRN", bottom, lrn_param=parameters)


def loss(
    name: str,
    bottom: str,
    top: str | None = None,
    loss_weight: float | None = None,
    phase: str | None = None,
) -> Field:
    """Softmax loss against `label`; in both phases by default."""
    include = None if phase is None else in_phase(phase)
    return layer(
        name,
        "SoftmaxWithLoss",
        (bottom, "label"),
        top,
        loss_weight=loss_weight,
        include=include,
    )


def accuracy(name: str, bottom: str, top_k: int | None = None, phase: str | None = TEST) -> Field:
    """Accuracy against `label`; in phase TEST by default."""
    return layer(
        name,
        "Accuracy",
        (bottom, "label"),
        include=None if phase is None else in_phase(phase),
        accuracy_param=None if top_k is None else {"top_k": top_k},
    )


def softmax(name: str, bottom: str) -> Field:
    """The class probabilities at the end of a deploy net."""
    return layer(name, "Softmax", bottom)
