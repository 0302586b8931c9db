"""`ssdh patch`: what each option does to the net, and that a second run finds nothing to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ssdh_surgery import parse
from ssdh_surgery.caffe.net.net import Net
from support import lenet
from support.command_line import Ssdh, snapshot

TRAIN = lenet.TRAIN


@pytest.fixture
def here(ssdh: Ssdh) -> Path:
    lenet.write(Path.cwd())
    return Path.cwd()


def changes(ssdh: Ssdh, *words: str, train: str = TRAIN) -> dict[str, Any]:
    """Path to new value of what a patch changes in the net."""
    Path("train_val.prototxt").write_text(train)
    ran = ssdh("patch", "train_val.prototxt", "--solver", "none", "--dry-run", "--json", *words)
    return {each["path"]: each["after"] for each in ran.json["files"][0]["changes"]}


LATENT = {
    "name": "latent_SSDH",
    "type": "InnerProduct",
    "bottom": ["ip1"],
    "top": ["latent_SSDH"],
    "param": [{"lr_mult": 1, "decay_mult": 1}, {"lr_mult": 2, "decay_mult": 0}],
    "inner_product_param": {
        "num_output": 128,
        "weight_filler": {"type": "gaussian", "std": 0.005},
        "bias_filler": {"type": "constant", "value": 1},
    },
}
CODE = {
    "name": "latent_SSDH_encode",
    "type": "Sigmoid",
    "bottom": ["latent_SSDH"],
    "top": ["latent_SSDH_encode"],
}


def test_the_recipe(ssdh: Ssdh, here: Path) -> None:
    assert changes(ssdh) == {
        "layer[latent_SSDH]": LATENT,
        "layer[latent_SSDH_encode]": CODE,
        "layer[ip2].name": "ip2_change",
        "layer[ip2].bottom[0]": "latent_SSDH_encode",
        "layer[ip2].top[0]": "ip2_change",
        "layer[ip2].param[0].lr_mult": 10,
        "layer[ip2].param[1].lr_mult": 20,
        "layer[accuracy].bottom[0]": "ip2_change",
        "layer[loss].bottom[0]": "ip2_change",
    }


@pytest.mark.parametrize(
    ("words", "path", "new"),
    [
        (["--bits", "48"], "num_output", 48),
        (["--filler", "gaussian:0.01"], "weight_filler", {"type": "gaussian", "std": 0.01}),
        (["--filler", "xavier"], "weight_filler", {"type": "xavier"}),
        (
            ["--filler", "xavier:fan_in"],
            "weight_filler",
            {"type": "xavier", "variance_norm": "FAN_IN"},
        ),
        (
            ["--filler", "xavier:average"],
            "weight_filler",
            {"type": "xavier", "variance_norm": "AVERAGE"},
        ),
        (["--filler", "msra"], "weight_filler", {"type": "msra"}),
        (["--bias", "0"], "bias_filler", {"type": "constant", "value": 0}),
        (["--bias", "-0.5"], "bias_filler", {"type": "constant", "value": -0.5}),
    ],
)
def test_the_latent_layer(ssdh: Ssdh, here: Path, words: list[str], path: str, new: object) -> None:
    latent = changes(ssdh, *words)["layer[latent_SSDH]"]
    assert latent["inner_product_param"] == {**LATENT["inner_product_param"], path: new}  # type: ignore[dict-item]


def test_learning_rates(ssdh: Ssdh, here: Path) -> None:
    found = changes(ssdh, "--lr-mult", "0.5,3", "--decay-mult", "0,1", "--classifier-lr", "2.5")
    assert found["layer[latent_SSDH]"]["param"] == [
        {"lr_mult": 0.5, "decay_mult": 0},
        {"lr_mult": 3, "decay_mult": 1},
    ]
    assert found["layer[ip2].param[0].lr_mult"] == 2.5
    assert found["layer[ip2].param[1].lr_mult"] == 5


def test_names(ssdh: Ssdh, here: Path) -> None:
    found = changes(
        ssdh, "--latent-name", "fc_h", "--code-name", "h", "--classifier-name", "fc8_new"
    )
    assert found["layer[fc_h]"]["top"] == ["fc_h"]
    assert found["layer[h]"] == {"name": "h", "type": "Sigmoid", "bottom": ["fc_h"], "top": ["h"]}
    assert found["layer[ip2].name"] == found["layer[ip2].top[0]"] == "fc8_new"
    assert found["layer[ip2].bottom[0]"] == "h"
    assert found["layer[loss].bottom[0]"] == "fc8_new"


def test_the_net_gets_another_name_everywhere(ssdh: Ssdh, here: Path) -> None:
    assert changes(ssdh, "--net-name", "LeNet_48")["name"] == "LeNet_48"
    assert "name" not in changes(ssdh)
    ssdh("patch", "train_val.prototxt", "--net-name", "LeNet_48")
    ssdh("deploy")
    for name in ("train_val_ssdh.prototxt", "deploy_ssdh.prototxt"):
        assert Net(parse(Path(name).read_bytes())).name == "LeNet_48"
    before = snapshot(here)
    ssdh("patch", "train_val_ssdh.prototxt", "--net-name", "LeNet_48", "--in-place")
    assert snapshot(here) == before
    ssdh("patch", "train_val_ssdh.prototxt", "--net-name", "other", "--in-place")
    assert Net(parse(Path("train_val_ssdh.prototxt").read_bytes())).name == "other"


def test_the_classifier_may_keep_its_name(ssdh: Ssdh, here: Path) -> None:
    found = changes(ssdh, "--classifier-name", "ip2")
    assert "layer[ip2].name" not in found
    assert "layer[loss].bottom[0]" not in found


@pytest.mark.parametrize("at", ["conv1", "ip1", "relu1"])
def test_at_a_blob_or_a_layer(ssdh: Ssdh, here: Path, at: str) -> None:
    found = changes(ssdh, "--at", at)
    assert found["layer[latent_SSDH]"]["bottom"] == ["conv1" if at == "conv1" else "ip1"]
    # What only the old features served goes; nothing is left dangling.
    gone = [path for path, after in found.items() if after is None]
    assert gone == (["layer[ip1]", "layer[relu1]"] if at == "conv1" else [])


@pytest.mark.parametrize("remove", ["comment", "delete"])
def test_at_a_lower_blob_what_goes_is_listed(ssdh: Ssdh, here: Path, remove: str) -> None:
    out = ssdh("patch", "train_val.prototxt", "--at", "conv1", "--remove", remove).out
    how = "commented out" if remove == "comment" else "removed"
    assert f"  note: {how}, no longer needed: ip1, relu1\n" in out
    text = (here / "train_val_ssdh.prototxt").read_text()
    assert ('# layer { name: "relu1"' in text) is (remove == "comment")
    assert ("num_output: 500" in text) is (remove == "comment")
    net = Net(parse(text.encode()))
    assert [layer.name for layer in net.layers] == [
        *("mnist", "mnist", "conv1", "latent_SSDH", "latent_SSDH_encode", "ip2_change"),
        *("accuracy", "loss"),
    ]


@pytest.mark.parametrize("head", ["aux", "aux_loss", "aux_top"])
def test_another_head(ssdh: Ssdh, here: Path, head: str) -> None:
    aux = """\
