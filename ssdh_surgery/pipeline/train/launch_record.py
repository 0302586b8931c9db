"""What a run is started with, as its record holds it: environment, versions, files and findings."""

from __future__ import annotations

import contextlib
import datetime
import importlib.metadata
import os
import platform
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import ssdh_surgery
from ssdh_surgery.errors import FileError
from ssdh_surgery.files import file_digest
from ssdh_surgery.findings import Finding
from ssdh_surgery.pipeline.check.subject import Subject
from ssdh_surgery.surgery.verbs.data_layers import data_sources

# The variables that change what a run computes or logs; any other may be a secret.
_VARIABLES = ("CUDA_", "OMP_", "GLOG_", "CAFFE_")


def launch_record(
    subject: Subject,
    solver: Path,
    weights: Iterable[str],
    program: Path | None,
    findings: Iterable[Finding] | None,
) -> dict[str, Any]:
    """The part of a record that tells runs of the same command from each other.

    Args:
        subject: the nets that run.
        solver: the solver that the user named.
        weights: the files to start from, and the solverstate.
        program: the caffe executable, None for the embedded engine.
        findings: what the checks found, None where they were skipped.
    """
    nets = {net.file for net, _ in subject.nets}
    hashed = [str(solver), *sorted(nets - {str(solver)}), *weights]
    return {
        "started": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "environment": {
            name: value for name, value in os.environ.items() if name.startswith(_VARIABLES)
        },
        "versions": {
            "ssdh": ssdh_surgery.__version__,
            "python": platform.python_version(),
            "torch": importlib.metadata.version("torch") if program is None else None,
            "caffe": None if program is None else str(program),
        },
        "sha256": dict(_digests([*hashed, *([str(program)] if program else [])])),
        "sources": list(_sources(subject)),
        "findings": None
        if findings is None
        else [{"code": each.code, "message": each.message} for each in findings],
    }


def _digests(paths: Iterable[str]) -> Iterator[tuple[str, str]]:
    for path in paths:
        with contextlib.suppress(FileError):
            yield str(Path(path).resolve()), file_digest(path)


def _sources(subject: Subject) -> Iterator[dict[str, Any]]:
    """The sources of the data layers that run, each once, with their size and last change."""
    paths = {
        Path(os.path.abspath(subject.folder / source.source))
        for net, state in subject.nets
        for source in data_sources(net)
        if source.source and source.layer.is_in(state)
    }
    for path in sorted(paths):
        parts = sorted(path.glob("*")) if path.is_dir() else [path]
        with contextlib.suppress(OSError):
            stats = [part.stat() for part in parts]
            yield {
                "path": str(path),
                "size": sum(stat.st_size for stat in stats),
                "mtime": max((stat.st_mtime for stat in stats), default=None),
            }
