"""Auxiliary heads: dropped with all that only they need, or fitted to other classes."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from ssdh_surgery.caffe.net.heads import Head, heads
from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.net.phase import PHASES
from ssdh_surgery.errors import SurgeryError
from ssdh_surgery.surgery.core.change import Change, merge
from ssdh_surgery.surgery.hashing.classifier import (
    changed_name,
    learn_faster,
    rename_classifier,
    set_classes,
)
from ssdh_surgery.surgery.verbs import layers
from ssdh_surgery.surgery.verbs.fields import Removal
from ssdh_surgery.surgery.verbs.unread_blobs import unread_layers


@dataclass(frozen=True)
class AuxRemoval:
    """A change that takes the auxiliary branches out, and the layers that go."""

    change: Change
    removed: tuple[Layer, ...]


@dataclass(frozen=True)
class AuxRetarget:
    """A change that gives auxiliary heads other classes, and the new names of classifiers."""

    change: Change
    classifiers: tuple[str, ...]


def aux_heads(net: Net, main: Head) -> tuple[Head, ...]:
    """The heads beside the main one."""
    return tuple(head for head in heads(net) if head.classifier.index != main.classifier.index)


def refuse_too_few_classes(net: Net, main: Head, classes: int) -> None:
    """Refuse to keep auxiliary heads that have no output for some classes.

    Caffe would train on garbage, and on a GPU read out of bounds.

    Raises:
        SurgeryError: naming the first of them.
    """
    for head in aux_heads(net, main):
        if head.losses and head.classes is not None and head.classes < classes:
            raise SurgeryError(
                f"the auxiliary classifier '{head.classifier.name}' has {head.classes} outputs, "
                f"too few for {classes} classes",
                location=head.classifier.location,
                hint="--aux retarget gives it as many, --aux drop takes it out",
                layer=head.classifier.name,
            )


def retarget(net: Net, main: Head, classes: int, classifier_lr: Decimal) -> AuxRetarget:
    """Let auxiliary classifiers have so many outputs, learn faster, and start from new.

    Those that have as many stay as they are.

    Raises:
        SurgeryError: a classifier does not state its outputs, or a name is taken.
    """
    changes: list[Change] = []
    names: list[str] = []
    for head in aux_heads(net, main):
        if head.classes == classes:
            continue
        name = changed_name(net, head.classifier)
        names.append(name)
        changes += [
            set_classes(head, classes),
            rename_classifier(net, head.classifier, name),
            learn_faster(head.classifier, classifier_lr),
        ]
    return AuxRetarget(merge(changes), tuple(names))


def drop(net: Net, main: Head, how: Removal) -> AuxRemoval:
    """Take the auxiliary heads out, and every layer that then reaches nothing else.

    Raises:
        SurgeryError: a layer reads an auxiliary head and the main one.
    """
    aux = aux_heads(net, main)
    gone: set[int] = set()
    for phase in PHASES:
        gone |= net.graph(phase).above([head.classifier for head in aux])
    both = gone & _main_layers(net, main)
    if both:
        layer = net.layers[min(both)]
        raise SurgeryError(
            f"layer '{layer.name}' needs an auxiliary head, and the main one needs it or is "
            "read by it, too",
            location=layer.location,
            hint="--aux keep leaves the auxiliary heads",
            layer=layer.name,
        )
    removed = unread_layers(net, [net.layers[index] for index in gone])
    return AuxRemoval(layers.take_out(removed, how), tuple(removed))


def _main_layers(net: Net, main: Head) -> set[int]:
    """The main head's layers, those below them and those above its classifier."""
    found: set[int] = set()
    for phase in PHASES:
        graph = net.graph(phase)
        found |= graph.below([layer for layer in main.layers if graph.takes_part(layer)])
        found |= graph.above([main.classifier])
    return found
