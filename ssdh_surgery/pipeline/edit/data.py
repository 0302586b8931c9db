"""What the data layers of patched nets go on reading."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.net.phase import Phase
from ssdh_surgery.pipeline.settings.settings import Settings
from ssdh_surgery.surgery.verbs import data_layers


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
