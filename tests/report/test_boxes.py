"""Which layers share a box, which arrows are drawn, and which boxes are one block."""

from __future__ import annotations

import pytest

from ssdh_surgery import zoo
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.prototxt.parser import parse
from ssdh_surgery.report.blocks import blocks
from ssdh_surgery.report.boxes import Boxes, boxes


def layer(name: str, kind: str, bottoms: str = "", tops: str = "", more: str = "") -> str:
    named = [f'bottom: "{blob}"' for blob in bottoms.split()]
    named += [f'top: "{blob}"' for blob in (tops or name).split()]
    return f'layer {{ name: "{name}" type: "{kind}" {" ".join(named)} {more} }}\n'


def boxed(text: str) -> Boxes:
    net = Net(parse(text.encode()))
    return boxes(net.graph("TRAIN"), net.inputs)


def zoo_boxed(name: str, form: str = "train_val") -> Boxes:
    net = Net(parse(zoo.text(name, form).encode()))
    return boxes(net.graph("TRAIN"), net.inputs)


def names(found: Boxes) -> list[list[str]]:
    return [[each.name for each in box.layers] or [f"input {box.name}"] for box in found.boxes]


def arrows(found: Boxes) -> list[tuple[str, str]]:
    named = [box.name for box in found.boxes]
    return [(named[arrow.source], named[arrow.target]) for arrow in found.arrows]


def test_in_place_layers_are_part_of_the_box_that_they_follow() -> None:
    found = boxed(
        layer("data", "Input")
        + layer("conv", "Convolution", "data")
        + layer("bn", "BatchNorm", "conv", "conv")
        + layer("relu", "ReLU", "conv", "conv")
        + layer("ip", "InnerProduct", "conv")
    )
    assert names(found) == [["data"], ["conv", "bn", "relu"], ["ip"]]
    assert arrows(found) == [("data", "conv"), ("conv", "ip")]


def test_an_in_place_layer_stands_alone_where_the_blob_before_it_is_read() -> None:
    found = boxed(
        layer("data", "Input")
        + layer("before", "TanH", "data")
        + layer("relu", "ReLU", "data", "data")
        + layer("after", "TanH", "data")
    )
    assert names(found) == [["data"], ["before"], ["relu"], ["after"]]
    assert arrows(found) == [("data", "before"), ("data", "relu"), ("relu", "after")]


def test_an_in_place_layer_on_one_of_two_tops_stands_alone() -> None:
    found = boxed(
        layer("data", "Data", "", "data label")
        + layer("scaled", "Power", "data", "data")
        + layer("ip", "InnerProduct", "data")
    )
    assert names(found) == [["data"], ["scaled"], ["ip"]]


def test_labels_are_told_in_the_box_that_reads_them() -> None:
    found = boxed(
        layer("data", "Data", "", "data label")
        + layer("ip", "InnerProduct", "data")
        + layer("loss", "SoftmaxWithLoss", "ip label")
    )
    assert arrows(found) == [("data", "ip"), ("ip", "loss")]
    assert [box.labels for box in found.boxes] == [[], [], ["label"]]
    assert not found.arrows[0].is_one_of_several


def test_a_label_that_a_layer_works_on_has_an_arrow() -> None:
    found = boxed(
        layer("data", "Data", "", "data label")
        + layer("ip", "InnerProduct", "data")
        + layer("one_hot", "Embed", "label")
        + layer("loss", "EuclideanLoss", "ip one_hot")
    )
    assert ("data", "one_hot") in arrows(found)
    assert ("one_hot", "loss") in arrows(found)
    assert [arrow.is_one_of_several for arrow in found.arrows] == [True, True, False, False]


def test_inputs_of_the_net_are_boxes_and_an_unknown_bottom_is_told() -> None:
    found = boxed('input: "data"\n' + layer("ip", "InnerProduct", "data typo"))
    assert names(found) == [["input data"], ["ip"]]
    assert arrows(found) == [("data", "ip")]
    assert found.boxes[1].missing == ["typo"]


_FOURTH = ("4a", "4b", "4c", "4d", "4e")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "googlenet",
            [
                f"inception_{block}"
                for block in ["3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b"]
            ],
        ),
        (
            "resnet-50",
            [
                f"res{stage}{block}"
                for stage, count in ((2, 3), (3, 4), (4, 6), (5, 3))
                for block in "abcdef"[:count]
            ],
        ),
        ("squeezenet-1.1", [f"fire{number}" for number in range(2, 10)]),
        ("alexnet", []),
    ],
)
def test_blocks_of_known_networks(name: str, expected: list[str]) -> None:
    found = zoo_boxed(name)
    assert [block.name for block in blocks(found)] == expected


def test_a_block_has_its_branches_and_what_joins_them() -> None:
    found = zoo_boxed("googlenet")
    first = blocks(found)[0]
    assert [found.boxes[index].name for index in sorted(first.members)] == [
        f"inception_3a/{part}"
        for part in ["1x1", "3x3_reduce", "3x3", "5x5_reduce", "5x5", "pool", "pool_proj", "output"]
    ]


def test_a_block_without_a_common_word_is_called_by_its_join() -> None:
    found = zoo_boxed("densenet-121", "deploy")
    assert [block.name for block in blocks(found)][:2] == ["concat_2_1", "concat_2_2"]


def test_of_nested_blocks_the_outer_one_is_drawn() -> None:
    found = boxed(
        layer("data", "Input")
        + layer("a", "TanH", "data")
        + layer("b/1", "TanH", "a")
        + layer("b/2", "TanH", "b/1")
        + layer("b/3", "TanH", "b/1")
        + layer("b/4", "Concat", "b/2 b/3")
        + layer("b/5", "Eltwise", "b/4 a")
    )
    (block,) = blocks(found)
    assert block.name == "b"
    assert sorted(block.members) == [2, 3, 4, 5, 6]


def test_branches_from_different_data_and_a_skip_over_half_a_net_are_no_blocks() -> None:
    two = boxed(
        layer("left", "Input") + layer("right", "Input") + layer("l", "TanH", "left")
        + layer("r", "TanH", "right") + layer("sum", "Eltwise", "l r")
    )  # fmt: skip
    assert blocks(two) == []
    chain = "".join(layer(f"l{n + 1}", "TanH", f"l{n}") for n in range(40))
    long = boxed(layer("l0", "Input") + chain + layer("sum", "Eltwise", "l0 l40"))
    assert blocks(long) == []


def test_boxes_that_are_taken_are_in_no_block() -> None:
    found = zoo_boxed("googlenet")
    first = blocks(found)[0]
    assert blocks(found, frozenset([min(first.members)]))[0].name == "inception_3b"
