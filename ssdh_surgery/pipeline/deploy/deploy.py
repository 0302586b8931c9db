"""The last story: the deploy net gets the hash layer that the train net was trained with."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from ssdh_surgery import zoo
from ssdh_surgery.caffe.net.kind import Kind
from ssdh_surgery.errors import FileError, SurgeryError, UsageError, WorkspaceError
from ssdh_surgery.location import Location
from ssdh_surgery.pipeline.deploy.find import deploy_beside
from ssdh_surgery.pipeline.deploy.from_train import DeployForm, derive_deploy
from ssdh_surgery.pipeline.deploy.hash_net import deploy_settings, patch_deploy
from ssdh_surgery.pipeline.edit import remember
from ssdh_surgery.pipeline.edit.result import FileResult, Results
from ssdh_surgery.pipeline.files.outputs import Mode, WritePlan, write_all
from ssdh_surgery.pipeline.files.sources import (
    NETS,
    SourceFile,
    need,
    neighbours,
    read_source,
    refuse_in_place,
)
from ssdh_surgery.pipeline.settings.settings import Settings
from ssdh_surgery.pipeline.workspace.net_record import NetRecord
from ssdh_surgery.pipeline.workspace.workspace import Workspace


@dataclass(frozen=True)
class DeployOptions:
    """What a command line asks for; what it leaves open is not among the values.

    `origin` says what to make the deploy net of: by itself of a deploy file, and of the train
    net where there is none. `shapes` are those of inputs, for a train net. `classifier` keeps
    the classifier above the code, which only a train net has there.
    """

    given: Settings = field(default_factory=Settings)
    net: str | None = None
    binary: bool = False
    batch: int | None = None
    origin: Literal["train", "deploy"] | None = None
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    classifier: bool = False


def deploy(name: str | None, options: DeployOptions, plan: WritePlan) -> Results:
    """Put the hash layer into a deploy net, or derive one from the train net.

    Args:
        name: the deploy net, the train net that it goes with, or None for the workspace's.
        options: what was asked for; the rest comes from the workspace, then the recipe.
        plan: the writing options; a suffix that the workspace has goes before the default.

    Raises:
        UsageError: there is no workspace and nothing was named, or there are several files.
        SsdhError: the deploy net cannot be found or changed; nothing was written.
    """
    if options.classifier and options.origin == "deploy":
        raise UsageError("--with-classifier derives from the train net, and --from says deploy")
    workspace = _workspace(name)
    file = None if name is None else Path(name)
    known = workspace.net(options.net, file) if workspace else None
    wanted = deploy_settings(options.given, known)
    origin = options.origin or ("train" if options.classifier else None)
    source = _chosen(name, known, wanted, origin)
    if plan.in_place:
        refuse_in_place(source)
    plan = _placed(plan, name, known, wanted, source)
    result = _made(source, options, known, plan)
    written: list[Path] = []
    if not source.is_stdin:
        is_result = result.is_changed or source.is_zoo
        if workspace is not None and known is not None:
            remember.remember_deploy(workspace, known, result)
        if plan.mode is Mode.WRITE:
            also = workspace.pending() if workspace and known else []
            written = write_all([result.output] if is_result else [], plan, also)
    ahead = plan.unwritten([result.output.path])
    warnings = workspace.nets[known.stem].warnings(ahead) if workspace and known else []
    return Results((result,), workspace, tuple(written), warnings=tuple(warnings))


def _workspace(name: str | None) -> Workspace | None:
    """That of the current directory or above; else that of the file that was named."""
    if name == "-":
        return None
    here = Workspace.find()
    if here is None and name is not None and not zoo.is_zoo_name(name):
        return Workspace.find(Path(name).parent)
    return here


def _made(
    source: SourceFile, options: DeployOptions, known: NetRecord | None, plan: WritePlan
) -> FileResult:
    """The deploy net: of a deploy file with the hash layer in it, of a train net derived."""
    if source.kind is Kind.TRAIN:
        form = DeployForm(options.shapes, options.binary, options.batch, options.classifier)
        return derive_deploy(source, options.given, known, plan, form)
    if options.shapes:
        raise UsageError(
            f"--input-shape does not go with {source.name}: a deploy net declares its own",
            hint="--from train derives one from the train net",
        )
    return patch_deploy(
        source, options.given, known, plan, binary=options.binary, batch=options.batch
    )


def _chosen(
    name: str | None, known: NetRecord | None, wanted: Settings, origin: str | None
) -> SourceFile:
    """The deploy file, or the train net that one is to be derived from."""
    if name is None:
        if known is None:
            raise UsageError(
                "no ssdh.toml here or above: name the deploy net", hint=_hint_of_folder(Path())
            )
        return _of_workspace(known, wanted, origin)
    source = read_source(name)
    need(source, *NETS)
    if source.kind is Kind.DEPLOY:
        if origin == "train":
            need(source, Kind.TRAIN)
        return source
    if source.is_stdin and origin == "deploy":
        need(source, Kind.DEPLOY)
    return source if source.is_stdin else _beside(source, known, wanted, origin)


def _hint_of_folder(folder: Path) -> str:
    """What to type in a folder without a workspace, by the nets that stand there."""
    found = neighbours(folder)
    trains = [shlex.quote(each.name) for each in found if each.kind is Kind.TRAIN]
    deploys = [shlex.quote(each.name) for each in found if each.kind is Kind.DEPLOY]
    patch = f"ssdh patch {trains[0]}, then ssdh deploy" if len(trains) == 1 else ""
    deploy = f"ssdh deploy {deploys[0]}" if deploys else ""
    return "; or ".join(filter(None, [patch, deploy])) or (
        "ssdh deploy deploy.prototxt, or run ssdh patch first"
    )


def _beside(
    train: SourceFile, known: NetRecord | None, wanted: Settings, origin: str | None
) -> SourceFile:
    """The deploy net beside a train net, or the train net itself where it is to be taken."""
    found = None if origin == "train" else deploy_beside(train, known, wanted)
    if found is not None:
        return found
    if origin != "deploy" and train.kind is not Kind.TRAIN:
        raise SurgeryError(
            "no deploy net beside this solver has the layers that the codes need, and none is "
            "derived from a net inside a solver",
            location=Location(train.name),
            hint="name one: ssdh deploy FILE; or move the net to a file that net: names",
        )
    if origin == "deploy":
        raise SurgeryError(
            "no deploy net beside this train net has the layers that the codes need",
            location=Location(train.name),
            hint="name it: ssdh deploy FILE",
        )
    return train


def _of_workspace(known: NetRecord, wanted: Settings, origin: str | None) -> SourceFile:
    before = known.get("deploy_source")
    path = known.path("deploy_source")
    if before is not None and zoo.is_zoo_name(str(before)) and origin != "train":
        return read_source(str(before))
    if path is not None and path.is_file():
        recorded = read_source(str(path))
        if origin is None or origin == ("train" if recorded.kind is Kind.TRAIN else "deploy"):
            return recorded
    train = known.path("train")
    if train is None:
        raise WorkspaceError(
            f"[nets.{known.stem}] names no train net",
            location=Location(str(known.folder / "ssdh.toml")),
            hint="run ssdh patch first",
        )
    source = str(known.get("train_source", ""))
    if zoo.is_zoo_name(source) and origin != "train":
        return _beside(read_source(source), known, wanted, origin)
    try:
        return _beside(read_source(str(train)), known, wanted, origin)
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
