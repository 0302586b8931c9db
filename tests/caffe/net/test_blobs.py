"""Blobs by name and writer: chains of in-place layers, readers, and what Caffe refuses."""

from __future__ import annotations

import pytest

from ssdh_surgery import parse
from ssdh_surgery.caffe.net.blobs import BlobGraph, NetBlob
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.net.phase import Phase

CHAIN = """input: "x"
layer { name: "fc" bottom: "x" top: "y" }
layer { name: "relu" bottom: "y" top: "y" }
layer { name: "drop" bottom: "y" top: "y" include { phase: TRAIN } }
layer { name: "out" bottom: "y" top: "z" }
layer { name: "side" bottom: "x" bottom: "y" top: "s" }
"""


def net(text: str = CHAIN) -> Net:
    return Net(parse(text.encode(), "n.prototxt"))


def graph(text: str = CHAIN, phase: Phase = "TRAIN") -> BlobGraph:
    return net(text).graph(phase)


def written(blob: NetBlob | None) -> str:
    """A blob as `NAME by WRITER`."""
    assert blob is not None
    return f"{blob.name} by {blob.writer.name if blob.writer else 'nobody'}"


def findings(of: BlobGraph) -> list[str]:
    return [str(finding) for finding in of.findings]


def test_every_in_place_layer_writes_a_blob_of_its_own() -> None:
    of = net()
    train = of.graph("TRAIN")
    fc, relu, drop, out, side = of.layers
    assert [written(blob) for blob in train.chain(train.writes(fc)[0])] == [
        "y by fc",
        "y by relu",
        "y by drop",
    ]
    assert written(train.last("y")) == "y by drop"
    assert [written(blob) for blob in train.reads(side)] == ["x by nobody", "y by drop"]
    assert train.consumers(train.writes(fc)[0]) == [(relu, 0)]
    assert train.consumers(train.writes(drop)[0]) == [(out, 0), (side, 1)]
    assert findings(train) == []


def test_the_chain_of_another_phase() -> None:
    of = net()
    test = of.graph("TEST")
    assert written(test.last("y")) == "y by relu"
    assert test.takes_part(of.layer("relu"))
    assert not test.takes_part(of.layer("drop"))


def test_outputs_are_what_nobody_reads() -> None:
    assert [written(blob) for blob in graph().outputs] == ["z by out", "s by side"]
    assert graph('input: "x"').outputs == ()


def test_depth_is_the_longest_way_from_data() -> None:
    of = net()
    train = of.graph("TRAIN")
    assert [train.depth(layer) for layer in of.layers] == [1, 2, 3, 4, 4]


def test_below_are_those_that_a_layer_depends_on() -> None:
    of = net()
    train = of.graph("TRAIN")
    assert train.below([of.layer("out")]) == {0, 1, 2, 3}
    assert train.below([of.layer("fc")]) == {0}
    assert of.graph("TEST").below([of.layer("side")]) == {0, 1, 4}


def test_origins_are_the_data_that_a_bottom_comes_from() -> None:
    of = net(
        'layer { name: "data" top: "d" top: "l" } layer { name: "fc" bottom: "d" top: "f" } '
        'layer { name: "mix" bottom: ["f", "l"] top: "m" } layer { name: "loss" bottom: "m" }'
    )
    train = of.graph("TRAIN")
    mix, loss = of.layer("mix"), of.layer("loss")
    assert {written(blob) for blob in train.origins(mix, 0)} == {"d by data"}
    assert {written(blob) for blob in train.origins(mix, 1)} == {"l by data"}
    assert {blob.name for blob in train.origins(loss, 0)} == {"d", "l"}


def test_two_phases_with_their_own_data() -> None:
    of = net(
        'layer { name: "data" top: "d" include { phase: TRAIN } } '
        'layer { name: "data" top: "d" include { phase: TEST } } '
        'layer { name: "fc" bottom: "d" }'
    )
    for phase, writer in (("TRAIN", 0), ("TEST", 1)):
        (blob,) = of.graph(phase).reads(of.layer("fc"))  # type: ignore[arg-type]
        assert blob is not None
        assert blob.writer is of.layers[writer]
        assert findings(of.graph(phase)) == []  # type: ignore[arg-type]


