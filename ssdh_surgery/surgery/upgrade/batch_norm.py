"""BatchNorm layers that list three blobs: their statistics are not learned.

Source: UpgradeNetBatchNorm in Caffe's upgrade_proto.cpp.
"""

from __future__ import annotations

from ssdh_surgery.caffe.messages.dialect import Dialect
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.prototxt.cst import Message
from ssdh_surgery.surgery.core.change import Change, merge
from ssdh_surgery.surgery.verbs import fields

_BLOBS = 3
_RATES = ("lr_mult", "decay_mult")


def freeze_statistics(net: Net) -> Change:
    """Set `lr_mult` and `decay_mult` to 0 in the three `param` of each BatchNorm layer."""
    if net.dialect is not Dialect.CURRENT:
        return Change()
    return merge(
        _frozen(param)
        for layer in net.layers
        if layer.type == "BatchNorm" and len(layer.outer.entries("param")) == _BLOBS
        for param in layer.outer.messages("param")
    )


def _frozen(param: Message) -> Change:
    given = [entry for name in _RATES if (entry := param.entry(name))]
    missing = [(name, 0) for name in _RATES if not param.entry(name)]
    changes = [fields.set_value(entry, 0) for entry in given]
    return merge([*changes, fields.add_inside(param, missing)])
