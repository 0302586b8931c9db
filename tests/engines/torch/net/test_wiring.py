"""How layers connect: nets that do not, and the state that chooses layers."""

import functools

import pytest

from ssdh_surgery.errors import EngineError
from support import small_nets
from support.small_nets import input_layer, product


@pytest.fixture
def opened(tmp_path):
    """Opens a net from its text."""
    return functools.partial(small_nets.opened, folder=tmp_path)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            input_layer("x", 3, 4)
            + 'layer {\n  name: "a"\n  type: "ReLU"\n  bottom: "y"\n  top: "a"\n}\n',
            ":5:11: Unknown bottom blob 'y' (layer 'a', bottom index 0)\n"
            '  5 |   bottom: "y"\n'
            "    |           ^^^",
        ),
        (
            input_layer("x", 3, 4) + input_layer("x", 3, 4),
            ":2:15: Top blob 'x' produced by multiple sources.\n"
            f"  2 | {input_layer('x', 3, 4)}"
            "    |               ^^^",
        ),
        (
            input_layer("x", 3, 4)
            + 'layer { name: "r" type: "ReLU" bottom: "x" top: "r" include { } exclude { } }',
            ":2:15: layer 'r': Specify either include rules or exclude rules; not both.\n"
            '  2 | layer { name: "r" type: "ReLU" bottom: "x" top: "r" include { } exclude { } }\n'
            "    |               ^^^",
        ),
    ],
)
def test_nets_that_do_not_connect(opened, tmp_path, text, shown):
    with pytest.raises(EngineError) as caught:
        opened(text)
    assert str(caught.value) == f"{tmp_path}/net.prototxt{shown}"


def test_a_blob_that_two_layers_read_cannot_be_written_over(opened):
    text = (
        input_layer("x", 3, 4)
        + product("a", "x")
        + ('layer { name: "relu" type: "ReLU" bottom: "x" top: "x" }')
    )

    with pytest.raises(EngineError) as caught:
        opened(text)
    assert caught.value.message == "Top blob 'x' produced by multiple sources."


def test_phase_level_and_stages(opened):
    text = "".join(
        f'layer {{ name: "{name}" type: "Input" top: "{name}" {rule} }}\n'
        for name, rule in {
            "all": "",
            "train": "include { phase: TRAIN }",
            "deep": "include { min_level: 2 }",
            "staged": 'include { stage: "s" }',
            "unstaged": 'include { not_stage: "s" }',
            "left_out": "exclude { phase: TEST }",
        }.items()
    )

    assert opened(text, phase="TEST").inputs == ["all", "unstaged"]
    assert opened(text, phase="TRAIN").inputs == ["all", "train", "unstaged", "left_out"]
    assert opened(text, phase="TEST", level=3, stages=["s"]).inputs == ["all", "deep", "staged"]
