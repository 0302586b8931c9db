"""`deploy` without a deploy file, `patch` without a train file: what users type and see."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pytest

import ssdh_surgery
from support.command_line import Ssdh
from support.images import write_lmdb

TRAIN = """name: "tiny"
layer {
  name: "data" type: "Data" top: "data" top: "label"
  transform_param { crop_size: 16 }
  data_param { source: "lmdb" batch_size: 2 backend: LMDB }
}
layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip" inner_product_param { num_output: 6 } }
layer { name: "fc" type: "InnerProduct" bottom: "ip" top: "fc" inner_product_param { num_output: 2 } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "fc" bottom: "label" }
"""  # noqa: E501


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("train_val.prototxt").write_text(TRAIN)
    write_lmdb(tmp_path / "lmdb", 20, 4)
    return tmp_path


def test_deploy_derives_what_is_not_there_and_finds_it_done_the_next_time(ssdh: Ssdh) -> None:
    ssdh("patch", "train_val.prototxt", "--bits", "8", "--remove", "delete")
    told = ssdh("deploy").out.splitlines()
    assert told[0] == "train_val_ssdh.prototxt (train net): wrote deploy_ssdh.prototxt"
    assert told[-3:] == [
        "  note: derived from train_val_ssdh.prototxt",
        "  note: inputs: data 1 x 3 x 16 x 16",
        "  note: the hash layer is the train net's: 'latent_SSDH_encode', 8 bits",
    ]
    gone = [line.split(" - layer")[1].split()[0] for line in told if " - layer[" in line]
    assert gone[-2:] == ["[fc_change]", "[loss]"]
    again = ssdh("deploy").out
    assert again.startswith("train_val_ssdh.prototxt (train net): deploy_ssdh.prototxt is up to")
    assert 'deploy = "deploy_ssdh.prototxt"' in Path("ssdh.toml").read_text()


SIZED_DEPLOY = """input: "data" input_dim: 1 input_dim: 3 input_dim: SIZE input_dim: SIZE
layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip" inner_product_param { num_output: 6 } }
layer { name: "fc" type: "InnerProduct" bottom: "ip" top: "fc" inner_product_param { num_output: 2 } }
layer { name: "prob" type: "Softmax" bottom: "fc" top: "prob" }
"""  # noqa: E501


def test_a_deploy_file_for_records_of_another_size_is_passed_over(ssdh: Ssdh) -> None:
    # The weights of an InnerProduct have the size of the records: 3 x 20 x 20 is 1200.
    Path("train_val.prototxt").write_text(TRAIN.replace("transform_param { crop_size: 16 }", ""))
    Path("deploy.prototxt").write_text(SIZED_DEPLOY.replace("SIZE", "16"))
    ssdh("patch", "train_val.prototxt", "--bits", "8")
    difference = "layer 'ip' has weights of 6 x 768, but of 6 x 1200 in train_val_ssdh.prototxt"
    ran = ssdh("deploy")
    lines = ran.out.splitlines()
    assert lines[0] == "train_val_ssdh.prototxt (train net): wrote deploy_ssdh.prototxt"
    assert "  note: inputs: data 1 x 3 x 20 x 20" in lines
    assert ran.err == f"note: deploy.prototxt is passed over: {difference}\n"
    refused = ssdh("deploy", "deploy.prototxt", "--force", code=3)
    assert refused.err == (
        "deploy.prototxt: the codes need layer 'ip' as in train_val_ssdh.prototxt: trained weights "
        f"would not fit; {difference}\n"
        "hint: name the deploy net of this train net, or derive one: ssdh deploy --from train; "
        "--net names another train net\n"
    )


def test_a_deploy_file_for_records_of_this_size_is_patched(ssdh: Ssdh) -> None:
    Path("train_val.prototxt").write_text(TRAIN.replace("transform_param { crop_size: 16 }", ""))
    Path("deploy.prototxt").write_text(SIZED_DEPLOY.replace("SIZE", "20"))
    ssdh("patch", "train_val.prototxt", "--bits", "8")
    assert ssdh("deploy").out.startswith("deploy.prototxt (deploy net): wrote deploy_ssdh.prototxt")


ACCURACY = """layer {
  name: "accuracy" type: "Accuracy" bottom: "fc" bottom: "label" top: "accuracy"
  include { phase: TEST }
}
"""


def test_the_classifier_stays_for_its_accuracy_where_that_is_wanted(ssdh: Ssdh) -> None:
    Path("train_val.prototxt").write_text(
        TRAIN.replace("batch_size: 2", "batch_size: 4") + ACCURACY
    )
    err = ssdh("deploy", "train_val.prototxt", "--with-classifier", code=3).err
    assert "train_val.prototxt:8:15: no hash layer below the classifier 'fc'" in err
    ssdh("patch", "train_val.prototxt", "--bits", "8", "--remove", "delete")
    told = ssdh("deploy", "--with-classifier").out
    assert (
        "  note: the classifier is kept: 'ssdh encode --blob fc_change' writes its scores" in told
    )
    Path("deploy.prototxt").write_text(Path("deploy_ssdh.prototxt").read_text())
    err = ssdh("deploy", "deploy.prototxt", "--with-classifier", code=3).err
    assert "a train net is needed, but this is a deploy net" in err
    ssdh("deploy", "--with-classifier", "--from", "deploy", code=2)
    net = ssdh_surgery.open_net("train_val_ssdh.prototxt", engine="torch")
    for blobs in net.params.values():
        blobs[0].data[...] = np.random.default_rng(3).normal(0, 0.002, blobs[0].data.shape)
    net.save("w.caffemodel")
    export = ("export", "--weights", "w.caffemodel", "--json", "-o")
    assert set(ssdh(*export, "net.onnx").json["outputs"]) == {"latent_SSDH_encode"}
    scores = ssdh(*export, "scores.onnx", "--blob", "fc_change").json["outputs"]
    assert scores == {"fc_change": ["N", 2]}
    encode = ("encode", "lmdb", "--weights", "w.caffemodel")
    ssdh(*encode, "-o", "codes.npz")
    ssdh(*encode, "-o", "scores.npz", "--blob", "fc_change")
    sets = ("--queries", "codes.npz", "--database", "codes.npz")
    found = ssdh("evaluate", *sets, "--scores", "scores.npz", "--json").json
    assert found["accuracy"] == {"1": float(net.forward()["accuracy"])}


def test_a_net_for_scores_is_not_the_deploy_net_of_the_workspace(ssdh: Ssdh) -> None:
    ssdh("patch", "train_val.prototxt", "--bits", "8", "--mean-value", "7")
    ssdh("deploy")
    before = Path("ssdh.toml").read_text()
    ssdh("deploy", "--with-classifier", "--out", "cls")
    ssdh("deploy", "--with-classifier", "--suffix", "_cls")
    record = tomllib.loads(Path("ssdh.toml").read_text())["nets"]["train_val"]
    assert record["deploy"] == "deploy_ssdh.prototxt"
    assert {"cls/deploy_ssdh.prototxt", "deploy_cls.prototxt"} < set(record["written"])
    assert all(line in Path("ssdh.toml").read_text() for line in before.splitlines())
    # Its images are prepared as for the other one.
    net = ssdh_surgery.open_net("train_val_ssdh.prototxt", engine="torch")
    net.save("w.caffemodel")
    words = ("export", "cls/deploy_ssdh.prototxt", "--weights", "w.caffemodel", "-o", "s.onnx")
    assert "subtract 7" in ssdh(*words).err


def test_a_deploy_file_that_comes_later_is_taken_with_from_deploy(ssdh: Ssdh) -> None:
    ssdh("patch", "train_val.prototxt", "--bits", "8")
    ssdh("deploy")
    derived = Path("deploy_ssdh.prototxt").read_text()
    shape = "input_shape { dim: 1 dim: 3 dim: 16 dim: 16 }"
    rest = "".join(TRAIN.splitlines(keepends=True)[6:-1])
    Path("deploy.prototxt").write_text(f'input: "data" {shape}\n{rest}')
    ssdh("deploy", "--check")
    ssdh("deploy", "--from", "deploy", "--force")
    assert Path("deploy_ssdh.prototxt").read_text() != derived
    ssdh("deploy", "--from", "train", "--force")
    assert Path("deploy_ssdh.prototxt").read_text() == derived


def test_a_train_net_alone_needs_no_workspace(ssdh: Ssdh) -> None:
    told = ssdh("deploy", "train_val.prototxt", "--bits", "4", "--input-shape", "data=1,1,16,16")
    assert "note: inputs: data 1 x 1 x 16 x 16\n" in told.out
    text = Path("deploy_ssdh.prototxt").read_text()
    assert "num_output: 4" in text
    assert ssdh("deploy", "-", "--bits", "4", "--input-shape", "data=1,1,16,16",
                stdin=TRAIN.encode()).out == text  # fmt: skip


def test_an_input_that_the_weights_do_not_fit_is_refused(ssdh: Ssdh) -> None:
    told = ssdh("deploy", "train_val.prototxt", "--bits", "4", "--input-shape", "data=1,1,9,9",
                code=3)  # fmt: skip
    assert told.err == (
        "train_val.prototxt:7:15: the params of layer 'ip' would have other shapes than in the "
        "train net: its weights would not fit\n"
        '  7 | layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip" '
        "inner_product_param { num_output: 6...\n"
        "    |               ^^^^\n"
        "hint: --batch N and --input-shape set the inputs that the net is trained with\n"
    )
    assert not Path("deploy_ssdh.prototxt").exists()


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        pytest.param(
            ["deploy", "--in-place"],
            2,
            "error: --in-place would replace the train net by one that is derived from it\n"
            "hint: --out and --suffix choose another place\n",
            id="in-place",
        ),
        pytest.param(
            ["deploy", "--from", "deploy"],
            3,
            "train_val_ssdh.prototxt: no deploy net next to this train net has the layers that the "
            "codes need\n"
            "hint: name it: ssdh deploy FILE\n",
            id="from-deploy",
        ),
        pytest.param(
            ["deploy", "--code-name", "other"],
            3,
            "train_val_ssdh.prototxt: the hash layer of the train net has --code-name "
            "latent_SSDH_encode, not other\n"
            "hint: change it in the train net: ssdh patch with --code-name\n",
            id="another-hash-layer",
        ),
    ],
)
def test_what_deploy_refuses(ssdh: Ssdh, words: list[str], code: int, message: str) -> None:
    ssdh("patch", "train_val.prototxt", "--bits", "8")
    assert ssdh(*words, code=code).err == message
    assert not Path("deploy_ssdh.prototxt").exists()


DEPLOY = """name: "tiny net"
input: "data" input_shape { dim: 1 dim: 3 dim: 16 dim: 16 }
layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip" inner_product_param { num_output: 6 } }
layer { name: "fc" type: "InnerProduct" bottom: "ip" top: "fc" inner_product_param { num_output: 2 } }
layer { name: "prob" type: "Softmax" bottom: "fc" top: "prob" }
"""  # noqa: E501
DATA = ("--train-data", "lmdb", "--test-data", "lmdb")


@pytest.fixture
def lone_deploy(folder: Path) -> None:
    Path("train_val.prototxt").unlink()
    Path("deploy.prototxt").write_text(DEPLOY)


@pytest.mark.usefixtures("lone_deploy")
def test_a_deploy_net_alone_is_patched_trained_and_deployed(ssdh: Ssdh, folder: Path) -> None:
    told = ssdh("patch", "deploy.prototxt", *DATA, "--bits", "8", "--freeze", "ip",
                "--mean-value", "120", "--set", "max_iter=4", "--set", "snapshot=4")  # fmt: skip
    lines = told.out.splitlines()
    assert [line for line in lines if not line.startswith("   ")] == [
        "deploy.prototxt (deploy net): wrote train_val_ssdh.prototxt",
        "  cost: the latent layer has 56 params and 48 multiply-adds per image",
        "  code: 8 bits, 1 byte per image; the features 'ip' take 24 bytes, 24 times as much",
        "  note: derived from deploy.prototxt",
        "  note: the net belongs to no known family, so the scaling of its pixels is unknown: "
        "compare transform_param with the source of the net",
        "  note: frozen up to 'ip': 1 layer with weights has lr_mult 0, so Caffe does not "
        "backpropagate below 'ip'",
        "deploy.prototxt (solver): wrote solver_ssdh.prototxt",
        "  note: comments give the reason for each value",
        "next: ssdh train --gpu 0 --weights WEIGHTS.caffemodel",
    ]
    assert f'snapshot_prefix: "{folder.name}_ssdh"' in Path("solver_ssdh.prototxt").read_text()
    ssdh("train", "--gpu", "none", "--engine", "torch")
    ssdh("deploy")
    deploy = Path("deploy_ssdh.prototxt").read_text()
    assert "latent_SSDH_encode" in deploy
    assert '# layer { name: "fc"' in deploy


DEPLOY_V0 = """input: "data" input_dim: 1 input_dim: 3 input_dim: 16 input_dim: 16
layers { layer { name: "fc" type: "innerproduct" num_output: 2 } bottom: "data" top: "fc" }
layers { layer { name: "prob" type: "softmax" } bottom: "fc" top: "prob" }
"""


@pytest.mark.usefixtures("lone_deploy")
def test_a_deploy_net_of_v0_is_trained_once_it_is_upgraded(ssdh: Ssdh) -> None:
    Path("deploy.prototxt").write_text(DEPLOY_V0)
    words = ("patch", "deploy.prototxt", *DATA, "--bits", "8", "--mean-value", "120")
    said = ssdh(*words, code=3).err
    assert said == (
        "deploy.prototxt:2:24: a train net cannot be derived in Caffe's dialect V0: it has no "
        "phases, so it cannot have data for training and data for testing\n"
        f"  2 | {DEPLOY_V0.splitlines()[1]}\n"
        "    |                        ^^^^\n"
        "hint: use --upgrade, or ssdh upgrade first, to write the net in the current dialect\n"
    )
    assert not Path("train_val_ssdh.prototxt").exists()
    ssdh(*words, "--upgrade", "--set", "max_iter=2")
    ssdh("train", "--gpu", "none", "--engine", "torch")


@pytest.mark.usefixtures("lone_deploy")
def test_the_next_time_the_workspace_has_the_data(ssdh: Ssdh) -> None:
    ssdh("patch", "deploy.prototxt", *DATA, "--bits", "8")
    files = {path: path.read_bytes() for path in Path().iterdir() if path.is_file()}
    told = ssdh("patch", "deploy.prototxt", "--check").out
    assert "train_val_ssdh.prototxt is up to date" in told
    ssdh("patch", "deploy.prototxt")
    assert {path: path.read_bytes() for path in Path().iterdir() if path.is_file()} == files


@pytest.mark.usefixtures("lone_deploy")
def test_without_data_a_deploy_net_is_but_a_deploy_net(ssdh: Ssdh) -> None:
    told = ssdh("patch", "deploy.prototxt").out
    assert told.startswith("deploy.prototxt (deploy net): wrote deploy_ssdh.prototxt\n")


def test_beside_a_train_net_a_deploy_net_is_but_a_deploy_net(ssdh: Ssdh) -> None:
    Path("deploy.prototxt").write_text(DEPLOY)
    ssdh("patch", "train_val.prototxt", "deploy.prototxt", "--train-data", "lmdb")
    assert Path("deploy_ssdh.prototxt").is_file()
    assert 'source: "lmdb"' in Path("train_val_ssdh.prototxt").read_text()


@pytest.mark.usefixtures("lone_deploy")
def test_from_standard_input_the_train_net_goes_on(ssdh: Ssdh) -> None:
    text = ssdh("patch", "-", *DATA, "--bits", "8", stdin=DEPLOY.encode()).out
    ssdh("patch", "deploy.prototxt", *DATA, "--bits", "8")
    assert Path("train_val_ssdh.prototxt").read_text() == text


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        pytest.param(
            ["patch", "deploy.prototxt", "--train-data", "lmdb"],
            2,
            "error: a train net derived from a deploy net needs --test-data\n"
            "hint: ssdh patch deploy.prototxt --train-data LMDB --test-data LMDB\n",
            id="test-data",
        ),
        pytest.param(
            ["patch", "deploy.prototxt", *DATA, "--in-place"],
            2,
            "error: --in-place would replace the deploy net by one that is derived from it\n"
            "hint: --out and --suffix choose another place\n",
            id="in-place",
        ),
        pytest.param(
            ["patch", "deploy.prototxt", "--freeze", "ip"],
            2,
            "error: --freeze needs a train net that is derived from a deploy net\n"
            "hint: ssdh patch deploy.prototxt --train-data LMDB --test-data LMDB --freeze LAYER\n",
            id="freeze-a-deploy-net",
        ),
        pytest.param(
            ["patch", "deploy.prototxt", "--train-data", "none", "--test-data", "lmdb"],
            3,
            "none: no such LMDB (--train-data)\n",
            id="no-lmdb",
        ),
    ],
)
@pytest.mark.usefixtures("lone_deploy")
def test_what_patch_refuses(ssdh: Ssdh, words: list[str], code: int, message: str) -> None:
    assert ssdh(*words, code=code).err == message
    assert not Path("train_val_ssdh.prototxt").exists()
