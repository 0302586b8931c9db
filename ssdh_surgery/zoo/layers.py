"""Layers as fields to be rendered: one builder, and the layers that every network has.

Keyword arguments are Caffe's own field names, in the order in which they are to be written;
a mapping is a message, a tuple a repeated field, and what is None is left out.
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

# Learning rate and weight decay of weights and bias, as in most published nets.
WEIGHTS_AND_BIAS = ({"lr_mult": 1, "decay_mult": 1}, {"lr_mult": 2, "decay_mult": 0})
WEIGHTS_ALONE = ({"lr_mult": 1, "decay_mult": 1},)
# Mean, variance and their factor are measured, not learned.
STATISTICS = ({"lr_mult": 0, "decay_mult": 0},) * 3
# Nor does weight decay pull at what scales the normalised blob.
SCALE_AND_SHIFT = ({"lr_mult": 1, "decay_mult": 0},) * 2


def fields(values: Mapping[str, Value]) -> list[Field]:
    """A mapping as names and values in the form that `prototxt.render` takes.

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
    """A layer of type `kind`; its top has its own name where none is given."""
    head: dict[str, Value] = {"name": name, "type": kind, "bottom": bottom, "top": top or name}
    return "layer", fields({**head, **parameters})


def filler(kind: str, **parameters: Value) -> dict[str, Value]:
    """A filler: `filler("gaussian", std=0.01)`, `filler("xavier")`."""
    return {"type": kind, **parameters}


def in_phase(phase: str) -> dict[str, Value]:
    """The rule that keeps a layer in one phase, for `include`."""
    return {"phase": phase}


# ---------------------------------------------------------------- what every network has


def input_layer(*shape: int, name: str = "data") -> Field:
    """The input of a deploy net: a blob `data` of the given shape.

    Caffe names the layer `input` where it upgrades a net whose input was no layer yet.
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
    """The two Data layers of a net trained on ImageNet, with Caffe's own names of the LMDBs."""
    folder = "examples/imagenet/ilsvrc12_{}_lmdb"
    return [
        data_layer(TRAIN, train, folder.format("train"), batch_sizes[0]),
        data_layer(TEST, test, folder.format("val"), batch_sizes[1]),
    ]


def relu(name: str, blob: str) -> Field:
    """A ReLU in place."""
    return layer(name, "ReLU", blob, blob)


def dropout(name: str, blob: str, ratio: float) -> Field:
    """A Dropout in place."""
    return layer(name, "Dropout", blob, blob, dropout_param={"dropout_ratio": ratio})


def pool(name: str, bottom: str, method: str, kernel_size: int, **parameters: Value) -> Field:
    """A Pooling layer; `stride` and `pad` are left out where they are not given."""
    window = {"pool": method, "kernel_size": kernel_size, **parameters}
    return layer(name, "Pooling", bottom, pooling_param=window)


def global_pool(name: str, bottom: str) -> Field:
    """The average over the whole of each channel."""
    return layer(name, "Pooling", bottom, pooling_param={"pool": AVE, "global_pooling": True})


def lrn(name: str, bottom: str) -> Field:
    """Local response normalisation with the values of all published nets that have it."""
    parameters = {"local_size": 5, "alpha": 0.0001, "beta": 0.75}
    return layer(name, "LRN", bottom, lrn_param=parameters)


def loss(
    name: str,
    bottom: str,
    top: str | None = None,
    loss_weight: float | None = None,
    phase: str | None = None,
) -> Field:
    """Softmax loss against `label`; in both phases where none is given."""
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
    """Accuracy against `label`; in phase TEST where nothing else is said."""
    return layer(
        name,
        "Accuracy",
        (bottom, "label"),
        include=None if phase is None else in_phase(phase),
        accuracy_param=None if top_k is None else {"top_k": top_k},
    )


def softmax(name: str, bottom: str) -> Field:
    """The probabilities that a deploy net ends in."""
    return layer(name, "Softmax", bottom)
