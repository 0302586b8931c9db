"""Random nets: our shapes are those that Caffe sets up, and both refuse the same with one word."""

from __future__ import annotations

import re

import pytest
from hypothesis import assume, given, note, settings

from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.net.phase import PHASES
from ssdh_surgery.caffe.shapes import shapes
from ssdh_surgery.prototxt.parser import parse
from support.adventurous_nets import mistakes, nets
from support.live_nets import Caffe, Refused, SetUp
from support.strategies import searched

# Words of BVLC Caffe 1.0 for which the built Caffe has others.
_OLDER = {"slice axis: ": "Check failed: top.size() <= bottom_slice_axis"}
_SIDES = re.compile(r" ?\((-?\d+ vs\. -?\d+)\)$")


def is_said(message: str, said: str) -> bool:
    """Whether Caffe says what we say; it has its numbers in the middle."""
    # Of a layer we say which one; of a blob that two layers write, which ones.
    start, end = message.split(": ", 1) if ": " in message else (message, "")
    words = end if start.startswith("layer '") else start
    sides = _SIDES.search(words)
    words = _SIDES.sub("", words).rstrip(".")
    words = next((older for start, older in _OLDER.items() if words.startswith(start)), words)
    return words.lower() in said.lower() and (sides is None or sides[1] in said)


def answer(caffe: Caffe, text: str, phase: str) -> SetUp | str:
    """What Caffe makes of a net, or what it says before it ends."""
    try:
        return caffe.set_up(text, phase)
    except Refused as refused:
        return str(refused)


@pytest.mark.caffe
@settings(searched, max_examples=max(50, searched.max_examples // 4))
@given(nets())
def test_caffe_sets_up_the_same_shapes_or_refuses_for_the_same_reason(
    live_caffe: Caffe, text: str
) -> None:
    note(text)
    net = Net(parse(text.encode()))
    for phase in PHASES:
        ours, theirs = mistakes(text, phase), answer(live_caffe, text, phase)
        note(f"{phase}: {[finding.message for finding in ours]}; Caffe: {theirs}")
        if ours:
            # The built Caffe does not compare them, as BVLC's does (caffe_differences.toml).
            assume(isinstance(theirs, str) or "(Eltwise): bottom[0]" not in ours[0].message)
            assert isinstance(theirs, str), "only we refuse it"
            assert any(is_said(finding.message, theirs) for finding in ours)
            continue
        assert isinstance(theirs, SetUp), "only Caffe refuses it"
        found = shapes(net, phase)
        assert (found.blobs, found.params) == (theirs.blobs, theirs.params)
