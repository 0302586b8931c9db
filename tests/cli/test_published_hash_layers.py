"""Hash layers of other methods: recognised, adjusted where that is safe, thresholded rightly."""

from __future__ import annotations

from pathlib import Path

import pytest

from ssdh_surgery import parse
from ssdh_surgery.caffe.net.net import Net
from support.command_line import Ssdh

DATA = """\
layer { name: "data" type: "DummyData" top: "data" top: "label"
  dummy_data_param { shape { dim: [4, 3, 8, 8] } shape { dim: 4 } } }
"""
INPUT = 'input: "data" input_shape { dim: [1, 3, 8, 8] }\n'


def ip(name: str, bottom: str, outputs: int) -> str:
    return (
        f'layer {{ name: "{name}" type: "InnerProduct" bottom: "{bottom}" top: "{name}"\n'
        f'  inner_product_param {{ num_output: {outputs} weight_filler {{ type: "xavier" }} }} }}\n'
    )


def layer(name: str, kind: str, *bottoms: str) -> str:
    links = " ".join(f'bottom: "{blob}"' for blob in bottoms)
    return f'layer {{ name: "{name}" type: "{kind}" {links} top: "{name}" }}\n'


def net_in(name: str) -> Net:
    return Net(parse(Path(name).read_bytes(), name))


# A classifier on codes that are signs, as in many variations of SSDH.
SIGNED = DATA + ip("fc7", "data", 32) + ip("hash", "fc7", 24) + layer("tanh", "TanH", "hash")
CLASSIFIED = SIGNED + ip("cls", "tanh", 5) + layer("loss", "SoftmaxWithLoss", "cls", "label")
# Codes that a loss on pairs trains, as in DSH, and in DHN with two halves of a batch.
DSH = DATA + ip("hash", "data", 12) + layer("loss", "HashingLoss", "hash", "label")
DHN = (
    DATA
    + ip("hash", "data", 48)
    + """\
layer { name: "codes" type: "Slice" bottom: "hash" top: "one" top: "two" slice_param { axis: 0 } }
layer { name: "labels" type: "Slice" bottom: "label" top: "l1" top: "l2" slice_param { axis: 0 } }
"""
    + layer("loss", "PairwiseLoss", "one", "l1", "two", "l2")
    + layer("quantization", "QuantizationLoss", "one", "two")
)


def test_a_hash_layer_with_a_tanh_is_there_already(ssdh: Ssdh) -> None:
    Path("net.prototxt").write_text(CLASSIFIED)
    out = ssdh("patch", "net.prototxt").out
    assert "net.prototxt (train net): nothing to do\n" in out
    assert (
        "note: the net already has a hash layer 'hash' of 24 bits (TanH): a bit is 1 where 'tanh' "
        "is above 0; --bits N changes its width\n"
    ) in out
    assert "--at tanh puts a hash layer on top of them\n" in out


def test_the_width_of_a_hash_layer_with_a_tanh(ssdh: Ssdh) -> None:
    Path("net.prototxt").write_text(CLASSIFIED)
    ssdh("patch", "net.prototxt", "--bits", "16")
    net = net_in("net_ssdh.prototxt")
    assert [each.name for each in net.layers] == [
        *("data", "fc7", "hash_change", "tanh", "cls_change", "loss")
    ]
    message = net.layer("hash_change").core.message("inner_product_param")
    assert message is not None
    assert message.string("num_output") == "16"
    assert 'code = "tanh"\n' in Path("ssdh.toml").read_text()


def test_a_hash_layer_on_top_of_a_tanh(ssdh: Ssdh) -> None:
    Path("net.prototxt").write_text(CLASSIFIED)
    ssdh("patch", "net.prototxt", "--at", "tanh")
    assert net_in("net_ssdh.prototxt").layer("latent_SSDH").bottoms == ("tanh",)


def test_a_wide_tanh_computes_features(ssdh: Ssdh) -> None:
    Path("net.prototxt").write_text(CLASSIFIED.replace("num_output: 24", "num_output: 500"))
    assert "already has" not in ssdh("patch", "net.prototxt").out
    assert net_in("net_ssdh.prototxt").layer("latent_SSDH").bottoms == ("tanh",)


def test_our_objective_is_for_codes_of_a_sigmoid(ssdh: Ssdh) -> None:
    Path("net.prototxt").write_text(CLASSIFIED)
    error = ssdh("patch", "net.prototxt", "--objective", "ssdh", code=3).err
    assert "those of 'hash' have TanH\n" in error


