"""The summary of any file that is not a net: its kind decides which."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ssdh_surgery.pipeline.summary import retrieval, snapshots, training
from ssdh_surgery.pipeline.summary.file_kind import FileKind
from ssdh_surgery.pipeline.summary.summary import Summary

_SUMMARIES: dict[FileKind, Callable[[Path], Summary]] = {
    FileKind.WEIGHTS: snapshots.of_weights,
    FileKind.STATE: snapshots.of_state,
    FileKind.MEAN: snapshots.of_mean,
    FileKind.LIST: training.of_list,
    FileKind.LOG: training.of_log,
    FileKind.RUN: training.of_run,
    FileKind.WORKSPACE: training.of_workspace,
    FileKind.CODES: retrieval.of_codes,
    FileKind.INDEX: retrieval.of_index,
    FileKind.HDF5: retrieval.of_hdf5,
    FileKind.ONNX: retrieval.of_onnx,
}


def summary_of(path: Path, kind: FileKind) -> Summary:
    """The summary of a file of some kind.

    Raises:
        FileError: it cannot be read.
        DataError: it is truncated or damaged.
        MissingExtra: the library that reads it is not installed.
    """
    return _SUMMARIES[kind](path)
