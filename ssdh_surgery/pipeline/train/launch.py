"""From a solver and a command line to a job: folder, solver copy, snapshot, engine."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from ssdh_surgery.caffe.net.kind import Kind
from ssdh_surgery.caffe.net.solver import Solver
from ssdh_surgery.engines.trainer import TrainJob
from ssdh_surgery.errors import FileError, UsageError
from ssdh_surgery.location import Location
from ssdh_surgery.pipeline.files.caffe_paths import launch_folder
from ssdh_surgery.pipeline.files.sources import SourceFile, need, read_source
from ssdh_surgery.pipeline.nets.trained_files import newest_whole_state
from ssdh_surgery.pipeline.train.run_folder import RunFolder, first_folder, next_run
from ssdh_surgery.pipeline.workspace.net_record import NetRecord
from ssdh_surgery.pipeline.workspace.paths import relative_to_cwd
from ssdh_surgery.pipeline.workspace.workspace import Workspace
from ssdh_surgery.surgery.core.gate import prove
from ssdh_surgery.surgery.solver import settings as solver_verbs


@dataclass(frozen=True)
class TrainOptions:
    """What a command line asks for; None is what it left open."""

    solver: str | None = None
    weights: str | None = None
    snapshot: str | None = None
    resume: bool = False
    # CUDA's numbers with commas, `all`, or `none`.
    gpu: str | None = None
    engine: str = "auto"
    caffe: str | None = None
    iterations: int | None = None
    net: str | None = None
    # Of the embedded engine: `float32`, `tf32` or `bf16`; threads that compute.
    precision: Literal["float32", "tf32", "bf16"] | None = None
    threads: int | None = None
    extra: tuple[str, ...] = ()


@dataclass(frozen=True)
class Launch:
    """Everything that is known before the first iteration.

    `solver` is the view of the solver that runs (the copy, where one is made), `known` the
    workspace's record of its net; `missing` says in sentences what is not there.
    """

    job: TrainJob
    source: SourceFile
    solver: Solver
    run: RunFolder
    copied: bytes | None
    known: NetRecord | None
    missing: tuple[str, ...] = field(default=())

    @property
    def prefix(self) -> Path:
        """Where the snapshots go: before `_iter_N`."""
        return self.job.cwd / self.solver.snapshot_prefix(self.source.name, self.job.cwd)


def prepare(options: TrainOptions) -> Launch:
    """Find the solver and what goes with it; nothing is written.

    Raises:
        UsageError: options that exclude each other, or no solver and no workspace.
        FileError: no folder from which the solver's nets are there.
        SsdhError: the solver cannot be read.
    """
    if options.weights and (options.snapshot or options.resume):
        raise UsageError("--weights and a snapshot exclude each other: caffe takes one of them")
    if options.snapshot and options.resume:
        raise UsageError("--snapshot and --resume exclude each other")
    workspace = Workspace.find()
    path, known = _solver_path(options, workspace)
    source = read_source(path)
    need(source, Kind.SOLVER)
    solver = Solver(source.document)
    base = workspace.folder if workspace else Path.cwd()
    run = next_run(base, Path(path).stem)
    folder = _folder(options, solver, path, base)
    copied, solver = _copy(options, source, solver, folder)
    job = TrainJob(
        solver=str(run.solver) if copied else path,
        cwd=folder,
        log=run.log,
        weights=options.weights,
        snapshot=options.snapshot,
        gpu=None if options.gpu == "none" else options.gpu,
        extra=options.extra,
        snapshot_after_train=solver.flag("snapshot_after_train", True),
    )
    launch = Launch(job, source, solver, run, copied, known)
    if options.resume:
        job = replace(job, snapshot=str(relative_to_cwd(newest_whole_state(launch.prefix))))
    return replace(launch, job=job, missing=_missing(job))


def _solver_path(
    options: TrainOptions, workspace: Workspace | None
) -> tuple[str, NetRecord | None]:
    if options.solver:
        return options.solver, None
    known = workspace.net(options.net) if workspace else None
    if known is None:
        raise UsageError(
            "no ssdh.toml here or above: name the solver",
            hint="ssdh train --solver FILE, or run ssdh patch first",
        )
    path = known.path("solver")
    if path is None:
        raise UsageError(
            f"the workspace knows no solver for '{known.stem}'",
            hint="ssdh train --solver FILE",
        )
    return str(path), known


def _folder(options: TrainOptions, solver: Solver, path: str, base: Path) -> Path:
    if options.resume or options.snapshot:
        earlier = first_folder(base, Path(path))
        if earlier is not None:
            return earlier
    return launch_folder(solver, Path(path))


def _copy(
    options: TrainOptions, source: SourceFile, solver: Solver, folder: Path
) -> tuple[bytes | None, Solver]:
    """The solver with another end, or for the CPU, proven as any other change."""
    sets = []
    if options.iterations is not None:
        sets.append(("max_iter", str(options.iterations)))
    if options.gpu == "none":
        sets.append(("solver_mode", "CPU"))
    prefix = solver.snapshot_prefix(source.name, folder)
    if sets and prefix != solver.string("snapshot_prefix"):
        # Caffe would name the snapshots after the copy.
        sets.append(("snapshot_prefix", prefix))
    change = solver_verbs.set_chosen(solver, solver_verbs.chosen(sets))
    if not change:
        return None, solver
    proven = prove(source.document, change, "SolverParameter")
    return bytes(proven.document), Solver(proven.document)


def _missing(job: TrainJob) -> tuple[str, ...]:
    """Files of the command line that are not there."""
    named = [("weights", path) for path in (job.weights or "").split(",") if path]
    if job.snapshot:
        named.append(("snapshot", job.snapshot))
    return tuple(
        f"{path}: no such file ({what})" for what, path in named if not Path(path).is_file()
    )


def refuse_missing(launch: Launch) -> None:
    """Refuse to start without the files that the command line names.

    Raises:
        FileError: naming the first that is not there.
    """
    job = launch.job
    named = [path for path in (job.weights or "").split(",") if path]
    named += [job.snapshot] if job.snapshot else []
    for path in named:
        if not Path(path).is_file():
            option = "--snapshot" if path == job.snapshot else "--weights"
            raise FileError(f"no such file, and {option} names it", location=Location(path))