@pytest.mark.parametrize("words", [("net.prototxt", "--from", "train"), ("deploy.prototxt",)])
def test_zeros_and_ones_of_signs(ssdh: Ssdh, words: tuple[str, ...]) -> None:
    Path("net.prototxt").write_text(CLASSIFIED)
    Path("deploy.prototxt").write_text(INPUT + SIGNED.removeprefix(DATA))
    ssdh("deploy", *words, "--binary")
    binary = net_in("deploy_ssdh.prototxt").layer("tanh_binary")
    assert binary.bottoms == ("tanh",)
    assert binary.parameter.threshold_param.threshold == 0


def test_an_activation_in_place(ssdh: Ssdh) -> None:
    in_place = SIGNED.replace('top: "tanh"', 'top: "hash"')
    rest = CLASSIFIED.removeprefix(SIGNED).replace("tanh", "hash")
    Path("net.prototxt").write_text(in_place + rest)
    ssdh("patch", "net.prototxt")
    assert 'code = "hash"\n' in Path("ssdh.toml").read_text()
    Path("deploy.prototxt").write_text(INPUT + in_place.removeprefix(DATA))
    assert "of 24 bits (TanH)" in ssdh("deploy", "--binary").out
    net = net_in("deploy_ssdh.prototxt")
    assert [each.name for each in net.layers] == ["fc7", "hash", "tanh", "hash_binary"]


@pytest.mark.parametrize(("text", "bits"), [(DSH, 12), (DHN, 48)], ids=["DSH", "DHN"])
def test_codes_without_a_classifier(ssdh: Ssdh, text: str, bits: int) -> None:
    Path("net.prototxt").write_text(text)
    out = ssdh("patch", "net.prototxt").out
    assert "net.prototxt (train net): nothing to do\n" in out
    assert f"note: the net already has a hash layer 'hash' of {bits} bits (no activation)" in out
    assert 'code = "hash"\n' in Path("ssdh.toml").read_text()
    ssdh("patch", "net.prototxt", "--bits", bits)
    error = ssdh("patch", "net.prototxt", "--bits", "64", code=3).err
    assert error.endswith("hint: edit the net by hand, and patch without --bits\n")
    error = ssdh("deploy", code=3).err
    assert f"it learns the {bits} bits of its own hash layer 'hash' (no activation)" in error
    Path("deploy.prototxt").write_text(INPUT + ip("hash", "data", bits))
    ssdh("deploy", "deploy.prototxt", "--binary")
    binary = net_in("deploy_ssdh.prototxt").layer("hash_binary")
    assert binary.parameter.threshold_param.threshold == 0


def test_a_hash_layer_of_another_method_beside_ours(ssdh: Ssdh) -> None:
    classified = ip("cls", "data", 5) + layer("of_cls", "SoftmaxWithLoss", "cls", "label")
    Path("net.prototxt").write_text(DSH + classified)
    out = ssdh("patch", "net.prototxt").out
    assert "note: the net keeps its hash layer 'hash' of 12 bits (no activation): the new" in out


@pytest.mark.parametrize("kind", ["Sign", "HashingLoss"])
def test_a_linear_code_below_a_classifier(ssdh: Ssdh, kind: str) -> None:
    more = layer("more", kind, "hash") if kind == "Sign" else layer("more", kind, "hash", "label")
    classified = ip("cls", "hash", 5) + layer("loss", "SoftmaxWithLoss", "cls", "label")
    Path("net.prototxt").write_text(DATA + ip("hash", "data", 12) + classified + more)
    out = ssdh("patch", "net.prototxt").out
    assert "note: the net already has a hash layer 'hash' of 12 bits (no activation)" in out
    Path("other.prototxt").write_text(DATA + ip("hash", "data", 12) + classified)
    assert "already has" not in ssdh("patch", "other.prototxt").out


def test_a_loss_that_may_depend_on_the_width(ssdh: Ssdh) -> None:
    Path("net.prototxt").write_text(CLASSIFIED + layer("pairs", "PairwiseLoss", "tanh", "label"))
    error = ssdh("patch", "net.prototxt", "--bits", "16", code=3).err
    assert "the settings of PairwiseLoss layer 'pairs' may depend on the width of 'hash'" in error
