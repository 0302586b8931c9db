"""The last story: the deploy net gets the hash layer that the train net was trained with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ssdh_surgery.caffe.heads import num_output
from ssdh_surgery.caffe.kind import Kind
from ssdh_surgery.caffe.net import Net
from ssdh_surgery.errors import Location, SurgeryError, UsageError
from ssdh_surgery.files import digest
from ssdh_surgery.pipeline import record
from ssdh_surgery.pipeline.outputs import Mode, WritePlan, write_all
from ssdh_surgery.pipeline.patch import Patched, PatchedFile, finish_deploy
from ssdh_surgery.pipeline.sources import SourceFile, neighbours, read_source
from ssdh_surgery.pipeline.workspace import NetRecord, Workspace, seen_from_here
from ssdh_surgery.surgery.recipe import Recipe


@dataclass(frozen=True)
class DeployOptions:
    """What a command line asks for; None is what it left open."""

    at: str | None = None
    head: str | None = None
    recipe: dict[str, Any] = field(default_factory=dict)
    net: str | None = None
    binary: bool = False
    batch: int | None = None


def deploy(name: str | None, options: DeployOptions, plan: WritePlan) -> Patched:
    """Put the hash layer into a deploy net.

    Args:
        name: the deploy net, the train net that it goes with, or None for the workspace's.
        options: what was asked for; the rest comes from the workspace, then the recipe.
        plan: the writing options.

    Raises:
        UsageError: there is no workspace and nothing was named, or there are several files.
        SsdhError: the deploy net cannot be found or changed; nothing was written.
    """
    workspace = Workspace.find() if name != "-" else None
    known = workspace.net(options.net) if workspace else None
    recipe = record.recipe(options.recipe, known)
    source = _chosen(name, known, recipe)
    net = Net(source.document)
    at = options.at or (str(known.get("features")) if known and known.get("features") else None)
    result = finish_deploy(
        source, net, recipe, at, options.head, plan, binary=options.binary, batch=options.batch
    )
    notes = _differences_from_train(net, known)
    written: list[Path] = []
    if plan.mode is Mode.WRITE and source.path is not None:
        written = write_all([result.output] if result.is_changed else [], plan)
        if workspace is not None and known is not None:
            _remember(workspace, known, result)
    return Patched((result,), workspace, tuple(written), tuple(notes))


def _chosen(name: str | None, known: NetRecord | None, recipe: Recipe) -> SourceFile:
    if name is None:
        if known is None:
            raise UsageError(
                "no ssdh.toml here or above: name the deploy net",
                hint="ssdh deploy deploy.prototxt, or run ssdh patch first",
            )
        train = known.path("train")
        assert train is not None, "every record has its train net"
        return _beside(read_source(str(train)), known, recipe)
    source = read_source(name)
    if source.kind is Kind.SOLVER or source.kind is Kind.UNKNOWN:
        raise SurgeryError(
            f"a net is needed, and this is {_named(source.kind)}", location=Location(source.name)
        )
    return source if source.kind is Kind.DEPLOY else _beside(source, known, recipe)


def _named(kind: Kind) -> str:
    return kind.value if kind is Kind.UNKNOWN else f"a {kind.value}"


def _beside(train: SourceFile, known: NetRecord | None, recipe: Recipe) -> SourceFile:
    """The deploy file that goes with a train net, looked for beside it."""
    ours = set(known.get("written", {})) if known else set()
    folders = [train.folder]
    if known:
        folders += [(known.folder / name).parent for name in known.get("sources", {})]
    found = [
        source
        for folder in dict.fromkeys(path.resolve() for path in folders)
        for source in neighbours(seen_from_here(folder))
        if source.kind is Kind.DEPLOY
        and source.path is not None
        and record.relative(source.path, known.folder if known else folder) not in ours
        and not Net(source.document).named(recipe.code_name)
        and _fits(Net(source.document), Net(train.document), recipe)
    ]
    if len(found) == 1:
        return found[0]
    if not found:
        raise SurgeryError(
            "no deploy net beside this train net has the same layers",
            location=Location(train.name),
            hint="name it: ssdh deploy FILE",
        )
    default = [source for source in found if source.path and source.path.name == "deploy.prototxt"]
    if len(default) == 1:
        return default[0]
    names = ", ".join(source.name for source in found)
    raise UsageError(f"several deploy nets fit: {names}", hint="name one: ssdh deploy FILE")


def _fits(deploy_net: Net, train: Net, recipe: Recipe) -> bool:
    """Whether a deploy net has the layers with weights that the codes of a train net need."""
    needed = _weighted_below_code(train, recipe)
    return bool(needed) and not _clashes(deploy_net, needed)


def _weighted_below_code(train: Net, recipe: Recipe) -> dict[str, tuple[str, int | None]]:
    """Type and outputs of the layers with outputs below the hash layer, by name."""
    graph = train.graph("TEST")
    code = [layer for layer in graph.layers if layer.name == recipe.code_name]
    below = graph.below(code or list(graph.layers))
    return {
        layer.name: (layer.type, num_output(layer))
        for layer in graph.layers
        if layer.index in below
        and num_output(layer) is not None
        and layer.name != recipe.latent_name
    }


def _clashes(net: Net, needed: dict[str, tuple[str, int | None]]) -> list[str]:
    have = {layer.name: (layer.type, num_output(layer)) for layer in net.layers}
    return [name for name, what in needed.items() if have.get(name) != what]


def _differences_from_train(net: Net, known: NetRecord | None) -> Sequence[str]:
    """Layers that the codes need and that differ from the train net's: their weights are lost."""
    train = known.path("train") if known else None
    if known is None or train is None or not train.is_file():
        return ()
    recipe = record.recipe({}, known)
    clashes = _clashes(net, _weighted_below_code(Net(read_source(str(train)).document), recipe))
    if not clashes:
        return ()
    return (
        f"layers differ from {train} in name, type or outputs, so trained weights will not "
        f"reach them: {', '.join(clashes[:5])}",
    )


def _remember(workspace: Workspace, known: NetRecord, result: PatchedFile) -> None:
    assert result.source.path is not None
    source = record.relative(result.source.path, workspace.folder)
    output = record.relative(result.output.path, workspace.folder)
    values: dict[str, Any] = {"deploy": output}
    if result.is_changed:
        data = result.output.data if source == output else result.source.data
        values["sources"] = {source: digest(data)}
        values["written"] = {output: digest(result.output.data)}
    workspace.record(known.stem, values)
    workspace.save()
