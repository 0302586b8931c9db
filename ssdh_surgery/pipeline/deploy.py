"""The last story: the deploy net gets the hash layer that the train net was trained with."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from ssdh_surgery.caffe.kind import Kind
from ssdh_surgery.errors import FileError, Location, SurgeryError, UsageError, WorkspaceError
from ssdh_surgery.pipeline import record
from ssdh_surgery.pipeline.deploy_choice import deploy_beside
from ssdh_surgery.pipeline.deploy_step import deploy_settings, patched_deploy
from ssdh_surgery.pipeline.outputs import Mode, WritePlan, write_all
from ssdh_surgery.pipeline.patched import Patched
from ssdh_surgery.pipeline.settings import Settings
from ssdh_surgery.pipeline.sources import SourceFile, read_source
from ssdh_surgery.pipeline.workspace import NetRecord, Workspace


@dataclass(frozen=True)
class DeployOptions:
    """What a command line asks for; what it leaves open is not among the values."""

    given: Settings = field(default_factory=Settings)
    net: str | None = None
    binary: bool = False
    batch: int | None = None


def deploy(name: str | None, options: DeployOptions, plan: WritePlan) -> Patched:
    """Put the hash layer into a deploy net.

    Args:
        name: the deploy net, the train net that it goes with, or None for the workspace's.
        options: what was asked for; the rest comes from the workspace, then the recipe.
        plan: the writing options; a suffix that the workspace has goes before the default.

    Raises:
        UsageError: there is no workspace and nothing was named, or there are several files.
        SsdhError: the deploy net cannot be found or changed; nothing was written.
    """
    workspace = _workspace(name)
    known = workspace.net(options.net) if workspace else None
    wanted = deploy_settings(options.given, known)
    source = _chosen(name, known, wanted)
    if source.is_zoo and plan.in_place:
        raise UsageError(f"--in-place does not go with {source.name}: it is no file")
    plan = _placed(plan, name, known, wanted, source)
    result = patched_deploy(
        source, options.given, known, plan, binary=options.binary, batch=options.batch
    )
    written: list[Path] = []
    if not source.is_stdin:
        is_result = result.is_changed or source.is_zoo
        if workspace is not None and known is not None:
            record.remember_deploy(workspace, known, result)
        if plan.mode is Mode.WRITE:
            also = workspace.pending() if workspace and known else []
            written = write_all([result.output] if is_result else [], plan, also)
    warnings = workspace.nets[known.stem].warnings() if workspace and known else []
    return Patched((result,), workspace, tuple(written), warnings=tuple(warnings))


def _workspace(name: str | None) -> Workspace | None:
    """That of the current directory or above; else that of the file that was named."""
    if name == "-":
        return None
    here = Workspace.find()
    if here is None and name is not None and not name.startswith("zoo:"):
        return Workspace.find(Path(name).parent)
    return here


def _chosen(name: str | None, known: NetRecord | None, wanted: Settings) -> SourceFile:
    if name is None:
        if known is None:
            raise UsageError(
                "no ssdh.toml here or above: name the deploy net",
                hint="ssdh deploy deploy.prototxt, or run ssdh patch first",
            )
        return _of_workspace(known, wanted)
    source = read_source(name)
    if source.kind is Kind.SOLVER or source.kind is Kind.UNKNOWN:
        article = "a " if source.kind is Kind.SOLVER else ""
        raise SurgeryError(
            f"a net is needed, and this is {article}{source.kind}", location=Location(source.name)
        )
    if source.kind is Kind.DEPLOY:
        return source
    if source.is_stdin:
        raise SurgeryError(
            "a deploy net is needed, and this is a train net", location=Location(source.name)
        )
    return deploy_beside(source, known, wanted)


def _of_workspace(known: NetRecord, wanted: Settings) -> SourceFile:
    before = known.get("deploy_source")
    if before is not None and str(before).startswith("zoo:"):
        return read_source(str(before))
    path = known.path("deploy_source")
    if path is not None and path.is_file():
        return read_source(str(path))
    train = known.path("train")
    if train is None:
        raise WorkspaceError(
            f"[nets.{known.stem}] names no train net",
            location=Location(str(known.folder / "ssdh.toml")),
            hint="run ssdh patch first",
        )
    source = str(known.get("train_source", ""))
    if source.startswith("zoo:"):
        return deploy_beside(read_source(source), known, wanted)
    try:
        return deploy_beside(read_source(str(train)), known, wanted)
    except FileError as error:
        error.hint = error.hint or "ssdh.toml names it: run ssdh patch again"
        raise


def _placed(
    plan: WritePlan,
    name: str | None,
    known: NetRecord | None,
    wanted: Settings,
    source: SourceFile,
) -> WritePlan:
    """The writing options with what the workspace adds: its suffix, and its folder.

    A deploy net that was found elsewhere than beside the workspace (which `--out` put there)
    has its result beside the workspace.
    """
    suffix = wanted.get("suffix")
    if suffix is not None:
        plan = replace(plan, suffix=suffix)
    if known is None:
        return plan
    if name is None and plan.out is None and not plan.in_place and source.path:
        folder = known.folder.resolve()
        if source.folder.resolve() != folder:
            plan = replace(plan, out=Path(known.path("train") or folder).parent)
    return plan
