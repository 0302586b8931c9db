"""`ssdh deploy`: which file is taken, what becomes of it, where it goes."""

from __future__ import annotations

from pathlib import Path

import pytest

from ssdh_surgery import parse
from ssdh_surgery.caffe.net.net import Net
from support import lenet
from support.command_line import Ssdh, snapshot

TRAIN, DEPLOY = lenet.TRAIN, lenet.DEPLOY


@pytest.fixture
def here(ssdh: Ssdh) -> Path:
    lenet.write(Path.cwd())
    return Path.cwd()


@pytest.fixture
def patched(ssdh: Ssdh, here: Path) -> Path:
    ssdh("patch", "train_val.prototxt", "--bits", "48")
    return here


def layers(path: str | Path) -> list[str]:
    return [layer.name for layer in Net(parse(Path(path).read_bytes())).layers]


# ---------------------------------------------------------------- what becomes of it

CHANGED = (
    DEPLOY[: DEPLOY.index('layer {\n  name: "ip2"')]
    + """\
layer {
  name: "latent_SSDH"
  type: "InnerProduct"
  bottom: "ip1"
  top: "latent_SSDH"
  inner_product_param { num_output: 48 }
}
layer {
  name: "latent_SSDH_encode"
  type: "Sigmoid"
  bottom: "latent_SSDH"
  top: "latent_SSDH_encode"
}
"""
)
GONE = DEPLOY[DEPLOY.index('layer {\n  name: "ip2"') :]


@pytest.mark.parametrize("remove", ["comment", "delete"])
def test_the_whole_text(ssdh: Ssdh, patched: Path, remove: str) -> None:
    ssdh("deploy", "--remove", remove)
    commented = "".join(f"# {row}\n" for row in GONE.splitlines())
    expected = CHANGED + (commented if remove == "comment" else "")
    assert (patched / "deploy_ssdh.prototxt").read_text() == expected


def test_the_summary(ssdh: Ssdh, patched: Path) -> None:
    out = ssdh("deploy").out
    assert out.startswith(
        "deploy.prototxt (deploy net): wrote deploy_ssdh.prototxt\n"
        "     22  + layer[latent_SSDH] InnerProduct ip1 -> latent_SSDH\n"
        "     29  + layer[latent_SSDH_encode] Sigmoid latent_SSDH -> latent_SSDH_encode\n"
        "     22  - layer[ip2] InnerProduct ip1 -> ip2\n"
        "     29  - layer[prob] Softmax ip2 -> prob\n"
    )
    assert out.endswith("  note: commented out, no longer needed: ip2, prob\n")


INPUTS = {
    "input_dim": "input_dim: 64\ninput_dim: 1\ninput_dim: 28\ninput_dim: 28\n",
    "list": "input_dim: [64, 1, 28, 28]\n",
    "input_shape": "input_shape { dim: 64 dim: 1 dim: 28 dim: 28 }\n",
    "Input": "",
}
LAYER = (
    'layer { name: "data" type: "Input" top: "data"\n'
    "  input_param { shape: { dim: 64 dim: 1 dim: 28 dim: 28 } } }\n"
)


@pytest.mark.parametrize("kind", INPUTS)
def test_inputs_stay_as_they_are(ssdh: Ssdh, patched: Path, kind: str) -> None:
    old = 'input: "data"\n' + INPUTS["input_dim"]
    new = LAYER if kind == "Input" else 'input: "data"\n' + INPUTS[kind]
    (patched / "deploy.prototxt").write_text(DEPLOY.replace(old, new))
    ssdh("deploy")
    text = (patched / "deploy_ssdh.prototxt").read_text()
    assert f'name: "LeNet"\n{new}layer {{\n  name: "conv1"' in text
    ssdh("deploy", "--batch", "3", "--force")
    batched = (patched / "deploy_ssdh.prototxt").read_text()
    assert batched == text.replace("64", "3", 1)


