"""Inception-v3: modules of factorised convolutions between two reductions of the grid."""

from __future__ import annotations

import re

from ssdh_surgery.zoo.imagenet import UNPUBLISHED, solver, train_val
from ssdh_surgery.zoo.layers import (
    AVE,
    MAX,
    STATISTICS,
    WEIGHTS_ALONE,
    WEIGHTS_AND_BIAS,
    Field,
    Value,
    convolution,
    filler,
    global_pool,
    inner_product,
    input_layer,
    layer,
    pool,
    relu,
    softmax,
)
from ssdh_surgery.zoo.network import Network

# Modules on the 35 x 35 grid, with the outputs of the pool projection.
_MODULES_A = {"a1": 32, "a2": 64, "a3": 64}
# Modules on the 17 x 17 grid, with the outputs of the inner convolutions.
_MODULES_B = {"b1": 128, "b2": 160, "b3": 160, "b4": 192}
# Modules on the 8 x 8 grid, with their pooling method.
_MODULES_C = {"c1": AVE, "c2": MAX}
# The published file gives this convolution a bias filler, but no bias.
_WITH_BIAS_FILLER = "inception_b3_1x1"


def _kernel(name: str) -> tuple[int, int]:
    """Height and width of a convolution's kernel, read from its name."""
    if name.endswith(("_reduce", "_proj")):
        return 1, 1
    height, width = re.findall(r"(\d)x(\d)", name)[0]
    return int(height), int(width)


