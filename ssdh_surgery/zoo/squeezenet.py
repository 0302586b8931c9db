"""SqueezeNet 1.0 and 1.1: fire modules that squeeze and expand, no inner product."""

from __future__ import annotations

from functools import partial

from ssdh_surgery.zoo.layers import (
    GPU,
    MAX,
    TEST,
    TRAIN,
    Field,
    Value,
    accuracy,
    convolution,
    dropout,
    filler,
    global_pool,
    imagenet,
    input_layer,
    layer,
    loss,
    pool,
    relu,
    softmax,
)
from ssdh_surgery.zoo.network import Network

# Outputs of each squeeze layer; the two expand layers have four times as many each.
_SQUEEZES = {2: 16, 3: 16, 4: 32, 5: 32, 6: 48, 7: 48, 8: 64, 9: 64}


def _layers(version: str, is_train: bool) -> list[Field]:
    is_first = version == "1.0"

    def conv(
        name: str, bottom: str, num_output: int, kernel_size: int, **parameters: Value
    ) -> list[Field]:
        values = {"num_output": num_output, "kernel_size": kernel_size, **parameters}
        if is_train:
            values.setdefault("weight_filler", filler("xavier"))
        block, _, short = name.rpartition("/")
        relu_name = f"{block}/relu_{short}" if block else f"relu_{name}"
        return [convolution(name, bottom, **values), relu(relu_name, name)]

    def fire(number: int, bottom: str) -> list[Field]:
        squeeze, expand = f"fire{number}/squeeze1x1", f"fire{number}/expand"
        outputs = _SQUEEZES[number]
        return [
            *conv(squeeze, bottom, outputs, 1),
            *conv(f"{expand}1x1", squeeze, 4 * outputs, 1),
            *conv(f"{expand}3x3", squeeze, 4 * outputs, 3, pad=1),
            layer(f"fire{number}/concat", "Concat", (f"{expand}1x1", f"{expand}3x3")),
        ]

    layers = conv("conv1", "data", *((96, 7) if is_first else (64, 3)), stride=2)
    layers.append(pool("pool1", "conv1", MAX, 3, stride=2))
    bottom = "pool1"
    for number in _SQUEEZES:
        layers += fire(number, bottom)
        bottom = f"fire{number}/concat"
        if number in ((4, 8) if is_first else (3, 5)):
            layers.append(pool(f"pool{number}", bottom, MAX, 3, stride=2))
            bottom = f"pool{number}"
    classifier: dict[str, Value] = {"pad": 1 if is_first else None}
    if is_train:
        classifier["weight_filler"] = filler("gaussian", mean=0.0, std=0.01)
    return [
        *layers,
        dropout("drop9", "fire9/concat", 0.5),
        *conv("conv10", "fire9/concat", 1000, 1, **classifier),
        global_pool("pool10", "conv10"),
    ]


def _train_val(version: str) -> list[Field]:
    crop: dict[str, Value] = {"crop_size": 227, "mean_value": (104, 117, 123)}
    # Version 1.1 has its loss and accuracies in both phases.
    train, test = (TRAIN, TEST) if version == "1.0" else (None, None)
    return [
        *imagenet(crop, crop, batch_sizes=(32, 25)),
        *_layers(version, is_train=True),
        loss("loss", "pool10", phase=train),
        accuracy("accuracy", "pool10", phase=test),
        accuracy("accuracy_top5", "pool10", top_k=5, phase=test),
    ]


def _deploy(version: str) -> list[Field]:
    return [
        input_layer(10, 3, 227, 227, name="input" if version == "1.0" else "data"),
        *_layers(version, is_train=False),
        softmax("prob", "pool10"),
    ]


def _network(version: str, parameters: int) -> Network:
    return Network(
        title=f"SqueezeNet {version}, the accuracy of AlexNet with a fiftieth of its parameters",
        year=2016,
        shape=(3, 227, 227),
        parameters=parameters,
        count_source=f"torchvision, squeezenet{version.replace('.', '_')}: {parameters:,}",
        source=f"forresti/SqueezeNet SqueezeNet_v{version}",
        train_val=partial(_train_val, version),
        deploy=partial(_deploy, version),
        solver={
            "test_iter": 2000,
            "test_interval": 1000,
            "base_lr": 0.04,
            "display": 40,
            "max_iter": 170000,
            "iter_size": 16,
            "lr_policy": "poly",
            "power": 1.0,
            "momentum": 0.9,
            "weight_decay": 0.0002,
            "snapshot": 1000,
            "snapshot_prefix": f"squeezenet-{version}",
            "solver_mode": GPU,
            "random_seed": 42,
            "test_initialization": False,
            "average_loss": 40,
        },
    )


NETWORKS = {
    "squeezenet-1.0": _network("1.0", 1_248_424),
    "squeezenet-1.1": _network("1.1", 1_235_496),
}
