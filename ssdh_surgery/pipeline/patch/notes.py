"""What a user should know of the head that gets a hash layer, before it is trained."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from ssdh_surgery.caffe.net.heads import CLASSIFIER_TYPES, Head, num_output
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.net.phase import Phase
from ssdh_surgery.pipeline.settings.settings import Settings
from ssdh_surgery.surgery.verbs import data_layers


def head_notes(net: Net, head: Head, wanted: Settings) -> Iterator[str]:
    """Sentences about a head that its net says nothing of, and a run would show late."""
    name = head.classifier.name
    if head.is_regression:
        kinds = " and ".join(dict.fromkeys(loss.type for loss in head.losses))
        yield f"'{name}' is judged by {kinds}: the codes learn from numbers, not from classes"
    if not _is_trained(net, head):
        yield f"no loss depends on '{name}' in TRAIN: nothing trains the hash layer"
    message = head.classifier.core.message(CLASSIFIER_TYPES[head.classifier.type])
    message = message or head.classifier.core
    if message.message("weight_filler") is None and wanted.get("classifier_filler") is None:
        yield (
            f"'{name}' has no weight_filler: under its new name it starts at 0; "
            "--classifier-filler gaussian:0.01 gives it one"
        )
    yield from _other_hash(net, head)


def _is_trained(net: Net, head: Head) -> bool:
    graph = net.graph("TRAIN")
    return graph.takes_part(head.classifier) and any(
        any(layer.loss_weights) and head.classifier.index in graph.below([layer])
        for layer in graph.layers
    )


def _other_hash(net: Net, head: Head) -> Iterator[str]:
    """A narrow TanH layer under the classifier may be a hash layer of another method."""
    graph = net.graph("TRAIN")
    if not graph.takes_part(head.classifier):
        return
    features = graph.reads(head.classifier)[0]
    code = features.writer if features else None
    below = graph.reads(code)[0] if code is not None and code.type == "TanH" else None
    latent = below.writer if below else None
    if code is not None and latent is not None and latent.type == "InnerProduct":
        yield (
            f"'{latent.name}' -> '{code.name}' is an InnerProduct with a TanH: if it is a hash "
            f"layer of {num_output(latent)} bits, those are signs, and ours are Sigmoids above "
            f"0.5; --at {latent.bottoms[0]} puts ours in its place"
        )


def data_note(nets: Iterable[tuple[Net, Collection[Phase]]], settings: Settings) -> str | None:
    """The sources that nets keep, in a sentence; None where the settings name all of them."""
    choices = settings.data
    kept: list[str] = []
    also: list[str] = []
    means: list[str] = []
    options: dict[str, None] = {}
    for net, phases in nets:
        for each in data_layers.data_sources(net, phases):
            stays = [phase for phase in each.phases if not _source_of(choices, phase)]
            if 0 < len(stays) < len(each.phases):
                also.append(
                    f"layer '{each.layer.name}' serves both phases: {stays[0]} reads what was "
                    "given, too"
                )
            elif stays and each.source:
                asked = [choices[phase].batch for phase in each.phases if phase in choices]
                batch = next(filter(None, asked), each.batch or 1)
                kept.append(f"{' and '.join(stays)} '{each.source}' (batch {batch})")
                options.update(dict.fromkeys(f"--{phase.lower()}-data" for phase in stays))
            if each.mean and not any(choice.mean for choice in choices.values()):
                means.append(each.mean)
    if means:
        kept.append(f"mean {' and '.join(dict.fromkeys(means))}")
        options.update(dict.fromkeys(["--mean-file", "--mean-value"]))
    if kept:
        also.append(f"data stays: {', '.join(kept)}; to change it: {_listed(list(options))}")
    return "; ".join(dict.fromkeys(also)) or None


def _source_of(choices: dict[Phase, data_layers.DataChoice], phase: Phase) -> str | None:
    return choices[phase].source if phase in choices else None


def _listed(words: Sequence[str]) -> str:
    return " or ".join(filter(None, [", ".join(words[:-1]), words[-1]]))
