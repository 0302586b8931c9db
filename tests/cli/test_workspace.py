"""`ssdh.toml`: what it says, what it keeps, what later commands take from it."""

from __future__ import annotations

import hashlib
import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import lmdb
import numpy as np
import pytest

from ssdh_surgery.data.datum import write_raw
from support import lenet
from support.command_line import Ssdh, snapshot

TRAIN, SOLVER, DEPLOY = lenet.TRAIN, lenet.SOLVER, lenet.DEPLOY


@pytest.fixture
def here(ssdh: Ssdh) -> Path:
    lenet.write(Path.cwd())
    return Path.cwd()


def sha(path: str | Path) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def net(stem: str = "train_val", folder: str = ".") -> dict[str, Any]:
    """A table of the workspace."""
    found: dict[str, Any] = tomllib.loads(Path(folder, "ssdh.toml").read_text())["nets"][stem]
    return found


# ---------------------------------------------------------------- what it says


def test_the_whole_file(ssdh: Ssdh, here: Path) -> None:
    ssdh("patch", "train_val.prototxt", "--bits", "48")
    ssdh("deploy")
    names = ("train_val", "solver", "deploy")
    old, new = ([sha(f"{name}{end}.prototxt") for name in names] for end in ("", "_ssdh"))
    assert (
        (here / "ssdh.toml").read_text()
        == f"""\
version = 1

[nets.train_val]
train = "train_val_ssdh.prototxt"
train_source = "train_val.prototxt"
solver = "solver_ssdh.prototxt"
solver_source = "solver.prototxt"
snapshot_prefix = "lenet_ssdh"
remove = "comment"
classifier_source = "ip2"
bits = 48
features = "ip1"
latent = "latent_SSDH"
code = "latent_SSDH_encode"
classifier = "ip2_change"
classes = 10
objective = "sigmoid"
scale = 0.00390625
channels = "BGR"
deploy = "deploy_ssdh.prototxt"
deploy_source = "deploy.prototxt"

[nets.train_val.sources]
"train_val.prototxt" = "{old[0]}"
"solver.prototxt" = "{old[1]}"
"deploy.prototxt" = "{old[2]}"

[nets.train_val.written]
"train_val_ssdh.prototxt" = "{new[0]}"
"solver_ssdh.prototxt" = "{new[1]}"
"deploy_ssdh.prototxt" = "{new[2]}"
"""
    )


def test_it_says_the_same_anywhere_at_any_time(ssdh: Ssdh, here: Path) -> None:
    for name in ("a", "b/c"):
        lenet.write(here / name)
        ssdh("-C", str(here / name), "patch", "train_val.prototxt", "--at", "conv1")
    assert (here / "a/ssdh.toml").read_bytes() == (here / "b/c/ssdh.toml").read_bytes()


def test_options_are_remembered(ssdh: Ssdh, here: Path) -> None:
    words = ("--filler", "xavier:fan_in", "--bias", "0", "--lr-mult", "1,2.5", "--mark",
             "--set", "max_iter=5", "--set", "type=Adam", "--mean-value", "1,2,3",
             "--train-data", "a", "--test-batch", "7", "--at", "conv1", "--head", "loss",
             "--suffix", "_h", "--gamma", "0.3", "--classifier-name", "k")  # fmt: skip
    ssdh("patch", "train_val.prototxt", *words)
    assert net()["options"] == {
        "at": "conv1",
        "head": "loss",
        "filler": "xavier:fan_in",
        "bias": 0,
        "lr_mult": [1, 2.5],
        "classifier_name": "k",
        "mark": True,
        "gamma": 0.3,
        "set": ["max_iter=5", "type=Adam"],
        "train_data": "a",
        "test_batch": 7,
        "mean_value": [1, 2, 3],
        "suffix": "_h",
    }
    assert net()["mean_value"] == [1, 2, 3]