def test_a_binary_top(ssdh: Ssdh, patched: Path) -> None:
    ssdh("deploy", "--binary", "--remove", "delete")
    text = (patched / "deploy_ssdh.prototxt").read_text()
    assert (
        text
        == CHANGED
        + """\
layer {
  name: "latent_SSDH_encode_binary"
  type: "Threshold"
  bottom: "latent_SSDH_encode"
  top: "latent_SSDH_encode_binary"
  threshold_param { threshold: 0.5 }
}
"""
    )


def test_other_outputs_are_told(ssdh: Ssdh, patched: Path) -> None:
    aux = 'layer { name: "side" type: "ReLU" bottom: "conv1" top: "side" }\n'
    (patched / "deploy.prototxt").write_text(DEPLOY + aux)
    assert "  note: other outputs of the net stay: side\n" in ssdh("deploy").out


def test_a_place_below_the_features(ssdh: Ssdh, here: Path) -> None:
    ssdh("patch", "train_val.prototxt", "--at", "conv1", "--latent-name", "l", "--code-name", "c")
    ssdh("deploy")
    assert layers("deploy_ssdh.prototxt") == ["conv1", "l", "c"]


def test_options_go_before_the_workspace(ssdh: Ssdh, patched: Path) -> None:
    ssdh("deploy", "--bits", "24", "--code-name", "code", "--latent-name", "fc", "--suffix", "_x")
    text = (patched / "deploy_x.prototxt").read_text()
    assert "num_output: 24" in text
    assert 'top: "code"' in text


def test_a_second_run(ssdh: Ssdh, patched: Path) -> None:
    ssdh("deploy", "--batch", "1")
    before = snapshot(patched)
    ssdh("deploy", "--batch", "1", "--check")
    assert "deploy_ssdh.prototxt is up to date" in ssdh("deploy", "--batch", "1").out
    for words in (("deploy_ssdh.prototxt",), ("deploy_ssdh.prototxt", "--batch", "1")):
        assert ssdh("deploy", *words).out == (
            "deploy_ssdh.prototxt (deploy net): nothing to do\n"
            "  note: the net already has a hash layer: 'latent_SSDH_encode'\n"
        )
    assert snapshot(patched) == before
    ran = ssdh("deploy", "--batch", "2", code=3)
    assert "the file exists and holds something else" in ran.err


def test_in_place(ssdh: Ssdh, patched: Path) -> None:
    ssdh("deploy", "--in-place", "--remove", "delete")
    assert (patched / "deploy.prototxt").read_text() == CHANGED
    ssdh("deploy", "--in-place", "--check")


def test_patch_does_the_same(ssdh: Ssdh, patched: Path) -> None:
    """A deploy net given to patch gets what its train net has."""
    ssdh("deploy")
    expected = (patched / "deploy_ssdh.prototxt").read_bytes()
    (patched / "deploy_ssdh.prototxt").unlink()
    ssdh("patch", "deploy.prototxt")
    assert (patched / "deploy_ssdh.prototxt").read_bytes() == expected


def test_all_three_files_at_once(ssdh: Ssdh, here: Path) -> None:
    ran = ssdh("patch", "train_val.prototxt", "deploy.prototxt", "--bits", "48", "--json")
    assert [each["output"] for each in ran.json["files"]] == [
        *("train_val_ssdh.prototxt", "solver_ssdh.prototxt", "deploy_ssdh.prototxt")
    ]
    assert "num_output: 48" in (here / "deploy_ssdh.prototxt").read_text()
    before = snapshot(here)
    ssdh("deploy")
    assert snapshot(here) == before


# ---------------------------------------------------------------- which file


def test_the_one_that_was_given_is_taken_again(ssdh: Ssdh, patched: Path) -> None:
    (patched / "mine.prototxt").write_text(DEPLOY)
    ssdh("deploy", "mine.prototxt")
    ran = ssdh("deploy", "--json")
    assert ran.json["files"][0]["output"] == "mine_ssdh.prototxt"


