"""A deploy net alone becomes a train net and a solver that train, on both engines."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ssdh_surgery import open_net
from ssdh_surgery.caffe.net.heads import heads
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.net.phase import PHASES
from ssdh_surgery.caffe.shapes import shapes
from ssdh_surgery.caffe.weights.binary_weights import read_weights
from ssdh_surgery.cli import run
from ssdh_surgery.data.mean_file import write_mean_file
from ssdh_surgery.errors import DataError, SsdhError, SurgeryError, UsageError
from ssdh_surgery.pipeline.edit.remember import GroupResult
from ssdh_surgery.pipeline.files.outputs import WritePlan
from ssdh_surgery.pipeline.files.sources import read_source
from ssdh_surgery.pipeline.patch.from_deploy import derive_training
from ssdh_surgery.pipeline.patch.pixel_presets import preset_for
from ssdh_surgery.pipeline.patch.training_data import Lmdb, TrainingData, pixels
from ssdh_surgery.pipeline.settings.settings import Settings
from ssdh_surgery.surgery.hashing.recipe import Recipe
from ssdh_surgery.surgery.solver.text import DataSize
from ssdh_surgery.zoo import names
from support.images import write_lmdb

RECIPE = Recipe(bits=8)
# Residual, with BatchNorm and Scale in place, as the networks that are published as deploy nets.
DEPLOY = """name: "tiny"
input: "data"
input_shape { dim: 1 dim: 3 dim: 16 dim: 16 }
layer {
  name: "conv1" type: "Convolution" bottom: "data" top: "conv1"
  convolution_param { num_output: 6 kernel_size: 3 stride: 2 bias_term: false }
}
layer {
  name: "bn1" type: "BatchNorm" bottom: "conv1" top: "conv1"
  batch_norm_param { use_global_stats: true }
}
layer { name: "scale1" type: "Scale" bottom: "conv1" top: "conv1" scale_param { bias_term: true } }
layer { name: "relu1" type: "ReLU" bottom: "conv1" top: "conv1" }
layer {
  name: "conv2" type: "Convolution" bottom: "conv1" top: "conv2"
  convolution_param { num_output: 6 kernel_size: 3 pad: 1 }
}
layer {
  name: "bn2" type: "BatchNorm" bottom: "conv2" top: "conv2"
  batch_norm_param { use_global_stats: true }
}
layer { name: "scale2" type: "Scale" bottom: "conv2" top: "conv2" scale_param { bias_term: true } }
layer { name: "sum" type: "Eltwise" bottom: "conv1" bottom: "conv2" top: "sum" }
layer {
  name: "pool" type: "Pooling" bottom: "sum" top: "pool"
  pooling_param { pool: AVE global_pooling: true }
}
layer {
  name: "fc" type: "InnerProduct" bottom: "pool" top: "fc" inner_product_param { num_output: 4 }
}
layer { name: "prob" type: "Softmax" bottom: "fc" top: "prob" }
"""
MEAN = (Decimal(104), Decimal(117), Decimal(123))


def wishes(**given: Any) -> Settings:
    usual: dict[str, Any] = {
        "bits": RECIPE.bits,
        "train_data": "train",
        "test_data": "test",
        "train_batch": 8,
        "test_batch": 4,
        "mean_value": MEAN,
    }
    values = {**usual, **given}
    return Settings({name: value for name, value in values.items() if value is not None})


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_lmdb(tmp_path / "train", 20, 40)
    write_lmdb(tmp_path / "test", 20, 10)
    (tmp_path / "deploy.prototxt").write_text(DEPLOY)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def made(deploy: str = "deploy.prototxt", **given: Any) -> GroupResult:
    """What is derived, written."""
    result = derive_training(read_source(deploy), wishes(**given), WritePlan())
    for each in result.files:
        each.output.path.write_bytes(each.output.data)
    return result


def first_weights() -> dict[str, Any]:
    """Weights of a deploy net that was trained: none of them zero, statistics measured."""
    net = open_net("deploy.prototxt")
    rng = np.random.default_rng(3)
    for name, blobs in net.params.items():
        for blob in blobs:
            blob.data[...] = rng.uniform(0.5, 1, blob.data.shape) * (0.2 if "bn" not in name else 1)
    for name in ("bn1", "bn2"):
        net.params[name][2].data[...] = 1
    net.save("first.caffemodel")
    return weights("first.caffemodel")


def weights(path: str) -> dict[str, Any]:
    return {
        layer.name: [blob.copy() for blob in layer.blobs] for layer in read_weights(path).layers
    }


@pytest.mark.parametrize("engine", ["torch", pytest.param("binary", marks=pytest.mark.caffe)])
@pytest.mark.parametrize("freeze", [None, "conv1"])
def test_what_is_made_trains(folder: Path, engine: str, freeze: str | None) -> None:
    made(freeze=freeze, sets=(("random_seed", "1"),))
    before = first_weights()
    words = ["train", "--engine", engine, "--gpu", "none", "--solver", "solver_ssdh.prototxt"]
    assert run([*words, "--weights", "first.caffemodel", "--iterations", "12"]) == 0
    (snapshot,) = folder.glob("tiny_ssdh_iter_12.caffemodel*")
    after = weights(str(snapshot))
    for name in ("conv1", "scale1"):
        same = all(np.array_equal(*pair) for pair in zip(before[name], after[name], strict=True))
        assert same == (freeze is not None)
    assert np.array_equal(before["bn1"][0], after["bn1"][0]) == (freeze is not None)
    assert not np.array_equal(before["conv2"][0], after["conv2"][0])
    assert after["fc_change"][0].shape == (4, RECIPE.bits)


def test_the_solver_counts_the_records_and_names_the_net(folder: Path) -> None:
    made(sets=(("max_iter", "7"),))
    text = Path("solver_ssdh.prototxt").read_text()
    assert text.startswith(
        'net: "train_val_ssdh.prototxt"\ntest_iter: 3  # batches of 4 for all 10'
    )
    assert "max_iter: 7  #" in text
    assert 'snapshot_prefix: "tiny_ssdh"\n' in text


def test_what_is_not_known_of_the_pixels_is_said(folder: Path) -> None:
    result = made(mean_value=None, train_batch=None)
    assert result.files[0].notes[1:3] == (
        "the net belongs to no known family, so the scaling of its pixels is unknown: compare "
        "transform_param with the source of the net",
        "no mean is subtracted: --mean-file or --mean-value sets one",
    )
    data = result.net.layer("data", "TRAIN").parameter
    assert (data.transform_param.mirror, data.transform_param.crop_size) == (True, 16)
    assert not data.transform_param.mean_value
    assert data.data_param.batch_size == 32


def test_classes_that_no_label_needs_are_told(folder: Path) -> None:
    said = (
        "the classifier has 4 classes, but the labels read use only 2: --classes 2, if there are "
        "no others"
    )
    assert said in made().files[0].notes
    result = made(classes=2)
    assert said not in result.files[0].notes
    assert shapes(result.net, "TEST").params["fc_change"][0] == (2, RECIPE.bits)


def test_classes_that_the_deploy_net_does_not_state(folder: Path) -> None:
    (folder / "deploy.prototxt").write_text(DEPLOY.replace("num_output: 4 }", "}"))
    train = made().files[0]
    assert any("the labels read need --classes 2" in note for note in train.notes)
    assert any("num_output is missing or not positive" in each for each in train.warnings)
    assert made(classes=2).files[0].warnings == ()


def test_records_of_the_inputs_size_are_not_cropped(folder: Path) -> None:
    text = DEPLOY.replace("dim: 16 dim: 16", "dim: 20 dim: 20")
    Path("deploy.prototxt").write_text(text)
    assert "crop_size" not in made().net.document.text


def test_a_mean_file_of_the_records_size(folder: Path) -> None:
    write_mean_file("mean.binaryproto", np.zeros((3, 20, 20), np.float32))
    result = made(mean_value=None, mean_file="mean.binaryproto")
    assert result.net.document.text.count('mean_file: "mean.binaryproto"') == 2


@pytest.mark.parametrize(
    ("given", "deploy", "error", "message"),
    [
        pytest.param(
            {"test_data": None},
            DEPLOY,
            UsageError,
            "a train net derived from a deploy net needs --test-data\n"
            "hint: ssdh patch deploy.prototxt --train-data LMDB --test-data LMDB",
            id="no-test-data",
        ),
        pytest.param(
            {},
            DEPLOY.replace("dim: 3 dim: 16", "dim: 1 dim: 16"),
            DataError,
            "train: its records are 3 x 20 x 20, but the input 'data' is 1 x 16 x 16\n"
            "hint: ssdh data build --resize 16x16 --gray makes records that fit",
            id="channels",
        ),
        pytest.param(
            {},
            DEPLOY.replace("dim: 16 dim: 16", "dim: 16 dim: 18"),
            DataError,
            "train: its records are 3 x 20 x 20, but the input 'data' is 3 x 16 x 18\n"
            "hint: ssdh data build --resize 18x16 makes records that fit",
            id="no-square",
        ),
        pytest.param(
            {},
            DEPLOY.replace("dim: 16 dim: 16", "dim: 24 dim: 24"),
            DataError,
            "train: its records are 3 x 20 x 20, but the input 'data' is 3 x 24 x 24\n"
            "hint: ssdh data build --resize 24x24 makes records that fit",
            id="small-records",
        ),
        pytest.param(
            {},
            DEPLOY.replace("input_shape { dim: 1 dim: 3 dim: 16 dim: 16 }\n", ""),
            SurgeryError,
            "deploy.prototxt: the input 'data' has no shape, but data layers read images: "
            "N x C x H x W\n"
            "hint: declare it in the deploy net: input_shape { dim: 1 dim: C dim: H dim: W }",
            id="no-shape",
        ),
        pytest.param(
            {},
            DEPLOY.replace("num_output: 4 }", "num_output: 1 }"),
            DataError,
            "train: label 1 is out of range: the classifier has num_output 1\nhint: --classes 2",
            id="labels",
        ),
        pytest.param(
            {"mean_value": MEAN[:2]},
            DEPLOY,
            UsageError,
            "2 mean values for 3 channels",
            id="mean-values",
        ),
        pytest.param(
            {"mean_value": None, "mean_file": "mean.binaryproto"},
            DEPLOY,
            DataError,
            "mean.binaryproto: the mean is 3 x 8 x 8, but the records of train are 3 x 20 x 20; "
            "Caffe subtracts it before the crop, so they must be equal\n"
            "hint: ssdh data mean train",
            id="mean-file",
        ),
    ],
)
def test_what_does_not_fit_is_an_error(
    given: dict[str, Any], deploy: str, error: type[SsdhError], message: str, folder: Path
) -> None:
    Path("deploy.prototxt").write_text(deploy)
    write_mean_file("mean.binaryproto", np.zeros((3, 8, 8), np.float32))
    with pytest.raises(error) as caught:
        made(**given)
    assert str(caught.value) == message


@pytest.mark.parametrize("name", names())
def test_a_network_of_the_zoo_is_known_by_its_layers(name: str) -> None:
    preset = preset_for(Net(read_source(f"zoo:{name}/deploy").document).layers)
    assert preset is not None
    assert preset.family == name


def test_a_family_gives_its_own_transform() -> None:
    presets = {
        name: preset_for(Net(read_source(f"zoo:{name}/deploy").document).layers)
        for name in ("resnet-50", "inception-v3", "caffenet", "lenet", "cifar10-quick")
    }
    found = {
        name: (preset.mean, preset.scale, preset.mirror, preset.mean_file)
        for name, preset in presets.items()
        if preset
    }
    assert found == {
        "resnet-50": (MEAN, None, True, ""),
        "inception-v3": ((Decimal(128),), Decimal("0.0078125"), True, ""),
        "caffenet": (MEAN, None, True, IMAGENET_MEAN),
        "lenet": (None, Decimal("0.00390625"), False, ""),
        "cifar10-quick": (None, None, False, CIFAR_MEAN),
    }


IMAGENET_MEAN = "data/ilsvrc12/imagenet_mean.binaryproto"
CIFAR_MEAN = "examples/cifar10/mean.binaryproto"
SETS = "--mean-file or --mean-value sets"


@pytest.mark.parametrize(
    ("name", "mean", "notes"),
    [
        (
            "caffenet",
            None,
            [
                "layer 'data': mean 104, 117, 123 (blue, green, red) and pixels from 0 to 255, "
                "assumed as in the built-in network caffenet, whose layers these are (the channel "
                f"means of its {IMAGENET_MEAN}): {SETS} another mean"
            ],
        ),
        (
            "inception-v3",
            None,
            [
                "layer 'data': mean 128 and scale 0.0078125, assumed as in the built-in network "
                f"inception-v3, whose layers these are: {SETS} another mean"
            ],
        ),
        # Their own mean is not assumed where the user sets one.
        (
            "caffenet",
            (Decimal(120),),
            [
                "layer 'data': pixels from 0 to 255, assumed as in the built-in network caffenet, "
                "whose layers these are"
            ],
        ),
        (
            "cifar10-quick",
            None,
            [
                "layer 'data': pixels from 0 to 255, assumed as in the built-in network "
                "cifar10-quick, whose layers these are",
                "layer 'data': no mean is subtracted, but cifar10-quick was trained with that of "
                f"its own records, {CIFAR_MEAN}: {SETS} one",
            ],
        ),
    ],
)
def test_what_is_assumed_of_the_pixels(
    name: str, mean: tuple[Decimal, ...] | None, notes: list[str]
) -> None:
    records = Lmdb("lmdb", 10, (3, 32, 32), 9)
    data = TrainingData(records, records, DataSize(10, 10, 4, 4), 3, None)
    transform, found = pixels(Net(read_source(f"zoo:{name}/deploy").document), "data", data, mean)
    assert found == notes
    assert (mean or transform.mean) == transform.mean


@pytest.mark.corpus
@pytest.mark.parametrize(
    ("name", "family"),
    [
        pytest.param("resnet/prototxt/ResNet-50-deploy", "resnet-50", id="resnet-50"),
        pytest.param("bvlc/models/finetune_flickr_style/deploy", "caffenet", id="fine-tuned"),
        pytest.param("inception/cls/inception/deploy_inception-v3", "inception-v3", id="inception"),
        pytest.param("inception/cls/inception/deploy_xception", None, id="unknown"),
    ],
)
def test_published_nets_are_known_by_their_layers(
    name: str, family: str | None, corpus: Path
) -> None:
    preset = preset_for(Net(read_source(f"{corpus / name}.prototxt").document).layers)
    assert (preset and preset.family) == family


# Published deploy nets whose classifier can be hashed, and what of them is frozen.
PUBLISHED = {
    "bvlc/examples/cifar10/cifar10_quick": "conv1",
    "bvlc/models/bvlc_alexnet/deploy": None,
    "bvlc/models/bvlc_googlenet/deploy": "inception_5a/output",
    "bvlc/models/bvlc_reference_caffenet/deploy": "fc7",
    "bvlc/models/bvlc_reference_rcnn_ilsvrc13/deploy": "pool5",
    "bvlc/models/finetune_flickr_style/deploy": None,
    "inception/cls/inception/deploy_inception-v3": None,
    "inception/cls/inception/deploy_xception": None,
    "mobilenet/mobilenet_deploy": "conv5_1/dw",
    "mobilenet/mobilenet_v2_deploy": None,
    "resnet/prototxt/ResNet-50-deploy": "res4f",
    "squeezenet/SqueezeNet_v1.0/deploy": None,
    "squeezenet/SqueezeNet_v1.1/deploy": "fire8/concat",
}


def derived_from_published(name: str, freeze: str | None, corpus: Path) -> GroupResult:
    write_lmdb(Path("large"), 300, 2)
    source = name if name.startswith("zoo:") else f"{corpus / name}.prototxt"
    data = {"train_data": "large", "test_data": "large", "train_batch": 2, "test_batch": 2}
    wanted = wishes(**data, freeze=freeze)
    result = derive_training(read_source(source), wanted, WritePlan(out=Path()))
    Path("train.prototxt").write_bytes(result.files[0].output.data)
    return result


@pytest.mark.corpus
@pytest.mark.parametrize(("name", "freeze"), PUBLISHED.items())
def test_published_weights_fit_the_derived_net(
    name: str, freeze: str | None, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    after = derived_from_published(name, freeze, corpus).net
    deploy = Net(read_source(f"{corpus / name}.prototxt").document)
    published = shapes(deploy, "TEST").params
    classifier = next(head.classifier.name for head in heads(deploy) if head.is_main)
    for phase in PHASES:
        found = shapes(after, phase)
        assert [finding for finding in found.findings if finding.severity == "error"] == []
        assert set(found.params) - set(published) == {*(RECIPE.latent_name, f"{classifier}_change")}
        kept = {layer: found.params[layer] for layer in published if layer != classifier}
        assert kept == {layer: published[layer] for layer in kept}


@pytest.mark.caffe
@pytest.mark.corpus
@pytest.mark.parametrize(
    ("name", "freeze"),
    [
        pytest.param("bvlc/models/bvlc_googlenet/deploy", "pool4/3x3_s2", id="googlenet"),
        pytest.param("zoo:resnet-18/deploy", "res4b", id="resnet-18"),
    ],
)
def test_caffe_makes_the_derived_net(
    name: str, freeze: str, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    derived_from_published(name, freeze, corpus)
    for phase in PHASES:
        net = open_net("train.prototxt", phase=phase, engine="pycaffe")
        assert tuple(net.blobs[RECIPE.code_name].shape) == (2, RECIPE.bits)
