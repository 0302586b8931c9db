"""Auxiliary heads: dropped with the layers that only they need, or retargeted to new classes."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from ssdh_surgery.caffe.net.heads import Head, heads
from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.errors import SurgeryError
from ssdh_surgery.surgery.core.change import Change, merge
from ssdh_surgery.surgery.hashing.classifier import (
    changed_name,
    learn_faster,
    refuse_divided,
    rename_classifier,
    set_classes,
)
from ssdh_surgery.surgery.hashing.width import rename_resized
from ssdh_surgery.surgery.verbs import layers
from ssdh_surgery.surgery.verbs.fields import Removal
from ssdh_surgery.surgery.verbs.unread_blobs import unread_layers


@dataclass(frozen=True)
class AuxRemoval:
    """A change that takes out the auxiliary heads and the layers that only they need."""

    change: Change
    removed: tuple[Layer, ...]


@dataclass(frozen=True)
class AuxRetarget:
    """A change that retargets auxiliary heads, and the new names of layers that start afresh."""

    change: Change
    names: tuple[str, ...]


def aux_heads(net: Net, main: Head) -> tuple[Head, ...]:
    """All heads but the main one."""
    return tuple(head for head in heads(net) if head.classifier.index != main.classifier.index)


def refuse_too_few_classes(net: Net, main: Head, classes: int) -> None:
    """Refuse to keep auxiliary heads with fewer outputs than classes.

    Caffe would train on garbage, and read out of bounds on a GPU.

    Raises:
        SurgeryError: a head has too few outputs; the first one is named.
    """
    for head in aux_heads(net, main):
        if head.losses and head.classes is not None and head.classes < classes:
            raise SurgeryError(
                f"the auxiliary classifier '{head.classifier.name}' has {head.classes} outputs, "
                f"too few for {classes} classes",
                location=head.classifier.location,
                hint="--aux retarget gives it as many outputs, --aux drop takes it out",
                layer=head.classifier.name,
            )


def retarget(net: Net, main: Head, classes: int, classifier_lr: Decimal) -> AuxRetarget:
    """Give auxiliary classifiers another number of outputs, a new name and faster learning.

    Classifiers that already have as many outputs stay unchanged.

    Raises:
        SurgeryError: a classifier does not state its outputs, its scores are divided by count, or
            a name is taken.
    """
    changes: list[Change] = []
    names: list[str] = []
    for head in aux_heads(net, main):
        if head.classes == classes:
            continue
        refuse_divided(net, head, classes)
        name = changed_name(net, head.classifier)
        names.append(name)
        changes += [
            set_classes(head, classes),
            rename_classifier(net, head.classifier, name),
            learn_faster(head.classifier, classifier_lr),
        ]
        renaming = rename_resized(net, head.classifier)
        changes.append(renaming.change)
        names += renaming.names.values()
    return AuxRetarget(merge(changes), tuple(names))


def drop(net: Net, main: Head, how: Removal) -> AuxRemoval:
    """Take out the auxiliary heads, and every layer that only they need.

    Raises:
        SurgeryError: a layer belongs to an auxiliary head and to the main one.
    """
    aux = aux_heads(net, main)
    indices: set[int] = set()
    for graph in net.graphs:
        indices |= graph.above([head.classifier for head in aux])
    both = indices & _main_layers(net, main)
    if both:
        layer = net.layers[min(both)]
        raise SurgeryError(
            f"layer '{layer.name}' belongs to an auxiliary head and to the main one",
            location=layer.location,
            hint="--aux keep leaves the auxiliary heads as they are",
            layer=layer.name,
        )
    removed = unread_layers(net, [net.layers[index] for index in indices])
    return AuxRemoval(layers.take_out(removed, how), tuple(removed))


def _main_layers(net: Net, main: Head) -> set[int]:
    """The layers of the main head, those below them and those above its classifier."""
    indices: set[int] = set()
    for graph in net.graphs:
        indices |= graph.below([layer for layer in main.layers if graph.takes_part(layer)])
        indices |= graph.above([main.classifier])
    return indices