def test_of_several_that_fit(ssdh: Ssdh, patched: Path) -> None:
    (patched / "mine.prototxt").write_text(DEPLOY)
    ran = ssdh("deploy", "--json", "--dry-run")
    assert ran.json["files"][0]["source"] == "deploy.prototxt"
    (patched / "deploy.prototxt").rename("yours.prototxt")
    ran = ssdh("deploy", code=2)
    assert ran.err == (
        "error: several deploy nets fit: mine.prototxt, yours.prototxt\n"
        "hint: name one: ssdh deploy FILE\n"
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('name: "ip1"', 'name: "fc1"'),
        ("num_output: 500", "num_output: 400"),
        ("num_output: 20 kernel_size: 5", "num_output: 20 kernel_size: 3"),
        ('name: "conv1"\n  type: "Convolution"', 'name: "conv1"\n  type: "Deconvolution"'),
        ("num_output: 20", "bias_term: false num_output: 20"),
        (
            'layer { name: "relu1" type: "ReLU" bottom: "ip1" top: "ip1" }',
            'layer { name: "bn" type: "BatchNorm" bottom: "ip1" top: "ip1" }',
        ),
    ],
)
def test_one_with_other_layers_does_not_fit(ssdh: Ssdh, patched: Path, old: str, new: str) -> None:
    (patched / "deploy.prototxt").write_text(DEPLOY.replace(old, new))
    (patched / "fits.prototxt").write_text(DEPLOY.replace("num_output: 10", "num_output: 99"))
    ran = ssdh("deploy", "--json", "--dry-run")
    assert ran.json["files"][0]["source"] == "fits.prototxt"


def test_ours_is_not_taken(ssdh: Ssdh, patched: Path) -> None:
    ssdh("deploy")
    (patched / "deploy.prototxt").rename("other.prototxt")
    ran = ssdh("deploy", "--json", "--dry-run")
    assert ran.json["files"][0]["source"] == "other.prototxt"


def test_a_train_net_brings_its_deploy_net(ssdh: Ssdh, here: Path) -> None:
    """Whether it is patched or not."""
    ran = ssdh("deploy", "train_val.prototxt", "--json", "--dry-run")
    assert ran.json["files"][0]["source"] == "deploy.prototxt"
    ssdh("patch", "train_val.prototxt")
    ran = ssdh("deploy", "train_val_ssdh.prototxt", "--json", "--dry-run")
    assert ran.json["files"][0]["source"] == "deploy.prototxt"


def test_one_that_trained_weights_would_not_fit(ssdh: Ssdh, patched: Path) -> None:
    (patched / "x.prototxt").write_text(
        DEPLOY.replace("num_output: 500", "num_output: 400").replace("conv1", "c1")
    )
    before = snapshot(patched)
    ran = ssdh("deploy", "x.prototxt", code=3)
    assert ran.err == (
        "x.prototxt: the codes need layers 'conv1', 'ip1' as in train_val_ssdh.prototxt: "
        "trained weights would not fit\n"
        "hint: name the deploy net of this train net, or derive one: ssdh deploy --from train; "
        "--net names another train net\n"
    )
    assert snapshot(patched) == before


def test_one_that_computes_other_codes(ssdh: Ssdh, patched: Path) -> None:
    (patched / "deploy.prototxt").write_text(DEPLOY.replace("ReLU", "TanH"))
    ran = ssdh("deploy")
    assert ran.err == (
        "warning: deploy.prototxt: the train net computes the codes with 1 ReLU, this net with "
        "1 TanH: its codes would differ from the trained ones\n"
    )


def test_dropout_makes_no_difference(ssdh: Ssdh, here: Path) -> None:
    drop = 'layer { name: "drop" type: "Dropout" bottom: "ip1" top: "ip1" }\n# the classifier'
    (here / "train_val.prototxt").write_text(TRAIN.replace("# the classifier", drop))
    ssdh("patch", "train_val.prototxt")
    assert ssdh("deploy").err == ""


# ---------------------------------------------------------------- where it goes


def test_beside_what_patch_wrote(ssdh: Ssdh, here: Path) -> None:
    ssdh("patch", "train_val.prototxt", "--out", "new")
    before = snapshot(here)
    ssdh("-C", "new", "deploy")
    assert set(snapshot(here)) - set(before) == {"new/deploy_ssdh.prototxt"}
    ssdh("-C", "new", "deploy", "--check")
    ssdh("-C", "new", "deploy", "--out", "there")
    assert (here / "new" / "there" / "deploy_ssdh.prototxt").is_file()


