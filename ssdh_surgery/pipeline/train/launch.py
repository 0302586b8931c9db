"""From a command line to a job: the solver (or a copy), caffe's directory, and the snapshot."""

from __future__ import annotations

import errno
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ssdh_surgery.caffe.net.kind import Kind
from ssdh_surgery.caffe.net.solver import Solver
from ssdh_surgery.caffe.weights.snapshot_names import newest_first
from ssdh_surgery.engines.trainer import TrainJob
from ssdh_surgery.errors import EngineError, FileError, SsdhError, UsageError, near_file
from ssdh_surgery.files import absence
from ssdh_surgery.location import Location
from ssdh_surgery.pipeline.check.subject import refuse_two_starts, runs_of, subject_of
from ssdh_surgery.pipeline.check.target import Target, target_of
from ssdh_surgery.pipeline.edit.draft import Draft
from ssdh_surgery.pipeline.files.caffe_paths import launch_folder
from ssdh_surgery.pipeline.files.sources import SourceFile, need, neighbours, read_source
from ssdh_surgery.pipeline.nets.run_records import RunRecord, run_records
from ssdh_surgery.pipeline.nets.snapshots import LayerParams
from ssdh_surgery.pipeline.nets.trained_files import newest_whole_state
from ssdh_surgery.pipeline.train.alarm import StopKind
from ssdh_surgery.pipeline.train.run_folder import RunFolder, first_folder, next_run
from ssdh_surgery.pipeline.workspace.net_record import NetRecord
from ssdh_surgery.pipeline.workspace.paths import relative_to_cwd
from ssdh_surgery.pipeline.workspace.workspace import Workspace
from ssdh_surgery.surgery.solver.assignments import assign, typed_assignments