def test_settings_are_listed_as_options(ssdh: Ssdh, here: Path) -> None:
    words = ("--bits", "48", "--lr-mult", "1,2.5", "--mark", "--set", "max_iter=5",
             "--set", "display=1", "--filler", "xavier:fan_in")  # fmt: skip
    ssdh("patch", "train_val.prototxt", *words)
    expected = (
        "train_val: settings in ssdh.toml\n"
        "  --bits 48\n"
        "  --filler xavier:fan_in\n"
        "  --lr-mult 1,2.5\n"
        "  --latent-name latent_SSDH  (default)\n"
        "  --code-name latent_SSDH_encode  (default)\n"
        "  --remove comment  (default)\n"
        "  --mark\n"
        "  --set max_iter=5 --set display=1\n"
    )
    before = snapshot(here)
    assert ssdh("patch", "--show-settings").out == expected
    assert ssdh("patch", "train_val_ssdh.prototxt", "--show-settings").out == expected
    assert snapshot(here) == before
    told = ssdh("patch", "--show-settings", "--json").json
    assert told["workspace"] == "ssdh.toml"
    assert told["nets"]["train_val"]["lr-mult"] == [1, 2.5]
    # What is listed is what it takes to patch again without a workspace.
    listed = shlex.split(expected.split("\n", 1)[1].replace("(default)", ""))
    (here / "ssdh.toml").unlink()
    assert "is up to date" in ssdh("patch", "train_val.prototxt", *listed).out


def test_settings_can_be_forgotten(ssdh: Ssdh, here: Path) -> None:
    ssdh("patch", "train_val.prototxt")
    plain, recorded = (here / "train_val_ssdh.prototxt").read_bytes(), net()
    ssdh("patch", "train_val.prototxt", "--bits", "48", "--mark", "--gamma", "0.3", "--force")
    assert ssdh("patch", "--reset", code=2).err == (
        "error: --reset needs the net to patch\n"
        "hint: ssdh patch train_val.prototxt --reset --force\n"
    )
    ssdh("patch", "train_val.prototxt", "--reset", "--force")
    assert (here / "train_val_ssdh.prototxt").read_bytes() == plain
    assert net() == recorded


def test_settings_of_a_patched_net_can_be_forgotten(ssdh: Ssdh, here: Path) -> None:
    ssdh("patch", "train_val.prototxt", "--gamma", "0.3")
    written = (here / "solver_ssdh.prototxt").read_bytes()
    ssdh("patch", "train_val_ssdh.prototxt", "--reset")
    assert "options" not in net()
    assert (here / "solver_ssdh.prototxt").read_bytes() == written


def test_settings_need_a_workspace(ssdh: Ssdh) -> None:
    assert ssdh("patch", "--show-settings", code=3).err == (
        "error: no ssdh.toml here or above\nhint: ssdh patch FILE writes one\n"
    )


def test_a_name_that_is_nearly_recorded(ssdh: Ssdh, here: Path) -> None:
    ssdh("patch", "train_val.prototxt")
    err = ssdh("patch", "train_val.prototxt", "--net", "tran_val").err
    assert "no net 'tran_val' yet, so a new one is recorded; did you mean 'train_val'?" in err
    assert "hint: did you mean 'train_val'?" in ssdh("deploy", "--net", "trainval", code=3).err


def test_given_goes_before_remembered(ssdh: Ssdh, here: Path) -> None:
    ssdh("patch", "train_val.prototxt", "--bits", "48", "--filler", "msra", "--mean-value", "1",
         "--set", "max_iter=5", "--set", "display=1")  # fmt: skip
    Path("m").touch()
    ssdh("patch", "train_val.prototxt", "--bits", "64", "--mean-file", "m", "--set", "max_iter=6",
         "--force")  # fmt: skip
    text = (here / "train_val_ssdh.prototxt").read_text()
    assert "num_output: 64" in text
    assert 'weight_filler { type: "msra" }' in text
    assert 'mean_file: "m"' in text
    assert "mean_value" not in text
    solver = (here / "solver_ssdh.prototxt").read_text()
    assert "max_iter: 6\n" in solver
    assert "display: 1\n" in solver
    assert net()["options"]["set"] == ["display=1", "max_iter=6"]
    assert net()["bits"] == 64
    assert "mean_value" not in net()["options"]


def test_paths_are_relative_to_its_own_folder(ssdh: Ssdh, here: Path) -> None:
    lenet.write(here / "m")
    ssdh("patch", "m/train_val.prototxt", "--out", "o/p")
    found = net(folder="o/p")
    assert found["train"] == "train_val_ssdh.prototxt"
    assert found["train_source"] == "../../m/train_val.prototxt"
    assert set(found["sources"]) == {"../../m/train_val.prototxt", "../../m/solver.prototxt"}
    assert not (here / "ssdh.toml").exists()
    assert not (here / "m" / "ssdh.toml").exists()


