"""Notes on a net that just got its hash layer: facts that a run would show late or not at all."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from ssdh_surgery.caffe.net.heads import Head, find_head, hash_layer_below, measured_hash_layers
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.net.outputs import classifier_settings
from ssdh_surgery.caffe.net.phase import Phase
from ssdh_surgery.pipeline.nets.choose_head import states_text
from ssdh_surgery.pipeline.settings.settings import Settings
from ssdh_surgery.surgery.verbs import data_layers


def state_notes(net: Net) -> Iterator[str]:
    """A note on a net with stages or levels that no solver selects."""
    has_stages = any(state != net.state(state.phase) for state in net.run_states)
    if has_stages and not net.solver_states:
        states = states_text(net, net.run_states)
        yield (
            f"without a solver the net is read in each state of its rules: {states}; "
            "--solver FILE selects those that are run"
        )


def head_notes(net: Net, head: Head, settings: Settings) -> Iterator[str]:
    """Notes on a head: how it is trained, and from which weights it starts."""
    name = head.classifier.name
    if head.is_regression:
        kinds = " and ".join(dict.fromkeys(loss.type for loss in head.losses))
        yield f"the loss of '{name}' is {kinds}: the codes learn from numbers, not from classes"
    if not _is_trained(net, head):
        states = states_text(net, net.states_of("TRAIN"))
        yield f"no loss depends on '{name}' in {states}: the hash layer is not trained"
    message = classifier_settings(head.classifier) or head.classifier.core
    has_filler = message.message("weight_filler") is not None or head.classifier.is_foreign
    if not has_filler and settings.get("classifier_filler") is None:
        yield (
            f"'{name}' has no weight_filler, so under its new name it starts from zeros; "
            "--classifier-filler gaussian:0.01 adds one"
        )
    yield from _other_hash_layer(net, head)


def _is_trained(net: Net, head: Head) -> bool:
    return any(
        any(layer.loss_weights) and head.classifier.index in graph.below([layer])
        for graph in map(net.graph, net.states_of("TRAIN"))
        for layer in graph.layers
    )


def _other_hash_layer(net: Net, head: Head) -> Iterator[str]:
    """A hash layer of another method stays beside a new one."""
    below = hash_layer_below(net, head.classifier)
    measured = [each for graph in net.run_graphs for each in measured_hash_layers(graph)]
    for other in {each.latent.index: each for each in measured}.values():
        if below is None or below.latent.index != other.latent.index:
            yield (
                f"the net keeps its hash layer '{other.latent.name}' of {other.bits} bits "
                f"({other.activation}): the new one is trained beside it"
            )


def data_note(
    nets: Iterable[tuple[Net, Collection[Phase]]], classifier: str, settings: Settings
) -> str | None:
    """A note on the data that nets keep reading; None where the settings name all of it.

    Args:
        nets: the nets with the phases that they are built for.
        classifier: the name of the classifier, whose images have the mean.
        settings: the effective settings.
    """
    choices = settings.data
    kept: list[str] = []
    notes: list[str] = []
    means: list[str] = []
    options: dict[str, None] = {}
    for net, phases in nets:
        head = find_head(net, classifier)
        images = data_layers.image_layers(net, head.classifier) if head else ()
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
            if (
                each.mean
                and each.layer in images
                and not any(choice.mean for choice in choices.values())
            ):
                means.append(each.mean)
    if means:
        kept.append(f"mean {' and '.join(dict.fromkeys(means))}")
        options.update(dict.fromkeys(["--mean-file", "--mean-value"]))
    if kept:
        notes.append(f"data kept: {', '.join(kept)}; to change: {_listed(list(options))}")
    return "; ".join(dict.fromkeys(notes)) or None


def _listed(words: Sequence[str]) -> str:
    return " or ".join(filter(None, [", ".join(words[:-1]), words[-1]]))