class _Builder:
    """The layers so far, each convolution with its BatchNorm, Scale and ReLU."""

    def __init__(self, is_train: bool) -> None:
        self.is_train = is_train
        self.layers: list[Field] = []

    def conv(
        self,
        name: str,
        bottom: str,
        num_output: int,
        stride: int = 1,
        is_padded: bool = True,
        relu_name: str | None = None,
    ) -> None:
        """A convolution, padded to keep the size of the grid unless its stride is 2."""
        height, width = _kernel(name)
        pad_h, pad_w = (height // 2, width // 2) if stride == 1 and is_padded else (0, 0)
        window: dict[str, Value] = {"pad": pad_h, "kernel_size": height}
        if height != width:
            window = {"pad_h": pad_h, "pad_w": pad_w, "kernel_h": height, "kernel_w": width}
        parameters: dict[str, Value] = {
            "num_output": num_output,
            "bias_term": False,
            **window,
            "stride": stride,
            "weight_filler": filler("xavier", std=0.01),
        }
        if name == _WITH_BIAS_FILLER:
            parameters["bias_filler"] = filler("constant", value=0)
        statistics = {"use_global_stats": None if self.is_train else True, "eps": 0.001}
        self.layers += [
            convolution(name, bottom, param=WEIGHTS_ALONE, **parameters),
            layer(
                f"{name}_bn",
                "BatchNorm",
                name,
                name,
                param=STATISTICS if self.is_train else None,
                batch_norm_param=statistics,
            ),
            layer(f"{name}_scale", "Scale", name, name, scale_param={"bias_term": True}),
            relu(relu_name or f"{name}_relu", name),
        ]

    def chain(self, module: str, bottom: str, *steps: tuple[str, int]) -> None:
        """Convolutions in sequence, each as (name in the module, outputs)."""
        for name, num_output in steps:
            self.conv(f"{module}_{name}", bottom, num_output)
            bottom = f"{module}_{name}"

    def pool(self, name: str, bottom: str, method: str, stride: int) -> None:
        pad = 1 if stride == 1 else None
        self.layers.append(pool(name, bottom, method, 3, stride=stride, pad=pad))

    def concat(self, module: str, name: str, *branches: str) -> str:
        """Join the branches of a module; return the name of its output."""
        output = f"{module}_{name}"
        self.layers.append(layer(output, "Concat", tuple(f"{module}_{b}" for b in branches)))
        return output


def _stem(net: _Builder) -> str:
    net.conv("conv1_3x3_s2", "data", 32, stride=2, relu_name="conv1_3x3_relu")
    net.conv("conv2_3x3_s1", "conv1_3x3_s2", 32, is_padded=False, relu_name="conv2_3x3_relu")
    net.conv("conv3_3x3_s1", "conv2_3x3_s1", 64, relu_name="conv3_3x3_relu")
    net.pool("pool1_3x3_s2", "conv3_3x3_s1", MAX, stride=2)
    net.conv("conv4_3x3_reduce", "pool1_3x3_s2", 80, relu_name="conv4_relu_3x3_reduce")
    net.conv("conv4_3x3", "conv4_3x3_reduce", 192, is_padded=False, relu_name="conv4_relu_3x3")
    net.pool("pool2_3x3_s2", "conv4_3x3", MAX, stride=2)
    return "pool2_3x3_s2"


def _module_a(net: _Builder, module: str, bottom: str, projection: int) -> str:
    net.chain(module, bottom, ("1x1", 64))
    net.chain(module, bottom, ("5x5_reduce", 48), ("5x5", 64))
    net.chain(module, bottom, ("3x3_reduce", 64), ("3x3_1", 96), ("3x3_2", 96))
    net.pool(f"{module}_pool", bottom, AVE, stride=1)
    net.chain(module, f"{module}_pool", ("pool_proj", projection))
    return net.concat(module, "output", "1x1", "5x5", "3x3_2", "pool_proj")


def _reduction_a(net: _Builder, module: str, bottom: str) -> str:
    net.conv(f"{module}_3x3", bottom, 384, stride=2)
    net.chain(module, bottom, ("3x3_2_reduce", 64), ("3x3_2", 96))
    net.conv(f"{module}_3x3_3", f"{module}_3x3_2", 96, stride=2)
    net.pool(f"{module}_pool", bottom, MAX, stride=2)
    return net.concat(module, "concat", "3x3", "3x3_3", "pool")


def _module_b(net: _Builder, module: str, bottom: str, inner: int) -> str:
    net.chain(module, bottom, ("1x1_2", 192))
    net.chain(module, bottom, ("1x7_reduce", inner), ("1x7", inner), ("7x1", 192))
    doubled = (("7x1_2", inner), ("1x7_2", inner), ("7x1_3", inner), ("1x7_3", 192))
    net.chain(module, bottom, ("7x1_reduce", inner), *doubled)
    net.pool(f"{module}_pool_ave", bottom, AVE, stride=1)
    net.chain(module, f"{module}_pool_ave", ("1x1", 192))
    return net.concat(module, "concat", "1x1_2", "7x1", "1x7_3", "1x1")


def _reduction_b(net: _Builder, module: str, bottom: str) -> str:
    net.chain(module, bottom, ("3x3_reduce", 192))
    net.conv(f"{module}_3x3", f"{module}_3x3_reduce", 320, stride=2)
    net.chain(module, bottom, ("1x7_reduce", 192), ("1x7", 192), ("7x1", 192))
    net.conv(f"{module}_3x3_2", f"{module}_7x1", 192, stride=2)
    net.pool(f"{module}_pool", bottom, MAX, stride=2)
    return net.concat(module, "concat", "3x3", "3x3_2", "pool")


def _module_c(net: _Builder, module: str, bottom: str, pooling: str) -> str:
    net.chain(module, bottom, ("1x1_2", 320))
    net.chain(module, bottom, ("1x3_reduce", 384), ("1x3", 384))
    net.chain(module, f"{module}_1x3_reduce", ("3x1", 384))
    net.chain(module, bottom, ("3x3_reduce", 448), ("3x3", 384), ("1x3_2", 384))
    net.chain(module, f"{module}_3x3", ("3x1_2", 384))
    net.pool(f"{module}_pool", bottom, pooling, stride=1)
    net.chain(module, f"{module}_pool", ("1x1", 192))
    return net.concat(module, "concat", "1x1_2", "1x3", "3x1", "1x3_2", "3x1_2", "1x1")


def _layers(is_train: bool) -> list[Field]:
    net = _Builder(is_train)
    bottom = _stem(net)
    for module, projection in _MODULES_A.items():
        bottom = _module_a(net, f"inception_{module}", bottom, projection)
    bottom = _reduction_a(net, "reduction_a", bottom)
    for module, inner in _MODULES_B.items():
        bottom = _module_b(net, f"inception_{module}", bottom, inner)
    bottom = _reduction_b(net, "reduction_b", bottom)
    for module, pooling in _MODULES_C.items():
        bottom = _module_c(net, f"inception_{module}", bottom, pooling)
    features = "pool_8x8_s1"
    return [
        *net.layers,
        global_pool(features, bottom),
        layer(f"{features}_drop", "Dropout", features, dropout_param={"dropout_ratio": 0.2}),
        inner_product(
            "classifier",
            f"{features}_drop",
            1000,
            param=WEIGHTS_AND_BIAS,
            weight_filler=filler("xavier"),
            bias_filler=filler("constant", value=0),
        ),
    ]


def _train_val() -> list[Field]:
    # Pixels from -1 to 1, as the published weights expect.
    layers = _layers(is_train=True)
    return train_val("Inception-v3", layers, "classifier", size=299, mean=128, scale=0.0078125)


def _deploy() -> list[Field]:
    return [
        input_layer(1, 3, 299, 299, name="input"),
        *_layers(is_train=False),
        softmax("prob", "classifier"),
    ]


NETWORKS = {
    "inception-v3": Network(
        title="Inception-v3, for 299 x 299 images",
        year=2015,
        shape=(3, 299, 299),
        parameters=23_834_568,
        count_source="HPE Deep Learning Cookbook, inception3: 23,869,094 with statistics",
        source="soeaver/caffe-model cls/inception",
        train_val=_train_val,
        deploy=_deploy,
        # As in the paper: RMSProp, the rate times 0.94 after every second pass over ImageNet.
        solver=solver(
            "inception-v3",
            base_lr=0.045,
            lr_policy="step",
            stepsize=80000,
            gamma=0.94,
            max_iter=4000000,
            weight_decay=0.00004,
            type="RMSProp",
            rms_decay=0.9,
            delta=1.0,
        ),
        unpublished=UNPUBLISHED,
    )
}
