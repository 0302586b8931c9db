"""AlexNet and CaffeNet as BVLC trained them; CaffeNet pools before it normalises."""

from __future__ import annotations

from functools import partial

from ssdh_surgery.zoo.layers import (
    GPU,
    MAX,
    WEIGHTS_AND_BIAS,
    Field,
    Value,
    accuracy,
    convolution,
    dropout,
    filler,
    imagenet,
    inner_product,
    input_layer,
    loss,
    lrn,
    pool,
    relu,
    softmax,
)
from ssdh_surgery.zoo.network import Network

# Outputs, pad, kernel size, stride, group.
_CONVOLUTIONS = {
    1: (96, None, 11, 4, None),
    2: (256, 2, 5, None, 2),
    3: (384, 1, 3, None, None),
    4: (384, 1, 3, None, 2),
    5: (256, 1, 3, None, 2),
}
# Outputs, standard deviation of the weights.
_INNER_PRODUCTS = {6: (4096, 0.005), 7: (4096, 0.005), 8: (1000, 0.01)}
# The layers whose bias starts above 0.
_BIASED = (2, 4, 5, 6, 7)


def _layers(bias: float, pools_first: bool, is_train: bool, has_param: bool) -> list[Field]:
    param = WEIGHTS_AND_BIAS if has_param else None

    def fillers(number: int, std: float) -> dict[str, Value]:
        if not is_train:
            return {}
        value = bias if number in _BIASED else 0
        return {
            "weight_filler": filler("gaussian", std=std),
            "bias_filler": filler("constant", value=value),
        }

    def conv(number: int, bottom: str) -> list[Field]:
        num_output, pad, kernel_size, stride, group = _CONVOLUTIONS[number]
        parameters: dict[str, Value] = {
            "num_output": num_output,
            "pad": pad,
            "kernel_size": kernel_size,
            "stride": stride,
            "group": group,
            **fillers(number, 0.01),
        }
        name = f"conv{number}"
        return [
            convolution(name, bottom, param=param, **parameters),
            relu(f"relu{number}", name),
        ]

    def pool_and_norm(number: int) -> list[Field]:
        conv_name, norm_name, pool_name = f"conv{number}", f"norm{number}", f"pool{number}"
        if pools_first:
            return [pool(pool_name, conv_name, MAX, 3, stride=2), lrn(norm_name, pool_name)]
        return [lrn(norm_name, conv_name), pool(pool_name, norm_name, MAX, 3, stride=2)]

    def fc(number: int, bottom: str) -> Field:
        num_output, std = _INNER_PRODUCTS[number]
        return inner_product(f"fc{number}", bottom, num_output, param=param, **fillers(number, std))

    def hidden(number: int, bottom: str) -> list[Field]:
        return [
            fc(number, bottom),
            relu(f"relu{number}", f"fc{number}"),
            dropout(f"drop{number}", f"fc{number}", 0.5),
        ]

    last = "norm" if pools_first else "pool"
    return [
        *conv(1, "data"),
        *pool_and_norm(1),
        *conv(2, f"{last}1"),
        *pool_and_norm(2),
        *conv(3, f"{last}2"),
        *conv(4, "conv3"),
        *conv(5, "conv4"),
        pool("pool5", "conv5", MAX, 3, stride=2),
        *hidden(6, "pool5"),
        *hidden(7, "fc6"),
        fc(8, "fc7"),
    ]


def _train_val(name: str, bias: float, pools_first: bool) -> list[Field]:
    crop: dict[str, Value] = {
        "crop_size": 227,
        "mean_file": "data/ilsvrc12/imagenet_mean.binaryproto",
    }
    return [
        ("name", name),
        *imagenet({"mirror": True, **crop}, {"mirror": False, **crop}, batch_sizes=(256, 50)),
        *_layers(bias, pools_first, is_train=True, has_param=True),
        accuracy("accuracy", "fc8"),
        loss("loss", "fc8"),
    ]


def _deploy(name: str, pools_first: bool, has_param: bool) -> list[Field]:
    return [
        ("name", name),
        input_layer(10, 3, 227, 227),
        *_layers(0, pools_first, is_train=False, has_param=has_param),
        softmax("prob", "fc8"),
    ]


def _solver(name: str) -> dict[str, Value]:
    return {
        "test_iter": 1000,
        "test_interval": 1000,
        "base_lr": 0.01,
        "lr_policy": "step",
        "gamma": 0.1,
        "stepsize": 100000,
        "display": 20,
        "max_iter": 450000,
        "momentum": 0.9,
        "weight_decay": 0.0005,
        "snapshot": 10000,
        "snapshot_prefix": name,
        "solver_mode": GPU,
    }


NETWORKS = {
    "alexnet": Network(
        title="AlexNet, as trained by BVLC",
        year=2012,
        shape=(3, 227, 227),
        parameters=60_965_224,
        count_source="Open Model Zoo, alexnet: 60.965 million",
        source="BVLC/caffe models/bvlc_alexnet",
        train_val=partial(_train_val, "AlexNet", bias=0.1, pools_first=False),
        deploy=partial(_deploy, "AlexNet", pools_first=False, has_param=True),
        solver=_solver("alexnet"),
    ),
    "caffenet": Network(
        title="CaffeNet, BVLC's reference net: AlexNet with pooling before normalisation",
        year=2013,
        shape=(3, 227, 227),
        parameters=60_965_224,
        count_source="Open Model Zoo, caffenet: 60.965 million",
        source="BVLC/caffe models/bvlc_reference_caffenet",
        train_val=partial(_train_val, "CaffeNet", bias=1, pools_first=True),
        deploy=partial(_deploy, "CaffeNet", pools_first=True, has_param=False),
        solver=_solver("caffenet"),
    ),
}
