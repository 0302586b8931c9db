"""The objective on the code, and the classifier's filler, in a net that has its hash layer."""

from __future__ import annotations

from ssdh_surgery.caffe.net.heads import HashLayer, hash_layer_below
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.errors import SurgeryError, UsageError
from ssdh_surgery.pipeline.edit.draft import NetDraft
from ssdh_surgery.pipeline.settings.options import OPTIONS
from ssdh_surgery.pipeline.settings.settings import OBJECTIVE, Settings
from ssdh_surgery.surgery.hashing import classifier
from ssdh_surgery.surgery.hashing.objective import Objective, add_objective, objective_terms
from ssdh_surgery.surgery.verbs.unread_blobs import newly_unread_blobs, silence


def objective_of(settings: Settings) -> Objective | None:
    """The full objective; None where the settings do not choose it.

    Raises:
        UsageError: the settings have details of an objective that they do not choose.
    """
    if settings.get("objective") != "ssdh":
        if details := settings.named(OBJECTIVE):
            raise UsageError(f"{OPTIONS[next(iter(details))].flag} needs --objective ssdh")
        return None
    weights = {name: settings.get(name) for name in OBJECTIVE if name.startswith("weight_")}
    return Objective(
        kind=settings.get("objective_layers") or "stock",
        train_only=settings.get("objective_phase") == "train",
        **{name: weight for name, weight in weights.items() if weight is not None},
    )


def sets_objective(settings: Settings) -> bool:
    """Whether the settings have an objective or a filler for the classifier."""
    return bool(settings.named(("objective", "classifier_filler", *OBJECTIVE)))


def put_objective(draft: NetDraft, name: str, settings: Settings) -> None:
    """Add the objective to a net that has its hash layer, and give its classifier a filler.

    Args:
        draft: the net.
        name: the name of its classifier.
        settings: the effective settings.

    Raises:
        UsageError: the settings have details of an objective that they do not choose.
        SurgeryError: the net's dialect has no layers for the objective.
    """
    objective = objective_of(settings)
    if (filler := settings.get("classifier_filler")) is not None:
        draft.do(classifier.fill(draft.head(name).classifier, filler.fields))
    head = draft.head(name)
    hash_layer = hash_layer_below(draft.net, head.classifier)
    terms = objective_terms(draft.net, hash_layer) if hash_layer else []
    if terms and settings.get("objective"):
        names = " and ".join(f"'{layer.name}'" for layer in terms)
        draft.notes.append(
            f"the code already has the objective terms {names}: they are unchanged; edit their "
            "loss_weight to change their weight"
        )
    if objective is not None:
        assert hash_layer is not None, "a net that gets an objective has its hash layer"
        _refuse_other_codes(hash_layer)
        draft.do(add_objective(draft.net, head, hash_layer, objective))


def silence_unread(draft: NetDraft, before: Net) -> None:
    """Add a Silence layer that reads the blobs that only removed layers read."""
    blobs = tuple(newly_unread_blobs(before, draft.net).items())
    if draft.do(silence(draft.net, blobs)):
        names = ", ".join(f"'{blob}'" for blob, _ in blobs)
        draft.notes.append(
            f"no other layer reads {names}: a Silence layer keeps it from becoming an output"
        )


def _refuse_other_codes(hash_layer: HashLayer) -> None:
    """Refuse the objective on codes that do not lie between 0 and 1.

    Raises:
        SurgeryError: naming the layer of the codes.
    """
    if hash_layer.code.type != "Sigmoid":
        raise SurgeryError(
            f"the objective is for codes between 0 and 1, of a Sigmoid: those of "
            f"'{hash_layer.latent.name}' have {hash_layer.activation}",
            location=hash_layer.code.location,
            hint="patch without --objective; the net has its own",
            layer=hash_layer.code.name,
        )
