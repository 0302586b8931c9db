"""ResNet-18, 50, 101 and 152: four stages of residual blocks, each wider than the last."""

from __future__ import annotations

from functools import partial

from ssdh_surgery.zoo.imagenet import UNPUBLISHED, solver, train_val
from ssdh_surgery.zoo.layers import (
    AVE,
    MAX,
    STATISTICS,
    WEIGHTS_AND_BIAS,
    Field,
    Value,
    convolution,
    filler,
    inner_product,
    input_layer,
    layer,
    pool,
    relu,
    softmax,
)
from ssdh_surgery.zoo.network import Network

# Number of blocks in each stage.
_STAGES = {18: (2, 2, 2, 2), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}


def _block_names(depth: int, stage: int, count: int) -> list[str]:
    """`3a`, `3b`, ...; in the long stages of the deep nets `3a`, `3b1`, `3b2`, ..."""
    if depth > 50 and stage in (3, 4):
        return [f"{stage}a", *(f"{stage}b{number}" for number in range(1, count))]
    return [f"{stage}{letter}" for letter in "abcdef"[:count]]


def _layers(depth: int, is_train: bool) -> list[Field]:
    def conv_block(
        name: str, bottom: str, suffix: str, shape: tuple[int, int, int], **parameters: Value
    ) -> list[Field]:
        """A convolution of (outputs, kernel size, stride), its BatchNorm and Scale."""
        num_output, kernel_size, stride = shape
        values: dict[str, Value] = {
            "num_output": num_output,
            "bias_term": False,
            "pad": kernel_size // 2,
            "kernel_size": kernel_size,
            "stride": stride,
            "weight_filler": filler("msra") if is_train else None,
        }
        return [
            convolution(name, bottom, **{**values, **parameters}),
            _batch_norm(f"bn{suffix}", name, is_train),
            layer(f"scale{suffix}", "Scale", name, name, scale_param={"bias_term": True}),
        ]

    def residual(block: str, bottom: str, width: int, stride: int, projects: bool) -> list[Field]:
        """Two or three convolutions, added to their input or to its projection."""
        convolutions = {"2a": (width, 3, stride), "2b": (width, 3, 1)}
        if depth >= 50:
            convolutions = {
                "2a": (width, 1, stride),
                "2b": (width, 3, 1),
                "2c": (4 * width, 1, 1),
            }
        outputs = list(convolutions.values())[-1][0]
        layers: list[Field] = []
        shortcut = below = bottom
        if projects:
            shortcut = f"res{block}_branch1"
            layers += conv_block(shortcut, bottom, f"{block}_branch1", (outputs, 1, stride))
        for side, shape in convolutions.items():
            name = f"res{block}_branch{side}"
            layers += conv_block(name, below, f"{block}_branch{side}", shape)
            layers.append(relu(f"{name}_relu", name))
            below = name
        # The last ReLU comes after the sum.
        layers[-1] = layer(f"res{block}", "Eltwise", (shortcut, below))
        return [*layers, relu(f"res{block}_relu", f"res{block}")]

    # Of the published nets, only ResNet-50 has a bias here.
    has_bias = None if depth == 50 else False
    layers = [
        *conv_block("conv1", "data", "_conv1", (64, 7, 2), bias_term=has_bias),
        relu("conv1_relu", "conv1"),
        pool("pool1", "conv1", MAX, 3, stride=2),
    ]
    bottom = "pool1"
    for stage, count in enumerate(_STAGES[depth], start=2):
        for block in _block_names(depth, stage, count):
            is_first = block.endswith("a")
            stride = 2 if is_first and stage > 2 else 1
            layers += residual(block, bottom, 16 * 2**stage, stride, projects=is_first)
            bottom = f"res{block}"
    return [*layers, pool("pool5", bottom, AVE, 7, stride=1), _classifier(is_train)]


def _batch_norm(name: str, blob: str, is_train: bool) -> Field:
    if is_train:
        parameters: dict[str, Value] = {"moving_average_fraction": 0.9}
        return layer(name, "BatchNorm", blob, blob, param=STATISTICS, batch_norm_param=parameters)
    return layer(name, "BatchNorm", blob, blob, batch_norm_param={"use_global_stats": True})


def _classifier(is_train: bool) -> Field:
    if not is_train:
        return inner_product("fc1000", "pool5", 1000)
    return inner_product(
        "fc1000",
        "pool5",
        1000,
        param=WEIGHTS_AND_BIAS,
        weight_filler=filler("xavier"),
        bias_filler=filler("constant", value=0),
    )


def _train_val(depth: int) -> list[Field]:
    return train_val(
        f"ResNet-{depth}",
        _layers(depth, is_train=True),
        "fc1000",
        mean=(104, 117, 123),
        accuracies=("acc/top-1", "acc/top-5"),
    )


def _deploy(depth: int) -> list[Field]:
    return [
        ("name", f"ResNet-{depth}"),
        input_layer(1, 3, 224, 224, name="input"),
        *_layers(depth, is_train=False),
        softmax("prob", "fc1000"),
    ]


def _network(depth: int, parameters: int, counted: int) -> Network:
    he = "KaimingHe/deep-residual-networks prototxt"
    return Network(
        title=f"ResNet-{depth}, residual blocks of {'two' if depth < 50 else 'three'} convolutions",
        year=2015,
        shape=(3, 224, 224),
        parameters=parameters,
        count_source=f"HPE Deep Learning Cookbook, resnet{depth}: {counted:,} with statistics",
        source=he if depth >= 50 else "HolmesShuan/ResNet-18-Caffemodel-on-ImageNet",
        train_val=partial(_train_val, depth),
        deploy=partial(_deploy, depth),
        # As in the paper, with batches of 256: three times 30 passes over ImageNet.
        solver=solver(
            f"resnet-{depth}",
            base_lr=0.1,
            lr_policy="multistep",
            stepvalue=(150000, 300000),
            gamma=0.1,
            max_iter=450000,
            iter_size=8,
            momentum=0.9,
            weight_decay=0.0001,
        ),
        # ResNet-18 has the names and shapes of a published net, in the style of the deeper ones.
        unpublished=UNPUBLISHED if depth >= 50 else (*UNPUBLISHED, "deploy"),
    )


NETWORKS = {
    "resnet-18": _network(18, 11_693_736, 11_703_485),
    "resnet-50": _network(50, 25_557_096, 25_610_269),
    "resnet-101": _network(101, 44_549_160, 44_654_608),
    "resnet-152": _network(152, 60_192_808, 60_344_387),
}