def test_the_suffix_is_remembered(ssdh: Ssdh, here: Path) -> None:
    ssdh("patch", "train_val.prototxt", "--suffix", ".h")
    ssdh("deploy")
    assert (here / "deploy.h.prototxt").is_file()


# ---------------------------------------------------------------- the zoo


def test_a_network_of_the_zoo(ssdh: Ssdh, here: Path) -> None:
    (here / "z").mkdir()
    ran = ssdh("-C", "z", "patch", "zoo:lenet", "--bits", "12", "--json")
    assert [(each["source"], each["output"]) for each in ran.json["files"]] == [
        ("zoo:lenet", "lenet_ssdh.prototxt"),
        ("zoo:lenet/solver", "lenet_solver_ssdh.prototxt"),
    ]
    solver = (here / "z" / "lenet_solver_ssdh.prototxt").read_text()
    assert 'net: "lenet_ssdh.prototxt"' in solver
    ran = ssdh("-C", "z", "deploy", "--json")
    assert [(each["source"], each["output"]) for each in ran.json["files"]] == [
        ("zoo:lenet/deploy", "lenet_deploy_ssdh.prototxt")
    ]
    assert "num_output: 12" in (here / "z" / "lenet_deploy_ssdh.prototxt").read_text()
    for words in (("patch", "zoo:lenet"), ("deploy",), ("patch", "zoo:lenet/solver")):
        ssdh("-C", "z", *words, "--check")
    ran = ssdh("-C", "z", "patch", "zoo:lenet", "--in-place", code=2)
    assert ran.err == "error: --in-place cannot be used with zoo:lenet: it is not a file\n"


def test_one_that_is_not_there(ssdh: Ssdh) -> None:
    ran = ssdh("patch", "zoo:googlnet", code=2)
    assert ran.err == (
        "error: the zoo has no network 'googlnet'\nhint: did you mean 'googlenet'?\n"
    )


def test_a_train_net_with_the_depthwise_layers_of_a_fork_has_a_stock_deploy_net(ssdh: Ssdh) -> None:
    ssdh("zoo", "write", "mobilenet-v1")
    layers = Path("train_val.prototxt").read_text().split("layer {")
    fork = [
        each.replace('"Convolution"', '"DepthwiseConvolution"') if "group:" in each else each
        for each in layers
    ]
    Path("train_val.prototxt").write_text("layer {".join(fork))
    ssdh("patch", "train_val.prototxt")
    ran = ssdh("deploy")
    assert ran.out.startswith("deploy.prototxt (deploy net): wrote deploy_ssdh.prototxt\n")
    assert ran.err == ""


# A net of faces: trained with a classifier, run without one. Its data is not at hand.
FACES = """\
layer { name: "data" type: "Data" top: "data" top: "label"
  data_param { source: "faces_lmdb" batch_size: 4 } }
%slayer { name: "cls" type: "InnerProduct" bottom: "embed" top: "cls"
  inner_product_param { num_output: 5 } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "cls" bottom: "label" top: "loss" }
"""
FACE_FEATURES = """\
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
  convolution_param { num_output: 4 kernel_size: 3 } }
layer { name: "embed" type: "InnerProduct" bottom: "conv" top: "embed"
  inner_product_param { num_output: 16 } }
"""
FACE_INPUT = "input: 'data' input_shape { dim: [1, 3, 8, 8] }\n"
PRELU = 'layer { name: "act" type: "PReLU" bottom: "embed" top: "embed" }\n'


def faces(more: str = "") -> str:
    """Write both nets, and give the text of the deploy net."""
    Path("train_val.prototxt").write_text(FACES % (FACE_FEATURES + more))
    text = FACE_INPUT + FACE_FEATURES + more
    Path("deploy.prototxt").write_text(text)
    return text


@pytest.mark.parametrize("more", ["", PRELU])
@pytest.mark.parametrize("words", [(), ("--from", "deploy"), ("deploy.prototxt",),
                                   ("train_val.prototxt",)])  # fmt: skip
