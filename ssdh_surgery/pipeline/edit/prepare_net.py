"""What is done to a net around its hash layer: classes and heads before it, the objective after.

Each part is a verb on its own; here they are put in order, with what a user should know.
"""

from __future__ import annotations

from dataclasses import dataclass

from ssdh_surgery.caffe.net.heads import Head
from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.caffe.net.net import Net, net_of
from ssdh_surgery.errors import UsageError
from ssdh_surgery.pipeline.edit.draft import InTurn, head_named
from ssdh_surgery.pipeline.nets.choose_head import chosen_head
from ssdh_surgery.pipeline.settings.settings import Settings
from ssdh_surgery.prototxt.cst import Document
from ssdh_surgery.surgery.core.gate import prove
from ssdh_surgery.surgery.hashing import aux_heads, classifier
from ssdh_surgery.surgery.hashing.convolutional import to_inner_product
from ssdh_surgery.surgery.hashing.recipe import Recipe
from ssdh_surgery.surgery.hashing.shared_weights import refuse_shared


def before_hash(net: Net, head: Head, asked: Settings) -> InTurn:
    """A net made ready for its hash layer: its classifier, its classes, its other heads.

    Args:
        net: the net.
        head: the head that is to learn from the codes.
        asked: what was asked for; of a net with a hash layer, in so many words.

    Raises:
        UsageError: options contradict each other.
        SurgeryError: the classifier classifies places or shares its weights, or auxiliary heads
            have too few classes.
    """
    refuse_shared(net, head.classifier)
    done = InTurn(net)
    name, recipe = head.classifier.name, asked.recipe
    converted = to_inner_product(net, head, recipe.remove)
    done.notes += converted.notes
    done.do(lambda net: to_inner_product(net, head_named(net, name), recipe.remove).change)
    aux = asked.get("aux") or "keep"
    number = asked.get("classes")
    if aux == "retarget" and number is None:
        raise UsageError("--aux retarget needs --classes: the number that all heads get")
    if aux == "drop":
        _drop(done, name, recipe)
    if number is not None:
        _set_classes(done, name, number, aux == "retarget", recipe)
    return done


def _drop(done: InTurn, name: str, recipe: Recipe) -> None:
    dropped = aux_heads.drop(done.net, head_named(done.net, name), recipe.remove)
    done.do(lambda net: aux_heads.drop(net, head_named(net, name), recipe.remove).change)
    if dropped.removed:
        how = "commented out" if recipe.remove == "comment" else "removed"
        done.notes.append(f"auxiliary heads {how}: {_names(dropped.removed)}")


def _set_classes(done: InTurn, name: str, number: int, retarget: bool, recipe: Recipe) -> None:
    main = head_named(done.net, name)
    fresh: list[str] = []
    if retarget:
        rate = recipe.classifier_lr
        fresh += aux_heads.retarget(done.net, main, number, rate).classifiers
        done.do(lambda net: aux_heads.retarget(net, head_named(net, name), number, rate).change)
    else:
        aux_heads.refuse_too_few_classes(done.net, main, number)
    old = main.classes
    done.do(lambda net: classifier.set_classes(head_named(net, name), number))
    if old != number:
        done.notes.append(
            f"'{name}' had {old} classes and gets {number}: it starts from its filler"
        )
    if fresh:
        listed = ", ".join(f"'{each}'" for each in fresh)
        done.notes.append(
            f"auxiliary heads with {number} classes start from their fillers: {listed}"
        )


def renamed_where_changed(done: InTurn, before: Head, asked: Settings) -> str:
    """A classifier that has a hash layer and gets other classes also gets another name.

    The one that is asked for is given later, and told nowhere: who asked for it knows it.

    Returns:
        The name that it has then.
    """
    name, number = before.classifier.name, asked.get("classes")
    if number is None or before.classes == number:
        return name
    new = classifier.changed_name(done.net, head_named(done.net, name).classifier)
    done.do(lambda net: classifier.rename_classifier(net, head_named(net, name).classifier, new))
    if asked.get("classifier_name") is None:
        done.notes.append(f"it is called '{new}' now")
    return new


def _names(layers: tuple[Layer, ...]) -> str:
    return ", ".join(layer.name for layer in layers)


NET_MESSAGE = "NetParameter"


@dataclass(frozen=True)
class ReadyNet:
    """A net whose classifier is an InnerProduct, converted if need be."""

    net: Net
    head: Head
    notes: tuple[str, ...]
    warnings: tuple[str, ...]


def ready_net(document: Document, head_name: str | None, recipe: Recipe) -> ReadyNet:
    """A document's net with the chosen head, its classifier an InnerProduct."""
    net = net_of(document)
    head = chosen_head(net, head_name)
    converted = to_inner_product(net, head, recipe.remove)
    proven = prove(document, converted.change, NET_MESSAGE)
    if converted.change:
        net = net_of(proven.document)
        head = chosen_head(net, head.classifier.name)
    return ReadyNet(net, head, converted.notes, proven.warnings)
