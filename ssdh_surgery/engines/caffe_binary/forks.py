"""Which fork of Caffe an executable is: by its solver's fields, its layer types and its log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

from ssdh_surgery.caffe.messages.forks import (
    NVCAFFE,
    SEVERAL,
    forks_with_field,
    forks_with_type,
)

# Fields of a fork's SolverParameter that tell it apart, with a value.
SOLVER_FIELDS = {
    "rampup_interval": "0",  # NVCaffe from 0.16 on
    "max_epoch": "0",  # NVCaffe 0.15
    "warmup_iter": "0",  # IntelCaffe
    "eval_type": '"classification"',  # the Caffe of SSD, and those that have taken it over
}
_NVCAFFE_WORDS = "This is NVCaffe"


def fork_name(fields: Collection[str], types: Collection[str], log: str) -> str | None:
    """The fork that has such fields and layer types, or writes such a log; None if unknown."""
    if _NVCAFFE_WORDS in log:
        return NVCAFFE
    for field in fields:
        forks = forks_with_field("SolverParameter", field)
        if len(forks) == 1:
            return forks[0]
    # Forks take over the layers of others: the one that most of them are of.
    counts = Counter(fork for each in types for fork in forks_with_type(each) if fork != SEVERAL)
    return counts.most_common(1)[0][0] if counts else None
