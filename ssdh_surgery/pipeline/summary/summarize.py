"""The summary of any file that is not a net: its content decides which."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ssdh_surgery.pipeline.summary import retrieval, snapshots, training
from ssdh_surgery.pipeline.summary.content import Content
from ssdh_surgery.pipeline.summary.summary import Summary

_SUMMARIES: dict[Content, Callable[[Path], Summary]] = {
    Content.WEIGHTS: snapshots.of_weights,
    Content.STATE: snapshots.of_state,
    Content.MEAN: snapshots.of_mean,
    Content.LIST: training.of_list,
    Content.LOG: training.of_log,
    Content.RUN: training.of_run,
    Content.WORKSPACE: training.of_workspace,
    Content.CODES: retrieval.of_codes,
    Content.INDEX: retrieval.of_index,
    Content.HDF5: retrieval.of_hdf5,
    Content.ONNX: retrieval.of_onnx,
}


def summary_of(path: Path, content: Content) -> Summary:
    """The summary of a file of some content.

    Raises:
        FileError: it cannot be read.
        DataError: it is truncated or damaged.
        MissingExtra: the library that reads it is not installed.
    """
    return _SUMMARIES[content](path)
