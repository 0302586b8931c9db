"""The statistics of BatchNorm layers with three params, which are not learned.

Source: UpgradeNetBatchNorm in Caffe's upgrade_proto.cpp.
"""

from __future__ import annotations

from ssdh_surgery.caffe.messages.dialect import Dialect
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.surgery.core.change import Change, merge
from ssdh_surgery.surgery.verbs import fields

_BLOBS = 3
_RATES = ("lr_mult", "decay_mult")


def freeze_statistics(net: Net) -> Change:
    """Set `lr_mult` and `decay_mult` to 0 in the three params of each BatchNorm layer."""
    if net.dialect is not Dialect.CURRENT:
        return Change()
    return merge(
        fields.put_all(param, [(name, 0) for name in _RATES])
        for layer in net.layers
        if layer.type == "BatchNorm" and len(layer.outer.entries("param")) == _BLOBS
        for param in layer.outer.messages("param")
    )
