"""DenseNet-121: each layer reads the outputs of all earlier layers of its block."""

from __future__ import annotations

from ssdh_surgery.prototxt.render import Word
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
    global_pool,
    input_layer,
    layer,
    pool,
    relu,
)
from ssdh_surgery.zoo.network import Network

# Number of layers in each block; each layer adds `_GROWTH` channels.
_BLOCKS = {2: 6, 3: 12, 4: 24, 5: 16}
_GROWTH = 32


def _layers(is_train: bool) -> list[Field]:
    weights = filler("msra") if is_train else None

    def conv(name: str, bottom: str, num_output: int, **parameters: Value) -> Field:
        values: dict[str, Value] = {
            "num_output": num_output,
            "bias_term": False,
            **parameters,
            "weight_filler": weights,
        }
        return convolution(name, bottom, **values)

    def pre_activation(name: str, bottom: str) -> list[Field]:
        """BatchNorm, Scale and ReLU, which here come before a convolution."""
        blob = f"{name}/bn"
        return [
            layer(
                blob,
                "BatchNorm",
                bottom,
                param=STATISTICS if is_train else None,
                batch_norm_param={"eps": 1e-5},
            ),
            layer(f"{name}/scale", "Scale", blob, blob, scale_param={"bias_term": True}),
            relu(name.replace("conv", "relu"), blob),
        ]

    channels = 2 * _GROWTH
    layers = [
        conv("conv1", "data", channels, pad=3, kernel_size=7, stride=2),
        *pre_activation("conv1", "conv1"),
        # Torch rounds down where Caffe would round up and add a row and a column.
        pool("pool1", "conv1/bn", MAX, 3, stride=2, pad=1, round_mode=Word("FLOOR")),
    ]
    bottom = "pool1"
    for block, count in _BLOCKS.items():
        for number in range(1, count + 1):
            one, two = f"conv{block}_{number}/x1", f"conv{block}_{number}/x2"
            concat = f"concat_{block}_{number}"
            layers += [
                *pre_activation(one, bottom),
                conv(one, f"{one}/bn", 4 * _GROWTH, kernel_size=1),
                *pre_activation(two, one),
                conv(two, f"{two}/bn", _GROWTH, pad=1, kernel_size=3),
                layer(concat, "Concat", (bottom, two)),
            ]
            bottom = concat
        channels += count * _GROWTH
        layers += pre_activation(f"conv{block}_blk", bottom)
        if block < max(_BLOCKS):
            channels //= 2
            name = f"conv{block}_blk"
            layers.append(conv(name, f"{name}/bn", channels, kernel_size=1))
            layers.append(pool(f"pool{block}", name, AVE, 2, stride=2))
            bottom = f"pool{block}"
    return [*layers, global_pool("pool5", "conv5_blk/bn"), _classifier(is_train)]


def _classifier(is_train: bool) -> Field:
    values: dict[str, Value] = {"num_output": 1000, "kernel_size": 1}
    if is_train:
        values["weight_filler"] = filler("xavier")
        values["bias_filler"] = filler("constant", value=0)
    param = WEIGHTS_AND_BIAS if is_train else None
    return convolution("fc6", "pool5", param=param, **values)


def _train_val() -> list[Field]:
    # The values of the README.
    mean, scale = (103.94, 116.78, 123.68), 0.017
    return train_val("DENSENET_121", _layers(is_train=True), "fc6", mean=mean, scale=scale)


def _deploy() -> list[Field]:
    # The published file ends in the classifier, without probabilities.
    return [
        ("name", "DENSENET_121"),
        input_layer(1, 3, 224, 224, name="input"),
        *_layers(is_train=False),
    ]


NETWORKS = {
    "densenet-121": Network(
        title="DenseNet-121, growth rate 32",
        year=2016,
        shape=(3, 224, 224),
        parameters=7_978_856,
        count_source="torchvision, densenet121: 7,978,856",
        source="shicai/DenseNet-Caffe",
        train_val=_train_val,
        deploy=_deploy,
        # As in the paper, with batches of 256: three times 30 passes over ImageNet.
        solver=solver(
            "densenet-121",
            base_lr=0.1,
            lr_policy="multistep",
            stepvalue=(150000, 300000),
            gamma=0.1,
            max_iter=450000,
            iter_size=8,
            momentum=0.9,
            weight_decay=0.0001,
            type="Nesterov",
        ),
        unpublished=UNPUBLISHED,
    )
}