def test_in_place_the_source_is_what_was_written(ssdh: Ssdh, here: Path) -> None:
    ssdh("patch", "train_val.prototxt", "--in-place")
    ssdh("deploy", "deploy.prototxt", "--in-place")
    found = net()
    assert found["sources"] == found["written"]
    for name in ("train_val", "solver", "deploy"):
        assert found["sources"][f"{name}.prototxt"] == sha(f"{name}.prototxt")


def records(path: str, *shapes: tuple[int, int, int]) -> None:
    with lmdb.open(path) as env, env.begin(write=True) as transaction:
        for number, shape in enumerate(shapes):
            transaction.put(f"{number:08d}".encode(), write_raw(np.zeros(shape, np.uint8), 0))


def test_the_geometry_of_the_input(ssdh: Ssdh, here: Path) -> None:
    old = "transform_param { scale: 0.00390625 }"
    new = 'transform_param { crop_size: 24 scale: 0.5 mean_file: "m.binaryproto" mirror: true }'
    records("mnist_train_lmdb", (3, 32, 40), (3, 32, 40))
    (here / "train_val.prototxt").write_text(TRAIN.replace(old, new))
    ssdh("patch", "train_val.prototxt")
    names = ("crop", "scale", "mean_file", "channels", "resize")
    assert {name: net()[name] for name in names} == {
        "crop": 24,
        "scale": 0.5,
        "mean_file": "m.binaryproto",
        "channels": "BGR",
        "resize": [40, 32],
    }


def test_records_of_several_sizes_say_nothing(ssdh: Ssdh, here: Path) -> None:
    records("mnist_train_lmdb", (3, 32, 40), (3, 32, 41))
    ssdh("patch", "train_val.prototxt")
    assert "resize" not in net()


def test_a_size_that_the_net_states(ssdh: Ssdh, here: Path) -> None:
    data = TRAIN[TRAIN.index("layer {") : TRAIN.index('layer {\n  name: "conv1"')]
    images = """\
layer {
  name: "data"
  type: "ImageData"
  top: "data"
  top: "label"
  image_data_param { source: "list.txt" batch_size: 4 new_width: 90 new_height: 80 }
}
"""
    (here / "train_val.prototxt").write_text(TRAIN.replace(data, images))
    ssdh("patch", "train_val.prototxt")
    assert net()["resize"] == [90, 80]


# ---------------------------------------------------------------- what it keeps


def test_comments_and_keys_of_the_user_stay(ssdh: Ssdh, here: Path) -> None:
    ssdh("patch", "train_val.prototxt", "--bits", "48", "--mean-value", "5")
    text = (here / "ssdh.toml").read_text()
    text = (
        "# our project\nowner = 'us' # me\n"
        + text.replace("bits = 48", "bits = 48   # as in the paper").replace(
            "[nets.train_val]\n", "# the small one\n[nets.train_val]\nnote = 'first try'\n"
        )
        + "\n[runs]\nbest = 3  # of five\n"
    )
    (here / "ssdh.toml").write_text(text)
    ssdh("patch", "train_val.prototxt")
    assert (here / "ssdh.toml").read_text() == text
    Path("m").touch()
    ssdh("patch", "train_val.prototxt", "--bits", "64", "--mean-file", "m", "--force")
    new = (here / "ssdh.toml").read_text()
    assert "mean_value" not in new
    for row in ("# our project", "owner = 'us' # me", "# the small one", "note = 'first try'",
                "bits = 64   # as in the paper", "best = 3  # of five"):  # fmt: skip
        assert f"{row}\n" in new
    ssdh("deploy")
    assert "# the small one\n" in (here / "ssdh.toml").read_text()


