"""What is done to a net around its hash layer: classes and heads before it, the objective after.

Each part is a verb on its own; here they are put in order, with what a user should know.
"""

from __future__ import annotations

from ssdh_surgery.caffe.heads import Head, hash_layer_below
from ssdh_surgery.caffe.layer import Layer
from ssdh_surgery.caffe.net import Net
from ssdh_surgery.errors import UsageError
from ssdh_surgery.pipeline.in_turn import InTurn, head_named
from ssdh_surgery.pipeline.settings import OBJECTIVE, Settings
from ssdh_surgery.surgery import aux_heads, classes
from ssdh_surgery.surgery.change import Change
from ssdh_surgery.surgery.convolutional import to_inner_product
from ssdh_surgery.surgery.objective import (
    Objective,
    add_objective,
    has_objective,
    objective_terms,
)
from ssdh_surgery.surgery.recipe import Recipe
from ssdh_surgery.surgery.shared_weights import refuse_shared
from ssdh_surgery.surgery.unread import newly_unread, silence


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
    done.do(lambda net: classes.set_classes(head_named(net, name), number))
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
    new = classes.changed_name(done.net, head_named(done.net, name).classifier)
    done.do(lambda net: classes.rename_classifier(net, head_named(net, name).classifier, new))
    if asked.get("classifier_name") is None:
        done.notes.append(f"it is called '{new}' now")
    return new


def _names(layers: tuple[Layer, ...]) -> str:
    return ", ".join(layer.name for layer in layers)


def wanted_objective(asked: Settings) -> Objective | None:
    """The full objective, where it is asked for.

    Raises:
        UsageError: it is not, and its details are.
    """
    if asked.get("objective") != "ssdh":
        if given := asked.named(OBJECTIVE):
            name = next(iter(given)).replace("_", "-")
            raise UsageError(f"--{name} goes with --objective ssdh")
        return None
    weights = {name: asked.get(name) for name in OBJECTIVE[2:] if asked.get(name) is not None}
    return Objective(
        kind=asked.get("objective_layers") or "stock",
        train_only=asked.get("objective_phase") == "train",
        **weights,
    )


def goes_on(asked: Settings) -> bool:
    """Whether anything is asked for that comes after the hash layer."""
    return bool(asked.named(("objective", "classifier_filler", *OBJECTIVE)))


def after_hash(done: InTurn, classifier: str, asked: Settings) -> None:
    """Put the rest of a recipe on a net that has its hash layer: the objective, a filler.

    Raises:
        UsageError: details of an objective are given, and not the objective.
        SurgeryError: the net's dialect has no layers for it.
    """
    objective = wanted_objective(asked)
    filler = asked.get("classifier_filler")
    if filler is not None:
        done.do(lambda net: classes.fill(head_named(net, classifier).classifier, filler.fields))
    there = hash_layer_below(done.net, head_named(done.net, classifier).classifier)
    terms = objective_terms(done.net, there) if there and asked.get("objective") else []
    if terms:
        names = " and ".join(f"'{layer.name}'" for layer in terms)
        done.notes.append(
            f"the code has terms of an objective already, {names}: they stay as they are; what "
            "they weigh is their loss_weight"
        )
    if objective is None:
        return

    def add(net: Net) -> Change:
        head = head_named(net, classifier)
        hashed = hash_layer_below(net, head.classifier)
        assert hashed is not None, "the step before put it in, or found it"
        return add_objective(net, head, hashed, objective)

    done.do(add)


def silence_unread(done: InTurn, before: Net) -> None:
    """Let a Silence take what layers that went have read, and nobody else reads."""
    blobs = tuple(newly_unread(before, done.net).items())
    if done.do(lambda net: silence(net, blobs)):
        names = ", ".join(f"'{blob}'" for blob, _ in blobs)
        done.notes.append(f"nothing else reads {names}: a Silence keeps it from being an output")


def has_full_objective(net: Net, classifier: str) -> bool:
    """Whether terms on the code itself take part in a net's loss."""
    there = hash_layer_below(net, head_named(net, classifier).classifier)
    return there is not None and has_objective(net, there)