layer { name: "aux" type: "InnerProduct" bottom: "conv1" top: "aux"
  inner_product_param { num_output: 10 } }
layer { name: "aux_loss" type: "SoftmaxWithLoss" bottom: "aux" bottom: "label" top: "aux_top"
  loss_weight: 0.3 }
"""
    found = changes(ssdh, "--head", head, train=TRAIN + aux)
    assert found["layer[aux].name"] == "aux_change"
    assert found["layer[latent_SSDH]"]["bottom"] == ["conv1"]
    assert not [path for path in found if path.startswith("layer[ip2]")]
    found = changes(ssdh, train=TRAIN + aux)
    assert found["layer[ip2].name"] == "ip2_change"
    assert not [path for path in found if path.startswith("layer[aux")]


def test_the_banner(ssdh: Ssdh, here: Path) -> None:
    ssdh("patch", "train_val.prototxt", "--mark", "--bits", "48")
    text = (here / "train_val_ssdh.prototxt").read_text()
    assert text.count("48-bit hash layer") >= 1
    at = text.index("48-bit hash layer")
    assert text[at:].index('name: "latent_SSDH"') < text[at:].index("# the classifier")
    ssdh("patch", "train_val_ssdh.prototxt", "--check")


# ---------------------------------------------------------------- the classifier's params

CLASSIFIER = TRAIN[TRAIN.index('  name: "ip2"') : TRAIN.index('layer {\n  name: "accuracy"')]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("", {"param[0]": {"lr_mult": 10}, "param[1]": {"lr_mult": 10}}),
        ("  param { lr_mult: 1 }\n", {"param[0].lr_mult": 10, "param[1]": {"lr_mult": 10}}),
        ("  param { }\n  param { }\n", {"param[0].lr_mult": 10, "param[1].lr_mult": 10}),
        (
            "  param { decay_mult: 0 }\n  param { lr_mult: .1 decay_mult: 0 }\n",
            {"param[0].lr_mult": 10, "param[1].lr_mult": 1},
        ),
        (
            '  param { name: "w" lr_mult: 1 }\n  param { name: "b" }\n',
            {},
        ),
        ('  param { name: "w" }\n', {"param[1]": {"lr_mult": 10}}),
        ("  param { lr_mult: 0 }\n  param { lr_mult: 0 }\n", {}),
    ],
    ids=["none", "one", "empty", "without-rate", "shared", "shared-weights", "frozen"],
)
def test_learnable_blobs_learn_faster(
    ssdh: Ssdh, here: Path, old: str, new: dict[str, object]
) -> None:
    classifier = CLASSIFIER.replace("  param { lr_mult: 1 }\n  param { lr_mult: 2 }\n", old)
    found = changes(ssdh, train=TRAIN.replace(CLASSIFIER, classifier))
    prefix = "layer[ip2].param"
    rates = {path: after for path, after in found.items() if path.startswith(prefix)}
    assert rates == {f"layer[ip2].{path}": after for path, after in new.items()}


def test_without_a_bias_there_is_one_blob(ssdh: Ssdh, here: Path) -> None:
    classifier = CLASSIFIER.replace("  param { lr_mult: 1 }\n  param { lr_mult: 2 }\n", "").replace(
        "num_output: 10", "bias_term: false num_output: 10"
    )
    found = changes(ssdh, train=TRAIN.replace(CLASSIFIER, classifier))
    rates = {path: after for path, after in found.items() if ".param" in path}
    assert rates == {"layer[ip2].param[0]": {"lr_mult": 10}}


def test_a_frozen_classifier_is_told(ssdh: Ssdh, here: Path) -> None:
    frozen = CLASSIFIER.replace("lr_mult: 1", "lr_mult: 0").replace("lr_mult: 2", "lr_mult: 0")
    (here / "train_val.prototxt").write_text(TRAIN.replace(CLASSIFIER, frozen))
    assert (
        "  note: the classifier 'ip2' has lr_mult 0: under its new name it starts from its filler "
        "and does not learn\n"
    ) in ssdh("patch", "train_val.prototxt").out


# ---------------------------------------------------------------- a second run

SETS = [
    (),
    ("--bits", "48", "--filler", "xavier:fan_in", "--bias", "0"),
    ("--at", "conv1", "--remove", "delete", "--mark"),
    ("--lr-mult", "3,4", "--decay-mult", "0,0", "--classifier-lr", "5", "--lr-divide", "2"),
    ("--latent-name", "l", "--code-name", "c", "--classifier-name", "k", "--head", "loss"),
    ("--train-data", "a", "--test-batch", "7", "--mean-value", "1", "--set", "max_iter=5"),
    ("--set", "stepvalue=1", "--set", "stepvalue=2", "--gamma", "0.2", "--weight-decay", "0"),
    ("--suffix", ".hash", "--mean-file", "m.binaryproto"),
]


@pytest.mark.parametrize("words", SETS, ids=[" ".join(words[:2]) or "none" for words in SETS])
class TestASecondRun:
    @pytest.fixture(autouse=True)
    def _mean(self, here: Path) -> None:
        (here / "m.binaryproto").write_bytes(b"a mean")

    def test_with_the_same_options(self, ssdh: Ssdh, here: Path, words: tuple[str, ...]) -> None:
        ssdh("patch", "train_val.prototxt", *words)
        self.finds_nothing(ssdh, here, "patch", "train_val.prototxt", *words)

    def test_without_options(self, ssdh: Ssdh, here: Path, words: tuple[str, ...]) -> None:
        ssdh("patch", "train_val.prototxt", *words)
        self.finds_nothing(ssdh, here, "patch", "train_val.prototxt")

    def test_on_its_own_output(self, ssdh: Ssdh, here: Path, words: tuple[str, ...]) -> None:
        ssdh("patch", "train_val.prototxt", *words)
        suffix = words[1] if "--suffix" in words else "_ssdh"
        own = f"train_val{suffix}.prototxt"
        self.finds_nothing(ssdh, here, "patch", own)
        self.finds_nothing(ssdh, here, "patch", f"solver{suffix}.prototxt")
        (here / "ssdh.toml").unlink()
        ran = ssdh("patch", own, "--check", "--json")
        assert [each["changes"] for each in ran.json["files"]] == [[], []]

    def test_in_place(self, ssdh: Ssdh, here: Path, words: tuple[str, ...]) -> None:
        ssdh("patch", "train_val.prototxt", *words, "--in-place")
        self.finds_nothing(ssdh, here, "patch", "train_val.prototxt", "--in-place")
        self.finds_nothing(ssdh, here, "patch", "train_val.prototxt")
        self.finds_nothing(ssdh, here, "patch", "solver.prototxt", *words, "--in-place")

    def test_out(self, ssdh: Ssdh, here: Path, words: tuple[str, ...]) -> None:
        ssdh("patch", "train_val.prototxt", *words, "--out", "new")
        self.finds_nothing(ssdh, here, "patch", "train_val.prototxt", "--out", "new")

    def finds_nothing(self, ssdh: Ssdh, here: Path, *words: str) -> None:
        before = snapshot(here)
        ssdh(*words, "--check")
        out = ssdh(*words).out
        assert "wrote" not in out
        assert snapshot(here) == before


# ---------------------------------------------------------------- a hash layer that is there


@pytest.mark.parametrize(
    ("words", "path", "new"),
    [
        (["--filler", "gaussian:0.1"], "inner_product_param.weight_filler.std", 0.1),
        (["--bias", "0"], "inner_product_param.bias_filler.value", 0),
    ],
)
def test_what_is_asked_for_changes(
    ssdh: Ssdh, here: Path, words: list[str], path: str, new: object
) -> None:
    ssdh("patch", "train_val.prototxt")
    own = ("patch", "train_val_ssdh.prototxt", "--in-place")
    ran = ssdh(*own, *words, "--json")
    assert [(each["path"], each["after"]) for each in ran.json["files"][0]["changes"]] == [
        (f"layer[latent_SSDH].{path}", new)
    ]
    assert ran.json["files"][1]["changes"] == []
    ssdh(*own, *words, "--check")
    ssdh(*own, "--check")


def test_another_filler_and_other_rates(ssdh: Ssdh, here: Path) -> None:
    ssdh("patch", "train_val.prototxt")
    own = ("patch", "train_val_ssdh.prototxt", "--in-place")
    words = ("--filler", "xavier:average", "--lr-mult", "3,4", "--decay-mult", "0,1")
    ran = ssdh(*own, *words, "--json")
    found = {each["path"]: each["after"] for each in ran.json["files"][0]["changes"]}
    layer = "layer[latent_SSDH]"
    assert found == {
        f"{layer}.param[0].lr_mult": 3,
        f"{layer}.param[0].decay_mult": 0,
        f"{layer}.param[1].lr_mult": 4,
        f"{layer}.param[1].decay_mult": 1,
        f"{layer}.inner_product_param.weight_filler.type": "xavier",
        f"{layer}.inner_product_param.weight_filler.std": None,
        f"{layer}.inner_product_param.weight_filler.variance_norm": "AVERAGE",
    }
    ssdh(*own, *words, "--check")


def test_other_names(ssdh: Ssdh, here: Path) -> None:
    ssdh("patch", "train_val.prototxt")
    words = ("--latent-name", "l", "--code-name", "c", "--classifier-name", "k")
    ssdh("patch", "train_val_ssdh.prototxt", "--in-place", *words)
    first = (here / "train_val_ssdh.prototxt").read_text()
    (here / "ssdh.toml").unlink()
    ssdh("patch", "train_val.prototxt", *words, "--force")
    assert (here / "train_val_ssdh.prototxt").read_text() == first


def test_the_workspace_follows(ssdh: Ssdh, here: Path) -> None:
    ssdh("patch", "train_val.prototxt")
    words = ("--latent-name", "l", "--code-name", "c", "--bits", "24")
    ssdh("patch", "train_val_ssdh.prototxt", "--in-place", *words)
    ssdh("deploy")
    text = (here / "deploy_ssdh.prototxt").read_text()
    assert 'name: "l"' in text
    assert 'top: "c"' in text
    assert "num_output: 24" in text


def test_it_is_not_moved(ssdh: Ssdh, here: Path) -> None:
    ssdh("patch", "train_val.prototxt")
    before = snapshot(here)
    ran = ssdh("patch", "train_val_ssdh.prototxt", "--at", "conv1", code=3)
    assert ran.err == (
        "train_val_ssdh.prototxt:48:11: the hash layer is on 'ip1', and --at asks for 'conv1'\n"
        '  48 |   bottom: "ip1"\n'
        "     |           ^^^^^\n"
        "hint: patch the original file with another --at\n"
    )
    assert snapshot(here) == before
    ssdh("patch", "train_val_ssdh.prototxt", "--at", "ip1", "--check")


def test_a_sigmoid_of_the_nets_own_can_be_hashed(ssdh: Ssdh, here: Path) -> None:
    own = TRAIN.replace('"relu1" type: "ReLU"', '"sig1" type: "Sigmoid"')
    (here / "train_val.prototxt").write_text(own)
    assert ssdh("patch", "train_val.prototxt", "--solver", "none").out == (
        "train_val.prototxt (train net): nothing to do\n"
        "  note: the net already has a hash layer: 'ip1' -> 'sig1', 500 bits; --bits N "
        "changes its width\n"
        "  note: if these layers are the net's own, --at sig1 puts a hash layer on top of them\n"
    )
    ssdh("patch", "train_val.prototxt", "--solver", "none", "--at", "sig1")
    text = (here / "train_val_ssdh.prototxt").read_text()
    assert 'name: "latent_SSDH"' in text
    for name in ("train_val.prototxt", "train_val_ssdh.prototxt"):
        ssdh("patch", name, "--solver", "none", "--check")
