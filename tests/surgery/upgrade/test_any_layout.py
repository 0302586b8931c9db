"""The upgrade of random old nets in every layout: the meaning that Caffe gives, no comment lost."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ssdh_surgery.caffe.messages.dialect import Dialect
from ssdh_surgery.caffe.net.kind import Kind
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.net.net_message import net_parameter
from ssdh_surgery.pipeline.edit.upgrade_files import upgrade_document
from ssdh_surgery.prototxt.cst import Document
from ssdh_surgery.prototxt.parser import parse
from ssdh_surgery.prototxt.tokens import is_comment
from ssdh_surgery.surgery.core.judge import protobuf_message
from support.old_nets import old_nets, texts
from support.strategies import searched


def comments(document: Document) -> list[str]:
    return [token.strip() for token in document.tokens if is_comment(token)]


def without_empty_transforms(message: Any) -> Any:
    """Caffe leaves an empty `transform_param` in some data layers, which says nothing."""
    for layer in message.layer:
        if not layer.transform_param.ByteSize():
            layer.ClearField("transform_param")
    return message


@settings(searched, max_examples=searched.max_examples // 4)
@given(st.one_of(old_nets(), old_nets(is_deploy=True)).flatmap(texts))
def test_means_what_caffe_makes_of_it(data: bytes) -> None:
    document = parse(data)
    done = upgrade_document(document, Kind.TRAIN).document
    net = Net(done)
    assert net.dialect is Dialect.CURRENT
    found, wanted = protobuf_message(done, "NetParameter"), net_parameter(Net(document))
    assert without_empty_transforms(found) == without_empty_transforms(wanted)
    # What Caffe drops is a comment afterwards, with its own comments in it.
    joined = "\n".join(comments(done))
    assert all(joined.count(text) >= count for text, count in Counter(comments(document)).items())
    again = upgrade_document(parse(bytes(done)), Kind.TRAIN)
    assert (bytes(again.document), again.notes) == (bytes(done), ())
