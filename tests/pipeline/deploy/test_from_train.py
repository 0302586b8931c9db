"""A derived deploy net gives the codes of its train net; and where its input shape comes from."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from google.protobuf import text_format
from numpy.typing import NDArray

from ssdh_surgery import open_net, parse
from ssdh_surgery.caffe.net.heads import heads
from ssdh_surgery.caffe.net.kind import Kind
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.net.net_message import net_parameter
from ssdh_surgery.caffe.weights.hdf5 import new_file
from ssdh_surgery.data.mean_file import write_mean_file
from ssdh_surgery.engines.caffe_binary.executable import built_pycaffe
from ssdh_surgery.errors import SurgeryError
from ssdh_surgery.pipeline.deploy.from_train import DeployForm, deploy_draft
from ssdh_surgery.pipeline.edit.draft import Draft, NetDraft
from ssdh_surgery.pipeline.edit.hash_net import HashPlan, hash_net
from ssdh_surgery.pipeline.files.sources import read_source
from ssdh_surgery.pipeline.nets.choose_head import choose_head
from ssdh_surgery.pipeline.settings.settings import Settings
from ssdh_surgery.surgery.core.gate import prove
from ssdh_surgery.surgery.derive.deploy import deploy_needs, derive_deploy_net
from ssdh_surgery.surgery.hashing.recipe import Recipe
from support.images import write_lmdb
from support.paths import corpus_files

RECIPE = Recipe(bits=24)
SETTINGS = Settings({"bits": RECIPE.bits})
CODE = RECIPE.code_name
# The train nets of the corpus whose classifier can be hashed, with small inputs that fit them.
TRAIN_NETS = {
    "bvlc/examples/cifar10/cifar10_full_sigmoid_train_test.prototxt": (3, 32, 32),
    "bvlc/examples/cifar10/cifar10_full_sigmoid_train_test_bn.prototxt": (3, 32, 32),
    "bvlc/examples/cifar10/cifar10_full_train_test.prototxt": (3, 32, 32),
    "bvlc/examples/cifar10/cifar10_quick_train_test.prototxt": (3, 32, 32),
    "bvlc/examples/feature_extraction/imagenet_val.prototxt": (3, 67, 67),
    "bvlc/examples/finetune_pascal_detection/pascal_finetune_trainval_test.prototxt": (3, 67, 67),
    "bvlc/examples/hdf5_classification/nonlinear_auto_test.prototxt": (4,),
    "bvlc/examples/hdf5_classification/nonlinear_auto_train.prototxt": (4,),
    "bvlc/examples/hdf5_classification/nonlinear_train_val.prototxt": (4,),
    "bvlc/examples/hdf5_classification/train_val.prototxt": (4,),
    "bvlc/examples/mnist/lenet_train_test.prototxt": (1, 28, 28),
    "bvlc/models/bvlc_alexnet/train_val.prototxt": (3, 67, 67),
    "bvlc/models/bvlc_googlenet/train_val.prototxt": (3, 224, 224),
    "bvlc/models/bvlc_reference_caffenet/train_val.prototxt": (3, 67, 67),
    "bvlc/models/finetune_flickr_style/train_val.prototxt": (3, 67, 67),
    "squeezenet/SqueezeNet_v1.0/train_val.prototxt": (3, 67, 67),
    "squeezenet/SqueezeNet_v1.1/train_val.prototxt": (3, 67, 67),
}


def patched(train: Path, folder: Path) -> Path:
    """The train net with a hash layer, as `patch` makes it."""
    source = read_source(str(train))
    draft = NetDraft(Draft(source.document, source.kind))
    classifier = choose_head(draft.net, None).classifier.name
    hash_net(draft, HashPlan(classifier, SETTINGS, SETTINGS))
    path = folder / "train_ssdh.prototxt"
    path.write_bytes(bytes(draft.draft.document))
    return path


def fed_by_hand(train: Path, shape: tuple[int, ...]) -> Path:
    """The TEST phase of a train net as a message whose data layers are inputs."""
    net = Net(parse(train.read_bytes()))
    message = net_parameter(net)
    # V0's padding became part of the layers above it.
    views = [layer for layer in net.layers if layer.type != "padding"]
    both = list(zip(message.layer, views, strict=True))
    both = [(layer, view) for layer, view in both if view in net.layers_in("TEST")]
    kept = [layer for layer, _ in both]
    for layer, view in both:
        layer.ClearField("include")
        layer.ClearField("exclude")
        if view.is_data:
            layer.type = "Input"
            for top in layer.top:
                sizes = shape if top == "data" else shape[:1]
                layer.input_param.shape.add().dim.extend(sizes)
    made = type(message)(layer=kept)
    path = train.with_name("fed.prototxt")
    path.write_text(text_format.MessageToString(made))
    return path


def codes(net: Any, data: NDArray[np.float32]) -> NDArray[np.float32]:
    if data.shape != tuple(net.blobs["data"].shape):
        net.blobs["data"].reshape(*data.shape)
    net.blobs["data"].data[...] = data
    net.forward(end=CODE)
    found: NDArray[np.float32] = net.blobs[CODE].data.copy()
    return found


def deployed(train: Path | str, form: DeployForm) -> NetDraft:
    source = read_source(str(train))
    head = choose_head(Net(source.document), None)
    return deploy_draft(source, head, SETTINGS, form)


def derived(train: Path, folder: Path, shape: tuple[int, ...]) -> Path:
    path = folder / "deploy_ssdh.prototxt"
    path.write_bytes(bytes(deployed(train, DeployForm({"data": (1, *shape)})).draft.document))
    return path


def fill(net: Any, rng: np.random.Generator) -> None:
    """Weights for layers that state no filler, which begin at zero; statistics that scale little.

    A variance of zero would let the values of a deep net grow beyond all bounds.
    """
    for name, blobs in net.params.items():
        if net.layer_dict[name].type == "BatchNorm":
            for blob in blobs[1:]:
                blob.data[...] = 1
        if not blobs[0].data.any():
            blobs[0].data[...] = rng.normal(0, 0.02, blobs[0].data.shape)


@pytest.mark.corpus
@pytest.mark.parametrize("name", TRAIN_NETS)
def test_codes_equal_those_of_the_train_net(name: str, corpus: Path, tmp_path: Path) -> None:
    shape = TRAIN_NETS[name]
    train = patched(corpus / name, tmp_path)
    whole = open_net(fed_by_hand(train, (2, *shape)))
    rng = np.random.default_rng(1)
    fill(whole, rng)
    data = rng.uniform(-100, 100, (2, *shape)).astype(np.float32)
    expected = codes(whole, data)
    assert np.ptp(expected) > 0
    whole.save(str(tmp_path / "w.caffemodel"))
    for source in (corpus / name, train):
        deploy = open_net(derived(source, tmp_path, shape), tmp_path / "w.caffemodel")
        assert tuple(deploy.blobs["data"].shape) == (1, *shape)
        assert list(deploy.outputs) == [CODE]
        np.testing.assert_allclose(codes(deploy, data), expected, atol=1e-6)


# Train nets of the old dialects, which take no hash layer before they are upgraded.
OLD_NETS = {
    "bvlc-2013-11/data/lenet.prototxt": (1, 28, 28),
    "bvlc-2013-11/data/lenet_test.prototxt": (1, 28, 28),
    "bvlc-2013-11/examples/imagenet.prototxt": (3, 67, 67),
    "bvlc-2013-11/examples/imagenet_test.prototxt": (3, 67, 67),
    "bvlc-2014-04/examples/cifar10/cifar10_full_test.prototxt": (3, 32, 32),
    "bvlc-2014-04/examples/cifar10/cifar10_full_train.prototxt": (3, 32, 32),
    "bvlc-2014-04/examples/cifar10/cifar10_quick_test.prototxt": (3, 32, 32),
    "bvlc-2014-04/examples/cifar10/cifar10_quick_train.prototxt": (3, 32, 32),
    "bvlc-2014-04/examples/feature_extraction/imagenet_val.prototxt": (3, 67, 67),
    "bvlc-2014-04/examples/imagenet/imagenet_train.prototxt": (3, 67, 67),
    "bvlc-2014-04/examples/imagenet/imagenet_val.prototxt": (3, 67, 67),
    "bvlc-2014-04/examples/lenet/lenet_test.prototxt": (1, 28, 28),
    "bvlc-2014-04/examples/lenet/lenet_train.prototxt": (1, 28, 28),
    "bvlc-2014-04/examples/pascal-finetuning/pascal_finetune_train.prototxt": (3, 67, 67),
    "bvlc-2014-04/examples/pascal-finetuning/pascal_finetune_val.prototxt": (3, 67, 67),
    "bvlc-2014-12/examples/cifar10/cifar10_full_train_test.prototxt": (3, 32, 32),
    "bvlc-2014-12/examples/cifar10/cifar10_quick_train_test.prototxt": (3, 32, 32),
    "bvlc-2014-12/examples/feature_extraction/imagenet_val.prototxt": (3, 67, 67),
    "bvlc-2014-12/examples/finetune_pascal_detection/pascal_finetune_trainval_test.prototxt": (
        3,
        67,
        67,
    ),
    "bvlc-2014-12/examples/hdf5_classification/train_val.prototxt": (4,),
    "bvlc-2014-12/examples/hdf5_classification/train_val2.prototxt": (4,),
    "bvlc-2014-12/examples/mnist/lenet_train_test.prototxt": (1, 28, 28),
    "bvlc-2014-12/models/bvlc_alexnet/train_val.prototxt": (3, 67, 67),
    "bvlc-2014-12/models/bvlc_googlenet/train_val.prototxt": (3, 224, 224),
    "bvlc-2014-12/models/bvlc_reference_caffenet/train_val.prototxt": (3, 67, 67),
    "bvlc-2014-12/models/finetune_flickr_style/train_val.prototxt": (3, 67, 67),
}


@pytest.mark.corpus
@pytest.mark.parametrize("name", OLD_NETS)
def test_in_old_dialects_the_scores_are_those_of_the_train_net(
    name: str, corpus: Path, tmp_path: Path
) -> None:
    shape = OLD_NETS[name]
    train = tmp_path / "train.prototxt"
    train.write_bytes((corpus / name).read_bytes())
    document = read_source(str(train)).document
    net = Net(document)
    needed = deploy_needs(net, choose_head(net, None))
    change = derive_deploy_net(net, needed, {"data": (1, *shape)}, "comment").change
    (tmp_path / "deploy.prototxt").write_bytes(
        bytes(prove(document, change, "NetParameter").document)
    )
    whole = open_net(fed_by_hand(train, (1, *shape)))
    rng = np.random.default_rng(1)
    fill(whole, rng)
    whole.save(str(tmp_path / "w.caffemodel"))
    deploy = open_net(tmp_path / "deploy.prototxt", tmp_path / "w.caffemodel")
    (scores,) = deploy.outputs
    data = rng.uniform(-100, 100, (1, *shape)).astype(np.float32)
    found = deploy.forward(data=data)[scores]
    whole.blobs["data"].data[...] = data
    whole.forward()
    assert np.ptp(found) > 0
    np.testing.assert_allclose(found, whole.blobs[scores].data, rtol=1e-5, atol=1e-6)


@pytest.mark.corpus
def test_every_train_net_with_a_classifier_is_among_them(corpus: Path) -> None:
    found = set()
    for path in corpus_files():
        source = read_source(str(path))
        if source.kind is Kind.TRAIN and heads(Net(source.document)):
            found.add(str(path.relative_to(corpus)))
    assert found == TRAIN_NETS.keys() | OLD_NETS.keys()


# What pycaffe sees of train nets whose data layers are inputs, and of deploy nets from them.
_FED_CODES = f"""
import sys
import numpy as np
sys.path.insert(0, sys.argv[1])
import caffe
found = {{}}
for folder in sys.argv[2:]:
    whole, deploy = (
        caffe.Net(f"{{folder}}/{{name}}.prototxt", f"{{folder}}/w.caffemodel", caffe.TEST)
        for name in ("fed", "deploy_ssdh")
    )
    data = np.random.default_rng(1).uniform(-100, 100, deploy.blobs["data"].data.shape)
    for net in (whole, deploy):
        net.blobs["data"].reshape(*data.shape)
        net.blobs["data"].data[...] = data
        net.forward(end="{CODE}")
    found[f"{{folder}} whole"] = whole.blobs["{CODE}"].data.copy()
    found[f"{{folder}} deploy"] = deploy.blobs["{CODE}"].data.copy()
