"""DenseNet-121: each layer is given the outputs of all layers before it in its block."""

from __future__ import annotations

from ssdh_surgery.prototxt.render import Word
from ssdh_surgery.zoo.imagenet import MADE_HERE, solver, train_val
from ssdh_surgery.zoo.layers import (
    AVE,
    MAX,
    STATISTICS,
    WEIGHTS_AND_BIAS,
    Field,
    Value,
    filler,
    global_pool,
    input_layer,
    layer,
    pool,
    relu,
)
from ssdh_surgery.zoo.network import Network

# Layers of each block; each adds `_GROWTH` channels.
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
        return layer(name, "Convolution", bottom, convolution_param=values)

    def normalised(name: str, bottom: str) -> list[Field]:
        """BatchNorm, Scale and ReLU, which stand before a convolution here."""
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
    made = [
        conv("conv1", "data", channels, pad=3, kernel_size=7, stride=2),
        *normalised("conv1", "conv1"),
        # Torch rounds down, where Caffe rounds up and gets another column and row.
        pool("pool1", "conv1/bn", MAX, 3, stride=2, pad=1, round_mode=Word("FLOOR")),
    ]
    bottom = "pool1"
    for block, count in _BLOCKS.items():
        for number in range(1, count + 1):
            one, two = f"conv{block}_{number}/x1", f"conv{block}_{number}/x2"
            concat = f"concat_{block}_{number}"
            made += [
                *normalised(one, bottom),
                conv(one, f"{one}/bn", 4 * _GROWTH, kernel_size=1),
                *normalised(two, one),
                conv(two, f"{two}/bn", _GROWTH, pad=1, kernel_size=3),
                layer(concat, "Concat", (bottom, two)),
            ]
            bottom = concat
        channels += count * _GROWTH
        made += normalised(f"conv{block}_blk", bottom)
        if block < max(_BLOCKS):
            channels //= 2
            name = f"conv{block}_blk"
            made.append(conv(name, f"{name}/bn", channels, kernel_size=1))
            made.append(pool(f"pool{block}", name, AVE, 2, stride=2))
            bottom = f"pool{block}"
    return [*made, global_pool("pool5", "conv5_blk/bn"), _classifier(is_train)]


def _classifier(is_train: bool) -> Field:
    values: dict[str, Value] = {"num_output": 1000, "kernel_size": 1}
    if is_train:
        values["weight_filler"] = filler("xavier")
        values["bias_filler"] = filler("constant", value=0)
    param = WEIGHTS_AND_BIAS if is_train else None
    return layer("fc6", "Convolution", "pool5", param=param, convolution_param=values)


def _train_val() -> list[Field]:
    # The README's own values.
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
        title="DenseNet-121, of growth rate 32",
        year=2016,
        shape=(3, 224, 224),
        parameters=7_978_856,
        counted_by="torchvision, densenet121: 7,978,856",
        source="shicai/DenseNet-Caffe",
        train_val=_train_val,
        deploy=_deploy,
        # As in the paper, with batches of 256: 30, 30 and 30 rounds of ImageNet.
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
        made_here=MADE_HERE,
    )
}
