"""The zoo's files against the published ones, as messages: names too."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ssdh_surgery import zoo
from ssdh_surgery.caffe.messages import schema

# Where a published file is still in an older dialect, it is compared as Caffe upgrades it.
BVLC, UPGRADED = "corpus/bvlc", "golden/upgrade"
PUBLISHED = {
    "lenet/train_val": f"{BVLC}/examples/mnist/lenet_train_test.prototxt",
    "lenet/solver": f"{BVLC}/examples/mnist/lenet_solver.prototxt",
    "lenet/deploy": f"{BVLC}/examples/mnist/lenet.prototxt",
    "cifar10-quick/train_val": f"{BVLC}/examples/cifar10/cifar10_quick_train_test.prototxt",
    "cifar10-quick/solver": f"{BVLC}/examples/cifar10/cifar10_quick_solver.prototxt",
    "cifar10-quick/deploy": f"{BVLC}/examples/cifar10/cifar10_quick.prototxt",
    "alexnet/train_val": f"{BVLC}/models/bvlc_alexnet/train_val.prototxt",
    "alexnet/solver": f"{BVLC}/models/bvlc_alexnet/solver.prototxt",
    "alexnet/deploy": f"{BVLC}/models/bvlc_alexnet/deploy.prototxt",
    "caffenet/train_val": f"{BVLC}/models/bvlc_reference_caffenet/train_val.prototxt",
    "caffenet/solver": f"{BVLC}/models/bvlc_reference_caffenet/solver.prototxt",
    "caffenet/deploy": f"{BVLC}/models/bvlc_reference_caffenet/deploy.prototxt",
    "googlenet/train_val": f"{BVLC}/models/bvlc_googlenet/train_val.prototxt",
    "googlenet/solver": f"{BVLC}/models/bvlc_googlenet/solver.prototxt",
    "googlenet/deploy": f"{BVLC}/models/bvlc_googlenet/deploy.prototxt",
    "inception-v3/deploy": f"{UPGRADED}/inception__cls__inception__deploy_inception-v3.prototxt",
    "resnet-50/deploy": f"{UPGRADED}/resnet__prototxt__ResNet-50-deploy.prototxt",
    "squeezenet-1.0/train_val": "corpus/squeezenet/SqueezeNet_v1.0/train_val.prototxt",
    "squeezenet-1.0/solver": "corpus/squeezenet/SqueezeNet_v1.0/solver.prototxt",
    "squeezenet-1.0/deploy": f"{UPGRADED}/squeezenet__SqueezeNet_v1.0__deploy.prototxt",
    "squeezenet-1.1/train_val": "corpus/squeezenet/SqueezeNet_v1.1/train_val.prototxt",
    "squeezenet-1.1/deploy": "corpus/squeezenet/SqueezeNet_v1.1/deploy.prototxt",
    "mobilenet-v1/deploy": f"{UPGRADED}/mobilenet__mobilenet_deploy.prototxt",
    "mobilenet-v2/deploy": f"{UPGRADED}/mobilenet__mobilenet_v2_deploy.prototxt",
}


@pytest.mark.corpus
@pytest.mark.parametrize("file", PUBLISHED)
def test_equal_to_the_published_file(file: str, corpus: Path) -> None:
    name, kind = file.split("/")
    assert kind not in zoo.find(name).unpublished
    path = corpus.parent / PUBLISHED[file]
    message = "SolverParameter" if kind == "solver" else "NetParameter"
    published: Any = schema.parse_text(path.read_text(), message, file=path.name)
    ours: Any = schema.parse_text(zoo.text(name, kind), message)
    if kind == "solver":
        # These two say where the files lie.
        for solver in (published, ours):
            solver.ClearField("net")
            solver.ClearField("snapshot_prefix")
    assert ours == published


@pytest.mark.corpus
@pytest.mark.parametrize("name", ["lenet", "cifar10-quick", "alexnet", "googlenet"])
def test_bvlcs_train_nets_are_equal_in_bytes(name: str, corpus: Path) -> None:
    published = corpus.parent / PUBLISHED[f"{name}/train_val"]
    assert zoo.text(name, "train_val").encode() == published.read_bytes()


@pytest.mark.corpus
@pytest.mark.parametrize("file", [file for file in PUBLISHED if file.endswith("/deploy")])
def test_as_many_parameters_as_caffe_sets_up(
    file: str, corpus: Path, count: Callable[[str], Any]
) -> None:
    shapes = json.loads((corpus.parent / "golden" / "shapes.json").read_text())
    path = PUBLISHED[file]
    for folder in ("corpus/", "golden/upgrade/"):
        path = path.removeprefix(folder).replace("__", "/")
    params = shapes[path]["TEST"]["params"]
    total = sum(math.prod(shape) for blobs in params.values() for shape in blobs)
    ours = count(file.removesuffix("/deploy"))
    assert ours.learned + ours.statistics == total


# Figures that others counted, each in a way of its own.
COUNTED = [
    ("lenet", "thousands", 431, "Han et al., NIPS 2015 (arXiv:1506.02626), LeNet-5"),
    ("alexnet", "thousands", 60_965, "Open Model Zoo, alexnet"),
    ("caffenet", "thousands", 60_965, "Open Model Zoo, caffenet"),
    ("vgg-16", "learned", 138_357_544, "Keras Applications, VGG16"),
    ("vgg-19", "learned", 143_667_240, "Keras Applications, VGG19"),
    ("googlenet", "learned", 6_998_552, "HPE Deep Learning Cookbook, googlenet"),
    ("inception-v3", "all blobs", 23_869_094, "HPE Deep Learning Cookbook, inception3"),
    # Keras counts the statistics without Caffe's factor, and has no scales here.
    ("inception-v3", "unscaled with statistics", 23_851_784, "Keras Applications, InceptionV3"),
    ("resnet-18", "all blobs", 11_703_485, "HPE Deep Learning Cookbook, resnet18"),
    ("resnet-50", "all blobs", 25_610_269, "HPE Deep Learning Cookbook, resnet50"),
    ("resnet-101", "all blobs", 44_654_608, "HPE Deep Learning Cookbook, resnet101"),
    ("resnet-101", "learned", 44_549_160, "torchvision, resnet101"),
    ("resnet-152", "all blobs", 60_344_387, "HPE Deep Learning Cookbook, resnet152"),
    ("resnet-152", "learned", 60_192_808, "torchvision, resnet152"),
    ("squeezenet-1.0", "learned", 1_248_424, "torchvision, squeezenet1_0"),
    ("squeezenet-1.1", "learned", 1_235_496, "torchvision, squeezenet1_1"),
    ("densenet-121", "learned", 7_978_856, "torchvision, densenet121"),
    ("densenet-121", "with statistics", 8_062_504, "Keras Applications, DenseNet121"),
    ("mobilenet-v1", "with statistics", 4_253_864, "Keras Applications, MobileNet"),
    ("mobilenet-v1", "folded thousands", 4_221, "Open Model Zoo, mobilenet-v1-1.0-224"),
    ("mobilenet-v2", "folded thousands", 3_489, "Open Model Zoo, mobilenet-v2"),
]


@pytest.mark.parametrize(("name", "way", "figure", "source"), COUNTED)
def test_parameters_as_others_count_them(
    name: str, way: str, figure: int, source: str, count: Callable[[str], Any]
) -> None:
    ours = count(name)
    ways = {
        "learned": ours.learned,
        "thousands": round(ours.learned / 1000),
        "all blobs": ours.learned + ours.statistics,
        "with statistics": ours.learned + 2 * ours.normalised,
        "unscaled with statistics": ours.learned + ours.normalised,
        # A BatchNorm and its Scale become the bias of the convolution below.
        "folded thousands": round((ours.learned - ours.normalised) / 1000),
    }
    assert ways[way] == figure, source