np.savez("codes.npz", **found)
"""
# Branches, in-place chains, grouped convolutions, a convolutional classifier, BatchNorms, sums.
ON_CAFFE = {
    "bvlc/models/bvlc_alexnet/train_val.prototxt": (3, 67, 67),
    "bvlc/models/bvlc_googlenet/train_val.prototxt": (3, 224, 224),
    "squeezenet/SqueezeNet_v1.1/train_val.prototxt": (3, 67, 67),
    "bvlc/examples/hdf5_classification/nonlinear_auto_train.prototxt": (4,),
    "zoo:resnet-18": (3, 224, 224),
    "zoo:mobilenet-v2": (3, 224, 224),
}


@pytest.mark.caffe
@pytest.mark.corpus
def test_caffe_finds_the_codes_of_nets_of_any_structure(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folders = [f"{number}" for number in range(len(ON_CAFFE))]
    for folder, (name, shape) in zip(folders, ON_CAFFE.items(), strict=True):
        Path(folder).mkdir()
        source = read_source(name if name.startswith("zoo:") else str(corpus / name))
        Path(folder, "train.prototxt").write_bytes(source.data)
        train = patched(Path(folder, "train.prototxt"), Path(folder))
        whole = open_net(fed_by_hand(train, (1, *shape)))
        fill(whole, np.random.default_rng(1))
        whole.save(f"{folder}/w.caffemodel")
        derived(train, Path(folder), shape)
    ran = subprocess.run(
        [sys.executable, "-c", _FED_CODES, str(built_pycaffe()), *folders],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    found = np.load("codes.npz")
    for folder in folders:
        expected = found[f"{folder} whole"]
        assert expected.shape == (1, RECIPE.bits)
        assert np.ptp(expected) > 0
        np.testing.assert_allclose(found[f"{folder} deploy"], expected, atol=1e-6)


# What pycaffe sees of two nets with the same weights and the same records.
_CODES = f"""
import sys
import numpy as np
sys.path.insert(0, sys.argv[1])
import caffe
train = caffe.Net("train_ssdh.prototxt", caffe.TEST)
train.save("w.caffemodel")
train.forward()
deploy = caffe.Net("deploy_ssdh.prototxt", "w.caffemodel", caffe.TEST)
deploy.blobs["data"].reshape(*train.blobs["data"].data.shape)
deploy.blobs["data"].data[...] = train.blobs["data"].data
found = deploy.forward()
np.savez("codes.npz", expected=train.blobs["{CODE}"].data, **found)
"""


@pytest.mark.caffe
@pytest.mark.corpus
@pytest.mark.parametrize(
    ("name", "size"),
    [
        pytest.param("cifar10/cifar10_full_sigmoid_train_test_bn", 32, id="batch-norm"),
        pytest.param("cifar10/cifar10_quick_train_test", 32, id="cifar10-quick"),
    ],
)
def test_caffe_finds_the_same_codes(
    name: str, size: int, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (corpus / f"bvlc/examples/{name}.prototxt").read_text()
    for phase in ("train", "test"):
        text = text.replace(f"examples/cifar10/cifar10_{phase}_lmdb", "lmdb")
    text = re.sub("batch_size: .*", "batch_size: 4", text)
    (tmp_path / "train.prototxt").write_text(text.replace("examples/cifar10/mean", "mean"))
    write_lmdb(tmp_path / "lmdb", size, 6)
    write_mean_file(tmp_path / "mean.binaryproto", np.full((3, size, size), 120, np.float32))
    train = patched(tmp_path / "train.prototxt", tmp_path)
    monkeypatch.chdir(tmp_path)
    made = deployed(train, DeployForm())
    Path("deploy_ssdh.prototxt").write_bytes(bytes(made.draft.document))
    ran = subprocess.run(
        [sys.executable, "-c", _CODES, str(built_pycaffe())],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    found = np.load("codes.npz")
    assert found[CODE].shape == (4, RECIPE.bits)
    assert np.ptp(found["expected"]) > 0
    np.testing.assert_allclose(found[CODE], found["expected"], atol=1e-6)


def net_of(data: str) -> str:
    return f"""layer {{
  name: "source" top: "data" top: "label"
  {data}
}}
layer {{ name: "fc" type: "InnerProduct" bottom: "data" top: "fc" }}
layer {{ name: "loss" type: "SoftmaxWithLoss" bottom: "fc" bottom: "label" }}
"""


_CROP = 'type: "Data" transform_param {{ crop_size: 4 {} }} data_param {{ source: "none" }}'


@pytest.mark.parametrize(
    ("data", "shape"),
    [
        pytest.param('type: "Data" data_param { source: "lmdb" }', (1, 3, 8, 8), id="records"),
        pytest.param(
            'type: "Data" transform_param { crop_size: 4 mean_value: 1 } '
            'data_param { source: "lmdb" }',
            (1, 3, 4, 4),
            id="records-and-crop",
        ),
        pytest.param(_CROP.format('mean_file: "mean.binaryproto"'), (1, 2, 4, 4), id="mean-file"),
        pytest.param(
            'type: "Data" transform_param { mean_file: "mean.binaryproto" }',
            (1, 2, 6, 7),
            id="mean-file-alone",
        ),
        pytest.param(
            _CROP.format("mean_value: 1 mean_value: 2 mean_value: 3"), (1, 3, 4, 4), id="means"
        ),
        pytest.param(_CROP.format("force_gray: true"), (1, 1, 4, 4), id="gray"),
        pytest.param(
            'type: "ImageData" image_data_param { new_height: 5 new_width: 6 is_color: false }',
            (1, 1, 5, 6),
            id="pictures",
        ),
        pytest.param(
            'type: "WindowData" transform_param { crop_size: 4 }', (1, 3, 4, 4), id="windows"
        ),
        pytest.param(
            'type: "MemoryData" memory_data_param { batch_size: 9 channels: 2 height: 3 width: 4 }',
            (1, 2, 3, 4),
            id="memory",
        ),
        pytest.param(
            'type: "DummyData" dummy_data_param { shape { dim: 9 dim: 5 } shape { dim: 9 } }',
            (1, 5),
            id="dummy",
        ),
        pytest.param('type: "HDF5Data" hdf5_data_param { source: "list.txt" }', (1, 4), id="hdf5"),
    ],
)
def test_the_shape_comes_from_what_is_at_hand(
    data: str, shape: tuple[int, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_lmdb(tmp_path / "lmdb", 8, 2)
    write_mean_file(tmp_path / "mean.binaryproto", np.zeros((2, 6, 7), np.float32))
    with new_file(tmp_path / "rows.h5") as file:
        file["data"] = np.zeros((9, 4), np.float32)
    (tmp_path / "list.txt").write_text("rows.h5\n")
    (tmp_path / "net.prototxt").write_text(net_of(data))
    monkeypatch.chdir(tmp_path)
    made = deployed("net.prototxt", DeployForm())
    assert made.notes == ["inputs: data " + " x ".join(map(str, shape))]
    size = made.net.layers[0].parameter.input_param.shape[0]
    assert tuple(size.dim) == shape


def test_what_was_given_comes_first_and_the_batch_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "net.prototxt").write_text(net_of(_CROP.format("mean_value: 1 mean_value: 2")))
    form = DeployForm({"data": (2, 5, 6, 7)}, batch=3, binary=True)
    made = deployed(tmp_path / "net.prototxt", form).net
    assert tuple(made.layers[0].parameter.input_param.shape[0].dim) == (3, 5, 6, 7)
    assert made.layers[-1].name == RECIPE.binary_name


def test_a_shape_that_nothing_tells_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "net.prototxt").write_text(net_of(_CROP.format("mean_value: 1")))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SurgeryError) as caught:
        deployed("net.prototxt", DeployForm())
    assert str(caught.value) == (
        "net.prototxt:2:9: the shape of 'data' is unknown: in layer 'source' (Data), crop_size "
        "is 4, 'none' does not exist or cannot be read, one mean_value serves any channels\n"
        '  2 |   name: "source" top: "data" top: "label"\n'
        "    |         ^^^^^^^^\n"
        "hint: give it: --input-shape data=1,C,H,W"
    )
