"""GoogLeNet as BVLC trained it: nine inception modules and two auxiliary classifiers."""

from __future__ import annotations

from ssdh_surgery.zoo.layers import (
    AVE,
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
    layer,
    loss,
    lrn,
    pool,
    relu,
    softmax,
)
from ssdh_surgery.zoo.network import Network

# Outputs of 1x1, 3x3 reduce, 3x3, 5x5 reduce, 5x5 and pool projection.
_MODULES = {
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}
# The modules that are followed by a max pooling, and those that feed an auxiliary classifier.
_POOLED = {"3b": "pool3/3x3_s2", "4e": "pool4/3x3_s2"}
_AUXILIARY = {"4a": "loss1", "4d": "loss2"}


def _layers(is_train: bool) -> list[Field]:
    # The published deploy file still has the `std` of earlier fillers; xavier ignores it.
    def conv(
        name: str,
        bottom: str,
        num_output: int,
        kernel_size: int,
        std: float | None,
        stride: int = 1,
    ) -> list[Field]:
        block, short = name.removesuffix("_s2").split("/")
        parameters: dict[str, Value] = {
            "num_output": num_output,
            "pad": kernel_size // 2 or None,
            "kernel_size": kernel_size,
            "stride": stride if stride > 1 else None,
            "weight_filler": filler("xavier", std=None if is_train else std),
            "bias_filler": filler("constant", value=0.2),
        }
        return [
            convolution(name, bottom, param=WEIGHTS_AND_BIAS, **parameters),
            relu(f"{block}/relu_{short}", name),
        ]

    def inception(module: str, bottom: str) -> list[Field]:
        one, three_reduce, three, five_reduce, five, projection = _MODULES[module]
        block = f"inception_{module}"
        branches = ("1x1", "3x3", "5x5", "pool_proj")
        return [
            *conv(f"{block}/1x1", bottom, one, 1, 0.03),
            *conv(f"{block}/3x3_reduce", bottom, three_reduce, 1, 0.09),
            *conv(f"{block}/3x3", f"{block}/3x3_reduce", three, 3, 0.03),
            *conv(f"{block}/5x5_reduce", bottom, five_reduce, 1, 0.2),
            *conv(f"{block}/5x5", f"{block}/5x5_reduce", five, 5, 0.03),
            pool(f"{block}/pool", bottom, MAX, 3, stride=1, pad=1),
            *conv(f"{block}/pool_proj", f"{block}/pool", projection, 1, 0.1),
            layer(f"{block}/output", "Concat", tuple(f"{block}/{name}" for name in branches)),
        ]

    def auxiliary(head: str, bottom: str) -> list[Field]:
        return [
            pool(f"{head}/ave_pool", bottom, AVE, 5, stride=3),
            *conv(f"{head}/conv", f"{head}/ave_pool", 128, 1, None),
            _inner_product(f"{head}/fc", f"{head}/conv", 1024, bias=0.2),
            relu(f"{head}/relu_fc", f"{head}/fc"),
            dropout(f"{head}/drop_fc", f"{head}/fc", 0.7),
            _inner_product(f"{head}/classifier", f"{head}/fc", 1000, bias=0),
            loss(f"{head}/loss", f"{head}/classifier", f"{head}/{head}", loss_weight=0.3),
            *_accuracies(head),
        ]

    layers = [
        *conv("conv1/7x7_s2", "data", 64, 7, 0.1, stride=2),
        pool("pool1/3x3_s2", "conv1/7x7_s2", MAX, 3, stride=2),
        lrn("pool1/norm1", "pool1/3x3_s2"),
        *conv("conv2/3x3_reduce", "pool1/norm1", 64, 1, 0.1),
        *conv("conv2/3x3", "conv2/3x3_reduce", 192, 3, 0.03),
        lrn("conv2/norm2", "conv2/3x3"),
        pool("pool2/3x3_s2", "conv2/norm2", MAX, 3, stride=2),
    ]
    bottom = "pool2/3x3_s2"
    for module in _MODULES:
        layers += inception(module, bottom)
        bottom = f"inception_{module}/output"
        if module in _POOLED:
            layers.append(pool(_POOLED[module], bottom, MAX, 3, stride=2))
            bottom = _POOLED[module]
        if is_train and module in _AUXILIARY:
            layers += auxiliary(_AUXILIARY[module], bottom)
    return [
        *layers,
        pool("pool5/7x7_s1", bottom, AVE, 7, stride=1),
        dropout("pool5/drop_7x7_s1", "pool5/7x7_s1", 0.4),
        _inner_product("loss3/classifier", "pool5/7x7_s1", 1000, bias=0),
    ]


def _inner_product(name: str, bottom: str, num_output: int, bias: float) -> Field:
    return inner_product(
        name,
        bottom,
        num_output,
        param=WEIGHTS_AND_BIAS,
        weight_filler=filler("xavier"),
        bias_filler=filler("constant", value=bias),
    )


def _accuracies(head: str) -> list[Field]:
    classifier = f"{head}/classifier"
    return [accuracy(f"{head}/top-1", classifier), accuracy(f"{head}/top-5", classifier, top_k=5)]


def _train_val() -> list[Field]:
    crop: dict[str, Value] = {"crop_size": 224, "mean_value": (104, 117, 123)}
    return [
        ("name", "GoogleNet"),
        *imagenet({"mirror": True, **crop}, {"mirror": False, **crop}, batch_sizes=(32, 50)),
        *_layers(is_train=True),
        loss("loss3/loss3", "loss3/classifier", loss_weight=1),
        *_accuracies("loss3"),
    ]


def _deploy() -> list[Field]:
    return [
        ("name", "GoogleNet"),
        input_layer(10, 3, 224, 224),
        *_layers(is_train=False),
        softmax("prob", "loss3/classifier"),
    ]


NETWORKS = {
    "googlenet": Network(
        title="GoogLeNet (Inception v1), as trained by BVLC",
        year=2014,
        shape=(3, 224, 224),
        parameters=6_998_552,
        count_source="HPE Deep Learning Cookbook, googlenet: 6,998,552",
        source="BVLC/caffe models/bvlc_googlenet",
        train_val=_train_val,
        deploy=_deploy,
        solver={
            "test_iter": 1000,
            "test_interval": 4000,
            "test_initialization": False,
            "display": 40,
            "average_loss": 40,
            "base_lr": 0.01,
            "lr_policy": "step",
            "stepsize": 320000,
            "gamma": 0.96,
            "max_iter": 10000000,
            "momentum": 0.9,
            "weight_decay": 0.0002,
            "snapshot": 40000,
            "snapshot_prefix": "googlenet",
            "solver_mode": GPU,
        },
    )
}
