"""A deploy net that reads its input from an LMDB, as Caffe's `extract_features` needs it."""

from __future__ import annotations

from ssdh_surgery.caffe.messages.dialect import Dialect
from ssdh_surgery.caffe.net.net import Net, unique_name
from ssdh_surgery.errors import SurgeryError
from ssdh_surgery.location import Location
from ssdh_surgery.prototxt.render import NewFields, Word
from ssdh_surgery.surgery.core.change import Change, merge
from ssdh_surgery.surgery.verbs import fields, inputs, layers


def read_from_lmdb(net: Net, blob: str, source: str, batch: int) -> Change:
    """Put a Data layer in the place of the net's one input.

    The Data layer has no transform: the pixels of the records are already transformed.

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
    sources = [layer for layer in net.layers if blob in layer.tops and not layer.bottoms]
    names = (layer.name for layer in net.layers if layer not in sources)
    data: NewFields = [
        ("name", unique_name(blob, names)),
        ("type", "Data"),
        ("top", blob),
        ("data_param", [("source", source), ("batch_size", batch), ("backend", Word("LMDB"))]),
    ]
    return merge(
        [
            layers.replace(net.layers[0], sources, [data], "delete"),
            fields.take_out(inputs.input_entries(net), "delete"),
        ]
    )
