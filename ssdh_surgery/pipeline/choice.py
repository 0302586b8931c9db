"""Choosing the head of a net, and refusing what cannot be hashed."""

from __future__ import annotations

from ssdh_surgery.caffe.dialect import Dialect
from ssdh_surgery.caffe.heads import Head, describe, heads
from ssdh_surgery.caffe.net import Net
from ssdh_surgery.errors import Location, SurgeryError, UnknownLayer


def chosen_head(net: Net, name: str | None) -> Head:
    """The main head, or the one whose classifier, loss or accuracy has the given name.

    Raises:
        UnknownLayer: no head has a layer of that name.
        SurgeryError: the net has no classifier, or several and none was chosen.
    """
    found = heads(net)
    if name is not None:
        for head in found:
            if name in {layer.name for layer in head.layers}:
                return head
        net.layer(name)
        raise UnknownLayer(
            f"layer '{name}' is no classifier; the net has:\n{describe(found)}",
            location=Location(net.file),
            layer=name,
        )
    if not found:
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


def refuse_old_dialect(net: Net) -> None:
    """Refuse to insert into V0 and V1 nets.

    Raises:
        SurgeryError: naming the dialect and the first layer that is written in it.
    """
    if net.dialect is not Dialect.CURRENT:
        raise SurgeryError(
            f"the net is written in Caffe's old dialect {net.dialect}, which patch cannot edit yet",
            location=net.layers[0].entry.location,
            hint="Caffe's own upgrade_net_proto_text makes it current",
        )


def refuse_convolution(head: Head) -> None:
    """Refuse a classifier that is a Convolution.

    Raises:
        SurgeryError: naming it.
    """
    if head.classifier.type != "InnerProduct":
        raise SurgeryError(
            f"the classifier '{head.classifier.name}' is a {head.classifier.type}; "
            "only an InnerProduct can be given a hash layer",
            location=head.classifier.location,
            hint="--head names another classifier",
        )
