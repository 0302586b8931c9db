"""`patch` and `deploy` on V0 and V1 nets: in their own dialect, or upgraded first."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ssdh_surgery.caffe.messages.dialect import Dialect
from ssdh_surgery.caffe.net.kind import Kind, kind_of
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.net.net_message import net_parameter
from ssdh_surgery.errors import SurgeryError
from ssdh_surgery.prototxt.parser import parse
from support.caffe_runs import pycaffe
from support.command_line import Ssdh

V1 = """\
# mine
layers { name: "data" type: DATA top: "data" top: "label"
  data_param { source: "d" mean_file: "m" } }
layers {
  name: "fc"  # the classifier
  type: INNER_PRODUCT
  bottom: "data"
  top: "fc"
  inner_product_param {
    num_output: 10
  }
}
layers { name: "loss" type: SOFTMAX_LOSS bottom: "fc" bottom: "label" }
"""
V0 = """\
layers { layer { name: "data" type: "data" source: "d" meanfile: "m" batchsize: 2 }
  top: "data" top: "label" }
layers {
  layer {
    name: "fc"
    type: "innerproduct"
    num_output: 10
    weight_decay: 1
  }
  bottom: "data"
  top: "fc"
}
layers { layer { name: "loss" type: "softmax_loss" } bottom: "fc" bottom: "label" }
"""


def net(path: str) -> Net:
    return Net(parse(Path(path).read_bytes(), path))


def old_nets(corpus: Path) -> list[Path]:
    found = []
    for file in sorted(corpus.rglob("*.prototxt")):
        document = parse(file.read_bytes(), file.name)
        if kind_of(document) in (Kind.TRAIN, Kind.DEPLOY):
            found += [file] * (Net(document).dialect is not Dialect.CURRENT)
    return found


@pytest.mark.corpus
def test_patching_and_upgrading_commute(ssdh: Ssdh, corpus: Path) -> None:
    """Caffe's upgrade of a net patched in its own dialect is the upgraded net patched."""
    from ssdh_surgery.cli import run

    files = old_nets(corpus)
    same = 0
    for number, file in enumerate(files):
        folder = Path(str(number))
        folder.mkdir()
        (folder / "n.prototxt").write_bytes(file.read_bytes())
        is_train = kind_of(parse(file.read_bytes())) is Kind.TRAIN
        verb = ["patch", "--solver", "none"] if is_train else ["deploy"]
        code = run([*verb, f"{folder}/n.prototxt", "--remove", "delete"])
        words = ["--upgrade", "--remove", "delete", "--suffix", "_current"]
        assert run([*verb, f"{folder}/n.prototxt", *words]) == code, file
        if code == 0:
            own, current = net(f"{folder}/n_ssdh.prototxt"), net(f"{folder}/n_current.prototxt")
            assert current.dialect is Dialect.CURRENT
            assert own.dialect is net(f"{folder}/n.prototxt").dialect
            assert net_parameter(own) == net_parameter(current), file
            again = [*verb, f"{folder}/n_ssdh.prototxt", "--check"]
            assert run(again) == 0, file
            same += 1
    # An autoencoder, a siamese net and a net that classifies places have nothing to hash.
    assert (len(files), same) == (41, 38)


def test_v1_gets_layers_and_rates_of_v1(ssdh: Ssdh) -> None:
    Path("n.prototxt").write_text(V1)
    ssdh("patch", "n.prototxt", "--bits", "8", "--solver", "none")
    text = Path("n_ssdh.prototxt").read_text()
    assert text == V1.replace(
        'layers {\n  name: "fc"  # the classifier\n',
        """\
layers {
  name: "latent_SSDH"
  type: INNER_PRODUCT
  bottom: "data"
  top: "latent_SSDH"
  blobs_lr: 1
  blobs_lr: 2
  weight_decay: 1
  weight_decay: 0
  inner_product_param {
    num_output: 8
    weight_filler {
      type: "gaussian"
      std: 0.005
    }
    bias_filler {
      type: "constant"
      value: 1
    }
  }
}
layers {
  name: "latent_SSDH_encode"
  type: SIGMOID
  bottom: "latent_SSDH"
  top: "latent_SSDH_encode"
}
layers {
  name: "fc_change"  # the classifier
""",
    ).replace(
        'bottom: "data"\n  top: "fc"\n',
        'bottom: "latent_SSDH_encode"\n  top: "fc_change"\n  blobs_lr: 10\n  blobs_lr: 10\n',
    ).replace('bottom: "fc"', 'bottom: "fc_change"')


