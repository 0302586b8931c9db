"""`ssdh doctor`: tries each engine, and collects what else a bug report needs."""

from __future__ import annotations

import platform
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import ssdh_surgery
from ssdh_surgery.engines import events
from ssdh_surgery.engines.caffe_binary.build_probe import CaffeBuild, probe_build
from ssdh_surgery.engines.caffe_binary.executable import Executable, find_caffe
from ssdh_surgery.engines.gpus import Gpu, find_gpus
from ssdh_surgery.engines.log_parser import LogParser
from ssdh_surgery.errors import EngineError, SsdhError
from ssdh_surgery.pipeline.doctor import two_layers
from ssdh_surgery.pipeline.doctor.packages import Package, find_packages
from ssdh_surgery.pipeline.doctor.private_names import without_private_names
from ssdh_surgery.pipeline.doctor.trials import ENGINE_PACKAGES, Task, Trial, run_trial
from ssdh_surgery.pipeline.encode.engine import ENGINES as ENCODE_ENGINES
from ssdh_surgery.pipeline.train.engine import ENGINES as TRAIN_ENGINES
from ssdh_surgery.pipeline.workspace.workspace import Workspace

Progress = Callable[[str], None]

# The parts of a log that a run is followed by.
_LOG_PARTS: dict[str, type[events.Event]] = {
    "start": events.TrainingStart,
    "iterations": events.Iteration,
    "snapshots": events.Snapshot,
    "end": events.TrainingEnd,
}


@dataclass(frozen=True)
class Caffe:
    """The user's caffe: where it is, what it was built with, and what its log tells.

    `log` says of each part of a log whether it was found; it is empty where no run ended well.
    """

    executable: Executable
    build: CaffeBuild
    log: dict[str, bool]

    def as_json(self) -> dict[str, Any]:
        """The caffe as an object."""
        place = {"path": str(self.executable.path), "origin": self.executable.origin}
        return {**place, **asdict(self.build), "log": self.log or None}


@dataclass(frozen=True)
class WorkspaceNets:
    """The workspace of the current directory: its file, its nets, or why it cannot be read."""

    file: str
    nets: tuple[str, ...] = ()
    error: str | None = None


@dataclass(frozen=True)
class Diagnosis:
    """What `ssdh doctor` found."""

    trials: tuple[Trial, ...]
    caffe: Caffe | None
    packages: tuple[Package, ...]
    gpus: tuple[Gpu, ...]
    workspace: WorkspaceNets | None

    @property
    def version(self) -> str:
        """The version of ssdh-surgery."""
        return ssdh_surgery.__version__

    @property
    def python(self) -> str:
        """The version of Python."""
        return platform.python_version()

    @property
    def system(self) -> str:
        """The operating system and the processor."""
        return platform.platform()

    @property
    def works(self) -> bool:
        """Whether some engine trains and some engine encodes."""
        return {each.task for each in self.trials if each.works} == {"train", "encode"}

    def as_json(self) -> dict[str, Any]:
        """The answer of `doctor --json`: without the names of the user and of the machine."""
        workspace = self.workspace
        answer = {
            "version": self.version,
            "python": self.python,
            "system": self.system,
            "works": self.works,
            "engines": [each.as_json() for each in self.trials],
            "caffe": None if self.caffe is None else self.caffe.as_json(),
            "packages": [each.as_json() for each in self.packages],
            "gpus": [each.as_json() for each in self.gpus],
            "workspace": None if workspace is None else asdict(workspace),
        }
        return dict(without_private_names(answer))


def diagnose(caffe: str | None = None, progress: Progress | None = None) -> Diagnosis:
    """Try every engine on a net of two layers, in a temporary folder.

    Args:
        caffe: the caffe executable; without it, the one that `ssdh train` would take.
        progress: called with the name of what is tried next.

    Raises:
        EngineError: `caffe` names something that is not an executable.
    """
    progress = progress or (lambda _: None)
    executable = _executable(caffe)
    with tempfile.TemporaryDirectory(prefix="ssdh-", ignore_cleanup_errors=True) as name:
        trials = []
        for task, engine in _tasks():
            progress(f"{engine} ({task})")
            folder = Path(name) / f"{task}-{engine}"
            folder.mkdir()
            trials.append(run_trial(task, engine, folder, caffe))
        user_caffe = None
        if executable is not None:
            folder = Path(name) / "build"
            folder.mkdir()
            log = Path(name) / "train-binary" / two_layers.LOG
            user_caffe = _examine(executable, folder, log, progress)
    progress("packages")
    working = [
        module for each in trials if each.works for module in ENGINE_PACKAGES.get(each.engine, ())
    ]
    packages = find_packages(working)
    return Diagnosis(tuple(trials), user_caffe, packages, find_gpus(), _workspace_nets())


def _executable(caffe: str | None) -> Executable | None:
    """The user's caffe; a wrong `$SSDH_CAFFE` is what its trials report."""
    try:
        return find_caffe(caffe)
    except EngineError:
        if caffe:
            raise
        return None


def _tasks() -> list[tuple[Task, str]]:
    tasks: list[tuple[Task, str]] = [("train", each) for each in TRAIN_ENGINES if each != "auto"]
    return [*tasks, *(("encode", each) for each in ENCODE_ENGINES if each != "auto")]


def _examine(executable: Executable, folder: Path, log: Path, progress: Progress) -> Caffe:
    text = log.read_text("utf-8", "replace") if log.exists() else ""
    build = probe_build(executable.path, folder, text, lambda each: progress(f"caffe: {each}"))
    return Caffe(executable, build, _log_parts(text))


def _log_parts(text: str) -> dict[str, bool]:
    """Which parts of the log of a whole run our parser finds."""
    parser = LogParser()
    seen = {type(event) for line in text.splitlines() for event in parser.feed(line)}
    if not seen:
        return {}
    return {name: kind in seen for name, kind in _LOG_PARTS.items()}


def _workspace_nets() -> WorkspaceNets | None:
    folder = Workspace.find_folder()
    if folder is None:
        return None
    try:
        workspace = Workspace.open(folder)
        return WorkspaceNets(str(workspace.path), tuple(workspace.nets))
    except SsdhError as error:
        return WorkspaceNets(str(folder / "ssdh.toml"), error=error.message)
