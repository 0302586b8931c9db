"""Pointing the data layers of a net at other records, and saying which ones stay."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.net.phase import PHASES, Phase
from ssdh_surgery.pipeline.edit.result import Step
from ssdh_surgery.pipeline.settings.settings import Settings
from ssdh_surgery.surgery.core.change import merged
from ssdh_surgery.surgery.verbs import data_layers


def with_data(
    net: Net, step: Step, given: Settings, wanted: Settings, phases: Collection[Phase] = PHASES
) -> Step:
    """A step with the net's data layers pointed where they were asked to.

    Raises:
        SurgeryError: there are no such layers, or several.
    """
    choices = (wanted if step.hashed else given).data
    change = data_layers.repoint(net, choices, phases)
    return replace(step, change=merged([step.change, change]))


def data_note(nets: Iterable[tuple[Net, Collection[Phase]]], settings: Settings) -> str | None:
    """What nets go on reading, in a sentence; None where all of it was given."""
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
