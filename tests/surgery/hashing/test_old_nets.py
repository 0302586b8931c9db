"""Random nets of the old dialects: patching and upgrading commute, in any layout of the text."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings

from ssdh_surgery.caffe.net.heads import heads
from ssdh_surgery.caffe.net.kind import Kind
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.pipeline.edit.upgrade_files import upgrade_document
from ssdh_surgery.prototxt.cst import Document
from ssdh_surgery.prototxt.parser import parse
from ssdh_surgery.surgery.core.gate import prove
from ssdh_surgery.surgery.core.judge import protobuf_message
from ssdh_surgery.surgery.hashing.insert import hash_deploy_net, hash_train_net
from ssdh_surgery.surgery.hashing.recipe import Recipe
from support.old_nets import old_nets, texts
from support.strategies import searched

RECIPE = Recipe(bits=8, remove="delete")
FEW = settings(searched, max_examples=searched.max_examples // 6)


def hashed(document: Document, verb: Any) -> Document:
    net = Net(document)
    head = next(head for head in heads(net) if head.is_main)
    change = verb(net, head, RECIPE).change
    return prove(document, change, "NetParameter").document


def current(document: Document) -> Document:
    return upgrade_document(document, Kind.TRAIN).document


def check(data: bytes, verb: Any) -> None:
    document = parse(data)
    own = hashed(document, verb)
    assert Net(own).dialect is Net(document).dialect
    assert protobuf_message(current(own), "NetParameter") == protobuf_message(
        hashed(current(document), verb), "NetParameter"
    )


@FEW
@given(old_nets().flatmap(texts))
def test_train_nets(data: bytes) -> None:
    check(data, hash_train_net)


@FEW
@given(old_nets(is_deploy=True).flatmap(texts))
def test_deploy_nets(data: bytes) -> None:
    check(data, hash_deploy_net)
