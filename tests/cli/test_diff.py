"""`ssdh diff`: the answer in words and as JSON, and its exit code."""

from __future__ import annotations

from pathlib import Path

import pytest

from support import lenet
from support.command_line import Ssdh


@pytest.fixture
def here(ssdh: Ssdh) -> Path:
    lenet.write(Path.cwd())
    ssdh("patch", "train_val.prototxt", "--at", "conv1", "--remove", "delete")
    return Path.cwd()


def test_in_words(ssdh: Ssdh, here: Path) -> None:
    ran = ssdh("diff", "train_val.prototxt", "train_val_ssdh.prototxt", code=1)
    assert ran.err == ""
    assert ran.out == (
        "+ layer[latent_SSDH] InnerProduct conv1 -> latent_SSDH\n"
        "+ layer[latent_SSDH_encode] Sigmoid latent_SSDH -> latent_SSDH_encode\n"
        "- layer[ip1] InnerProduct conv1 -> ip1\n"
        "- layer[relu1] ReLU ip1 -> ip1\n"
        "~ layer[ip2].name: 'ip2' -> 'ip2_change'\n"
        "~ layer[ip2].bottom[0]: 'ip1' -> 'latent_SSDH_encode'\n"
        "~ layer[ip2].top[0]: 'ip2' -> 'ip2_change'\n"
        "~ layer[ip2].param[0].lr_mult: 1 -> 10\n"
        "~ layer[ip2].param[1].lr_mult: 2 -> 20\n"
        "~ layer[accuracy].bottom[0]: 'ip2' -> 'ip2_change'\n"
        "~ layer[loss].bottom[0]: 'ip2' -> 'ip2_change'\n"
    )


def test_the_same(ssdh: Ssdh, here: Path) -> None:
    (here / "b.prototxt").write_text("# another comment\r\n" + lenet.SOLVER.replace("\n", "\r\n"))
    ran = ssdh("diff", "solver.prototxt", "b.prototxt")
    assert (ran.out, ran.err) == ("", "no difference\n")
    ran = ssdh("-q", "diff", "solver.prototxt", "b.prototxt")
    assert (ran.out, ran.err) == ("", "")
    assert ssdh("diff", "solver.prototxt", "b.prototxt", "--json").json == {"changes": []}


def test_as_json(ssdh: Ssdh, here: Path) -> None:
    ran = ssdh("diff", "solver.prototxt", "solver_ssdh.prototxt", "--json", code=1)
    assert ran.err == ""
    assert ran.json == {
        "changes": [
            {
                "path": "net",
                "before": "train_val.prototxt",
                "after": "train_val_ssdh.prototxt",
            },
            {"path": "test_initialization", "before": False, "after": None},
            {"path": "base_lr", "before": 0.01, "after": 0.001},
            {"path": "weight_decay", "before": 0.002, "after": 0.0005},
            {"path": "gamma", "before": 0.96, "after": 0.1},
            {"path": "snapshot_prefix", "before": "lenet", "after": "lenet_ssdh"},
        ]
    }


def test_values_stay_on_one_line(ssdh: Ssdh, here: Path) -> None:
    (here / "a.prototxt").write_text('net: "x"\n')
    (here / "b.prototxt").write_bytes(b'net: "a\\nb\\033[31m\\351"\ntype: "caf\xc3\xa9"\n')
    ran = ssdh("diff", "a.prototxt", "b.prototxt", code=1)
    assert ran.out == "~ net: 'x' -> 'a\\nb\\x1b[31m\\xe9'\n+ type: 'caf\u00e9'\n"
    ran = ssdh("diff", "a.prototxt", "b.prototxt", "--json", code=1)
    assert ran.json["changes"][0]["after"] == "a\nb\x1b[31m\udce9"


def test_a_train_net_and_its_deploy_net(ssdh: Ssdh, here: Path) -> None:
    out = ssdh("diff", "train_val.prototxt", "deploy.prototxt", code=1).out
    assert "+ input[0]: 'data'\n" in out
    assert "- layer[loss] SoftmaxWithLoss ip2, label -> loss\n" in out


@pytest.mark.parametrize("name", ["zoo:vgg-16", "zoo:vgg-16/solver", "zoo:vgg-16/deploy"])
def test_networks_of_the_zoo(ssdh: Ssdh, name: str) -> None:
    assert ssdh("diff", name, name).out == ""
    ssdh("diff", name, name.replace("16", "19"), code=1)
