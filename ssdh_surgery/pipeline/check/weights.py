"""SSDH4xx: weights that are not there, cannot be read, or do not fit the net."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ssdh_surgery.caffe.net import Net
from ssdh_surgery.caffe.weights import read_weights
from ssdh_surgery.errors import Finding, Location, SsdhError
from ssdh_surgery.pipeline.check import Subject


def findings(subject: Subject) -> Iterator[Finding]:
    """What is wrong with the weights that are to be copied by layer name."""
    for name in subject.weights:
        if not Path(name).is_file():
            yield Finding(
                "SSDH401", "no-weights", "error", "no such weights file", None, Location(name)
            )
            continue
        if name.endswith(".h5"):
            continue
        try:
            weights = read_weights(name)
        except SsdhError as error:
            yield Finding(
                "SSDH402",
                "unreadable-weights",
                "error",
                error.message,
                error.hint,
                error.location or Location(name),
            )
            continue
        train = next((net for net, phase in subject.nets if phase == "TRAIN"), None)
        if train is not None:
            yield from _copied(train, name, [layer.name for layer in weights.layers])


def _copied(net: Net, file: str, names: list[str]) -> Iterator[Finding]:
    own = {layer.name for layer in net.layers_in("TRAIN")}
    if not own & set(names):
        yield Finding(
            "SSDH403",
            "nothing-copied",
            "error",
            f"no layer of {file} has the name of a layer of {net.file}: nothing would be copied",
            "are these the weights of another net?",
            Location(file),
        )