@pytest.mark.parametrize(
    "text",
    [
        "version = 1\n",
        "nets = {}\n",
        "[nets]\n",
        '[nets."train_val"]\nbits = 48\n',
        'nets = { train_val = { bits = 48, note = "mine" } }\n',
        "nets.train_val.bits = 48\r\n",
        "[nets.train_val.options]\nmark = true\n[other]\n[nets.train_val]\nbits = 48\n",
    ],
)
def test_any_layout_is_taken(ssdh: Ssdh, here: Path, text: str) -> None:
    (here / "ssdh.toml").write_bytes(text.encode())
    ssdh("patch", "train_val.prototxt")
    assert net()["bits"] == (48 if "48" in text else 128)
    assert net()["train"] == "train_val_ssdh.prototxt"
    assert f"num_output: {net()['bits']}" in (here / "train_val_ssdh.prototxt").read_text()
    before = snapshot(here)
    ssdh("patch", "train_val.prototxt", "--check")
    ssdh("patch", "train_val.prototxt")
    assert snapshot(here) == before


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("bitz", "; did you mean 'bits'?"),
        ("lr_mutl", "; did you mean 'lr_mult'?"),
        ("bits", "; set 'bits' in [nets.train_val]"),
        ("latent_name", "; set 'latent' in [nets.train_val]"),
        ("sets", "; write 'set'"),
        ("of_the_user", ""),
    ],
)
def test_an_unknown_option_is_named_and_stays(ssdh: Ssdh, here: Path, key: str, hint: str) -> None:
    ssdh("patch", "train_val.prototxt", "--bias", "0")
    text = (here / "ssdh.toml").read_text()
    text = text.replace("bias = 0\n", f"bias = 0\n{key} = 7 # mine\n")
    (here / "ssdh.toml").write_text(text)
    sentence = f"ssdh.toml: [nets.train_val.options]: unknown option '{key}'{hint}"
    for words in (("patch", "train_val.prototxt"), ("deploy",)):
        assert f"warning: {sentence}\n" in ssdh(*words, "--dry-run").err
    ssdh("patch", "train_val.prototxt", "--bias", "1", "--mark", "--force")
    assert net()["options"] == {"bias": 1, key: 7, "mark": True}
    assert "# mine\n" in (here / "ssdh.toml").read_text()
    ssdh("patch", "train_val_ssdh.prototxt", "--in-place")
    assert net()["options"][key] == 7


def test_a_last_option_that_goes_leaves_the_unknown_ones(ssdh: Ssdh, here: Path) -> None:
    ssdh("patch", "train_val.prototxt", "--bias", "0")
    text = (here / "ssdh.toml").read_text()
    (here / "ssdh.toml").write_text(text.replace("bias = 0\n", "mine = 7\n"))
    ssdh("patch", "train_val.prototxt", "--force")
    assert net()["options"] == {"mine": 7}


def test_what_no_longer_holds_goes(ssdh: Ssdh, here: Path) -> None:
    ssdh("patch", "train_val.prototxt")
    ssdh("patch", "train_val.prototxt", "--solver", "none")
    found = net()
    assert not {"solver", "solver_source", "snapshot_prefix"} & set(found)
    assert set(found["written"]) == {"train_val_ssdh.prototxt"}


def test_the_deploy_net_stays(ssdh: Ssdh, here: Path) -> None:
    ssdh("patch", "train_val.prototxt")
    ssdh("deploy")
    ssdh("patch", "train_val.prototxt", "--bits", "64", "--force")
    found = net()
    assert found["deploy"] == "deploy_ssdh.prototxt"
    assert "deploy.prototxt" in found["sources"]
    assert "deploy_ssdh.prototxt" in found["written"]


# ---------------------------------------------------------------- who finds it


def test_it_is_found_from_below(ssdh: Ssdh, here: Path) -> None:
    ssdh("patch", "train_val.prototxt", "--bits", "24")
    (here / "a" / "b").mkdir(parents=True)
    ran = ssdh("-C", "a/b", "deploy", "--json")
    assert ran.json["files"][0]["output"] == "../../deploy_ssdh.prototxt"
    assert ran.json["workspace"] == "../../ssdh.toml"
    assert "num_output: 24" in (here / "deploy_ssdh.prototxt").read_text()


def test_it_is_found_beside_a_file_that_is_named(ssdh: Ssdh, here: Path) -> None:
    lenet.write(here / "m")
    ssdh("patch", "m/train_val.prototxt", "--bits", "24")
    ssdh("deploy", "m/deploy.prototxt")
    assert "num_output: 24" in (here / "m" / "deploy_ssdh.prototxt").read_text()