def test_v0_gets_layers_and_rates_of_v0(ssdh: Ssdh) -> None:
    Path("n.prototxt").write_text(V0)
    ssdh("patch", "n.prototxt", "--bits", "8", "--solver", "none")
    patched = net("n_ssdh.prototxt")
    assert patched.dialect is Dialect.V0
    latent, classifier = patched.layer("latent_SSDH"), patched.layer("fc_change")
    assert [(each.lr_mult, each.decay_mult) for each in latent.params] == [(1, 1), (2, 0)]
    assert [each.lr_mult for each in classifier.params] == [10, 10]
    fields = [each.name for each in latent.core.fields]
    assert fields[:4] == ["name", "type", "num_output", "weight_filler"]
    ssdh("patch", "n_ssdh.prototxt", "--check")
    words = ["--bits", "16", "--lr-mult", "3,4", "--latent-name", "wider"]
    ssdh("patch", "n_ssdh.prototxt", "--in-place", *words)
    latent = net("n_ssdh.prototxt").layer("wider")
    assert latent.core.string("num_output") == "16"
    assert [each.lr_mult for each in latent.params] == [3, 4]


def test_new_layers_of_v0_are_told_as_those_of_other_dialects(ssdh: Ssdh) -> None:
    Path("n.prototxt").write_text(V0)
    out = ssdh("patch", "n.prototxt").out
    assert re.search(r"\+ layers\[latent_SSDH\] innerproduct \w+ -> latent_SSDH\n", out)


def test_data_of_old_nets(ssdh: Ssdh) -> None:
    Path("v1.prototxt").write_text(V1)
    Path("v0.prototxt").write_text(V0)
    Path("level").mkdir()
    Path("level/CURRENT").touch()
    Path("other").touch()
    words = ["--solver", "none", "--train-data", "level", "--mean-file", "other"]
    ssdh("patch", "v1.prototxt", *words)
    ssdh("patch", "v0.prototxt", *words)
    for name in ("v1", "v0"):
        data = net(f"{name}_ssdh.prototxt").layer("data").parameter
        assert (data.data_param.source, data.transform_param.mean_file) == ("level", "other")
    said = ssdh("patch", "v0.prototxt", "--solver", "none", "--train-data", "lmdb", code=3).err
    assert "a V0 net has no 'backend' and reads only LEVELDB" in said
    assert "hint: use --upgrade" in said
    ssdh("patch", "v0.prototxt", "--solver", "none", "--train-data", "lmdb", "--upgrade", "--force")
    data = net("v0_ssdh.prototxt").layer("data").parameter
    assert (data.data_param.source, data.data_param.backend) == ("lmdb", 1)
    mean = ["patch", "v0.prototxt", *words[:4], "--mean-value", "1,2,3", "--no-upgrade"]
    assert "no field 'mean_value'" in ssdh(*mean, code=3).err


def test_what_an_old_dialect_cannot_say_needs_an_upgrade(ssdh: Ssdh) -> None:
    Path("n.prototxt").write_text(V1)
    words = ["patch", "n.prototxt", "--solver", "none", "--objective", "ssdh"]
    assert "hint: use --upgrade" in ssdh(*words, code=3).err
    ssdh(*words, "--upgrade")
    assert net("n_ssdh.prototxt").named("forcing_binary")
    said = ssdh("patch", "n.prototxt", "--upgrade", "--dry-run", "--solver", "none").out
    assert "layers of V1 made layers of the current dialect" in said
    # What was asked for is remembered, as every setting is.
    ssdh("patch", "n.prototxt", "--solver", "none", "--check")


