"""Nets drawn by the real Graphviz: what a person finds in the picture."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from ssdh_surgery import zoo
from ssdh_surgery.caffe.net.heads import heads
from ssdh_surgery.caffe.net.kind import Kind, kind_of
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.net.phase import Phase
from ssdh_surgery.caffe.shapes import shapes
from ssdh_surgery.errors import EngineError, MissingExtra
from ssdh_surgery.prototxt.parser import parse
from ssdh_surgery.report.drawing import Drawing
from ssdh_surgery.report.families import HASH
from ssdh_surgery.surgery.core.gate import prove
from ssdh_surgery.surgery.hashing.insert import hash_train_net
from ssdh_surgery.surgery.hashing.recipe import Recipe
from ssdh_surgery.surgery.hashing.roles import hash_roles

pytestmark = pytest.mark.dot

SVG = "{http://www.w3.org/2000/svg}"
Group = ElementTree.Element


def drawing(data: bytes, phase: Phase = "TRAIN") -> Drawing:
    net = Net(parse(data))
    graph = net.graph(phase)
    present = [head for head in heads(net) if graph.takes_part(head.classifier)]
    return Drawing(net, shapes(net, phase), present, hash_roles(graph, present))


def drawn(data: bytes, phase: Phase = "TRAIN") -> Group:
    return ElementTree.fromstring(drawing(data, phase).svg())


def groups(root: Group, kind: str) -> list[Group]:
    return [
        group for group in root.iter(f"{SVG}g") if group.get("class", "").split()[0:1] == [kind]
    ]


def title(group: Group) -> str:
    return group.findtext(f"{SVG}title") or ""


def texts(group: Group) -> list[str]:
    """The lines of a box from top to bottom; pieces of one line together."""
    found: dict[str, str] = {}
    for text in group.iter(f"{SVG}text"):
        found[text.get("y", "")] = found.get(text.get("y", ""), "") + (text.text or "")
    return list(found.values())


def boxes_by_name(root: Group) -> dict[str, Group]:
    return {texts(group)[0]: group for group in groups(root, "node")}


def layer_names(boxes: Iterable[Group]) -> list[str]:
    """The layers that the tooltips name."""
    lines = [line for box in boxes for line in title(box).splitlines()]
    return [line.rsplit(" (", 1)[0] for line in lines if re.search(r"\), line \d+$", line)]


def fill(box: Group) -> str | None:
    return next(shape.get("fill") for shape in box.iter(f"{SVG}path"))


@pytest.fixture(scope="module")
def patched() -> bytes:
    """GoogLeNet with a hash layer of 48 bits."""
    document = parse(zoo.text("googlenet", "train_val").encode())
    net = Net(document)
    head = next(head for head in heads(net) if head.is_main)
    change = hash_train_net(net, head, Recipe(bits=48)).change
    return bytes(prove(document, change, "NetParameter").document)


@pytest.mark.parametrize("phase", ["TRAIN", "TEST"])
@pytest.mark.parametrize("name", ["googlenet", "resnet-50", "densenet-121"])
def test_every_layer_of_the_phase_is_there_once_and_no_other(name: str, phase: Phase) -> None:
    data = zoo.text(name, "train_val").encode()
    names = layer_names(groups(drawn(data, phase), "node"))
    assert sorted(names) == sorted(layer.name for layer in Net(parse(data)).layers_in(phase))


def test_a_box_says_what_its_layers_are(patched: bytes) -> None:
    root = drawn(patched)
    boxes = boxes_by_name(root)
    assert texts(boxes["conv1/7x7_s2"]) == [
        "conv1/7x7_s2", "Convolution 7x7, 64, /2, pad 3", "+ ReLU", "32x64x112x112",
    ]  # fmt: skip
    assert title(boxes["conv1/7x7_s2"]) == (
        "conv1/7x7_s2 (Convolution 7x7, 64, /2, pad 3), line 44\n"
        "  data -> conv1/7x7_s2 32x64x112x112\n"
        "  9,472 params (64x3x7x7, 64)\n"
        "  3,776,446,464 multiply-adds\n"
        "conv1/relu_7x7 (ReLU), line 71\n"
        "  conv1/7x7_s2 -> conv1/7x7_s2 32x64x112x112"
    )
    assert texts(boxes["data"]) == ["data", "Data", "data 32x3x224x224, label 32"]
    assert texts(boxes["loss1/loss"])[1:] == ["SoftmaxWithLoss weight 0.3", "scalar", "with label"]
    assert title(groups(root, "graph")[0]) == "GoogleNet, TRAIN, 161 layers"


def test_heads_are_marked(patched: bytes) -> None:
    root = drawn(patched, "TEST")
    marked = {
        name: texts(box)[-1] for name, box in boxes_by_name(root).items()
        if texts(box)[-1].endswith("head")
    }  # fmt: skip
    assert marked == {
        "loss1/classifier": "auxiliary head",
        "loss2/classifier": "auxiliary head",
        "loss3/classifier_change": "main head",
    }


def test_clusters_are_auxiliary_heads_and_blocks(patched: bytes) -> None:
    labels = [texts(cluster)[0] for cluster in groups(drawn(patched), "cluster")]
    assert labels == [
        "auxiliary head loss1/classifier",
        "auxiliary head loss2/classifier",
        *(f"inception_{block}" for block in ("3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b")),
    ]


def test_hash_layers_alone_have_the_strong_colour(patched: bytes) -> None:
    boxes = boxes_by_name(drawn(patched))
    strong = {name: texts(box)[1:] for name, box in boxes.items() if fill(box) == HASH.fill}
    assert strong == {
        "latent_SSDH": ["InnerProduct 48", "32x48", "latent layer"],
        "latent_SSDH_encode": ["Sigmoid", "32x48", "code"],
    }
    plain = drawn(zoo.text("googlenet", "train_val").encode())
    assert HASH.fill not in ElementTree.tostring(plain, encoding="unicode")


def test_data_stand_at_the_top_and_losses_at_the_bottom(patched: bytes) -> None:
    boxes = boxes_by_name(drawn(patched))
    heights = {
        name: float(next(box.iter(f"{SVG}text")).get("y", "")) for name, box in boxes.items()
    }
    assert min(heights, key=heights.__getitem__) == "data"
    assert heights["pool5/7x7_s1"] < heights["latent_SSDH"] < heights["latent_SSDH_encode"]
    assert max(heights, key=heights.__getitem__) == "loss3/loss3"


def test_the_legend_names_the_families_that_are_there() -> None:
    root = drawn(zoo.text("lenet", "deploy").encode(), "TEST")
    (graph,) = groups(root, "graph")
    words = [text.text for text in graph.findall(f"{SVG}text")]
    assert words == [
        "LeNet, TEST, 9 layers", "data", "convolution", "inner product", "pooling", "score",
    ]  # fmt: skip


def test_the_svg_needs_nothing_beside_it(patched: bytes) -> None:
    svg = drawing(patched).svg().decode()
    assert set(re.findall(r"https?://[^\"' ]*", svg)) == {"http://www.w3.org/2000/svg"}
    for outside in ("DOCTYPE", "href", "url(", "@import", "<image", "xlink", "transparent"):
        assert outside not in svg


def test_arrows_go_from_writers_to_readers() -> None:
    found = drawing(
        b'layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 2 dim: 4 } } }'
        b'layer { name: "cut" type: "Slice" bottom: "data" top: "l" top: "r" }'
        b'layer { name: "sum" type: "Eltwise" bottom: "l" bottom: "r" top: "sum" }'
    )
    root = ElementTree.fromstring(found.svg())
    arrows = groups(root, "edge")
    assert [texts(arrow) for arrow in arrows] == [[], ["l"], ["r"]]
    assert re.findall(r"^\s*(box\d+ -> box\d+)", found.dot, re.MULTILINE) == [
        "box0 -> box1", "box1 -> box2", "box1 -> box2",
    ]  # fmt: skip
    assert texts(boxes_by_name(root)["cut"]) == ["cut", "Slice", "2x2"]


@pytest.mark.parametrize(
    "name",
    ["<b>&amp;</b>", "back\\\\slash\\\\N", "<x>", "a:b:c", "名前", "-->", '%s {} \\"quoted\\"'],
)
def test_names_are_text_whatever_is_in_them(name: str) -> None:
    data = (
        'name: "NAME" layer { name: "NAME" type: "Input" top: "NAME" top: "other" }'
        'layer { name: "ip" type: "InnerProduct" bottom: "NAME" top: "ip" }'
        'layer { name: "ip2" type: "InnerProduct" bottom: "other" top: "ip2" }'
    ).replace("NAME", name)
    meant = Net(parse(data.encode())).name
    root = drawn(data.encode())
    assert texts(groups(root, "node")[0])[0] == meant
    assert title(groups(root, "node")[0]).startswith(f"{meant} (Input), line 1\n")
    assert texts(groups(root, "edge")[0]) == [meant]
    assert title(groups(root, "graph")[0]) == f"{meant}, TRAIN, 3 layers"


def test_what_no_xml_holds_is_replaced_and_what_is_long_is_cut() -> None:
    long = "x" * 30 + "y" * 30
    root = drawn(
        b'layer { name: "a\x01\xff" type: "Input" top: "a" }'
        b'layer { name: "%s" type: "TanH" bottom: "a" top: "b" }'
        b'layer { type: "TanH" bottom: "b" top: "c" }' % long.encode()
    )
    assert [texts(box)[0] for box in groups(root, "node")] == [
        "a\ufffd\ufffd", "x" * 19 + "…" + "y" * 20, "(no name)",
    ]  # fmt: skip
    assert long in title(groups(root, "node")[1])


def test_inputs_missing_bottoms_and_unknown_shapes() -> None:
    boxes = boxes_by_name(
        drawn(
            b'input: "data" input_dim: 1 input_dim: 3 input_dim: 8 input_dim: 8 '
            b'layer { name: "fork" type: "ForkOnly" bottom: "data" bottom: "typo" top: "fork" }'
        )
    )
    assert texts(boxes["data"]) == ["data", "input", "1x3x8x8"]
    assert title(boxes["data"]) == "data (input)\nshape 1x3x8x8"
    assert texts(boxes["fork"]) == ["fork", "ForkOnly", "?", "no layer writes typo"]


def test_an_empty_net() -> None:
    root = drawn(b'name: "empty"')
    assert groups(root, "node") == []
    assert title(groups(root, "graph")[0]) == "empty, TRAIN, 0 layers"


@pytest.mark.corpus
def test_any_net_is_drawn_whole(corpus: Path) -> None:
    drawn_nets = 0
    for file in sorted(corpus.rglob("*.prototxt")):
        document = parse(file.read_bytes())
        if kind_of(document) in (Kind.TRAIN, Kind.DEPLOY):
            names = layer_names(groups(drawn(file.read_bytes(), "TEST"), "node"))
            meant = [layer.name for layer in Net(document).layers_in("TEST")]
            assert sorted(names) == sorted(meant), file.name
            drawn_nets += 1
    assert drawn_nets > 50


def test_without_the_program(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = drawing(zoo.text("lenet", "deploy").encode(), "TEST")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EngineError) as caught:
        found.svg()
    assert str(caught.value) == (
        "drawing an SVG needs Graphviz's program 'dot', which is not on the PATH\n"
        "hint: apt-get install graphviz, brew install graphviz, or "
        "https://graphviz.org/download; --dot needs no program"
    )
    assert found.dot.startswith("digraph net {")


def test_a_program_that_fails(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "dot").write_text("#!/bin/sh\necho 'no fonts' >&2\nexit 3\n")
    (tmp_path / "dot").chmod(0o755)
    found = drawing(zoo.text("lenet", "deploy").encode(), "TEST")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EngineError) as caught:
        found.svg()
    assert str(caught.value) == "Graphviz's 'dot' failed: no fonts"


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "graphviz", None)
    with pytest.raises(MissingExtra) as caught:
        drawing(zoo.text("lenet", "deploy").encode(), "TEST")
    assert str(caught.value) == (
        "drawing a net needs the extra 'draw'\nhint: pip install 'ssdh-surgery[draw]'"
    )
