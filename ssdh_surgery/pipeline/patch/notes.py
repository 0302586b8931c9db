"""Notes on a net that just got its hash layer: facts that a run would show late or not at all."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from ssdh_surgery.caffe.net.heads import CLASSIFIER_TYPES, Head, num_output
from ssdh_surgery.caffe.net.net import Net
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
    message = head.classifier.core.message(CLASSIFIER_TYPES[head.classifier.type])
    message = message or head.classifier.core
    if message.message("weight_filler") is None and settings.get("classifier_filler") is None:
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
    """A narrow TanH layer below the classifier may be the hash layer of another method."""
    graphs = [graph for graph in net.run_graphs if graph.takes_part(head.classifier)]
    if not graphs:
        return
    graph = graphs[0]
    features = graph.reads(head.classifier)[0]
    code = features.writer if features else None
    below = graph.reads(code)[0] if code is not None and code.type == "TanH" else None
    latent = below.writer if below else None
    if code is not None and latent is not None and latent.type == "InnerProduct":
        yield (
            f"'{latent.name}' -> '{code.name}' is an InnerProduct with a TanH: if it is a hash "
            f"layer of {num_output(latent)} bits, its bits are signs, and ours are Sigmoids above "
            f"0.5; --at {latent.bottoms[0]} puts ours in its place"
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
