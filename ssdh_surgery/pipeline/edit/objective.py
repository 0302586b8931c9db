"""The rest of a recipe, once the hash layer is in: the objective, the classifier's filler."""

from __future__ import annotations

from ssdh_surgery.caffe.net.heads import hash_layer_below
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.errors import UsageError
from ssdh_surgery.pipeline.edit.draft import InTurn, head_named
from ssdh_surgery.pipeline.settings.settings import OBJECTIVE, Settings
from ssdh_surgery.surgery.core.change import Change
from ssdh_surgery.surgery.hashing import classifier as classes
from ssdh_surgery.surgery.hashing.objective import (
    Objective,
    add_objective,
    has_objective,
    objective_terms,
)
from ssdh_surgery.surgery.verbs.unread import newly_unread, silence


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