def test_a_deploy_net_that_ends_with_its_features(
    ssdh: Ssdh, more: str, words: tuple[str, ...]
) -> None:
    text = faces(more)
    ssdh("patch", "train_val.prototxt", "--bits", "8")
    told = ssdh("deploy", *words).err + ssdh("deploy", *words, "--dry-run", "--binary").out
    assert "warning" not in told
    after = Path("deploy_ssdh.prototxt").read_text()
    assert after.startswith(text)
    shown = ssdh("show", "deploy_ssdh.prototxt").out
    assert "embed -> latent_SSDH" in shown
    assert "1x8" in shown
    # What is done is done.
    assert "already has a hash layer" in ssdh("deploy", "deploy_ssdh.prototxt", "--dry-run").out


@pytest.mark.parametrize("more", ["", PRELU])
def test_features_are_named_where_no_train_net_is(ssdh: Ssdh, more: str) -> None:
    text = faces(more)
    Path("train_val.prototxt").unlink()
    note = "'embed', the last layer, is assumed to be the classifier; if 'embed' are the features"
    if not more:
        assert f"{note}: --at embed\n" in ssdh("deploy", "deploy.prototxt", "--dry-run").out
    ssdh("deploy", "deploy.prototxt", "--at", "embed")
    after = Path("deploy_ssdh.prototxt").read_text()
    assert after.startswith(text)
    assert 'bottom: "embed"' in after[len(text) :]


@pytest.mark.parametrize("more", ["", PRELU])
def test_the_train_net_next_to_it_names_the_features(ssdh: Ssdh, more: str) -> None:
    text = faces(more)
    out = ssdh("deploy", "deploy.prototxt").out
    assert "note: train_val.prototxt classifies by 'embed', with which this net ends\n" in out
    after = Path("deploy_ssdh.prototxt").read_text()
    assert after.startswith(text)
    assert 'bottom: "embed"' in after[len(text) :]
    # A train net with other layers says nothing about this one.
    other = FACES % FACE_FEATURES.replace("num_output: 4", "num_output: 5") + more
    Path("train_val.prototxt").write_text(other)
    ran = ssdh("deploy", "deploy.prototxt", "--dry-run", code=3 if more else 0)
    assert "classifies by" not in ran.out


@pytest.mark.parametrize("at", ["cls", "prob"])
def test_scores_are_no_features(ssdh: Ssdh, at: str) -> None:
    text = (
        faces()
        + """\
layer { name: "cls" type: "InnerProduct" bottom: "embed" top: "cls"
  inner_product_param { num_output: 5 } }
layer { name: "prob" type: "Softmax" bottom: "cls" top: "prob" }
"""
    )
    Path("deploy.prototxt").write_text(text)
    error = ssdh("deploy", "deploy.prototxt", "--at", at, code=3).err
    assert f"blob '{at}' is not below the classifier 'cls'" in error
    ssdh("deploy", "deploy.prototxt", "--at", "embed")
    assert '\n# layer { name: "cls"' in Path("deploy_ssdh.prototxt").read_text()


def test_a_deploy_file_beside_it_that_cannot_be_parsed(ssdh: Ssdh, patched: Path) -> None:
    shape = ("--input-shape", "data=1,1,28,28")
    (patched / "deploy.prototxt").write_text(DEPLOY[:-2])
    before = snapshot(patched)
    ran = ssdh("deploy", code=3)
    assert ran.err.startswith("deploy.prototxt:")
    assert ran.err.endswith(
        "ssdh deploy FILE takes another, ssdh deploy --from train derives one\n"
    )
    assert snapshot(patched) == before
    ssdh("deploy", "--from", "train", *shape)


def test_a_result_that_cannot_be_parsed_is_written_again(ssdh: Ssdh, patched: Path) -> None:
    shape = ("--input-shape", "data=1,1,28,28")
    (patched / "deploy.prototxt").unlink()
    ssdh("deploy", *shape)
    right = (patched / "deploy_ssdh.prototxt").read_bytes()
    (patched / "deploy_ssdh.prototxt").write_bytes(right[:-2])
    ssdh("deploy", *shape, "--force")
    assert (patched / "deploy_ssdh.prototxt").read_bytes() == right
