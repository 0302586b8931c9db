"""A draft moves from proof to proof: each change is proven once, and the next one follows it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from ssdh_surgery import parse
from ssdh_surgery.caffe.net.kind import Kind
from ssdh_surgery.errors import GateRefused
from ssdh_surgery.pipeline.edit import draft as draft_module
from ssdh_surgery.pipeline.edit.draft import Draft, NetDraft
from ssdh_surgery.surgery.core.change import Change, path_of_message
from ssdh_surgery.surgery.core.promise import Promise
from ssdh_surgery.surgery.hashing import aux_heads
from ssdh_surgery.surgery.solver.field_order import put
from ssdh_surgery.surgery.verbs import blobs, layers

NET = """name: "n"
layer { name: "a" type: "ReLU" bottom: "x" top: "a" }
layer { name: "b" type: "ReLU" bottom: "a" top: "b" }
"""
# The field `power` is not Caffe's: protobuf cannot judge the file.
FORK = NET.replace('name: "b"', 'power_level: 9 name: "b"')
SOLVER = f"""base_lr: 0.01
test_net: "test.prototxt"
train_net_param {{
{NET}}}
"""


@pytest.fixture(autouse=True)
def proofs(monkeypatch: pytest.MonkeyPatch) -> list[Change]:
    """The changes that were proven."""
    proven: list[Change] = []
    prove = draft_module.prove

    def spy(document: Any, change: Change, *rest: Any) -> Any:
        proven.append(change)
        return prove(document, change, *rest)

    monkeypatch.setattr(draft_module, "prove", spy)
    return proven


def draft_of(text: str, kind: Kind = Kind.TRAIN) -> Draft:
    return Draft(parse(text.encode(), "n.prototxt"), kind)


def rename(draft: Draft | NetDraft, old: str, new: str) -> Change:
    return layers.rename(draft.net.layer(old), new)


def test_it_returns_the_result_of_the_verb(proofs: list[Change]) -> None:
    draft = draft_of(NET)
    change = rename(draft, "a", "c")
    assert draft.do(change) is change
    assert proofs == [change]
    assert draft.document.text == NET.replace('name: "a"', 'name: "c"')


def test_a_result_with_a_change_is_returned_too(proofs: list[Change]) -> None:
    draft = draft_of(NET)
    result = aux_heads.AuxRemoval(rename(draft, "a", "c"), ())
    assert draft.do(result) is result
    assert proofs == [result.change]
    assert draft.net.layer("c").type == "ReLU"


def test_the_next_verb_works_on_what_the_last_one_left(proofs: list[Change]) -> None:
    draft = draft_of(NET)
    draft.do(rename(draft, "a", "c"))
    draft.do(rename(draft, "c", "d"))
    assert draft.document.text == NET.replace('name: "a"', 'name: "d"')
    assert len(proofs) == 2


def test_results_for_the_same_text_are_proven_together(proofs: list[Change]) -> None:
    draft = draft_of(NET)
    first = rename(draft, "a", "c")
    assert draft.do(first, rename(draft, "b", "d"), Change()) is first
    assert [layer.name for layer in draft.net.layers] == ["c", "d"]
    assert len(proofs) == 1


def test_nothing_to_do_is_not_proven(proofs: list[Change]) -> None:
    draft = draft_of(NET)
    before = draft.document
    change = rename(draft, "a", "a")
    assert draft.do(change) is change
    assert draft.do(change, Change()) is change
    assert draft.document is before
    assert not proofs


def test_a_change_that_does_more_than_promised_is_refused() -> None:
    draft = draft_of(NET)
    before = draft.document
    lie = Change(rename(draft, "a", "c").edits, Promise())
    with pytest.raises(GateRefused):
        draft.do(lie)
    assert draft.document is before


def test_warnings_are_those_of_the_first_proof(proofs: list[Change]) -> None:
    draft = draft_of(FORK)
    assert draft.warnings == ()
    draft.do(rename(draft, "a", "c"))
    (warning,) = draft.warnings
    assert "n.prototxt:3:9: " in warning
    draft.do(blobs.rename(draft.net, draft.net.layer("c"), 0, "longer"))
    draft.do(rename(draft, "b", "d"))
    assert draft.warnings == (warning,)
    assert len(proofs) == 3


def test_a_net_inside_a_solver(proofs: list[Change]) -> None:
    draft = draft_of(SOLVER, Kind.SOLVER)
    ((field, root),) = draft.solver.inner_nets
    assert field == "train_net_param"
    net_draft = NetDraft(draft, path_of_message(root))
    assert [layer.name for layer in net_draft.net.layers] == ["a", "b"]
    change = rename(net_draft, "a", "c")
    assert net_draft.do(change) is change
    draft.do(put(draft.solver, "base_lr", Decimal("0.001")))
    net_draft.do(rename(net_draft, "b", "d"))
    assert [layer.name for layer in net_draft.net.layers] == ["c", "d"]
    assert draft.document.text == (
        SOLVER.replace('name: "a"', 'name: "c"')
        .replace('name: "b"', 'name: "d"')
        .replace("0.01", "0.001")
    )
    assert len(proofs) == 3
