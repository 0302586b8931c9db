"""What Caffe's parser refuses in a text that ours reads, and types that look misspelt: findings."""

from __future__ import annotations

from collections.abc import Iterator

from ssdh_surgery.caffe.messages.dialect import Dialect
from ssdh_surgery.caffe.net.layer_rules import nearest_type
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.net.other_dialects import other_dialect_fields
from ssdh_surgery.findings import FOREIGN_SYNTAX, UNKNOWN_LAYER_TYPE, Finding
from ssdh_surgery.prototxt.cst import Document
from ssdh_surgery.prototxt.cxx_syntax import cxx_refusals


def syntax_findings(document: Document) -> list[Finding]:
    """What Caffe's parser refuses in the text of a net or a solver, one finding of each kind."""
    return [
        FOREIGN_SYNTAX.at(each.location, f"Caffe cannot read this file: {each.message}", each.hint)
        for each in cxx_refusals(document)
    ]


def net_text_findings(net: Net) -> list[Finding]:
    """Fields of another dialect, and types that look like misspelt ones of Caffe's."""
    return [*other_dialect_fields(net), *misspelt_types(net)]


def misspelt_types(net: Net) -> Iterator[Finding]:
    """The types that no Caffe is known to have, and that resemble one of Caffe's."""
    if net.dialect is not Dialect.CURRENT:
        return
    for layer in net.layers:
        near, entry = nearest_type(layer.type), layer.core.entry("type")
        if near is not None and entry is not None:
            yield UNKNOWN_LAYER_TYPE.at(
                entry.location,
                f"Unknown layer type: {layer.type} (layer '{layer.name}')",
                f"did you mean '{near}'?",
            )
