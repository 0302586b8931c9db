"""The kind of a file, detected from its content: train net, deploy net, solver or weights."""

from __future__ import annotations

from enum import StrEnum

from ssdh_surgery.caffe.net.net import Net, net_of
from ssdh_surgery.caffe.net.solver import Solver
from ssdh_surgery.prototxt.cst import Document

_NET_FIELDS = frozenset(["layer", "layers", "input", "input_dim", "input_shape"])


class Kind(StrEnum):
    """The kinds of file that verbs work on."""

    TRAIN = "train net"
    DEPLOY = "deploy net"
    SOLVER = "solver"
    WEIGHTS = "weights"
    UNKNOWN = "neither a net nor a solver"


def kind_of(document: Document) -> Kind:
    """The kind of a document.

    A net that reads data or has a loss is a train net, as are test nets; a net that only declares
    its inputs is a deploy net.

    Raises:
        SsdhError: it is a net or a solver that no Caffe reads.
    """
    names = {field.name for field in document.fields}
    if names & _NET_FIELDS:
        return _net_kind(net_of(document))
    from ssdh_surgery.caffe.messages.schema import descriptor

    solver_fields = descriptor("SolverParameter").fields_by_name
    if not any(name in solver_fields for name in names):
        return Kind.UNKNOWN
    Solver(document)
    return Kind.SOLVER


def _net_kind(net: Net) -> Kind:
    if any(layer.is_data and layer.type != "Input" for layer in net.layers):
        return Kind.TRAIN
    return Kind.TRAIN if any(layer.is_judge for layer in net.layers) else Kind.DEPLOY
