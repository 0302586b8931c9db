"""`ssdh check`: the findings about solvers with their nets, or about nets alone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ssdh_surgery.caffe.net.kind import Kind
from ssdh_surgery.caffe.net.net import net_of
from ssdh_surgery.caffe.net.solver import Solver
from ssdh_surgery.errors import FileError, SsdhError, UsageError, did_you_mean, near_file
from ssdh_surgery.files import absence
from ssdh_surgery.findings import RULES, UNREADABLE_NET, Finding
from ssdh_surgery.location import Location
from ssdh_surgery.pipeline.check.check import check, check_net, net_subject
from ssdh_surgery.pipeline.check.databases import Databases, Progress
from ssdh_surgery.pipeline.check.solver.schedule import schedule_text
from ssdh_surgery.pipeline.check.subject import refuse_two_starts, subject_of
from ssdh_surgery.pipeline.check.target import target_of
from ssdh_surgery.pipeline.check.weights.weights_copy import WeightsCopy, weights_copies
from ssdh_surgery.pipeline.files.caffe_paths import launch_folder
from ssdh_surgery.pipeline.files.sources import SourceFile, read_source
from ssdh_surgery.pipeline.workspace.workspace import Workspace

# A comment on the line of a finding that silences it: `# ssdh: ignore SSDH101, SSDH104`.
_SILENCED = re.compile(r"#\s*ssdh:\s*ignore\s+([\w, -]+)")


@dataclass(frozen=True)
class CheckOptions:
    """The options of a check.

    Attributes:
        files: solvers and nets; without any, the solver of the workspace.
        weights: the weights that a run would start from.
        snapshot: the solverstate that a run would resume from.
        engine: the engine that would train.
        net: the net of the workspace, where it has several.
        select: codes, names or beginnings of codes to report; all if empty.
        ignore: those to leave out, beside the workspace's `[check] ignore`.
    """

    files: tuple[str, ...] = ()
    weights: tuple[str, ...] = ()
    snapshot: str | None = None
    engine: str = "auto"
    net: str | None = None
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()


@dataclass
class CheckReport:
    """What a check found.

    Attributes:
        findings: the findings, file by file.
        weights: what the train net of a solver takes from each weights file.
        schedules: the learning rate of each solver over its run.
    """

    findings: list[Finding] = field(default_factory=list)
    weights: list[WeightsCopy] = field(default_factory=list)
    schedules: list[str] = field(default_factory=list)

    def count(self, severity: str) -> int:
        """The number of findings of a severity."""
        return sum(finding.severity == severity for finding in self.findings)

    def as_json(self) -> dict[str, Any]:
        """The answer of `check --json`."""
        return {
            "findings": [_finding_json(each) for each in self.findings],
            "weights": [row for copy in self.weights for row in copy.as_json()],
            "schedules": self.schedules,
        }


def report(options: CheckOptions, progress: Progress | None = None) -> CheckReport:
    """Check solvers with their nets, data and weights, and nets that no solver runs.

    Args:
        options: the options.
        progress: called with what is read, the number of records that are done, and of all.

    Raises:
        FileError: a file on the command line cannot be read.
        UsageError: no file is named and there is no workspace, weights and a snapshot are given,
            or a code does not exist.
        SsdhError: a file on the command line is not a solver or a net.
    """
    refuse_two_starts(options.weights, options.snapshot)
    workspace = Workspace.find()
    ignored = (*options.ignore, *(workspace.ignored_findings if workspace else ()))
    for word in (*options.select, *ignored):
        _refuse_unknown(word)
    for name in (*options.weights, *([options.snapshot] if options.snapshot else [])):
        if not Path(name).is_file():
            raise FileError(absence(name), location=Location(name), hint=near_file(name))
    result, databases = CheckReport(), Databases(progress)
    sources = [read_source(name) for name in options.files or _recorded(workspace, options)]
    solvers = [source for source in sources if source.kind is Kind.SOLVER]
    for source in solvers:
        _check_solver(source, options, databases, result)
    for source in sources:
        if source.kind is not Kind.SOLVER:
            net, target = net_of(source.document), target_of(options.engine)
            subject = net_subject(net, source.path, options.weights, databases, target)
            result.findings += check_net(subject)
            result.weights += weights_copies(subject)
    result.findings = [
        finding
        for finding in dict.fromkeys(result.findings)
        if not _matches(finding, (*ignored, *_silenced(finding)))
        and (not options.select or _matches(finding, options.select))
    ]
    return result


def _recorded(workspace: Workspace | None, options: CheckOptions) -> list[str]:
    """The solver of the workspace, else its train net."""
    record = workspace.net(options.net) if workspace else None
    path = (record.path("solver") or record.path("train")) if record else None
    if path is None:
        raise UsageError("no ssdh.toml here or above: name a solver or nets")
    return [str(path)]


def _check_solver(
    source: SourceFile, options: CheckOptions, databases: Databases, result: CheckReport
) -> None:
    solver = Solver(source.document)
    try:
        folder = launch_folder(solver, Path(source.name))
        prefix = folder / solver.snapshot_prefix(source.name, folder)
        subject = subject_of(
            solver,
            folder,
            prefix,
            options.weights,
            snapshot=options.snapshot,
            target=target_of(options.engine),
            databases=databases,
        )
    except SsdhError as error:
        result.findings.append(UNREADABLE_NET.at(error.location, error.message, error.hint))
        return
    result.findings += check(subject)
    result.weights += weights_copies(subject)
    if (text := schedule_text(subject)) is not None:
        result.schedules.append(text)


def _refuse_unknown(word: str) -> None:
    """Refuse what is neither a code, nor a name, nor the beginning of a code.

    Raises:
        UsageError: it is none of them.
    """
    names = {rule.name for rule in RULES.values()} | set(RULES)
    if word not in names and not any(code.startswith(word) for code in RULES if len(word) > 4):
        raise UsageError(
            f"no finding has the code or name '{word}'", hint=did_you_mean(word, names)
        )


def _matches(finding: Finding, words: Iterable[str]) -> bool:
    return any(word == finding.name or finding.code.startswith(word) for word in words if word)


def _silenced(finding: Finding) -> Sequence[str]:
    """The codes that a comment on the line of a finding silences."""
    text = finding.location.text if finding.location else None
    comment = _SILENCED.search(text or "")
    return re.split(r"[\s,]+", comment[1].strip()) if comment else ()


def _finding_json(finding: Finding) -> dict[str, Any]:
    place = finding.location
    return finding.as_json() | {
        "file": place.file if place else None,
        "line": place.line if place else None,
        "column": place.column if place else None,
    }
