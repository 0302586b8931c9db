"""Nets as people write their own, not as they are published: patched, and a deploy net derived."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.command_line import Ssdh

DATA = """\
layer { name: "data" type: "DummyData" top: "data" top: "label"
  dummy_data_param { shape { dim: [4, 3, 8, 8] } shape { dim: 4 } } }
"""
FC = """\
layer { name: "fc" type: "InnerProduct" bottom: "f" top: "fc"
  inner_product_param { num_output: 5 } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "fc" bottom: "label" top: "loss" }
"""
PATCH = ("patch", "net.prototxt", "--bits", "8")


def write(features: str, classifier: str = FC) -> None:
    Path("net.prototxt").write_text(DATA + features + classifier)


@pytest.mark.parametrize(
    ("features", "said"),
    [
        pytest.param(
            'layer { name: "r" type: "Reshape" bottom: "data" top: "f"\n'
            "  reshape_param { shape { dim: [4, 192] } } }\n",
            "net_ssdh.prototxt: with a batch of 1 Caffe would refuse the deploy net: layer 'r' "
            "(Reshape): output count must match input count (768 vs. 192)\n",
            id="reshape",
        ),
        pytest.param(
            'layer { name: "s" type: "Scale" bottom: "data" top: "f" scale_param { axis: 0 } }\n',
            "net_ssdh.prototxt:3:15: the params of layer 's' would have other shapes than in the "
            "train net: its weights would not fit\n",
            id="params",
        ),
    ],
)
def test_a_net_of_one_batch_size(ssdh: Ssdh, features: str, said: str) -> None:
    write(features)
    ssdh(*PATCH)
    error = ssdh("deploy", code=3).err
    assert error.startswith(said)
    assert "hint: --batch N " in error
    assert not Path("deploy_ssdh.prototxt").exists()
    assert "inputs: data 4 x 3 x 8 x 8" in ssdh("deploy", "--batch", "4").out


PRODUCT = 'layer { name: "f" type: "InnerProduct" bottom: "data" top: "f" inner_product_param { '


@pytest.mark.parametrize(
    "more",
    [
        pytest.param('layer { name: "f" type: "ReLU" bottom: "f" top: "f" }\n', id="name-twice"),
        pytest.param(
            'layer { name: "p" type: "PReLU" bottom: "f" top: "f" include { phase: TRAIN } }\n',
            id="weights-in-training-alone",
        ),
    ],
)
def test_what_its_deploy_net_is_compared_with(ssdh: Ssdh, more: str) -> None:
    write(f"{PRODUCT}num_output: 6 }} }}\n{more}")
    ssdh(*PATCH)
    ssdh("deploy")
    assert "PReLU" not in ssdh("show", "deploy_ssdh.prototxt").out


OWN_INPUTS = {
    "tops": DATA.replace("DummyData", "Input").replace("dummy_data_param", "input_param"),
    "layers": """\
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: [4, 3, 8, 8] } } }
layer { name: "label" type: "Input" top: "label" input_param { shape { dim: 4 } } }
""",
    "shapes": """\
