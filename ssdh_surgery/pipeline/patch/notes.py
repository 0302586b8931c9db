"""Notes on a net that just got its hash layer: facts that a run would show late or not at all."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from ssdh_surgery.caffe.net.heads import CLASSIFIER_TYPES, Head, num_output
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.net.phase import Phase
from ssdh_surgery.pipeline.settings.settings import Settings
from ssdh_surgery.surgery.verbs import data_layers


def head_notes(net: Net, head: Head, settings: Settings) -> Iterator[str]:
    """Notes on a head: how it is trained, and from which weights it starts."""
    name = head.classifier.name
    if head.is_regression:
        kinds = " and ".join(dict.fromkeys(loss.type for loss in head.losses))
        yield f"the loss of '{name}' is {kinds}: the codes learn from numbers, not from classes"
    if not _is_trained(net, head):
        yield f"no loss depends on '{name}' in TRAIN: the hash layer is not trained"
    message = head.classifier.core.message(CLASSIFIER_TYPES[head.classifier.type])
    message = message or head.classifier.core
    if message.message("weight_filler") is None and settings.get("classifier_filler") is None:
        yield (
            f"'{name}' has no weight_filler, so under its new name it starts from zeros; "
            "--classifier-filler gaussian:0.01 adds one"
        )
    yield from _other_hash_layer(net, head)


def _is_trained(net: Net, head: Head) -> bool:
    graph = net.graph("TRAIN")
    return graph.takes_part(head.classifier) and any(
        any(layer.loss_weights) and head.classifier.index in graph.below([layer])
        for layer in graph.layers
    )


def _other_hash_layer(net: Net, head: Head) -> Iterator[str]:
    """A narrow TanH layer below the classifier may be the hash layer of another method."""
    graph = net.graph("TRAIN")
    if not graph.takes_part(head.classifier):
        return
    features = graph.reads(head.classifier)[0]
    code = features.writer if features else None
    if code is None or code.type != "TanH" or not code.is_connected:
        return
    below = graph.reads(code)[0]
    latent = below.writer if below else None
    if latent is not None and latent.type == "InnerProduct" and latent.is_connected:
        yield (
            f"'{latent.name}' -> '{code.name}' is an InnerProduct with a TanH: if it is a hash "
            f"layer of {num_output(latent)} bits, its bits are the signs of its values, and ours "
            f"are Sigmoids above 0.5; --at {latent.bottoms[0]} replaces it by ours"
        )


def data_note(nets: Iterable[tuple[Net, Collection[Phase]]], settings: Settings) -> str | None:
    """A note on the data that nets keep reading; None where the settings name all of it."""
    choices = settings.data
    kept: list[str] = []
    notes: list[str] = []
    means: list[str] = []
    options: dict[str, None] = {}
    for net, phases in nets:
        for each in data_layers.data_sources(net, phases):
            stays = [
                phase for phase in each.phases if phase not in choices or not choices[phase].source
            ]
            if 0 < len(stays) < len(each.phases):
                notes.append(
                    f"layer '{each.layer.name}' serves both phases: the new data is read in "
                    f"{stays[0]}, too"
                )
            elif stays and each.source:
                batches = [choices[phase].batch for phase in each.phases if phase in choices]
                batch = next(filter(None, batches), each.batch or 1)
                kept.append(f"{' and '.join(stays)} '{each.source}' (batch {batch})")
                options.update(dict.fromkeys(f"--{phase.lower()}-data" for phase in stays))
            if each.mean and not any(choice.mean for choice in choices.values()):
                means.append(each.mean)
    if means:
        kept.append(f"mean {' and '.join(dict.fromkeys(means))}")
        options.update(dict.fromkeys(["--mean-file", "--mean-value"]))
    if kept:
        notes.append(f"data kept: {', '.join(kept)}; to change: {_listed(list(options))}")
    return "; ".join(dict.fromkeys(notes)) or None


def _listed(words: Sequence[str]) -> str:
    return " or ".join(filter(None, [", ".join(words[:-1]), words[-1]]))
