"""Terms and another width for the hash layer of any net, in any layout: and all of it back."""

from __future__ import annotations

from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ssdh_surgery import parse
from ssdh_surgery.caffe.net.heads import HashLayer, Head, find_head, hash_layer_below, heads
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.errors import SurgeryError
from ssdh_surgery.prototxt.cst import Document
from ssdh_surgery.prototxt.edits import apply
from ssdh_surgery.prototxt.removal import remove
from ssdh_surgery.surgery.core.change import Change
from ssdh_surgery.surgery.core.gate import prove
from ssdh_surgery.surgery.hashing import adjust, width
from ssdh_surgery.surgery.hashing.insert import hash_train_net
from ssdh_surgery.surgery.hashing.objective import Objective, add_objective
from ssdh_surgery.surgery.hashing.recipe import Recipe
from support.entries import inserted
from support.net_files import classifier_files
from support.strategies import searched

# Five proofs an example: fewer of them keep the test within seconds.
_EXAMPLES = max(30, searched.max_examples // 5)


def parts(document: Document, classifier: str) -> tuple[Net, Head, HashLayer]:
    net = Net(document)
    head = find_head(net, classifier)
    assert head is not None
    there = hash_layer_below(net, head.classifier)
    assert there is not None
    return net, head, there


def proven(document: Document, change: Change) -> Document:
    return prove(document, change, "NetParameter").document


@settings(searched, max_examples=_EXAMPLES)
@given(classifier_files(), st.sampled_from(["stock", "fork"]), st.booleans())
def test_there_and_back(data: bytes, kind: Literal["stock", "fork"], mark: bool) -> None:
    net = Net(parse(data))
    head = next(head for head in heads(net) if head.is_main)
    hashed = hash_train_net(net, head, Recipe(bits=12, mark=mark))
    plain = proven(net.document, hashed.change)

    terms = add_objective(*parts(plain, hashed.classifier), Objective(kind))
    full = proven(plain, terms)
    assert apply(full.text, remove(inserted(full, terms.promise.steps))) == plain.text

    net, head, there = parts(full, hashed.classifier)
    fresh = width.fresh_names(net, there)
    assert set(fresh) == {there.latent.name, hashed.classifier}
    change = adjust.adjust(net, head.classifier, there, {"bits": 24}, fresh)
    wide = proven(full, change)

    net, head, there = parts(wide, fresh[hashed.classifier])
    assert there.bits == 24
    old = {new: name for name, new in fresh.items()}
    change = adjust.adjust(net, head.classifier, there, {"bits": 12}, old)
    assert bytes(proven(wide, change)) == bytes(full)


def test_a_hash_layer_without_a_width_is_refused() -> None:
    document = parse(
        b'layer { name: "data" type: "Input" top: "data" }\n'
        b'layer { name: "latent" type: "InnerProduct" bottom: "data" top: "latent" }\n'
        b'layer { name: "code" type: "Sigmoid" bottom: "latent" top: "code" }\n',
        "net.prototxt",
    )
    net = Net(document)
    hash_layer = HashLayer(net.layer("latent"), net.layer("code"))
    with pytest.raises(SurgeryError) as caught:
        adjust.adjust(net, None, hash_layer, {}, {})
    assert str(caught.value).startswith(
        "net.prototxt:2:15: the hash layer 'latent' does not state its number of bits\n"
    )
