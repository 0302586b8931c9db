"""`ssdh train --dry-run`: the command of a launch, and everything in its way."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ssdh_surgery.findings import CPU_ONLY_CAFFE, NO_SNAPSHOT_FOLDER, NOTHING_LEFT, Finding
from ssdh_surgery.location import path_in_shell
from ssdh_surgery.pipeline.check.check import check_solver
from ssdh_surgery.pipeline.train.command_lines import caffe_line, own_line
from ssdh_surgery.pipeline.train.earlier_runs import earlier_run_refusal, finish_message
from ssdh_surgery.pipeline.train.engine import find_program
from ssdh_surgery.pipeline.train.launch import Launch, TrainOptions, launch_target
from ssdh_surgery.pipeline.workspace.paths import relative_to_cwd

# Findings that a dry run has a sentence of its own for.
_LISTED = (CPU_ONLY_CAFFE, NO_SNAPSHOT_FOLDER, NOTHING_LEFT)


@dataclass(frozen=True)
class DryRun:
    """The line to type, what is in its way or doubtful, and what else would happen."""

    line: str
    obstacles: tuple[str, ...]
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()


def dry_run(options: TrainOptions, launch: Launch) -> DryRun:
    """The command of a launch; nothing is written, and nothing that is missing is an error.

    The line is caffe's, and for the embedded engine, or where a copy of the solver is written
    first, that of ssdh.
    """
    obstacles = [f"{error.location}: {error.message}" for error in launch.missing]
    earlier = None if options.force else launch.earlier_snapshot
    if earlier is not None:
        refusal = earlier_run_refusal(launch, earlier)
        obstacles.append(f"{refusal.location}: {refusal.message}; {refusal.hint}")
    obstacles += [finish_message(launch)] if launch.is_finished else []
    notes = []
    checked = check_solver(
        launch.solver,
        launch.job.cwd,
        launch.prefix,
        launch.weights,
        snapshot=launch.job.snapshot,
        target=launch_target(options),
    )
    if any(finding.rule is NO_SNAPSHOT_FOLDER for finding in checked):
        folder = path_in_shell(str(relative_to_cwd(launch.prefix.parent)))
        notes.append(f"{folder} would be created")
    missing = [error.location for error in launch.missing]
    findings = tuple(
        finding
        for finding in checked
        if finding.rule not in _LISTED and finding.location not in missing
    )
    if options.engine == "torch":
        return DryRun(own_line(options, launch), tuple(obstacles), findings, tuple(notes))
    program, obstacle = find_program(options, launch)
    line = caffe_line(launch, program)
    if obstacle:
        obstacles.append(obstacle)
        if options.engine == "auto" and options.caffe is None:
            embedded = own_line(replace(options, engine="torch"), launch)
            notes.append(f"the embedded engine would train: {embedded}")
    if launch.copy_fields:
        fields = ", ".join(f"{name}: {value}" for name, value in launch.copy_fields)
        notes.append(f"{launch.run.solver} would be written, with {fields}, for: {line}")
        line = own_line(options, launch)
    return DryRun(line, tuple(obstacles), findings, tuple(notes))
