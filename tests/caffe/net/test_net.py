"""A net: its layers by name and phase, its inputs, and what it refuses."""

from __future__ import annotations

import pytest

from ssdh_surgery import parse
from ssdh_surgery.caffe.net.net import Net, unique_name
from ssdh_surgery.errors import AmbiguousLayer, SurgeryError, UnknownLayer

TEXT = """name: "n"
input: "x"
input: "y"
layer { name: "data" top: "data" include { phase: TRAIN } }
layer { name: "data" top: "data" include { phase: TEST } }
layer { name: "relu" bottom: "data" top: "data" }
layer { name: "fc" bottom: "data" top: "fc" }
layer { name: "twice" } layer { name: "twice" }
"""


def net(text: str = TEXT) -> Net:
    return Net(parse(text.encode(), "n.prototxt"))


def test_what_a_net_says_of_itself() -> None:
    of = net()
    assert (of.name, of.file) == ("n", "n.prototxt")
    assert of.inputs == ("x", "y")
    assert of.blob_names == ("x", "y", "data", "fc")
    assert [layer.index for layer in of.layers] == list(range(6))
    assert of.has_phases
    assert not net('layer { name: "a" }').has_phases
    assert repr(of) == "<Net 'n' of 6 layers>"


def test_a_net_within_a_solver() -> None:
    document = parse(b'base_lr: 1 net_param { name: "inner" layer { name: "a" } }')
    inner = Net(document, document.root.message("net_param"))
    assert inner.name == "inner"
    assert [layer.name for layer in inner.layers] == ["a"]


def test_layer_by_name() -> None:
    of = net()
    assert of.layer("fc") is of.layers[3]
    assert of.layer("data", "TRAIN") is of.layers[0]
    assert of.layer("data", "TEST") is of.layers[1]
    assert of.named("data") == of.layers[:2]
    assert of.named("none") == ()


def test_a_layer_of_the_other_phase_is_found_where_it_is_the_only_one() -> None:
    of = net('layer { name: "a" include { phase: TEST } }')
    assert of.layer("a", "TRAIN") is of.layers[0]


def test_unknown_layer() -> None:
    with pytest.raises(UnknownLayer) as caught:
        net().layer("rleu")
    assert str(caught.value) == (
        "n.prototxt: no layer is called 'rleu'\nhint: did you mean 'relu'?"
    )
    assert caught.value.layer == "rleu"


def test_ambiguous_layer() -> None:
    with pytest.raises(AmbiguousLayer) as caught:
        net().layer("data")
    assert str(caught.value) == (
        "n.prototxt:4:15: the layers on lines 4 and 5 are all called 'data'\n"
        '  4 | layer { name: "data" top: "data" include { phase: TRAIN } }\n'
        "    |               ^^^^^^\nhint: specify its phase"
    )


def test_ambiguous_within_a_phase() -> None:
    with pytest.raises(AmbiguousLayer, match="the layers on lines 8 and 8 are all called 'twice'"):
        net().layer("twice", "TRAIN")


def test_graphs_are_made_once() -> None:
    of = net()
    assert of.graph("TRAIN") is of.graph(of.state("TRAIN"))
    assert of.graph("TRAIN") is not of.graph("TEST")


def test_a_net_nested_too_deep_is_refused() -> None:
    text = "layer {" + "m {" * 100 + "}" * 101
    with pytest.raises(SurgeryError) as caught:
        net(text)
    assert str(caught.value).splitlines()[0] == (
        "n.prototxt:1:307: messages are nested 101 deep; no net needs more than 100"
    )
    assert net("layer {" + "m {" * 99 + "}" * 100).layers


def test_a_net_nested_ten_thousand_deep_is_refused() -> None:
    with pytest.raises(SurgeryError, match="messages are nested 10000 deep"):
        net("m {" * 10_000 + "}" * 10_000)


@pytest.mark.parametrize(
    ("wanted", "taken", "name"),
    [("a", [], "a"), ("a", ["b"], "a"), ("a", ["a"], "a_2"), ("a", ["a", "a_2", "a_3"], "a_4")],
)
def test_unique_name(wanted: str, taken: list[str], name: str) -> None:
    assert unique_name(wanted, taken) == name