@dataclass(frozen=True)
class TrainOptions:
    """The options of a command line; None is an option that was not given.

    `gpu` is CUDA's numbers with commas, `all` or `none`; `precision` and `threads` are for
    the embedded engine, `extra` for caffe's own command line. The run is stopped on an alarm of
    the kinds in `stop_on`.
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
    force: bool = False
    stop_on: tuple[StopKind, ...] = ()
    keep: int | None = None
    extra: tuple[str, ...] = ()

    @property
    def own_words(self) -> list[str]:
        """The options that start the same training again, without weights and snapshot."""
        words = ["--solver", self.solver] if self.solver else []
        words += ["--net", self.net] if self.net else []
        words += ["--gpu", self.gpu] if self.gpu else []
        words += ["--engine", self.engine] if self.engine != "auto" else []
        words += ["--caffe", self.caffe] if self.caffe else []
        words += ["--precision", self.precision] if self.precision else []
        words += ["--threads", str(self.threads)] if self.threads else []
        words += ["--stop-on", ",".join(self.stop_on)] if self.stop_on else []
        words += ["--keep", str(self.keep)] if self.keep else []
        return words + (["--iterations", str(self.iterations)] if self.iterations else [])


@dataclass(frozen=True)
class Launch:
    """Everything that is known before an engine is chosen.

    Attributes:
        job: what the engine is asked to do.
        source: the solver that the user named.
        solver: the solver that runs: the same, or its copy.
        solver_copy: the text of the copy, None where none is needed.
        copy_fields: the fields that the copy sets, with their values.
        prefix: the path of the snapshots before `_iter_N`.
        run: the folder for what the run leaves.
        record: the workspace's record of the net, None where no workspace has the solver.
        iteration: the iteration that the snapshot was taken at, None without one, or where it
            cannot be read.
        passed_over: a sentence for each snapshot that is newer than the one to resume from, but
            incomplete or of another net.
    """

    job: TrainJob
    source: SourceFile
    solver: Solver
    solver_copy: bytes | None
    copy_fields: tuple[tuple[str, str], ...]
    prefix: Path
    run: RunFolder
    record: NetRecord | None
    iteration: int | None = None
    passed_over: tuple[str, ...] = ()

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
            FileError(f"{absence(path)} ({option})", location=Location(path), hint=near_file(path))
            for option, path in named
            if not Path(path).is_file()
        ]

    @property
    def max_iter(self) -> int:
        """The iteration at which the run ends; 0 where the solver has none."""
        return self.solver.integer("max_iter") or 0

    @property
    def is_finished(self) -> bool:
        """Whether the snapshot to resume from is at the last iteration: nothing is left to do."""
        return self.iteration is not None and 0 < self.max_iter <= self.iteration

    @property
    def earlier_snapshot(self) -> Path | None:
        """The newest weights of an earlier run, where this one starts anew and writes its own."""
        if self.job.snapshot or not self.solver.writes_snapshots:
            return None
        return next(iter(newest_first([self.prefix], "caffemodel")), None)

    @property
    def can_resume(self) -> bool:
        """Whether an earlier run left a snapshot of this net that can be resumed."""
        try:
            newest_whole_state(self.prefix, *_train_params(self.solver, self.job.cwd, self.prefix))
        except EngineError:
            return False
        return True


def newest_run(options: TrainOptions) -> RunRecord:
    """The record of the newest run of a solver.

    Raises:
        UsageError: it has no run, or there is no solver and no workspace.
    """
    workspace = Workspace.find()
    path, _ = _solver_path(options, workspace)
    records = run_records(workspace.folder if workspace else Path.cwd(), Path(path))
    if not records:
        raise UsageError(f"{path} has no run yet", hint="ssdh runs lists those of other solvers")
    return records[-1]


def launch_target(options: TrainOptions) -> Target:
    """What a run is launched on."""
    return target_of(options.engine, options.gpu, options.caffe, is_launch=True)


def prepare(options: TrainOptions) -> Launch:
    """Find the solver, its directory and its snapshot; nothing is written.

    Raises:
        UsageError: options that exclude each other, or no solver and no workspace.
        FileError: the solver's nets are found from no folder.
        EngineError: there is nothing to resume.
        SsdhError: the solver cannot be read.
    """
    refuse_two_starts(options.weights, options.snapshot or options.resume)
    if options.snapshot and options.resume:
        raise UsageError("--snapshot and --resume exclude each other")
    workspace = Workspace.find()
    path, record = _solver_path(options, workspace)
    if record is None and workspace is not None:
        record = workspace.net_written(Path(path))
    source = _read_solver(path, record)
    need(source, Kind.SOLVER)
    solver = Solver(source.document)
    base = workspace.folder if workspace else Path.cwd()
    run = next_run(base, Path(path).stem)
    folder = None
    if options.resume or options.snapshot:
        folder = first_folder(base, Path(path))
    folder = folder or launch_folder(solver, Path(path))
    prefix = solver.snapshot_prefix(source.name, folder)
    fields = _copy_fields(options, solver, prefix)
    draft = Draft(source.document, Kind.SOLVER)
    is_copied = bool(fields) and bool(draft.do(assign(solver, typed_assignments(fields))))
    run_solver = draft.solver if is_copied else solver
    passed_over: list[str] = []
    snapshot = options.snapshot
    if options.resume:
        snapshot = _newest_snapshot(solver, folder, folder / prefix, passed_over)
    job = TrainJob(
        solver=str(run.solver) if is_copied else path,
        cwd=folder,
        log=run.log,
        weights=options.weights,
        snapshot=snapshot,
        gpu=None if options.gpu == "none" else options.gpu,
        level=_level(solver, folder),
        extra=options.extra,
        snapshot_after_train=solver.flag("snapshot_after_train", True),
        source=path,
        prefix=folder / prefix,
        max_iter=run_solver.integer("max_iter") or 0,
        display=run_solver.integer("display") or 0,
    )
    return Launch(
        job,
        source,
        run_solver,
        bytes(draft.document) if is_copied else None,
        tuple(fields) if is_copied else (),
        folder / prefix,
        run,
        record,
        _iteration_of(snapshot),
        tuple(passed_over),
    )


def _newest_snapshot(solver: Solver, folder: Path, prefix: Path, passed_over: list[str]) -> str:
    """The snapshot to resume from; `passed_over` gets a sentence for each that is newer."""
    params = _train_params(solver, folder, prefix)
    return str(relative_to_cwd(newest_whole_state(prefix, *params, passed_over.append)))


def _read_solver(path: str, record: NetRecord | None) -> SourceFile:
    """The solver; where it is missing and a patch wrote it, the error says how to get it back."""
    try:
        return read_source(path)
    except FileError as error:
        if record is not None and error.data.get("errno") == errno.ENOENT:
            error.hint = (
                f"ssdh.toml lists it as written; to write it again: {record.command('patch')}"
            )
        raise


def _train_params(solver: Solver, folder: Path, prefix: Path) -> tuple[LayerParams, str]:
    """The layers of the train net with the shapes of their params, and its name."""
    try:
        subject = subject_of(solver, folder, prefix)
    except SsdhError:
        return (), ""  # the checks report it
    if not subject.nets:
        return (), ""
    return subject.shapes[0].layer_params, subject.nets[0][0].file


def _iteration_of(snapshot: str | None) -> int | None:
    if snapshot is None:
        return None
    from ssdh_surgery.caffe.weights.solverstate import read_solver_state

    try:
        return read_solver_state(snapshot).iteration
    except SsdhError:
        return None  # the engine says what is wrong with it


def _solver_path(
    options: TrainOptions, workspace: Workspace | None
) -> tuple[str, NetRecord | None]:
    if options.solver:
        return options.solver, None
    record = workspace.net(options.net) if workspace else None
    if record is None:
        raise UsageError(
            "no ssdh.toml here or above: name the solver",
            hint=_solver_hint(),
        )
    path = record.path("solver")
    if path is None:
        raise UsageError(
            f"ssdh.toml names no solver for '{record.stem}'", hint="ssdh train SOLVER.prototxt"
        )
    return str(path), record


def _level(solver: Solver, folder: Path) -> int:
    """The level that the train net is built for; a net that cannot be read is left to the check."""
    try:
        runs = runs_of(solver, folder)
    except SsdhError:
        return 0
    return runs[0][1].level if runs else 0


def _solver_hint() -> str:
    """The command to run in a folder without a workspace."""
    solvers = [each for each in neighbours(Path()) if each.kind is Kind.SOLVER]
    if len(solvers) == 1:
        return f"ssdh train {shlex.quote(solvers[0].name)}, or run ssdh patch first"
    return "ssdh train SOLVER.prototxt, or run ssdh patch first"


def _copy_fields(options: TrainOptions, solver: Solver, prefix: str) -> list[tuple[str, str]]:
    """The fields that a copy of the solver sets: another `max_iter`, or the CPU."""
    fields = []
    if options.iterations is not None:
        fields.append(("max_iter", str(options.iterations)))
    if options.gpu == "none":
        fields.append(("solver_mode", "CPU"))
    if fields and prefix != solver.string("snapshot_prefix"):
        # Caffe would name the snapshots after the copy.
        fields.append(("snapshot_prefix", prefix))
    return fields