def test_a_file_that_is_named_tells_which_of_several_nets_is_meant(ssdh: Ssdh, here: Path) -> None:
    text = (here / "train_val.prototxt").read_text()
    (here / "other.prototxt").write_text(text.replace('"conv1"', '"conv_1"'))
    ssdh("patch", "train_val.prototxt", "--bits", "24")
    ssdh("patch", "other.prototxt", "--bits", "40", "--solver", "none")
    shape = ("--input-shape", "data=1,1,28,28", "--suffix")
    for name in ("other.prototxt", "other_ssdh.prototxt"):
        ssdh("deploy", name, *shape, f"_{name[:-9]}")
        written = (here / f"deploy_{name[:-9]}.prototxt").read_text()
        assert "num_output: 40" in written
    assert "has several nets" in ssdh("deploy", "deploy.prototxt", code=2).err
    ssdh("deploy", "deploy.prototxt", "--net", "train_val")
    ssdh("deploy", "deploy.prototxt", "--check")
    ssdh("patch", "deploy.prototxt", "--check")


def test_without_one_a_name_is_needed(ssdh: Ssdh, here: Path) -> None:
    ran = ssdh("deploy", code=2)
    assert ran.err == (
        "error: no ssdh.toml here or above: name the deploy net\n"
        "hint: ssdh patch train_val.prototxt, then ssdh deploy; or ssdh deploy deploy.prototxt\n"
    )
    ssdh("deploy", "deploy.prototxt", "--bits", "32")
    assert not (here / "ssdh.toml").exists()


@pytest.fixture
def two(ssdh: Ssdh, here: Path) -> Path:
    """A workspace with two nets."""
    (here / "other.prototxt").write_text(TRAIN)
    ssdh("patch", "train_val.prototxt", "--bits", "16")
    ssdh("patch", "other.prototxt", "--bits", "32", "--solver", "none")
    return here


def test_of_several_nets_one_is_asked_for(ssdh: Ssdh, two: Path) -> None:
    before = snapshot(two)
    for words in (("deploy",), ("deploy", "deploy.prototxt"), ("train", "--dry-run")):
        ran = ssdh(*words, code=2)
        assert ran.err == (
            f"error: {two}/ssdh.toml has several nets: train_val, other\n"
            "hint: choose one with --net, for example --net train_val\n"
        )
    assert snapshot(two) == before
    ssdh("deploy", "--net", "other")
    assert "num_output: 32" in (two / "deploy_ssdh.prototxt").read_text()
    assert "deploy" in net("other")
    assert "deploy" not in net("train_val")


def test_a_net_that_is_not_there(ssdh: Ssdh, two: Path) -> None:
    ran = ssdh("deploy", "--net", "othr", code=3)
    assert ran.err == (
        "ssdh.toml: no net 'othr'; it has: train_val, other\nhint: did you mean 'other'?\n"
    )


def test_the_next_command_says_which_net(ssdh: Ssdh, two: Path) -> None:
    out = ssdh("-v", "patch", "train_val.prototxt").out
    assert out.endswith("next: ssdh train --net train_val --gpu 0 --weights WEIGHTS.caffemodel\n")
    out = ssdh("patch", "train_val.prototxt", "--out", "o p").out
    assert out.endswith(
        "next: ssdh train --solver 'o p/solver_ssdh.prototxt' --gpu 0 --weights "
        "WEIGHTS.caffemodel\n"
    )


def test_a_net_of_another_name(ssdh: Ssdh, two: Path) -> None:
    (two / "third.prototxt").write_text(TRAIN)
    words = ("patch", "third.prototxt", "--net", "other", "--solver", "none")
    ssdh(*words)
    assert "num_output: 32" in (two / "third_ssdh.prototxt").read_text()


# ---------------------------------------------------------------- sources that changed


def warning(path: str, command: str) -> str:
    return f"warning: {path} changed since it was patched; to patch it again: {command}\n"


def test_a_train_net_that_changed(ssdh: Ssdh, here: Path) -> None:
    ssdh("patch", "train_val.prototxt")
    (here / "train_val.prototxt").write_text(TRAIN.replace("batch_size: 64", "batch_size: 32"))
    told = warning("train_val.prototxt", "ssdh patch train_val.prototxt --force")
    assert ssdh("deploy").err == told
    assert told in ssdh("train", "--dry-run", "--gpu", "none").err
    (here / "sub").mkdir()
    ran = ssdh("-C", "sub", "deploy")
    assert ran.err == told.replace("train_val.prototxt", "../train_val.prototxt")
    # The very command makes it good.
    ssdh(*told.split("again: ssdh ")[1].split())
    assert ssdh("deploy").err == ""