UNKNOWN = "error SSDH201 unknown-bottom: unknown bottom blob"
DUPLICATE = "error SSDH202 duplicate-top: top blob"
WRONG = [
    (
        "unknown-bottom",
        'layer { name: "a" top: "fc7" }\nlayer { name: "b" bottom: "fc7" bottom: "fc7_" }\n',
        [
            f"n.prototxt:2:41: {UNKNOWN} 'fc7_' (layer 'b', bottom index 1)\n"
            '  2 | layer { name: "b" bottom: "fc7" bottom: "fc7_" }\n'
            "    |                                         ^^^^^^\nhint: did you mean 'fc7'?"
        ],
    ),
    (
        "read-before-it-is-written",
        'layer { name: "a" bottom: "x" }\nlayer { name: "b" top: "x" }\n',
        [
            f"n.prototxt:1:27: {UNKNOWN} 'x' (layer 'a', bottom index 0)\n"
            '  1 | layer { name: "a" bottom: "x" }\n'
            "    |                           ^^^\n"
            "hint: layer 'b' of line 2 writes it, further down: its layer must come first"
        ],
    ),
    (
        "written-in-the-other-phase",
        'layer { name: "d" top: "xx" include { phase: TEST } }\n'
        'layer { name: "e" top: "xxx" }\nlayer { name: "a" bottom: "xx" }\n',
        [
            f"n.prototxt:3:27: {UNKNOWN} 'xx' (layer 'a', bottom index 0)\n"
            '  3 | layer { name: "a" bottom: "xx" }\n'
            "    |                           ^^^^\n"
            "hint: layer 'd' of line 1 writes it, but is not in TRAIN: see its include and "
            "exclude rules"
        ],
    ),
    (
        "two-writers",
        'layer { name: "a" top: "x" }\nlayer { name: "b" top: "x" }\n',
        [
            f"n.prototxt:2:24: {DUPLICATE} 'x' produced by multiple sources: "
            "layer 'a' of line 1, and layer 'b'\n"
            '  2 | layer { name: "b" top: "x" }\n'
            "    |                        ^^^"
        ],
    ),
    (
        "written-over-while-another-layer-reads-it",
        'layer { name: "a" top: "x" }\nlayer { name: "b" bottom: "x" top: "y" }\n'
        'layer { name: "c" bottom: "x" top: "x" }\n',
        [
            f"n.prototxt:3:36: {DUPLICATE} 'x' produced by multiple sources: "
            "layer 'a' of line 1, and layer 'c'\n"
            '  3 | layer { name: "c" bottom: "x" top: "x" }\n'
            "    |                                    ^^^\n"
            "hint: layer 'b' of line 2 reads it, too, so 'c' cannot overwrite it: give it another "
            "top"
        ],
    ),
    (
        "a-writer-and-an-input",
        'input: "x" input_shape { }\nlayer { name: "b" top: "x" }\n',
        [
            f"n.prototxt:2:24: {DUPLICATE} 'x' produced by multiple sources: "
            "an input of the net, and layer 'b'\n"
            '  2 | layer { name: "b" top: "x" }\n'
            "    |                        ^^^"
        ],
    ),
    (
        "in-place-at-another-number",
        "input_shape { } input_shape { }\n"
        'input: ["x", "y"] layer { name: "a" bottom: "y" bottom: "x" top: "x" }',
        [
            f"n.prototxt:2:66: {DUPLICATE} 'x' produced by multiple sources: "
            "an input of the net, and layer 'a'\n"
            '  2 | input: ["x", "y"] layer { name: "a" bottom: "y" bottom: "x" top: "x" }\n'
            "    |                                                                  ^^^"
        ],
    ),
]


@pytest.mark.parametrize(("text", "said"), [pytest.param(*case[1:], id=case[0]) for case in WRONG])
def test_what_caffe_refuses_is_a_finding(text: str, said: list[str]) -> None:
    assert findings(graph(text)) == said


def test_a_bottom_that_nobody_wrote_is_none() -> None:
    of = net('layer { name: "a" bottom: "x" bottom: "y" }')
    assert of.graph("TRAIN").reads(of.layers[0]) == (None, None)
    assert of.graph("TRAIN").below(of.layers) == {0}
    assert of.graph("TRAIN").origins(of.layers[0], 0) == set()
