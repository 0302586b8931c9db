"""MobileNet v1 and v2: depthwise convolutions, and 1x1 convolutions across the channels."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from ssdh_surgery.prototxt.render import Word
from ssdh_surgery.zoo.imagenet import UNPUBLISHED, solver, train_val
from ssdh_surgery.zoo.layers import (
    SCALE_AND_SHIFT,
    STATISTICS,
    WEIGHTS_ALONE,
    WEIGHTS_AND_BIAS,
    Field,
    Value,
    convolution,
    filler,
    global_pool,
    input_layer,
    layer,
    relu,
    softmax,
)
from ssdh_surgery.zoo.network import Network

# v1: outputs and stride of each pair of convolutions, by the name of the pair.
_PAIRS = {
    "2_1": (64, 1),
    "2_2": (128, 2),
    "3_1": (128, 1),
    "3_2": (256, 2),
    "4_1": (256, 1),
    "4_2": (512, 2),
    "5_1": (512, 1),
    "5_2": (512, 1),
    "5_3": (512, 1),
    "5_4": (512, 1),
    "5_5": (512, 1),
    "5_6": (1024, 2),
    "6": (1024, 1),
}
# v2: outputs and stride of each inverted residual; it expands to six times its inputs.
_RESIDUALS = {
    "2_1": (16, 1),
    "2_2": (24, 2),
    "3_1": (24, 1),
    "3_2": (32, 2),
    "4_1": (32, 1),
    "4_2": (32, 1),
    "4_3": (64, 1),
    "4_4": (64, 1),
    "4_5": (64, 1),
    "4_6": (64, 1),
    "4_7": (96, 2),
    "5_1": (96, 1),
    "5_2": (96, 1),
    "5_3": (160, 2),
    "6_1": (160, 1),
    "6_2": (160, 1),
    "6_3": (320, 1),
}


def _conv(
    name: str, bottom: str, num_output: int, *, group: int | None = None, **parameters: Value
) -> Field:
    values: dict[str, Value] = {
        "num_output": num_output,
        "bias_term": False,
        **parameters,
        "group": group,
        "weight_filler": filler("msra"),
        # As published, because of the many groups.
        "engine": None if group is None else Word("CAFFE"),
    }
    return convolution(name, bottom, param=WEIGHTS_ALONE, **values)


def _normalization(name: str, top: str, scale: dict[str, Value], is_train: bool) -> list[Field]:
    """The BatchNorm and Scale after a convolution; `top` may be the convolution's own."""
    statistics: dict[str, Value] = {"use_global_stats": None if is_train else True, "eps": 1e-5}
    return [
        layer(f"{name}/bn", "BatchNorm", name, top, param=STATISTICS, batch_norm_param=statistics),
        layer(f"{name}/scale", "Scale", top, top, param=SCALE_AND_SHIFT, scale_param=scale),
    ]


def _classifier(bottom: str) -> list[Field]:
    parameters: dict[str, Value] = {
        "num_output": 1000,
        "kernel_size": 1,
        "weight_filler": filler("msra"),
        "bias_filler": filler("constant", value=0),
    }
    return [
        global_pool("pool6", bottom),
        convolution("fc7", "pool6", param=WEIGHTS_AND_BIAS, **parameters),
    ]


def _layers_v1(is_train: bool) -> list[Field]:
    scale: dict[str, Value] = {
        "filler": {"value": 1},
        "bias_term": True,
        "bias_filler": {"value": 0},
    }

    def block(name: str, convolution: Field) -> list[Field]:
        relu_name = name.replace("conv", "relu")
        return [
            convolution,
            *_normalization(name, name, scale, is_train),
            relu(relu_name, name),
        ]

    inputs = 32
    layers = block("conv1", _conv("conv1", "data", inputs, pad=1, kernel_size=3, stride=2))
    bottom = "conv1"
    for pair, (num_output, stride) in _PAIRS.items():
        within, across = f"conv{pair}/dw", f"conv{pair}/sep"
        depthwise = _conv(within, bottom, inputs, pad=1, kernel_size=3, stride=stride, group=inputs)
        layers += block(within, depthwise)
        layers += block(across, _conv(across, within, num_output, pad=0, kernel_size=1, stride=1))
        bottom, inputs = across, num_output
    return [*layers, *_classifier(bottom)]


