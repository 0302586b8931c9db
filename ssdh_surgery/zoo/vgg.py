"""VGG-16 and VGG-19: five blocks of 3x3 convolutions and three inner product layers."""

from __future__ import annotations

from functools import partial

from ssdh_surgery.zoo.imagenet import UNPUBLISHED, solver, train_val
from ssdh_surgery.zoo.layers import (
    MAX,
    WEIGHTS_AND_BIAS,
    Field,
    Value,
    convolution,
    dropout,
    filler,
    inner_product,
    input_layer,
    pool,
    relu,
    softmax,
)
from ssdh_surgery.zoo.network import Network

# Outputs of the convolutions in each block, and the number of convolutions.
_WIDTHS = (64, 128, 256, 512, 512)
_DEPTHS = {16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}


def _layers(depth: int, is_train: bool) -> list[Field]:
    param = WEIGHTS_AND_BIAS if is_train else None
    # The initialisation that the paper finally recommends, without pre-training.
    fillers: dict[str, Value] = (
        {"weight_filler": filler("xavier"), "bias_filler": filler("constant", value=0)}
        if is_train
        else {}
    )

    def conv(name: str, bottom: str, num_output: int) -> Field:
        window: dict[str, Value] = {"num_output": num_output, "pad": 1, "kernel_size": 3}
        return convolution(name, bottom, param=param, **window, **fillers)

    layers: list[Field] = []
    bottom = "data"
    for block, (width, count) in enumerate(zip(_WIDTHS, _DEPTHS[depth], strict=True), start=1):
        for number in range(1, count + 1):
            name = f"conv{block}_{number}"
            layers += [conv(name, bottom, width), relu(f"relu{block}_{number}", name)]
            bottom = name
        layers.append(pool(f"pool{block}", bottom, MAX, 2, stride=2))
        bottom = f"pool{block}"
    for number in (6, 7):
        name = f"fc{number}"
        layers += [
            inner_product(name, bottom, 4096, param=param, **fillers),
            relu(f"relu{number}", name),
            dropout(f"drop{number}", name, 0.5),
        ]
        bottom = name
    return [*layers, inner_product("fc8", "fc7", 1000, param=param, **fillers)]


def _train_val(depth: int) -> list[Field]:
    mean = (103.939, 116.779, 123.68)
    return train_val(f"VGG_ILSVRC_{depth}_layers", _layers(depth, is_train=True), "fc8", mean=mean)


def _deploy(depth: int) -> list[Field]:
    return [
        ("name", f"VGG_ILSVRC_{depth}_layers"),
        input_layer(10, 3, 224, 224, name="input"),
        *_layers(depth, is_train=False),
        softmax("prob", "fc8"),
    ]


def _network(depth: int, parameters: int, source: str) -> Network:
    return Network(
        title=f"VGG-{depth}, configuration {'D' if depth == 16 else 'E'} of the VGG group",
        year=2014,
        shape=(3, 224, 224),
        parameters=parameters,
        count_source=f"Keras Applications, VGG{depth}: {parameters:,}",
        source=source,
        train_val=partial(_train_val, depth),
        deploy=partial(_deploy, depth),
        # As in the paper: batches of 256, the rate divided by 10 three times.
        solver=solver(
            f"vgg-{depth}",
            base_lr=0.01,
            lr_policy="step",
            stepsize=100000,
            gamma=0.1,
            max_iter=370000,
            iter_size=8,
            momentum=0.9,
            weight_decay=0.0005,
        ),
        unpublished=UNPUBLISHED,
    )


NETWORKS = {
    "vgg-16": _network(16, 138_357_544, "gist.github.com/ksimonyan/211839e770f7b538e2d8"),
    "vgg-19": _network(19, 143_667_240, "gist.github.com/ksimonyan/3785162f95cd2d5fee77"),
}
