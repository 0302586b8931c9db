"""Renaming and rewiring blobs: all who read one follow, and nobody else."""

from __future__ import annotations

import pytest

from ssdh_surgery import parse
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.net.phase import Phase
from ssdh_surgery.errors import SurgeryError
from ssdh_surgery.surgery.core.change import Change
from ssdh_surgery.surgery.core.gate import prove
from ssdh_surgery.surgery.verbs import blobs


def net(text: str) -> Net:
    return Net(parse(text.encode(), "n.prototxt"))


def made(of: Net, change: Change) -> str:
    return prove(of.document, change, "NetParameter").document.text


# In every case the blob `x` as the layer `a` writes it becomes `y`.
RENAMED = [
    (
        "readers",
        'layer { name: "a" top: "x" } layer { name: "b" bottom: "x" } layer { bottom: "z" }',
        'layer { name: "a" top: "y" } layer { name: "b" bottom: "y" } layer { bottom: "z" }',
    ),
    (
        "in-place",
        'layer { name: "a" top: "x" } layer { bottom: "x" top: "x" } layer { bottom: "x" }',
        'layer { name: "a" top: "y" } layer { bottom: "y" top: "y" } layer { bottom: "y" }',
    ),
    (
        "from-an-in-place-layer-on",
        'layer { top: "x" } layer { name: "a" bottom: "x" top: "x" } layer { bottom: "x" }',
        'layer { top: "x" } layer { name: "a" bottom: "x" top: "y" } layer { bottom: "y" }',
    ),
    (
        "several-tops-and-bottoms",
        'layer { name: "a" top: "w" top: "x" } layer { bottom: ["x", "w", "x"] }',
        'layer { name: "a" top: "w" top: "y" } layer { bottom: ["y", "w", "y"] }',
    ),
    (
        "both-phases",
        'layer { name: "a" top: "x" } layer { bottom: "x" include { phase: TEST } } '
        'layer { bottom: "x" exclude { phase: TEST } }',
        'layer { name: "a" top: "y" } layer { bottom: "y" include { phase: TEST } } '
        'layer { bottom: "y" exclude { phase: TEST } }',
    ),
    (
        "the-other-phase-has-its-own",
        'layer { name: "a" top: "x" include { phase: TRAIN } } '
        'layer { name: "b" top: "x" include { phase: TEST } } '
        'layer { bottom: "x" include { phase: TRAIN } } '
        'layer { bottom: "x" include { phase: TEST } }',
        'layer { name: "a" top: "y" include { phase: TRAIN } } '
        'layer { name: "b" top: "x" include { phase: TEST } } '
        'layer { bottom: "y" include { phase: TRAIN } } '
        'layer { bottom: "x" include { phase: TEST } }',
    ),
    (
        "stages",
        'layer { name: "a" top: "x" } layer { bottom: "x" include { stage: "s" } } '
        'layer { bottom: "x" include { stage: "s" stage: "t" not_stage: "u" } }',
        'layer { name: "a" top: "y" } layer { bottom: "y" include { stage: "s" } } '
        'layer { bottom: "y" include { stage: "s" stage: "t" not_stage: "u" } }',
    ),
    (
        "levels",
        'layer { name: "a" top: "x" } layer { bottom: "x" include { min_level: 2 } }',
        'layer { name: "a" top: "y" } layer { bottom: "y" include { min_level: 2 } }',
    ),
    (
        "V0",
        'layers { layer { name: "a" } top: "x" } layers { layer { name: "b" } bottom: "x" }',
        'layers { layer { name: "a" } top: "y" } layers { layer { name: "b" } bottom: "y" }',
    ),
    (
        "comments-stay",
        'layer {\n  name: "a"\n  top: "x"  # x\n}\nlayer {\n  # of x\n  bottom: \'x\'\n}\n',
        'layer {\n  name: "a"\n  top: "y"  # x\n}\nlayer {\n  # of x\n  bottom: \'y\'\n}\n',
    ),
]


@pytest.mark.parametrize(
    ("before", "after"), [pytest.param(*case[1:], id=case[0]) for case in RENAMED]
)
def test_rename(before: str, after: str) -> None:
    of = net(before)
    writer = of.layer("a")
    assert made(of, blobs.rename(of, writer, writer.tops.index("x"), "y")) == after