def test_a_solver_and_its_test_net_are_upgraded_too(ssdh: Ssdh) -> None:
    Path("train.prototxt").write_text(V1)
    Path("test.prototxt").write_text(V1)
    Path("solver.prototxt").write_text(
        'train_net: "train.prototxt"\ntest_net: "test.prototxt"\nsolver_type: ADAM\nbase_lr: 0.1\n'
    )
    ssdh("patch", "train.prototxt", "--upgrade")
    assert {net(f"{name}_ssdh.prototxt").dialect for name in ("train", "test")} == {Dialect.CURRENT}
    solver = Path("solver_ssdh.prototxt").read_text()
    assert 'type: "Adam"' in solver
    assert 'train_net: "train_ssdh.prototxt"' in solver
    assert 'test_net: "test_ssdh.prototxt"' in solver


def test_a_net_inside_a_solver_is_upgraded(ssdh: Ssdh) -> None:
    Path("solver.prototxt").write_text(f"net_param {{\n{V1}}}\nbase_lr: 0.1\n")
    ssdh("upgrade", "solver.prototxt", "--in-place")
    document = parse(Path("solver.prototxt").read_bytes())
    inner = document.root.message("net_param")
    assert Net(document, inner).dialect is Dialect.CURRENT
    assert "# the classifier" in document.text


def test_what_caffe_drops_of_a_v0_net_is_told(ssdh: Ssdh) -> None:
    Path("n.prototxt").write_text(
        V0.replace('"innerproduct"', '"innerproduct"\n    cropsize: 3\n    stride: 2')
    )
    said = ssdh("upgrade", "n.prototxt").out
    assert "Caffe does not read 'stride' of layer 'fc' in a V0 net; it is a comment now" in said


def test_a_net_that_mixes_dialects_is_refused(ssdh: Ssdh) -> None:
    Path("n.prototxt").write_text(V1 + 'layer { name: "x" type: "ReLU" bottom: "fc" top: "fc" }\n')
    with pytest.raises(SurgeryError, match="mixes"):
        net("n.prototxt")
    assert "n.prototxt:14:1: the net mixes" in ssdh("upgrade", "n.prototxt", code=3).err


INPUT = 'input: "data" input_dim: 2 input_dim: 3 input_dim: 4 input_dim: 4\n'
DEPLOYS = {
    Dialect.V1: INPUT
    + """layers { name: "fc" type: INNER_PRODUCT bottom: "data" top: "fc"
  inner_product_param { num_output: 10 } }
layers { name: "prob" type: SOFTMAX bottom: "fc" top: "prob" }
""",
    Dialect.V0: INPUT
    + """layers { layer { name: "fc" type: "innerproduct" num_output: 10 }
  bottom: "data" top: "fc" }
layers { layer { name: "prob" type: "softmax" } bottom: "fc" top: "prob" }
""",
}


@pytest.mark.caffe
@pytest.mark.parametrize("dialect", DEPLOYS)
@pytest.mark.parametrize("words", [[], ["--upgrade"]], ids=["own", "upgraded"])
def test_caffe_loads_what_deploy_makes(dialect: Dialect, words: list[str], ssdh: Ssdh) -> None:
    Path("n.prototxt").write_text(DEPLOYS[dialect])
    ssdh("deploy", "n.prototxt", "--bits", "8", "--out", "made", "--suffix", "", *words)
    assert net("made/n.prototxt").dialect is (Dialect.CURRENT if words else dialect)
    ran = pycaffe(
        Path(),
        """
made = caffe.Net("made/n.prototxt", caffe.TEST)
found = [made.outputs, list(made.blobs["latent_SSDH_encode"].data.shape)]
""",
    )
    assert ran.found == [["latent_SSDH_encode"], [2, 8]], ran.stderr
