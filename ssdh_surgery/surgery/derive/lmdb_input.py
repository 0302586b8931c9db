"""A deploy net whose input is read from an LMDB, as Caffe's `extract_features` needs it."""

from __future__ import annotations

from ssdh_surgery.caffe.messages.dialect import Dialect
from ssdh_surgery.caffe.net.net import Net, unique_name
from ssdh_surgery.errors import SurgeryError
from ssdh_surgery.location import Location
from ssdh_surgery.prototxt.render import NewFields, Word
from ssdh_surgery.surgery.core.change import Change, merged
from ssdh_surgery.surgery.verbs import fields, layers

_INPUT_FIELDS = ("input", "input_dim", "input_shape")


def read_from_lmdb(net: Net, blob: str, source: str, batch: int) -> Change:
    """Put a Data layer in the place of whatever gives a net its one input.

    The records are taken as they are: what is done to pixels has been done to them.

    >>> from ssdh_surgery import parse
    >>> from ssdh_surgery.prototxt.edits import apply
    >>> net = Net(parse(b'layer { name: "x" type: "Input" top: "x" } layer { name: "a" }'))
    >>> apply(net.document.text, read_from_lmdb(net, "x", "in", 2).edits)[:57]
    'layer { name: "x" type: "Data" top: "x" data_param { sour'

    Raises:
        SurgeryError: the net is of the oldest dialect, or has no layers.
    """
    if net.dialect is Dialect.V0 or not net.layers:
        raise SurgeryError(
            "a Data layer cannot be put into a net of the oldest dialect",
            location=Location(net.file),
            hint=f"ssdh upgrade {net.file}",
        )
    first = net.layers[0]
    sources = [layer for layer in net.layers if blob in layer.tops and not layer.bottoms]
    taken = (layer.name for layer in net.layers if layer not in sources)
    kind: object = "Data" if net.dialect is Dialect.CURRENT else Word("DATA")
    data: NewFields = [
        ("name", unique_name(blob, taken)),
        ("type", kind),
        ("top", blob),
        ("data_param", [("source", source), ("batch_size", batch), ("backend", Word("LMDB"))]),
    ]
    inputs = [entry for name in _INPUT_FIELDS for entry in net.root.entries(name)]
    if first in sources:
        return merged(
            [layers.replace(first, sources, [data], "delete"), fields.take_out(inputs, "delete")]
        )
    return merged(
        [
            layers.insert_before(first, [data]),
            layers.take_out(sources, "delete"),
            fields.take_out(inputs, "delete"),
        ]
    )
