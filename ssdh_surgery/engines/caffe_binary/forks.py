"""Forks of Caffe, and the fields, layer types and words of the log that identify each."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

# Fields of a fork's SolverParameter, with a value. Some forks have taken over those of others.
SOLVER_FIELDS = {
    "rampup_interval": "0",  # NVCaffe from 0.16 on
    "max_epoch": "0",  # NVCaffe 0.15
    "warmup_iter": "0",  # Intel Caffe
    "eval_type": '"classification"',  # the Caffe of SSD, Intel Caffe, NVCaffe from 0.16 on
}


@dataclass(frozen=True)
class Fork:
    """A fork, which any of its marks identifies.

    Attributes:
        name: what people call it.
        fields: fields of its SolverParameter.
        types: layer types.
        words: what its log says.
    """

    name: str
    fields: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    words: str = ""


# A fork stands before those whose layers it has taken over.
_FORKS = (
    Fork("NVCaffe", ("rampup_interval", "max_epoch"), words="This is NVCaffe"),
    Fork("Intel Caffe", ("warmup_iter",)),
    Fork("the Caffe of SSD", types=("MultiBoxLoss",)),
    Fork("the Caffe of SSDH", types=("K1_EuclideanLoss", "K2_EuclideanLoss")),
)


def fork_name(fields: Collection[str], types: Collection[str], log: str) -> str | None:
    """The fork that has such fields and layer types, or writes such a log; None if unknown."""
    for fork in _FORKS:
        has_mark = any(each in fields for each in fork.fields)
        has_mark = has_mark or any(each in types for each in fork.types)
        if has_mark or (fork.words and fork.words in log):
            return fork.name
    return None
