"""Verbs on deploy nets alone: the batch that their inputs declare."""

from __future__ import annotations

from ssdh_surgery.caffe.net import Net
from ssdh_surgery.errors import Location, SurgeryError
from ssdh_surgery.prototxt.cst import Entry
from ssdh_surgery.surgery import fields
from ssdh_surgery.surgery.change import Change, merged


def set_batch(net: Net, batch: int | None) -> Change:
    """Let every input of a net have another batch size; None leaves them.

    Works on `input_dim`, `input_shape` and `Input` layers as they stand.

    Raises:
        SurgeryError: no input declares a shape.

    >>> from ssdh_surgery import parse
    >>> from ssdh_surgery.prototxt.edits import apply
    >>> net = Net(parse(b'input: "data" input_shape { dim: 10 dim: 3 }'))
    >>> apply(net.document.text, set_batch(net, 1).edits)
    'input: "data" input_shape { dim: 1 dim: 3 }'
    """
    if batch is None:
        return Change()
    firsts = _first_dims(net)
    if not firsts:
        raise SurgeryError("no input of the net declares a shape", location=Location(net.file))
    return merged(fields.set_value(entry, batch) for entry in firsts)


def _first_dims(net: Net) -> list[Entry]:
    shapes = list(net.root.messages("input_shape"))
    for layer in net.layers:
        if layer.type == "Input" and (param := layer.core.message("input_param")):
            shapes += param.messages("shape")
    firsts = [dims[0] for shape in shapes if (dims := shape.entries("dim"))]
    return firsts + net.root.entries("input_dim")[::4]
