"""`deploy` without a deploy file, `patch` without a train file: what users type and see."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from pictures import write_lmdb

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


def ssdh(*words: str, code: int = 0, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    ran = subprocess.run(
        [sys.executable, "-m", "ssdh_surgery", *words],
        capture_output=True,
        text=True,
        check=False,
        input=stdin,
    )
    assert ran.returncode == code, f"{words}\n{ran.stdout}\n{ran.stderr}"
    return ran


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("train_val.prototxt").write_text(TRAIN)
    write_lmdb(tmp_path / "lmdb", 20, 4)
    return tmp_path


def test_deploy_derives_what_is_not_there_and_finds_it_done_the_next_time() -> None:
    ssdh("patch", "train_val.prototxt", "--bits", "8", "--remove", "delete")
    told = ssdh("deploy").stdout.splitlines()
    assert told[0] == "train_val_ssdh.prototxt (train net): wrote deploy_ssdh.prototxt"
    assert told[-3:] == [
        "  note: derived from train_val_ssdh.prototxt",
        "  note: inputs: data 1 x 3 x 16 x 16",
        "  note: the hash layer is the train net's: 'latent_SSDH_encode', 8 bits",
    ]
    gone = [line.split(" - layer")[1].split()[0] for line in told if " - layer[" in line]
    assert gone[-2:] == ["[fc_change]", "[loss]"]
    again = ssdh("deploy").stdout
    assert again.startswith("train_val_ssdh.prototxt (train net): deploy_ssdh.prototxt is up to")
    assert 'deploy = "deploy_ssdh.prototxt"' in Path("ssdh.toml").read_text()


def test_a_deploy_file_that_comes_later_is_taken_with_from_deploy() -> None:
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


def test_a_train_net_alone_needs_no_workspace() -> None:
    told = ssdh("deploy", "train_val.prototxt", "--bits", "4", "--input-shape", "data=1,1,9,9")
    assert "note: inputs: data 1 x 1 x 9 x 9\n" in told.stdout
    text = Path("deploy_ssdh.prototxt").read_text()
    assert "num_output: 4" in text
    assert ssdh("deploy", "-", "--bits", "4", "--input-shape", "data=1,1,9,9",
                stdin=TRAIN).stdout == text  # fmt: skip


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
            "train_val_ssdh.prototxt: no deploy net beside this train net has the layers that the "
            "codes need\n"
            "hint: name it: ssdh deploy FILE\n",
            id="from-deploy",
        ),
        pytest.param(
            ["deploy", "--code-name", "other"],
            3,
            "train_val_ssdh.prototxt: the train net's hash layer has --code-name "
            "latent_SSDH_encode, not other\n"
            "hint: the train net decides: ssdh patch with --code-name\n",
            id="another-hash-layer",
        ),
    ],
)
def test_what_deploy_refuses(words: list[str], code: int, message: str) -> None:
    ssdh("patch", "train_val.prototxt", "--bits", "8")
    assert ssdh(*words, code=code).stderr == message
    assert not Path("deploy_ssdh.prototxt").exists()
