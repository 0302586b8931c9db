"""A net as a table: what `ssdh show` tells, as plain values."""

from __future__ import annotations

from typing import Any

from ssdh_surgery.caffe.heads import Head, heads
from ssdh_surgery.caffe.kind import Kind
from ssdh_surgery.caffe.layer import Layer
from ssdh_surgery.caffe.net import Net
from ssdh_surgery.caffe.phase import Phase
from ssdh_surgery.errors import SurgeryError
from ssdh_surgery.pipeline.sources import SourceFile


def described(source: SourceFile, phase: Phase | None) -> dict[str, Any]:
    """A net as JSON has it; shapes and costs are null where they are not known.

    Args:
        source: a net in any dialect.
        phase: the phase to show; None is TRAIN where a layer is in TRAIN only, else TEST.

    Raises:
        SurgeryError: the file is not a net.
    """
    net = as_net(source)
    shown = phase or default_phase(net)
    graph = net.graph(shown)
    return {
        "name": net.name,
        "phase": shown,
        "dialect": str(net.dialect),
        "layers": [_layer(layer) for layer in graph.layers],
        "blobs": dict.fromkeys(
            [*net.inputs, *(top for layer in graph.layers for top in layer.tops)]
        ),
        "heads": [_head(head) for head in heads(net) if graph.takes_part(head.classifier)],
        "totals": {"params": None, "macs": None},
    }


def as_net(source: SourceFile) -> Net:
    """The net of a file.

    Raises:
        SurgeryError: the file is a solver, or neither.
    """
    if source.kind not in (Kind.TRAIN, Kind.DEPLOY):
        article = "a " if source.kind is Kind.SOLVER else ""
        raise SurgeryError(f"{source.name}: a net is needed, and this is {article}{source.kind}")
    return Net(source.document)


def default_phase(net: Net) -> Phase:
    """The phase that is shown when none is asked for."""
    return "TRAIN" if any(net.phase_of(layer) == "TRAIN" for layer in net.layers) else "TEST"


def _layer(layer: Layer) -> dict[str, Any]:
    return {
        "name": layer.name,
        "type": layer.type,
        "bottoms": list(layer.bottoms),
        "tops": list(layer.tops),
        "param_shapes": None,
        "param_count": None,
        "macs": None,
        "line": layer.line,
    }


def _head(head: Head) -> dict[str, Any]:
    return {
        "classifier": head.classifier.name,
        "features": head.features,
        "losses": [layer.name for layer in head.losses],
        "accuracies": [layer.name for layer in head.accuracies],
        "classes": head.classes,
        "main": head.main,
    }
