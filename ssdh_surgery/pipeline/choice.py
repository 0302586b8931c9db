"""Choosing the head of a net, and refusing what cannot be hashed."""

from __future__ import annotations

from collections.abc import Sequence

from ssdh_surgery.caffe.dialect import Dialect
from ssdh_surgery.caffe.heads import Head, describe, heads
from ssdh_surgery.caffe.net import Net
from ssdh_surgery.errors import Location, SurgeryError, UnknownLayer, did_you_mean
from ssdh_surgery.surgery.shared_weights import refuse_siamese


def chosen_head(net: Net, name: str | None) -> Head:
    """The main head, or the one that a name belongs to.

    The name is that of its classifier, loss or accuracy, or of a blob that one of these writes.

    Raises:
        UnknownLayer: no head has a layer or a blob of that name.
        SurgeryError: the net has no classifier, or several and none was chosen; it compares
            branches that share weights.
    """
    found = heads(net)
    if name is not None:
        for head in found:
            if any(name == layer.name or name in layer.tops for layer in head.layers):
                return head
        raise _no_head(net, found, name)
    if not found:
        refuse_siamese(net)
        raise SurgeryError(
            "no classifier found: no loss, accuracy or output leads to an InnerProduct or a "
            "Convolution",
            location=Location(net.file),
            hint="ssdh show NET lists what the net has",
        )
    main = next((head for head in found if head.main), None)
    if main is None:
        raise SurgeryError(
            f"several classifiers weigh the same:\n{describe(found)}",
            location=Location(net.file),
            hint=f"choose one with --head, for example --head {found[0].classifier.name}",
        )
    return main


def _no_head(net: Net, found: Sequence[Head], name: str) -> UnknownLayer:
    layers = [layer.name for layer in net.layers]
    if name in layers or name in net.blob_names:
        message = f"'{name}' belongs to no classifier; the net has:\n{describe(found) or '  none'}"
        return UnknownLayer(message, location=Location(net.file), layer=name)
    return UnknownLayer(
        f"no layer or blob is called '{name}'",
        location=Location(net.file),
        hint=did_you_mean(name, [*layers, *net.blob_names]),
        layer=name,
    )


def refuse_old_dialect(net: Net) -> None:
    """Refuse to insert into V0 and V1 nets.

    Raises:
        SurgeryError: naming the dialect and the first layer that is written in it.
    """
    if net.dialect is not Dialect.CURRENT:
        raise SurgeryError(
            f"the net is written in Caffe's old dialect {net.dialect}, which patch cannot edit yet",
            location=net.layers[0].entry.location,
            hint="ssdh upgrade makes it current",
        )
