"""LeNet for MNIST, the net of Caffe's first tutorial."""

from __future__ import annotations

from ssdh_surgery.zoo.layers import (
    GPU,
    MAX,
    TEST,
    TRAIN,
    Field,
    Value,
    accuracy,
    convolution,
    data_layer,
    filler,
    inner_product,
    input_layer,
    loss,
    pool,
    relu,
    softmax,
)
from ssdh_surgery.zoo.network import Network

_PARAM = ({"lr_mult": 1}, {"lr_mult": 2})
_FILLERS: dict[str, Value] = {
    "weight_filler": filler("xavier"),
    "bias_filler": filler("constant"),
}


def _layers() -> list[Field]:
    def conv(name: str, bottom: str, num_output: int) -> Field:
        window: dict[str, Value] = {"num_output": num_output, "kernel_size": 5, "stride": 1}
        return convolution(name, bottom, param=_PARAM, **window, **_FILLERS)

    return [
        conv("conv1", "data", 20),
        pool("pool1", "conv1", MAX, 2, stride=2),
        conv("conv2", "pool1", 50),
        pool("pool2", "conv2", MAX, 2, stride=2),
        inner_product("ip1", "pool2", 500, param=_PARAM, **_FILLERS),
        relu("relu1", "ip1"),
        inner_product("ip2", "ip1", 10, param=_PARAM, **_FILLERS),
    ]


def _train_val() -> list[Field]:
    scale = {"scale": 0.00390625}
    folder = "examples/mnist/mnist_{}_lmdb"
    return [
        ("name", "LeNet"),
        data_layer(TRAIN, scale, folder.format("train"), 64, name="mnist"),
        data_layer(TEST, scale, folder.format("test"), 100, name="mnist"),
        *_layers(),
        accuracy("accuracy", "ip2"),
        loss("loss", "ip2"),
    ]


def _deploy() -> list[Field]:
    return [
        ("name", "LeNet"),
        input_layer(64, 1, 28, 28),
        *_layers(),
        softmax("prob", "ip2"),
    ]


NETWORKS = {
    "lenet": Network(
        title="LeNet for MNIST, with ReLU",
        year=1998,
        shape=(1, 28, 28),
        parameters=431_080,
        count_source="Han et al., NIPS 2015 (arXiv:1506.02626), LeNet-5: 431 thousand",
        source="BVLC/caffe examples/mnist",
        train_val=_train_val,
        deploy=_deploy,
        solver={
            "test_iter": 100,
            "test_interval": 500,
            "base_lr": 0.01,
            "momentum": 0.9,
            "weight_decay": 0.0005,
            "lr_policy": "inv",
            "gamma": 0.0001,
            "power": 0.75,
            "display": 100,
            "max_iter": 10000,
            "snapshot": 5000,
            "snapshot_prefix": "lenet",
            "solver_mode": GPU,
        },
    )
}
