"""The quick net of Caffe's CIFAR-10 tutorial, after Alex Krizhevsky's cuda-convnet."""

from __future__ import annotations

from ssdh_surgery.zoo.layers import (
    AVE,
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


def _layers(is_train: bool) -> list[Field]:
    def fillers(std: float) -> dict[str, Value]:
        if not is_train:
            return {}
        weights = filler("gaussian", std=std)
        return {"weight_filler": weights, "bias_filler": filler("constant")}

    def conv(name: str, bottom: str, num_output: int, std: float) -> Field:
        window: dict[str, Value] = {
            "num_output": num_output,
            "pad": 2,
            "kernel_size": 5,
            "stride": 1,
        }
        return convolution(name, bottom, param=_PARAM, **window, **fillers(std))

    return [
        conv("conv1", "data", 32, std=0.0001),
        pool("pool1", "conv1", MAX, 3, stride=2),
        relu("relu1", "pool1"),
        conv("conv2", "pool1", 32, std=0.01),
        relu("relu2", "conv2"),
        pool("pool2", "conv2", AVE, 3, stride=2),
        conv("conv3", "pool2", 64, std=0.01),
        relu("relu3", "conv3"),
        pool("pool3", "conv3", AVE, 3, stride=2),
        inner_product("ip1", "pool3", 64, param=_PARAM, **fillers(0.1)),
        inner_product("ip2", "ip1", 10, param=_PARAM, **fillers(0.1)),
    ]


def _train_val() -> list[Field]:
    mean = {"mean_file": "examples/cifar10/mean.binaryproto"}
    folder = "examples/cifar10/cifar10_{}_lmdb"
    return [
        ("name", "CIFAR10_quick"),
        data_layer(TRAIN, mean, folder.format("train"), 100, name="cifar"),
        data_layer(TEST, mean, folder.format("test"), 100, name="cifar"),
        *_layers(is_train=True),
        accuracy("accuracy", "ip2"),
        loss("loss", "ip2"),
    ]


def _deploy() -> list[Field]:
    return [
        ("name", "CIFAR10_quick_test"),
        input_layer(1, 3, 32, 32),
        *_layers(is_train=False),
        softmax("prob", "ip2"),
    ]


NETWORKS = {
    "cifar10-quick": Network(
        title="CIFAR-10 quick, for 32 x 32 images of ten classes",
        year=2013,
        shape=(3, 32, 32),
        parameters=145_578,
        count_source="BVLC Caffe 1.0, from the shapes that it sets up: 145,578",
        source="BVLC/caffe examples/cifar10",
        train_val=_train_val,
        deploy=_deploy,
        solver={
            "test_iter": 100,
            "test_interval": 500,
            "base_lr": 0.001,
            "momentum": 0.9,
            "weight_decay": 0.004,
            "lr_policy": "fixed",
            "display": 100,
            "max_iter": 4000,
            "snapshot": 4000,
            "snapshot_prefix": "cifar10-quick",
            "solver_mode": GPU,
        },
    )
}