def test_a_solver_that_changed(ssdh: Ssdh, here: Path) -> None:
    ssdh("patch", "train_val.prototxt", "--out", "new")
    (here / "solver.prototxt").write_text(SOLVER.replace("0.9", "0.95"))
    told = warning("../solver.prototxt", "ssdh patch ../train_val.prototxt --force --out .")
    assert ssdh("-C", "new", "deploy").err == told
    ssdh("-C", "new", *told.split("again: ssdh ")[1].split())
    assert ssdh("-C", "new", "deploy").err == ""


def test_a_deploy_net_that_changed(ssdh: Ssdh, here: Path) -> None:
    ssdh("patch", "train_val.prototxt")
    ssdh("deploy")
    (here / "deploy.prototxt").write_text(DEPLOY.replace("input_dim: 64", "input_dim: 1"))
    told = warning("deploy.prototxt", "ssdh deploy deploy.prototxt --force")
    assert ssdh("patch", "train_val.prototxt").err == told
    ssdh(*told.split("again: ssdh ")[1].split())
    assert ssdh("patch", "train_val.prototxt").err == ""


def test_a_train_net_that_changed_since_its_deploy_net_was_derived(ssdh: Ssdh, here: Path) -> None:
    ssdh("patch", "train_val.prototxt")
    ssdh("deploy", "--from", "train", "--input-shape", "data=1,1,28,28")
    ssdh("patch", "train_val.prototxt", "--bits", "8", "--force")
    told = (
        "warning: train_val_ssdh.prototxt changed since the deploy net was derived from it; "
        "to derive it again: ssdh deploy train_val_ssdh.prototxt --force --from train\n"
    )
    assert told in ssdh("train", "--dry-run", "--gpu", "none").err
    command = told.split("again: ssdh ")[1].split()
    ssdh(*command, "--input-shape", "data=1,1,28,28")
    assert "changed since" not in ssdh("train", "--dry-run", "--gpu", "none").err


def test_a_net_that_was_patched_in_place_and_changed(ssdh: Ssdh, here: Path) -> None:
    ssdh("patch", "train_val.prototxt", "--in-place")
    text = (here / "train_val.prototxt").read_text()
    (here / "train_val.prototxt").write_text(text.replace("batch_size: 64", "batch_size: 32"))
    told = warning("train_val.prototxt", "ssdh patch train_val.prototxt --in-place")
    assert ssdh("deploy").err == told
    out = ssdh(*told.split("again: ssdh ")[1].split()).out
    assert "train_val.prototxt (train net): nothing to do\n" in out
    assert ssdh("deploy").err == ""