@pytest.mark.parametrize("before", [pytest.param(case[1], id=case[0]) for case in RENAMED])
def test_rename_noop(before: str) -> None:
    of = net(before)
    writer = of.layer("a")
    assert blobs.rename(of, writer, writer.tops.index("x"), "x") == Change()


def test_rename_in_a_phase() -> None:
    of = net(
        'layer { name: "a" top: "x" include { phase: TEST } } '
        'layer { name: "b" bottom: "x" include { phase: TEST } }'
    )
    after = of.document.text.replace('"x"', '"y"')
    assert made(of, blobs.rename(of, of.layer("a"), 0, "y", "TEST")) == after
    assert blobs.rename(of, of.layer("a"), 0, "y", "TRAIN") == Change()


TORN = "\nhint: rename both in every phase"
REFUSED: list[tuple[str, str, Phase | None, str]] = [
    (
        "shared-reader",
        'layer { name: "a" top: "x" include { phase: TRAIN } }\n'
        'layer { name: "b" top: "x" include { phase: TEST } }\n'
        'layer { name: "c" bottom: "x" }\n',
        None,
        "n.prototxt:1:15: blob 'x' of layer 'a' cannot be renamed: in TEST it also belongs to "
        "'b'\n"
        '  1 | layer { name: "a" top: "x" include { phase: TRAIN } }\n'
        "    |               ^^^" + TORN,
    ),
    (
        "reader-in-the-other-phase",
        'layer { name: "a" top: "x" }\n'
        'layer { name: "b" bottom: "x" include { phase: TRAIN } }\n'
        'layer { name: "c" bottom: "x" include { phase: TEST } }\n',
        "TEST",
        "n.prototxt:1:15: blob 'x' of layer 'a' cannot be renamed: in TRAIN it also belongs to "
        "'b'\n"
        '  1 | layer { name: "a" top: "x" }\n'
        "    |               ^^^" + TORN,
    ),
    (
        "reader-in-a-stage",
        'layer { name: "a" top: "x" include { not_stage: "s" } }\n'
        'layer { name: "b" top: "x" include { stage: "s" } }\n'
        'layer { name: "c" bottom: "x" }\n',
        None,
        "n.prototxt:1:15: blob 'x' of layer 'a' cannot be renamed: in TRAIN with stage 's' "
        "it also belongs to 'b'\n"
        '  1 | layer { name: "a" top: "x" include { not_stage: "s" } }\n'
        "    |               ^^^" + TORN,
    ),
    (
        "taken-by-a-layer",
        'layer { name: "a" top: "x" }\nlayer { name: "b" bottom: "x" top: "y" }\n',
        None,
        "n.prototxt:2:15: the net already has a blob 'y': layer 'b'\n"
        '  2 | layer { name: "b" bottom: "x" top: "y" }\n'
        "    |               ^^^",
    ),
    (
        "taken-by-an-input",
        'input: "y"\nlayer { name: "a" top: "x" }\n',
        None,
        "the net already has a blob 'y': an input of the net",
    ),
]


@pytest.mark.parametrize(
    ("text", "phase", "said"), [pytest.param(*case[1:], id=case[0]) for case in REFUSED]
)
def test_a_blob_that_cannot_be_renamed(text: str, phase: Phase | None, said: str) -> None:
    of = net(text)
    with pytest.raises(SurgeryError) as caught:
        blobs.rename(of, of.layer("a"), 0, "y", phase)
    assert str(caught.value) == said


def test_rewire() -> None:
    of = net('layer { name: "a" bottom: "x" bottom: "z" # why\n }')
    after = of.document.text.replace('"z"', '"y"')
    assert made(of, blobs.rewire(of.layer("a"), 1, "y")) == after


def test_rewire_noop() -> None:
    of = net('layer { name: "a" bottom: "x" }')
    assert blobs.rewire(of.layer("a"), 0, "x") == Change()


def test_rewire_what_is_not_there() -> None:
    of = net('layer { name: "a" bottom: "x" }')
    with pytest.raises(SurgeryError) as caught:
        blobs.rewire(of.layer("a"), 1, "y")
    assert str(caught.value) == (
        "n.prototxt:1:15: layer 'a' has no bottom 1\n"
        '  1 | layer { name: "a" bottom: "x" }\n'
        "    |               ^^^"
    )
