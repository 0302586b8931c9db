"""The story of `ssdh deploy`: a deploy net gets the hash layer of its train net, or is derived."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from ssdh_surgery import zoo
from ssdh_surgery.caffe.net.kind import Kind
from ssdh_surgery.caffe.net.net import net_of
from ssdh_surgery.caffe.weights.not_finite import weights_not_finite
from ssdh_surgery.errors import SsdhError, UsageError
from ssdh_surgery.location import path_in_shell
from ssdh_surgery.pipeline.deploy.find import Origin, find_source, misfits
from ssdh_surgery.pipeline.deploy.from_train import DeployForm, derive_deploy
from ssdh_surgery.pipeline.deploy.hash_net import deploy_settings, patch_deploy
from ssdh_surgery.pipeline.edit.remember import remember_deploy
from ssdh_surgery.pipeline.edit.result import FileResult, Results, write_results
from ssdh_surgery.pipeline.files.outputs import Mode, WritePlan, locked_for
from ssdh_surgery.pipeline.files.sources import SourceFile, places, read_source, refuse_in_place
from ssdh_surgery.pipeline.nets.deploy_net import params_below
from ssdh_surgery.pipeline.nets.snapshots import weights_misfit
from ssdh_surgery.pipeline.nets.trained_files import newest_weights
from ssdh_surgery.pipeline.settings.settings import Settings
from ssdh_surgery.pipeline.workspace.net_record import NetRecord
from ssdh_surgery.pipeline.workspace.paths import NAME, command_in_shell
from ssdh_surgery.pipeline.workspace.workspace import Workspace


@dataclass(frozen=True)
class DeployOptions:
    """The options of a command line.

    Attributes:
        explicit: the settings; those that are not set come from the workspace or the recipe.
        net: the table `[nets.STEM]` to use; None for the one that the file belongs to.
        binary: add a top of zeros and ones.
        batch: the batch size of the inputs; None leaves it.
        origin: what to make the deploy net from; None for a deploy file if there is one, else
            the train net.
        shapes: input shapes by blob name, for a net that is derived from the train net.
        with_classifier: keep the classifier above the code, which needs the train net.
    """

    explicit: Settings = field(default_factory=Settings)
    net: str | None = None
    binary: bool = False
    batch: int | None = None
    origin: Origin | None = None
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    with_classifier: bool = False


def deploy(name: str | None, options: DeployOptions, plan: WritePlan) -> Results:
    """Put the hash layer into a deploy net, or derive a deploy net from the train net.

    Args:
        name: the deploy net, its train net, or None for those of the workspace.
        options: the options; values that they leave open come from the workspace or the recipe.
        plan: the writing options; the suffix of the workspace replaces the default one.

    Raises:
        UsageError: nothing was named and there is no workspace, or several files fit.
        SsdhError: the deploy net cannot be found or changed; nothing was written.
    """
    if options.with_classifier and options.origin == "deploy":
        raise UsageError("--with-classifier needs --from train, not --from deploy")
    folder = _workspace_folder(name)
    named = [] if name is None else places([name])
    with locked_for(plan, named, [folder / NAME] if folder else []):
        return _deploy(name, options, plan, Workspace.open(folder) if folder else None)


def _deploy(
    name: str | None, options: DeployOptions, plan: WritePlan, workspace: Workspace | None
) -> Results:
    file = None if name is None else Path(name)
    if name is not None and name != "-":
        read_source(name)  # what is wrong with it comes before the choice of a net
    record = workspace.net(options.net, file) if workspace else None
    settings = deploy_settings(options.explicit, record)
    origin: Origin | None = "train" if options.with_classifier else options.origin
    source = find_source(name, record, settings, origin)
    if plan.in_place:
        refuse_in_place(source)
    is_elsewhere = plan.out is not None or options.explicit.get("suffix") is not None
    plan = _complete_plan(plan, name, record, settings, source)
    result = _make(source, options, record, plan)
    written: list[Path] = []
    if not source.is_stdin:
        if workspace is not None and record is not None:
            is_extra = options.with_classifier and is_elsewhere
            remember_deploy(workspace, record, result, is_extra=is_extra)
        if plan.mode is Mode.WRITE:
            pending = workspace.pending() if workspace and record else []
            written = write_results([result], plan, pending)
    unwritten = plan.unwritten([result.output.path])
    warnings = workspace.nets[record.stem].warnings(unwritten) if workspace and record else []
    passed_over = (
        misfits(source, record, settings) if source.kind is Kind.TRAIN and origin is None else []
    )
    weights = _weights_of(result, record) if record else _Weights()
    return Results(
        (result,),
        workspace,
        tuple(written),
        notes=(*passed_over, *weights.notes),
        warnings=(*warnings, *weights.warnings),
        next_command=weights.next_command,
    )


@dataclass(frozen=True)
class _Weights:
    """What to know of the weights of a deploy net, and the command that encodes with them."""

    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    next_command: str | None = None


def _weights_of(result: FileResult, record: NetRecord) -> _Weights:
    """The newest snapshot of the train net that fits."""
    net = net_of(result.after)
    last = net.graph("TEST").last(str(record.get("code")))
    params = params_below(net, last.writer if last else None)
    notes: list[str] = []
    try:
        misfit = partial(weights_misfit, params, str(result.output.path))
        weights = newest_weights(record, misfit, notes.append)
        bad = weights_not_finite(weights, [name for name, _ in params])
    except SsdhError:
        return _Weights()  # it is not trained yet
    notes.append(f"its weights are {path_in_shell(str(weights))}, the newest that fit")
    if bad is not None:
        return _Weights(tuple(notes), (f"{bad.message}; {bad.hint}",))
    encode = command_in_shell(["encode", "IMAGES", "-o", "codes.npz"])
    return _Weights(tuple(notes), next_command=encode)


def _workspace_folder(name: str | None) -> Path | None:
    """The folder of the workspace here or above; else that of the named file's workspace."""
    if name == "-":
        return None
    folder = Workspace.find_folder()
    if folder is None and name is not None and not zoo.is_zoo_name(name):
        return Workspace.find_folder(Path(name).parent)
    return folder


def _complete_plan(
    plan: WritePlan,
    name: str | None,
    record: NetRecord | None,
    settings: Settings,
    source: SourceFile,
) -> WritePlan:
    """The writing options, with the suffix and the folder of the workspace.

    The result goes next to the workspace where `--out` put that in another folder than the
    deploy file.
    """
    suffix = settings.get("suffix")
    if suffix is not None:
        plan = replace(plan, suffix=suffix)
    if record is None:
        return plan
    if name is None and plan.out is None and not plan.in_place and source.path:
        folder = record.folder.resolve()
        if source.folder.resolve() != folder:
            plan = replace(plan, out=Path(record.path("train") or folder).parent)
    return plan


def _make(
    source: SourceFile, options: DeployOptions, record: NetRecord | None, plan: WritePlan
) -> FileResult:
    """Derive a deploy net from a train net, or patch a deploy file."""
    if source.kind is Kind.TRAIN:
        form = DeployForm(options.shapes, options.binary, options.batch, options.with_classifier)
        return derive_deploy(source, options.explicit, record, plan, form)
    if options.shapes:
        raise UsageError(
            f"--input-shape cannot be used with {source.name}: a deploy net declares its own",
            hint="--from train derives a deploy net from the train net",
        )
    return patch_deploy(
        source, options.explicit, record, plan, binary=options.binary, batch=options.batch
    )