def _layers_v2(is_train: bool) -> list[Field]:
    def block(name: str, convolution: Field, has_relu: bool = True) -> list[Field]:
        layers = [
            convolution,
            *_normalization(name, f"{name}/bn", {"bias_term": True}, is_train),
        ]
        return [*layers, relu(name.replace("conv", "relu"), f"{name}/bn")] if has_relu else layers

    inputs = 32
    layers = block("conv1", _conv("conv1", "data", inputs, pad=1, kernel_size=3, stride=2))
    bottom = "conv1/bn"
    for number, (num_output, stride) in _RESIDUALS.items():
        expand, within, linear = (f"conv{number}/{part}" for part in ("expand", "dwise", "linear"))
        wide = inputs if number == "2_1" else 6 * inputs
        depthwise = _conv(
            within,
            f"{expand}/bn",
            wide,
            pad=1,
            kernel_size=3,
            stride=stride if stride > 1 else None,
            group=wide,
        )
        layers += block(expand, _conv(expand, bottom, wide, kernel_size=1))
        layers += block(within, depthwise)
        layers += block(
            linear, _conv(linear, f"{within}/bn", num_output, kernel_size=1), has_relu=False
        )
        if stride == 1 and num_output == inputs:
            layers.append(layer(f"block_{number}", "Eltwise", (bottom, f"{linear}/bn")))
            bottom = f"block_{number}"
        else:
            bottom = f"{linear}/bn"
        inputs = num_output
    layers += block("conv6_4", _conv("conv6_4", bottom, 1280, kernel_size=1))
    return [*layers, *_classifier("conv6_4/bn")]


def _train_val(name: str, layers: Callable[[bool], list[Field]]) -> list[Field]:
    # The values of the README, and its names for the accuracies.
    return train_val(
        name,
        layers(True),
        "fc7",
        mean=(103.94, 116.78, 123.68),
        scale=0.017,
        accuracies=("top1/acc", "top5/acc"),
    )


def _deploy(name: str, layers: Callable[[bool], list[Field]]) -> list[Field]:
    return [
        ("name", name),
        input_layer(1, 3, 224, 224, name="input"),
        *layers(False),
        softmax("prob", "fc7"),
    ]


def _solver(name: str) -> dict[str, Value]:
    """Learning rate, its decay and the weight decay of the v2 paper, with batches of 96."""
    return solver(
        name,
        base_lr=0.045,
        lr_policy="step",
        stepsize=13345,
        gamma=0.98,
        max_iter=2000000,
        iter_size=3,
        momentum=0.9,
        weight_decay=0.00004,
    )


NETWORKS = {
    "mobilenet-v1": Network(
        title="MobileNet v1, full width, for 224 x 224 images",
        year=2017,
        shape=(3, 224, 224),
        parameters=4_231_976,
        count_source="Keras Applications, MobileNet: 4,253,864 with statistics",
        source="shicai/MobileNet-Caffe",
        train_val=partial(_train_val, "MOBILENET", _layers_v1),
        deploy=partial(_deploy, "MOBILENET", _layers_v1),
        solver=_solver("mobilenet-v1"),
        unpublished=UNPUBLISHED,
    ),
    "mobilenet-v2": Network(
        title="MobileNet v2: inverted residuals and linear bottlenecks",
        year=2018,
        shape=(3, 224, 224),
        parameters=3_505_960,
        count_source="Open Model Zoo, mobilenet-v2: 3.489 million with the scales folded in",
        source="shicai/MobileNet-Caffe",
        train_val=partial(_train_val, "MOBILENET_V2", _layers_v2),
        deploy=partial(_deploy, "MOBILENET_V2", _layers_v2),
        solver=_solver("mobilenet-v2"),
        unpublished=UNPUBLISHED,
    ),
}
