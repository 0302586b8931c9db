"""What a caffe executable was built with, found by running it on nets and solvers of its kind."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ssdh_surgery import files
from ssdh_surgery.data.datum import write_raw
from ssdh_surgery.data.lmdb_writer import LmdbWriter
from ssdh_surgery.engines.caffe_binary.executable import (
    caffe_environment,
    can_use_several_gpus,
)
from ssdh_surgery.engines.caffe_binary.forks import SOLVER_FIELDS, fork_name

Progress = Callable[[str], None]

_SECONDS = 20
# Caffe ends with SIGABRT where it refuses something; that is no crash to keep a core file of.
_WITHOUT_CORE = ("/bin/sh", "-c", 'ulimit -c 0; exec "$@"', "sh")
_VERSION = re.compile(r"\bversion\s+(\S+)")
_KNOWN_TYPES = re.compile(r"\(known types: ([^)]*)\)")
_ON_CPU = 'base_lr: 0.1 lr_policy: "fixed" max_iter: 1 display: 1 solver_mode: CPU\n'
_UNKNOWN_TYPE = 'net_param { layer { name: "probe" type: "NoSuchType" top: "probe" } }\n'
_OF_DATABASE = """net_param {
  layer {
    name: "data" type: "Data" top: "data" top: "label"
    data_param { source: "SOURCE" backend: BACKEND batch_size: 2 }
  }
  layer {
    name: "fc" type: "InnerProduct" bottom: "data" top: "fc"
    inner_product_param { num_output: 2 weight_filler { type: "xavier" } }
  }
  layer { name: "loss" type: "SoftmaxWithLoss" bottom: "fc" bottom: "label" top: "loss" }
}
snapshot_after_train: false
"""
_TO_HDF5 = """net_param {
  layer {
    name: "data" type: "DummyData" top: "data" top: "target"
    dummy_data_param { shape { dim: 2 dim: 3 } shape { dim: 2 dim: 1 } }
  }
  layer {
    name: "fc" type: "InnerProduct" bottom: "data" top: "fc" inner_product_param { num_output: 1 }
  }
  layer { name: "loss" type: "EuclideanLoss" bottom: "fc" bottom: "target" top: "loss" }
}
snapshot_prefix: "hdf5" snapshot_format: HDF5
"""
_NO_BACKEND = "Unknown database backend"


@dataclass(frozen=True)
class CaffeBuild:
    """What a caffe has; None where its answer says neither.

    Attributes:
        version: the version that it reports.
        fork: the fork that it is, by its fields, its layer types and its log; None for BVLC's
            Caffe, and for what cannot be told from it.
        types: its layer types; empty where it does not list them.
        fork_fields: the fields of `forks.SOLVER_FIELDS` that its solver has.
        has_lmdb: whether it reads an LMDB.
        has_leveldb: whether it reads LevelDBs.
        has_images: whether it reads image files: it was built with OpenCV.
        has_hdf5: whether it writes snapshots in HDF5.
        has_python: whether it runs layers written in Python.
        gpu: `usable`, `none` where it was built for GPUs and can use none, or `cpu-only`.
        has_nccl: whether it trains on several GPUs.
    """

    version: str | None = None
    fork: str | None = None
    types: tuple[str, ...] = ()
    fork_fields: tuple[str, ...] = ()
    has_lmdb: bool | None = None
    has_leveldb: bool | None = None
    has_images: bool | None = None
    has_hdf5: bool | None = None
    has_python: bool | None = None
    gpu: str | None = None
    has_nccl: bool | None = None


def probe_build(
    executable: Path, folder: Path, log: str = "", progress: Progress | None = None
) -> CaffeBuild:
    """What a caffe was built with; each question is a run of less than a second.

    Args:
        executable: its absolute path.
        folder: a folder for the files of the runs.
        log: the log of a run of it.
        progress: called with the name of each question.
    """
    progress = progress or (lambda _: None)
    probe = _Probe(executable, folder)
    progress("version")
    version = _VERSION.search(probe.run("--version").text)
    progress("layer types")
    types = probe.types()
    if version is None and not types:  # it is no caffe, or does not start
        return CaffeBuild()
    progress("databases")
    has_lmdb, has_leveldb = probe.has_lmdb(), probe.has_leveldb()
    progress("HDF5")
    has_hdf5 = probe.has_hdf5()
    progress("fields of forks")
    fields = tuple(name for name, value in SOLVER_FIELDS.items() if probe.has_field(name, value))
    progress("GPUs")
    gpu = probe.gpu()
    return CaffeBuild(
        version[1] if version else None,
        fork_name(fields, types, log),
        types,
        fields,
        has_lmdb,
        has_leveldb,
        "ImageData" in types if types else None,
        has_hdf5,
        "Python" in types if types else None,
        gpu,
        False if gpu == "cpu-only" else can_use_several_gpus(executable),
    )


@dataclass(frozen=True)
class _Run:
    """The end of a run: its exit code, None where it took too long, and all that it printed."""

    code: int | None
    text: str

    @property
    def has_trained(self) -> bool:
        return self.code == 0


class _Probe:
    """Runs of one caffe in a folder of its own."""

    def __init__(self, executable: Path, folder: Path) -> None:
        self._executable = executable
        self._folder = folder

    def run(self, *words: str) -> _Run:
        try:
            process = subprocess.Popen(
                [*_WITHOUT_CORE, str(self._executable), *words],
                cwd=self._folder,
                # Otherwise glog leaves files in the folder for temporary ones.
                env=caffe_environment() | {"GLOG_log_dir": str(self._folder)},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError:
            return _Run(None, "")
        with process:
            try:
                text, _ = process.communicate(timeout=_SECONDS)
            except subprocess.TimeoutExpired:
                return _Run(None, "")
            finally:
                _end_session(process)
        return _Run(process.returncode, text.decode("utf-8", "replace"))

    def train(self, solver: str) -> _Run:
        files.write_bytes(self._folder / "probe.prototxt", solver.encode())
        return self.run("train", "--solver=probe.prototxt")

    def types(self) -> tuple[str, ...]:
        listed = _KNOWN_TYPES.search(self.train(_UNKNOWN_TYPE + _ON_CPU).text)
        return tuple(each.strip() for each in listed[1].split(",")) if listed else ()

    def has_lmdb(self) -> bool | None:
        with LmdbWriter(self._folder / "lmdb", replace=True) as writer:
            for label in range(2):
                pixels = np.full((1, 2, 2), label, np.uint8)
                writer.put(b"%08d" % label, write_raw(pixels, label))
        run = self._read("lmdb", "LMDB")
        return True if run.has_trained else False if _NO_BACKEND in run.text else None

    def has_leveldb(self) -> bool | None:
        run = self._read("no_leveldb", "LEVELDB")
        if _NO_BACKEND in run.text:
            return False
        return True if "Failed to open leveldb" in run.text else None

    def _read(self, source: str, backend: str) -> _Run:
        net = _OF_DATABASE.replace("SOURCE", source).replace("BACKEND", backend)
        return self.train(net + _ON_CPU)

    def has_hdf5(self) -> bool | None:
        run = self.train(_TO_HDF5 + _ON_CPU)
        if run.has_trained:
            return (self._folder / "hdf5_iter_1.caffemodel.h5").is_file()
        return None if run.code is None else False

    def has_field(self, name: str, value: str) -> bool:
        """Whether its SolverParameter has a field; the run ends for want of a net."""
        run = self.train(f"{name}: {value}\n")
        return bool(run.text) and f'has no field named "{name}"' not in run.text

    def gpu(self) -> str | None:
        run = self.run("device_query", "-gpu", "0")
        if run.code == 0:
            return "usable"
        if "CPU-only" in run.text:
            return "cpu-only"
        return "none" if "cuda" in run.text.lower() else None


def _end_session(process: subprocess.Popen[bytes]) -> None:
    """End a process, and what a script may have started and left."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
