"""Which rule gives the shapes of which layer type, and how many blobs each type takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.caffe.shapes import (
    convolution,
    data,
    joining,
    losses,
    pooling,
    products,
    recurrent,
    same_shape,
    shaping,
)
from ssdh_surgery.caffe.shapes.subject import Refusal, Shaped, Subject, refuse_impossible


@dataclass(frozen=True)
class Rule:
    """How one layer type is shaped.

    `bottoms` and `tops` are the least and most that it takes (None: any number), and
    `has_automatic_tops` says that Caffe adds the tops that a file leaves out.
    """

    shape: Callable[[Subject], Shaped]
    bottoms: tuple[int, int | None] = (1, 1)
    tops: tuple[int, int | None] = (1, 1)
    has_params: bool = False
    has_equal_counts: bool = False
    has_automatic_tops: bool = False
    allows_in_place: bool = True


_NONE = (0, 0)
_ANY = (1, None)
_NEURON = Rule(same_shape.neuron)
_CONVOLUTION = Rule(
    convolution.convolution, bottoms=_ANY, tops=_ANY, has_params=True, has_equal_counts=True
)
_FORK_LOSS = Rule(losses.euclidean_loss, bottoms=(2, 2), has_automatic_tops=True)


def _loss(shape: Callable[[Subject], Shaped], bottoms: tuple[int, int], most_tops: int = 1) -> Rule:
    return Rule(shape, bottoms, tops=(1, most_tops), has_automatic_tops=True)


RULES: dict[str, Rule] = {
    "AbsVal": Rule(same_shape.neuron, allows_in_place=False),
    "Accuracy": Rule(losses.accuracy, bottoms=(2, 2), tops=(1, 2)),
    "ArgMax": Rule(shaping.arg_max),
    "BNLL": _NEURON,
    "BatchNorm": Rule(same_shape.batch_norm, has_params=True),
    "BatchReindex": Rule(joining.batch_reindex, bottoms=(2, 2)),
    "Bias": Rule(same_shape.bias, bottoms=(1, 2), has_params=True),
    "Clip": _NEURON,
    "Concat": Rule(joining.concat, bottoms=_ANY),
    "ContrastiveLoss": _loss(losses.contrastive_loss, (3, 3)),
    "Convolution": _CONVOLUTION,
    "ConvolutionDepthwise": Rule(convolution.depthwise, has_params=True),
    "Crop": Rule(joining.crop, bottoms=(2, 2)),
    "Data": Rule(data.data, bottoms=_NONE, tops=(1, 2)),
    "Deconvolution": Rule(
        convolution.deconvolution, bottoms=_ANY, tops=_ANY, has_params=True, has_equal_counts=True
    ),
    # A fork's grouped convolution, made faster.
    "DepthwiseConvolution": _CONVOLUTION,
    "Dropout": _NEURON,
    "DummyData": Rule(data.dummy_data, bottoms=_NONE, tops=_ANY),
    "ELU": _NEURON,
    "Eltwise": Rule(joining.eltwise, bottoms=(2, None)),
    "Embed": Rule(products.embed, has_params=True),
    "EuclideanLoss": _loss(losses.euclidean_loss, (2, 2)),
    "Exp": Rule(same_shape.exp),
    "Filter": Rule(joining.filter_, bottoms=(2, None), tops=_ANY),
    "Flatten": Rule(shaping.flatten, allows_in_place=False),
    "HDF5Data": Rule(data.hdf5_data, bottoms=_NONE, tops=_ANY),
    "HDF5Output": Rule(joining.sink, bottoms=(2, 2), tops=_NONE),
    "HingeLoss": _loss(losses.loss, (2, 2)),
    "Im2col": Rule(convolution.im2col),
    "ImageData": Rule(data.image_data, bottoms=_NONE, tops=(2, 2)),
    "InfogainLoss": _loss(losses.infogain_loss, (2, 3), 2),
    "InnerProduct": Rule(products.inner_product, has_params=True),
    "Input": Rule(data.input_, bottoms=_NONE, tops=_ANY),
    # The SSDH authors' fork.
    "K1_EuclideanLoss": _FORK_LOSS,
    "K2_EuclideanLoss": _FORK_LOSS,
    "LRN": Rule(same_shape.lrn),
    "LSTM": Rule(recurrent.lstm, bottoms=(0, None), tops=(0, None), has_params=True),
    "LSTMUnit": Rule(recurrent.lstm_unit, bottoms=(3, 3), tops=(2, 2)),
    "Log": Rule(same_shape.log),
    "MVN": Rule(same_shape.mvn),
    "MemoryData": Rule(data.memory_data, bottoms=_NONE, tops=(2, 2)),
    "MultinomialLogisticLoss": _loss(losses.multinomial_logistic_loss, (2, 2)),
    "PReLU": Rule(same_shape.prelu, has_params=True),
    "Parameter": Rule(products.parameter, bottoms=_NONE, has_params=True),
    "Pooling": Rule(pooling.pooling, tops=_ANY),
    "Power": _NEURON,
    "RNN": Rule(recurrent.rnn, bottoms=(0, None), tops=(0, None), has_params=True),
    "ReLU": _NEURON,
    "Reduction": Rule(shaping.reduction),
    "Reshape": Rule(shaping.reshape, allows_in_place=False),
    "SPP": Rule(pooling.spp),
    "Scale": Rule(same_shape.scale, bottoms=(1, 2), has_params=True),
    "Sigmoid": _NEURON,
    "SigmoidCrossEntropyLoss": _loss(losses.sigmoid_cross_entropy_loss, (2, 2)),
    "Silence": Rule(joining.sink, bottoms=_ANY, tops=_NONE),
    "Slice": Rule(joining.slice_, tops=_ANY),
    "Softmax": Rule(same_shape.softmax),
    "SoftmaxWithLoss": _loss(losses.softmax_loss, (2, 2), 2),
    "Split": Rule(joining.split, tops=_ANY, allows_in_place=False),
    "Swish": _NEURON,
    "TanH": _NEURON,
    "Threshold": _NEURON,
    "Tile": Rule(shaping.tile),
    "WindowData": Rule(data.window_data, bottoms=_NONE, tops=(2, 2)),
}


def layer_shapes(subject: Subject) -> Shaped:
    """What the rule of a layer's type says of it.

    Raises:
        Refusal: what Caffe would stop at.
        KeyError: there is no rule for the type.
    """
    shaped = RULES[subject.param.type].shape(subject)
    refuse_impossible(shaped)
    return shaped


def check_counts(layer: Layer, rule: Rule, tops: int) -> None:
    """Refuse a layer with too few or too many blobs.

    Args:
        layer: the layer.
        rule: what its type takes.
        tops: the number of its tops, those included that Caffe adds.

    Raises:
        Refusal: in Caffe's words, at the first blob too many or at the layer.
    """
    _check(layer, "bottom", len(layer.bottoms), rule.bottoms)
    _check(layer, "top", tops, rule.tops)
    if rule.has_equal_counts and tops != len(layer.bottoms):
        raise Refusal(
            f"{layer.type} Layer produces one top blob as output for each bottom blob input. "
            f"({len(layer.bottoms)} vs. {tops})",
            field="top",
        )
    if not rule.allows_in_place and layer.tops[:1] == layer.bottoms[:1]:
        raise Refusal(f"{layer.type} Layer does not allow in-place computation.", field="top")


def _check(layer: Layer, name: str, found: int, wanted: tuple[int, int | None]) -> None:
    least, most = wanted
    verb, role = ("takes", "input") if name == "bottom" else ("produces", "output")
    if least == most and found != least:
        limit, bound = "", least
    elif found < least:
        limit, bound = "at least ", least
    elif most is not None and found > most:
        limit, bound = "at most ", most
    else:
        return
    raise Refusal(
        f"{layer.type} Layer {verb} {limit}{bound} {name} blob(s) as {role}. ({bound} vs. {found})",
        field=name if found > bound else None,
    )