# ---------------------------------------------------------------- what it cannot be


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("train = 5", "]: 'train' must be a path"),
        ("sources = 5", "]: 'sources' must be a table of paths with their SHA-256"),
        ("bits = 0", "]: 'bits' must be an integer from 1 to 65536"),
        ("bits = 65537", "]: 'bits' must be an integer from 1 to 65536"),
        ("bits = 'x'", "]: 'bits' must be an integer from 1 to 65536"),
        ("remove = 'x'", "]: 'remove' must be 'comment' or 'delete'"),
        ("code = ''", "]: 'code' must be a non-empty string"),
        (
            "options.lr_mult = 5",
            ".options]: 'lr_mult' must be a list of 2 numbers, each at least 0",
        ),
        (
            "options.lr_mult = [1, -1]",
            ".options]: 'lr_mult' must be a list of 2 numbers, each at least 0",
        ),
        ("options.weight_decay = -1", ".options]: 'weight_decay' must be a number of at least 0"),
        ("options.classes = 0", ".options]: 'classes' must be an integer of at least 1"),
        ("options.suffix = 'a/b'", ".options]: 'suffix' must be part of a file name"),
        ("options.mark = 1", ".options]: 'mark' must be true or false"),
        ("options.set = ['x']", ".options]: 'set' must be a list of FIELD=VALUE"),
        ("options.gamma = -1", ".options]: 'gamma' must be a number above 0"),
        ("options.bias = 'x'", ".options]: 'bias' must be a number"),
        (
            "options.filler = 'x'",
            ".options]: 'filler' must be a filler (gaussian:STD, xavier, "
            "xavier:fan_in|fan_out|average, or msra)",
        ),
    ],
)
def test_values_that_are_none(ssdh: Ssdh, here: Path, text: str, said: str) -> None:
    (here / "ssdh.toml").write_text(f"[nets.train_val]\n{text}\n")
    before = snapshot(here)
    for words in (("deploy", "deploy.prototxt"), ("patch", "train_val.prototxt")):
        ran = ssdh(*words, code=3)
        place, message = ran.err.splitlines()[0].split(": ", 1)
        assert re.fullmatch(r"ssdh\.toml:2:\d+", place)
        assert message == f"[nets.train_val{said}"
    assert snapshot(here) == before


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "version = 2",
            "the file has version 2; this ssdh-surgery reads version 1\n"
            "  1 | version = 2\n"
            "    | ^^^^^^^\n"
            "hint: a newer ssdh-surgery wrote it, or 'version' was edited",
        ),
        ("nets = 5", "'nets' is not a table\n  1 | nets = 5\n    | ^^^^"),
        (
            "nets.train_val = 5",
            "'nets.train_val' is not a table\n  1 | nets.train_val = 5\n    | ^^^^^^^^^^^^^^",
        ),
    ],
)
def test_another_file(ssdh: Ssdh, here: Path, text: str, said: str) -> None:
    (here / "ssdh.toml").write_text(f"{text}\n")
    ran = ssdh("patch", "train_val.prototxt", code=3)
    assert ran.err == f"ssdh.toml:1:1: {said}\n"


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ('bits = 16\n"a" = ', 2, "not TOML: Invalid value"),
        ("[nets.a]\n[nets.a]", 2, "not TOML: Cannot declare ('nets', 'a') twice"),
        ("a = 1\na = 2", 2, "not TOML: Cannot overwrite a value"),
        # tomlkit reads this escape.
        ('[nets.a]\ntrain = "\\x1b"', 2, "not TOML: "),
        ("[nets.a]\n" + "train = " + "[" * 50, 3, "not TOML: "),
        ('[nets.a]\ntrain = "\\u0000"', 2, "[nets.a]: 'train' must be a path"),
        (f'[nets.a]\ntrain = "{"x" * 300}"', 2, "[nets.a]: 'train' must be a path"),
        ("[nets.a]\nsnapshot_prefix = 5", 2, "[nets.a]: 'snapshot_prefix' must be a path"),
        ("[nets.a]\nresize = [28]", 2, "[nets.a]: 'resize' must be a list of 2 integers from 1"),
        ("[nets.a]\ncrop = true", 2, "[nets.a]: 'crop' must be an integer from 0 to 65535"),
        ("[nets.a]\nmean_value = 5", 2, "[nets.a]: 'mean_value' must be a list of numbers"),
        ('[nets."a b".sources]\nx = 5', 1, "[nets.a b]: 'sources' must be a table of paths"),
        ("nets.a.scale = nan", 1, "[nets.a]: 'scale' must be a number"),
    ],
)
def test_damage_is_located(ssdh: Ssdh, here: Path, text: str, line: int, said: str) -> None:
    (here / "ssdh.toml").write_text(f"{text}\n")
    for words in (("patch", "train_val.prototxt"), ("deploy",), ("train", "--dry-run")):
        ran = ssdh(*words, code=3)
        place, message = ran.err.splitlines()[0].split(": ", 1)
        assert place.startswith(f"ssdh.toml:{line}")
        assert message.startswith(said)


def test_no_toml(ssdh: Ssdh, here: Path) -> None:
    (here / "ssdh.toml").write_text("version = 1\nnets = = 5\n")
    ran = ssdh("patch", "train_val.prototxt", code=3)
    assert ran.err.startswith("ssdh.toml:2:")
    assert "not TOML: " in ran.err
    (here / "ssdh.toml").write_bytes(b"# caf\xe9\n")
    ran = ssdh("patch", "train_val.prototxt", code=3)
    assert ran.err == "ssdh.toml: not UTF-8\n"
    (here / "ssdh.toml").unlink()
    (here / "ssdh.toml").mkdir()
    ran = ssdh("patch", "train_val.prototxt", code=3)
    assert ran.err == "ssdh.toml: cannot read: is a folder, not a file\n"
