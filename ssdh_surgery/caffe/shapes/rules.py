"""The shape rule of each layer type; `caffe.net.layer_rules` has all other facts about types."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ssdh_surgery.caffe.net.layer_rules import LAYER_RULES, Counts
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
from ssdh_surgery.caffe.shapes.layer_setup import (
    LayerSetup,
    Refusal,
    SetupResult,
    refuse_impossible,
)

if TYPE_CHECKING:
    from ssdh_surgery.caffe.messages.schema import LayerParameter

SHAPE_RULES: dict[str, Callable[[LayerSetup], SetupResult]] = {
    "AbsVal": same_shape.neuron,
    "Accuracy": losses.accuracy,
    "ArgMax": shaping.arg_max,
    "BNLL": same_shape.neuron,
    "BatchNorm": same_shape.batch_norm,
    "BatchReindex": joining.batch_reindex,
    "Bias": same_shape.bias,
    "Clip": same_shape.neuron,
    "Concat": joining.concat,
    "ContrastiveLoss": losses.contrastive_loss,
    "Convolution": convolution.convolution,
    "ConvolutionDepthwise": convolution.depthwise,
    "Crop": joining.crop,
    "Data": data.data,
    "Deconvolution": convolution.deconvolution,
    "DepthwiseConvolution": convolution.convolution,
    "Dropout": same_shape.neuron,
    "DummyData": data.dummy_data,
    "ELU": same_shape.neuron,
    "Eltwise": joining.eltwise,
    "Embed": products.embed,
    "EuclideanLoss": losses.euclidean_loss,
    "Exp": same_shape.exp,
    "Filter": joining.filter_,
    "Flatten": shaping.flatten,
    "HDF5Data": data.hdf5_data,
    "HDF5Output": joining.sink,
    "HingeLoss": losses.loss,
    "Im2col": convolution.im2col,
    "ImageData": data.image_data,
    "InfogainLoss": losses.infogain_loss,
    "InnerProduct": products.inner_product,
    "Input": data.input_,
    "K1_EuclideanLoss": losses.euclidean_loss,
    "K2_EuclideanLoss": losses.euclidean_loss,
    "LRN": same_shape.lrn,
    "LSTM": recurrent.lstm,
    "LSTMUnit": recurrent.lstm_unit,
    "Log": same_shape.log,
    "MVN": same_shape.mvn,
    "MemoryData": data.memory_data,
    "MultinomialLogisticLoss": losses.multinomial_logistic_loss,
    "PReLU": same_shape.prelu,
    "Parameter": products.parameter,
    "Pooling": pooling.pooling,
    "Power": same_shape.neuron,
    "RNN": recurrent.rnn,
    "ReLU": same_shape.neuron,
    "ReLU6": same_shape.neuron,
    "Reduction": shaping.reduction,
    "Reshape": shaping.reshape,
    "SPP": pooling.spp,
    "Scale": same_shape.scale,
    "Sigmoid": same_shape.neuron,
    "SigmoidCrossEntropyLoss": losses.sigmoid_cross_entropy_loss,
    "Silence": joining.sink,
    "Slice": joining.slice_,
    "Softmax": same_shape.softmax,
    "SoftmaxWithLoss": losses.softmax_loss,
    "Split": joining.split,
    "Swish": same_shape.neuron,
    "TanH": same_shape.neuron,
    "Threshold": same_shape.neuron,
    "Tile": shaping.tile,
    "WindowData": data.window_data,
}


def layer_shapes(setup: LayerSetup) -> SetupResult:
    """The shapes of a layer by the rule of its type.

    Raises:
        Refusal: Caffe would stop at this layer.
        KeyError: the type has no rule.
    """
    result = SHAPE_RULES[setup.param.type](setup)
    refuse_impossible(result)
    return result


# What Caffe refuses without a look at the bottoms.
_OUTPUT_CHECKS: dict[str, Callable[[LayerParameter], None]] = {
    "Convolution": convolution.check_outputs,
    "Deconvolution": convolution.check_outputs,
    "InnerProduct": products.check_outputs,
}


def check_outputs(param: LayerParameter) -> None:
    """Refuse a layer without outputs, as far as its bottoms do not matter.

    Raises:
        Refusal: in Caffe's words.
    """
    check = _OUTPUT_CHECKS.get(param.type)
    if check is not None:
        check(param)


def check_counts(param: LayerParameter, tops: int) -> None:
    """Refuse a layer with too few or too many blobs.

    Args:
        param: the layer's message; its type has a rule.
        tops: the number of its tops, including those that Caffe adds.

    Raises:
        Refusal: in Caffe's words, at the first surplus blob or at the layer.
    """
    rule, bottoms = LAYER_RULES[param.type], len(param.bottom)
    _check(param.type, "bottom", bottoms, rule.bottoms)
    _check(param.type, "top", tops, rule.tops)
    if rule.has_equal_counts and tops != bottoms:
        raise Refusal(
            f"{param.type} Layer produces one top blob as output for each bottom blob input. "
            f"({bottoms} vs. {tops})",
            field="top",
        )
    if not rule.allows_in_place and param.top[:1] == param.bottom[:1]:
        raise Refusal(f"{param.type} Layer does not allow in-place computation.", field="top")


def _check(layer_type: str, name: str, number: int, counts: Counts) -> None:
    least, most = counts
    verb, role = ("takes", "input") if name == "bottom" else ("produces", "output")
    if least == most and number != least:
        limit, bound = "", least
    elif number < least:
        limit, bound = "at least ", least
    elif most is not None and number > most:
        limit, bound = "at most ", most
    else:
        return
    raise Refusal(
        f"{layer_type} Layer {verb} {limit}{bound} {name} blob(s) as {role}. "
        f"({bound} vs. {number})",
        field=name if number > bound else None,
    )
