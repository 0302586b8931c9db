"""From a command line to a job: the solver (or a copy), caffe's directory, and the snapshot."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ssdh_surgery.caffe.net.kind import Kind
from ssdh_surgery.caffe.net.solver import Solver
from ssdh_surgery.engines.trainer import TrainJob
from ssdh_surgery.errors import FileError, SsdhError, UsageError
from ssdh_surgery.location import Location
from ssdh_surgery.pipeline.check.subject import runs_of
from ssdh_surgery.pipeline.edit.draft import Draft
from ssdh_surgery.pipeline.files.caffe_paths import launch_folder
from ssdh_surgery.pipeline.files.sources import SourceFile, need, read_source
from ssdh_surgery.pipeline.nets.trained_files import newest_whole_state
from ssdh_surgery.pipeline.train.run_folder import RunFolder, first_folder, next_run
from ssdh_surgery.pipeline.workspace.net_record import NetRecord
from ssdh_surgery.pipeline.workspace.paths import relative_to_cwd
from ssdh_surgery.pipeline.workspace.workspace import Workspace
from ssdh_surgery.surgery.solver.assignments import assign, typed_assignments


@dataclass(frozen=True)
class TrainOptions:
    """The options of a command line; None is an option that was not given.

    `gpu` is CUDA's numbers with commas, `all` or `none`; `precision` and `threads` are for
    the embedded engine, `extra` for caffe's own command line.
    """

    solver: str | None = None
    weights: str | None = None
    snapshot: str | None = None
    resume: bool = False
    gpu: str | None = None
    engine: str = "auto"
    caffe: str | None = None
    iterations: int | None = None
    net: str | None = None
    precision: Literal["float32", "tf32", "bf16"] | None = None
    threads: int | None = None
    extra: tuple[str, ...] = ()


@dataclass(frozen=True)
class Launch:
    """Everything that is known before an engine is chosen.

    Attributes:
        job: what the engine is asked to do.
        source: the solver that the user named.
        solver: the solver that runs: the same, or its copy.
        solver_copy: the text of the copy, None where none is needed.
        prefix: the path of the snapshots before `_iter_N`.
        run: the folder for what the run leaves.
        record: the workspace's record of the net, None without a workspace.
    """

    job: TrainJob
    source: SourceFile
    solver: Solver
    solver_copy: bytes | None
    prefix: Path
    run: RunFolder
    record: NetRecord | None

    @property
    def weights(self) -> tuple[str, ...]:
        """The weights files to start from."""
        return tuple(path for path in (self.job.weights or "").split(",") if path)

    @property
    def missing(self) -> list[FileError]:
        """An error for each file on the command line that does not exist."""
        named = [("--weights", path) for path in self.weights]
        named += [("--snapshot", self.job.snapshot)] if self.job.snapshot else []
        return [
            FileError(f"no such file ({option})", location=Location(path))
            for option, path in named
            if not Path(path).is_file()
        ]


def prepare(options: TrainOptions) -> Launch:
    """Find the solver, its directory and its snapshot; nothing is written.

    Raises:
        UsageError: options that exclude each other, or no solver and no workspace.
        FileError: the solver's nets are found from no folder.
        EngineError: there is nothing to resume.
        SsdhError: the solver cannot be read.
    """
    if options.weights and (options.snapshot or options.resume):
        raise UsageError("--weights and a snapshot exclude each other: caffe takes one of them")
    if options.snapshot and options.resume:
        raise UsageError("--snapshot and --resume exclude each other")
    workspace = Workspace.find()
    path, record = _solver_path(options, workspace)
    source = read_source(path)
    need(source, Kind.SOLVER)
    solver = Solver(source.document)
    base = workspace.folder if workspace else Path.cwd()
    run = next_run(base, Path(path).stem)
    folder = None
    if options.resume or options.snapshot:
        folder = first_folder(base, Path(path))
    folder = folder or launch_folder(solver, Path(path))
    prefix = solver.snapshot_prefix(source.name, folder)
    solver_copy, solver = _copy(options, source, solver, prefix)
    snapshot = options.snapshot
    if options.resume:
        snapshot = str(relative_to_cwd(newest_whole_state(folder / prefix)))
    job = TrainJob(
        solver=str(run.solver) if solver_copy else path,
        cwd=folder,
        log=run.log,
        weights=options.weights,
        snapshot=snapshot,
        gpu=None if options.gpu == "none" else options.gpu,
        level=_level(solver, folder),
        extra=options.extra,
        snapshot_after_train=solver.flag("snapshot_after_train", True),
    )
    return Launch(job, source, solver, solver_copy, folder / prefix, run, record)


def _solver_path(
    options: TrainOptions, workspace: Workspace | None
) -> tuple[str, NetRecord | None]:
    if options.solver:
        return options.solver, None
    record = workspace.net(options.net) if workspace else None
    if record is None:
        raise UsageError(
            "no ssdh.toml here or above: name the solver",
            hint="ssdh train --solver FILE, or run ssdh patch first",
        )
    path = record.path("solver")
    if path is None:
        raise UsageError(
            f"ssdh.toml names no solver for '{record.stem}'", hint="ssdh train --solver FILE"
        )
    return str(path), record


def _level(solver: Solver, folder: Path) -> int:
    """The level that the train net is built for; a net that cannot be read is left to the check."""
    try:
        runs = runs_of(solver, folder)
    except SsdhError:
        return 0
    return runs[0][1].level if runs else 0


def _copy(
    options: TrainOptions, source: SourceFile, solver: Solver, prefix: str
) -> tuple[bytes | None, Solver]:
    """The solver with another `max_iter`, or for the CPU, proven like any other change."""
    sets = []
    if options.iterations is not None:
        sets.append(("max_iter", str(options.iterations)))
    if options.gpu == "none":
        sets.append(("solver_mode", "CPU"))
    if not sets:
        return None, solver
    if prefix != solver.string("snapshot_prefix"):
        # Caffe would name the snapshots after the copy.
        sets.append(("snapshot_prefix", prefix))
    draft = Draft(source.document, Kind.SOLVER)
    if not draft.do(assign(solver, typed_assignments(sets))):
        return None, solver
    return bytes(draft.document), draft.solver