input: "label"
input: "data"
input_shape { dim: 4 }
input_shape { dim: [4, 3, 8, 8] }
""",
    "dims": 'input: ["data", "label"] input_dim: [4, 3, 8, 8, 4, 1, 1, 1]\n',
}


@pytest.mark.parametrize("data", OWN_INPUTS.values(), ids=list(OWN_INPUTS))
def test_inputs_of_its_own_get_a_batch_of_one_and_the_label_goes(ssdh: Ssdh, data: str) -> None:
    Path("net.prototxt").write_text(f"{data}{PRODUCT}num_output: 6 }} }}\n{FC}")
    ssdh(*PATCH)

    def input_shapes(*words: str) -> dict[str, list[int]]:
        ssdh("deploy", "--force", *words)
        blobs = ssdh("show", "deploy_ssdh.prototxt", "--json").json["blobs"]
        return {name: shape for name, shape in blobs.items() if name in ("data", "label")}

    assert input_shapes() == {"data": [1, 3, 8, 8]}
    assert input_shapes("--remove", "delete") == {"data": [1, 3, 8, 8]}
    assert "label" not in Path("deploy_ssdh.prototxt").read_text()
    assert input_shapes("--batch", "7") == {"data": [7, 3, 8, 8]}
    assert input_shapes("--input-shape", "data=2,3,8,8") == {"data": [2, 3, 8, 8]}


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ("dota=1,3,8,8", ": the deploy net has no input 'dota'\nhint: did you mean 'data'?\n"),
        ("label=4", ": the deploy net has no input 'label'\nhint: its inputs: data\n"),
    ],
)
@pytest.mark.parametrize("data", [DATA, OWN_INPUTS["layers"]], ids=["data", "own"])
def test_a_shape_for_what_is_no_input(ssdh: Ssdh, data: str, shape: str, said: str) -> None:
    Path("net.prototxt").write_text(f"{data}{PRODUCT}num_output: 6 }} }}\n{FC}")
    assert ssdh("deploy", "net.prototxt", "--input-shape", shape, code=3).err.endswith(said)


def test_a_shape_of_other_axes_than_an_input_declares(ssdh: Ssdh) -> None:
    Path("net.prototxt").write_text(f"{OWN_INPUTS['dims']}{PRODUCT}num_output: 6 }} }}\n{FC}")
    error = ssdh("deploy", "net.prototxt", "--input-shape", "data=4,192", code=3).err
    assert error.startswith("net.prototxt:1:38: the input 'data' declares 4 sizes, not 2\n")


def test_a_regression_gives_numbers(ssdh: Ssdh) -> None:
    write(f"{PRODUCT}num_output: 6 }} }}\n", FC.replace("SoftmaxWithLoss", "EuclideanLoss"))
    assert "main head: 'f' -> fc (5 numbers) -> loss" in ssdh("show", "net.prototxt").out
    assert "head: 'fc' (line 4), 5 numbers," in ssdh(*PATCH, "--explain").err


def test_a_loss_of_a_stage(ssdh: Ssdh) -> None:
    staged = FC.replace(" } }\n", ' } include { stage: "all" } }\n').replace(
        'top: "loss" }', 'top: "loss" include { stage: "all" } }'
    )
    silence = 'layer { name: "s" type: "Silence" bottom: "f" }\n'
    write(f"{PRODUCT}num_output: 6 }} }}\n{silence}", staged)
    assert "layer[fc].bottom[0]: 'f' -> 'latent_SSDH_encode'" in ssdh(*PATCH).out
    Path("solver.prototxt").write_text('net: "net.prototxt"\ntrain_state { stage: "none" }\n')
    error = ssdh(*PATCH, code=3).err
    assert (
        "no classifier found in TRAIN with stage 'none': SoftmaxWithLoss layer 'loss' is in none "
        "of these states: see include and exclude\n"
    ) in error
    assert (
        "hint: there is one in TRAIN with stage 'all': the solver's train_state or test_state "
        "selects it\n"
    ) in error


def test_labels_are_no_features(ssdh: Ssdh) -> None:
    write(f"{PRODUCT}num_output: 6 }} }}\n")
    said = ssdh(*PATCH, "--at", "label", code=3).err
    assert said.startswith("net.prototxt:4:15: blob 'label' is not below the classifier 'fc'\n")
    ssdh(*PATCH, "--at", "data")


def test_a_deploy_net_that_gives_features_has_no_classifier(ssdh: Ssdh) -> None:
    data = 'input: "data" input_shape { dim: [1, 3, 8, 8] }\n'
    relu = 'layer { name: "r" type: "ReLU" bottom: "f" top: "f" }\n'
    Path("net.prototxt").write_text(f"{data}{PRODUCT}num_output: 6 }} }}\n{relu}")
    assert "no classifier found" in ssdh(*PATCH, code=3).err


def test_a_classifier_that_writes_over_its_features(ssdh: Ssdh) -> None:
    write(
        f"{PRODUCT}num_output: 6 }} }}\n",
        FC.replace('"fc"\n', '"f"\n').replace('m: "fc"', 'm: "f"'),
    )
    ssdh(*PATCH)
    ssdh("deploy")
    assert "f -> latent_SSDH" in ssdh("show", "deploy_ssdh.prototxt").out
