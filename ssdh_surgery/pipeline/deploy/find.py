"""Find the source of a deploy net: a deploy file that fits the train net, or the train net."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Literal

from ssdh_surgery import zoo
from ssdh_surgery.caffe.net.kind import Kind
from ssdh_surgery.caffe.net.net import net_of
from ssdh_surgery.errors import FileError, SurgeryError, UsageError, WorkspaceError
from ssdh_surgery.location import Location
from ssdh_surgery.pipeline.deploy.compare import Comparison, train_view
from ssdh_surgery.pipeline.files.caffe_paths import working_folders
from ssdh_surgery.pipeline.files.file_group import DEPLOY_NAME
from ssdh_surgery.pipeline.files.sources import (
    NETS,
    SourceFile,
    need,
    neighbours,
    read_source,
    unreadable_neighbours,
)
from ssdh_surgery.pipeline.settings.settings import Settings
from ssdh_surgery.pipeline.workspace.net_record import NetRecord
from ssdh_surgery.pipeline.workspace.paths import NAME, relative_to_cwd

Origin = Literal["train", "deploy"]
# A file without a layer is not a net: solvers are not parsed.
_LAYERS = re.compile(rb"layer")
# The name of a deploy file, for one that cannot be parsed.
_LIKE_DEPLOY = re.compile(rb"deploy")


def find_source(
    name: str | None, record: NetRecord | None, settings: Settings, origin: Origin | None
) -> SourceFile:
    """Find the deploy file, or the train net to derive one from.

    Args:
        name: the deploy net, its train net, or None for those of the workspace.
        record: the workspace's record of the train net.
        settings: the effective settings.
        origin: which of the two must be found; None for the deploy file if there is one.

    Raises:
        UsageError: nothing was named and there is no workspace, or several deploy files fit.
        WorkspaceError: the record names no train net.
        SurgeryError: what was named is not a net, or no deploy file fits where one must.
    """
    if name is None:
        if record is None:
            raise UsageError(
                "no ssdh.toml here or above: name the deploy net", hint=_folder_hint(Path())
            )
        return _recorded_source(record, settings, origin)
    source = read_source(name)
    need(source, *NETS)
    if source.kind is Kind.DEPLOY:
        if origin == "train":
            need(source, Kind.TRAIN)
        return source
    if source.is_stdin and origin == "deploy":
        need(source, Kind.DEPLOY)
    return source if source.is_stdin else _deploy_or_train(source, record, settings, origin)


def _folder_hint(folder: Path) -> str:
    """The command to run in a folder without a workspace, with the nets that it has."""
    sources = neighbours(folder)
    trains = [shlex.quote(each.name) for each in sources if each.kind is Kind.TRAIN]
    deploys = [shlex.quote(each.name) for each in sources if each.kind is Kind.DEPLOY]
    patch = f"ssdh patch {trains[0]}, then ssdh deploy" if len(trains) == 1 else ""
    deploy = f"ssdh deploy {deploys[0]}" if deploys else ""
    return "; or ".join(filter(None, [patch, deploy])) or (
        "ssdh deploy deploy.prototxt, or run ssdh patch first"
    )


def _recorded_source(record: NetRecord, settings: Settings, origin: Origin | None) -> SourceFile:
    """The source that the workspace records, else one that fits its train net."""
    name = record.get("deploy_source")
    path = record.path("deploy_source")
    if name is not None and zoo.is_zoo_name(str(name)) and origin != "train":
        return read_source(str(name))
    if path is not None and path.is_file():
        source = read_source(str(path))
        if origin is None or origin == ("train" if source.kind is Kind.TRAIN else "deploy"):
            return source
    train = record.path("train")
    if train is None:
        raise WorkspaceError(
            f"[nets.{record.stem}] names no train net",
            location=Location(str(record.folder / NAME)),
            hint="run ssdh patch first",
        )
    train_source = str(record.get("train_source", ""))
    if zoo.is_zoo_name(train_source) and origin != "train":
        return _deploy_or_train(read_source(train_source), record, settings, origin)
    try:
        return _deploy_or_train(read_source(str(train)), record, settings, origin)
    except FileError as error:
        error.hint = error.hint or "ssdh.toml names it: run ssdh patch again"
        raise


def _deploy_or_train(
    train: SourceFile, record: NetRecord | None, settings: Settings, origin: Origin | None
) -> SourceFile:
    """The deploy file that fits a train net; the train net itself if none does."""
    deploy = None if origin == "train" else _fitting_deploy(train, record, settings)
    if deploy is not None:
        return deploy
    if origin != "train" and not train.is_zoo:
        _refuse_unreadable_deploy(train, record)
    if origin != "deploy" and train.kind is not Kind.TRAIN:
        raise SurgeryError(
            "no deploy net next to this solver has the layers that the codes need, and a net "
            "inside a solver cannot be used to derive one",
            location=Location(train.name),
            hint="name one: ssdh deploy FILE; or move the net to a file that net: names",
        )
    if origin == "deploy":
        raise SurgeryError(
            "no deploy net next to this train net has the layers that the codes need",
            location=Location(train.name),
            hint="name it: ssdh deploy FILE",
        )
    return train


def _refuse_unreadable_deploy(train: SourceFile, record: NetRecord | None) -> None:
    """Refuse to go on without a deploy file where one next to the train net may fit.

    Raises:
        SsdhError: what is wrong with a deploy file.
    """
    for folder in _folders(train, record):
        errors = unreadable_neighbours(relative_to_cwd(folder), _LIKE_DEPLOY)
        for path, error in errors.items():
            if record is None or not record.lists_as_written(path):
                hint = "ssdh deploy FILE takes another, ssdh deploy --from train derives one"
                error.hint = f"{error.hint}; {hint}" if error.hint else hint
                raise error


def _fitting_deploy(
    train: SourceFile, record: NetRecord | None, settings: Settings
) -> SourceFile | None:
    """The deploy file next to a train net that has the layers that the codes need, or None.

    Raises:
        UsageError: several fit, and none of them is called `deploy.prototxt`.
    """
    if train.is_zoo:
        return read_source(train.name.removesuffix("/train_val") + "/deploy")
    code = settings.recipe.code_name
    fitting = [
        source for source, comparison in _comparisons(train, record, settings) if _fits(comparison)
    ]
    plain = [source for source in fitting if not net_of(source.document).named(code)]
    fitting = plain or (fitting if _had_hash_layer(record, code) else [])
    if len(fitting) == 1:
        return fitting[0]
    if not fitting:
        return None
    default = [source for source in fitting if source.place.name == DEPLOY_NAME]
    if len(default) == 1:
        return default[0]
    names = ", ".join(source.name for source in fitting)
    raise UsageError(f"several deploy nets fit: {names}", hint="name one: ssdh deploy FILE")


def misfits(train: SourceFile, record: NetRecord | None, settings: Settings) -> list[str]:
    """Sentences on the deploy files next to a train net that differ in the shape of weights."""
    sentences: list[str] = []
    for source, comparison in _comparisons(train, record, settings):
        try:
            difference = comparison.shape_difference
        except SurgeryError:
            continue
        if difference:
            sentences.append(f"{source.name} is passed over: {difference}")
    return sentences


def _comparisons(
    train: SourceFile, record: NetRecord | None, settings: Settings
) -> list[tuple[SourceFile, Comparison]]:
    """The deploy files next to a train net, except those that were written, compared with it."""
    net, data_folders = train_view(train, record), working_folders(train.path)
    features = record.get("features") if record else None
    return [
        (source, Comparison(net_of(source.document), net, settings, features, data_folders))
        for folder in _folders(train, record)
        for source in neighbours(relative_to_cwd(folder), _LAYERS)
        if source.kind is Kind.DEPLOY and not (record and record.lists_as_written(source.place))
    ]


def _had_hash_layer(record: NetRecord | None, code: str) -> bool:
    """Whether the train net, and so its deploy net, had the hash layer before the patch."""
    path = record.path("train_source") if record else None
    if path is None or not path.is_file():
        return False
    return bool(train_view(read_source(str(path))).named(code))


def _folders(train: SourceFile, record: NetRecord | None) -> list[Path]:
    """The folder of the train net, and those of its sources."""
    folders = [train.folder]
    if record:
        folders += [(record.folder / name).parent for name in record.get("sources", {})]
    return list(dict.fromkeys(folder.resolve() for folder in folders))


def _fits(comparison: Comparison) -> bool:
    try:
        return comparison.fits
    except SurgeryError:
        return False
