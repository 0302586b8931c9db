"""What nobody reads any more is found, and no output is left that was none before."""

from __future__ import annotations

import pytest

from ssdh_surgery import parse
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.net.phase import State
from ssdh_surgery.prototxt.edits import apply
from ssdh_surgery.surgery.core.change import Change
from ssdh_surgery.surgery.verbs.unread_blobs import Cut, newly_unread_blobs, silence, unread_layers

BOTH = (State("TRAIN"), State("TEST"))


def layer(name: str, bottoms: str = "", tops: str | None = None, more: str = "") -> str:
    links = [f'bottom: "{blob}"' for blob in bottoms.split()]
    links += [f'top: "{blob}"' for blob in (name if tops is None else tops).split()]
    kind = name.split("_")[0].capitalize()
    return f'layer {{ name: "{name}" type: "{kind}" {" ".join(links)} {more} }}\n'


def net(*parts: str) -> Net:
    return Net(parse("".join(parts).encode(), "n.prototxt"))


TEST = "include { phase: TEST }"
# data -> a -> b -> c -> loss, and what else reads b.
CHAIN = [layer("data", tops="x y"), layer("a", "x"), layer("b", "a"), layer("c", "b")]
LOSS = layer("softmaxwithloss", "c y", "l")


@pytest.mark.parametrize(
    ("more", "gone"),
    [
        pytest.param([], "a b", id="the chain"),
        pytest.param([layer("accuracy", "b y")], "", id="read by another"),
        pytest.param([layer("accuracy", "b y", more=TEST)], "", id="read in one phase"),
        pytest.param([layer("silence", "b", "")], "a b silence", id="a Silence keeps nothing"),
        pytest.param([layer("silence", "b y", "")], "", id="but where it reads what stays"),
        pytest.param([layer("norm", "b", more="loss_weight: 1")], "", id="a term of the loss"),
    ],
)
def test_below_a_cut(more: list[str], gone: str) -> None:
    of = net(*CHAIN, *more, LOSS)
    assert [each.name for each in unread_layers(of, cut=Cut(of.layer("c"), "x"))] == gone.split()


def test_the_blob_of_the_cut_is_read() -> None:
    of = net(*CHAIN, LOSS)
    assert [each.name for each in unread_layers(of, cut=Cut(of.layer("c"), "a"))] == ["b"]


def test_data_that_served_what_goes() -> None:
    of = net(
        *CHAIN, layer("data_2", tops="u v"), layer("silence", "u", ""), layer("d", "b v"), LOSS
    )
    assert [each.name for each in unread_layers(of, [of.layer("d")])] == ["data_2", "silence", "d"]


def test_what_was_never_read_stays() -> None:
    of = net(*CHAIN, layer("out", "a"), LOSS)
    assert unread_layers(of) == []


def test_silence() -> None:
    before = net(*CHAIN, layer("accuracy", "c y", more=TEST))
    after = net(*CHAIN)
    found = newly_unread_blobs(before, after)
    assert found == {"y": (State("TEST"),), "c": (State("TEST"),)}
    text = apply(after.document.text, silence(after, found.items()).edits)
    silenced = Net(parse(text.encode()))
    assert newly_unread_blobs(before, silenced) == {}
    assert [each.type for each in silenced.layers[-2:]] == ["Silence", "Silence"]
    assert silenced.phase_of(silenced.layers[-1]) == "TEST"


def test_silence_speaks_v1_and_v0_has_none() -> None:
    v1 = net('layers { name: "a" type: DATA top: "x" top: "y" }\n')
    text = apply(v1.document.text, silence(v1, [("y", BOTH)]).edits)
    assert text.endswith('layers { name: "silence_y" type: SILENCE bottom: "y" }\n')
    v0 = net('layers { layer { name: "a" type: "data" } top: "x" top: "y" }\n')
    assert silence(v0, [("y", BOTH)]) == Change()


def test_silence_of_a_stage() -> None:
    more = 'include { phase: TEST stage: "s" }'
    before = net(*CHAIN, layer("accuracy", "c y", more=more))
    after = net(*CHAIN)
    found = newly_unread_blobs(before, after)
    assert found == {name: (State("TEST", 0, frozenset("s")),) for name in ("y", "c")}
    text = apply(after.document.text, silence(after, found.items()).edits)
    assert text.count(more) == 2
    assert newly_unread_blobs(before, Net(parse(text.encode()))) == {}


def test_silence_where_its_blob_is() -> None:
    rule = 'exclude { stage: "deploy" }'
    of = net(layer("data", tops="x"), layer("norm", "x", "z", rule), LOSS)
    states = tuple(state for state in of.states if not state.stages)
    text = apply(of.document.text, silence(of, [("z", states)]).edits)
    assert text.count(rule) == 2


def test_silence_noop() -> None:
    of = net(*CHAIN)
    assert newly_unread_blobs(of, of) == {}
    assert silence(of, []) == Change()
