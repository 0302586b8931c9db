"""What a patch remembers in the workspace: values, paths and hashes, never a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ssdh_surgery.caffe.net.heads import Head, hash_layer_below, heads
from ssdh_surgery.caffe.net.kind import Kind
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.net.solver import Solver
from ssdh_surgery.files import digest
from ssdh_surgery.pipeline.edit.draft import head_named
from ssdh_surgery.pipeline.edit.input_geometry import KEYS, input_geometry
from ssdh_surgery.pipeline.edit.objective import has_full_objective
from ssdh_surgery.pipeline.edit.result import PatchedFile, Step
from ssdh_surgery.pipeline.settings.options import as_toml
from ssdh_surgery.pipeline.settings.settings import Settings
from ssdh_surgery.pipeline.workspace.net_record import NetRecord
from ssdh_surgery.pipeline.workspace.paths import relative
from ssdh_surgery.pipeline.workspace.workspace import Workspace

# In the net's own table under other names, so not among its options.
_OWN = ("bits", "latent_name", "code_name", "remove")


@dataclass(frozen=True)
class PatchedNet:
    """A train net that was patched: what there is to remember of it.

    `net` and `head` are as they were, `after` is the net as it is now.
    """

    stem: str
    net: Net
    after: Net
    head: Head
    step: Step
    results: Sequence[PatchedFile]
    wanted: Settings


def remember(workspace: Workspace, done: PatchedNet, known: NetRecord | None) -> None:
    """Record a patched net; of one that was patched before, what is there now.

    Raises:
        WorkspaceError: a name is no text that TOML can hold.
    """
    if done.step.hashed is None and known is not None:
        _refresh(workspace, done, known)
        return
    values = {**_of_files(workspace, done.results), **_of_hash_layer(done), **_input(done)}
    workspace.record(done.stem, {**values, **_stale(known, values)})


def _input(done: PatchedNet) -> dict[str, Any]:
    return input_geometry(done.after, done.results[0].source.path)


def _of_hash_layer(done: PatchedNet) -> dict[str, Any]:
    recipe, hashed, head = done.wanted.recipe, done.step.hashed, done.head
    values: dict[str, Any] = {
        "remove": recipe.remove,
        "classifier_source": head.classifier.name,
    }
    if hashed is not None:
        values |= {
            "bits": recipe.bits,
            "features": hashed.features,
            "latent": recipe.latent_name,
            "code": recipe.code_name,
            "classifier": hashed.classifier,
        }
        values |= _of_head(done.after, hashed.classifier)
    elif done.step.existing is not None:
        values |= _of_existing(done.after, done.step)
    options = {name: each for name, each in done.wanted.values.items() if name not in _OWN}
    values["options"] = as_toml(Settings(options)) or None
    return values


def _of_head(net: Net, classifier: str) -> dict[str, Any]:
    """What a head is trained for, as the net is now."""
    full = has_full_objective(net, classifier)
    return {
        "classes": head_named(net, classifier).classes,
        "objective": "ssdh" if full else "sigmoid",
    }


def _of_files(workspace: Workspace, results: Sequence[PatchedFile]) -> dict[str, Any]:
    folder = workspace.folder
    train = results[0]
    solver = next((each for each in results if each.source.kind is Kind.SOLVER), None)
    values: dict[str, Any] = {
        "train": relative(train.output.path, folder),
        "train_source": _source_name(workspace, train),
        "sources": {
            _source_name(workspace, each): digest(_recorded_source(each))
            for each in results
            if each.source.path
        },
        "written": {
            relative(each.output.path, folder): digest(each.output.data)
            for each in results
            if each.is_changed or each.source.is_zoo
        },
    }
    if solver is not None:
        values["solver"] = relative(solver.output.path, folder)
        values["solver_source"] = _source_name(workspace, solver)
        values["snapshot_prefix"] = Solver(solver.after).string("snapshot_prefix") or None
    return values


def _source_name(workspace: Workspace, each: PatchedFile) -> str:
    return relative(each.source.path, workspace.folder) if each.source.path else each.source.name


def _recorded_source(each: PatchedFile) -> bytes:
    """What the source holds after all is written: with `--in-place` the result."""
    return each.output.data if each.output.path == each.source.path else each.source.data


def _stale(known: NetRecord | None, values: Mapping[str, Any]) -> dict[str, Any]:
    """Our own keys that no longer hold, to be removed; what belongs to the deploy net stays."""
    if known is None:
        return {}
    gone: dict[str, Any] = {
        key: None
        for key in ("solver", "solver_source", "snapshot_prefix", *KEYS)
        if key not in values and key in known.values
    }
    kept = {known.get("deploy"), known.get("deploy_source")}
    for key in ("options", "sources", "written"):
        old, new = known.get(key, {}), values[key] or {}
        removed = {name: None for name in old if name not in new and name not in kept}
        if removed and new:
            gone[key] = {**new, **removed}
    return gone


def _refresh(workspace: Workspace, done: PatchedNet, known: NetRecord) -> None:
    """A net that was patched before: its files' hashes, and what was set anew."""
    sources, written = known.get("sources", {}), known.get("written", {})
    values: dict[str, Any] = {"sources": {}, "written": {}}
    for each in done.results:
        if each.source.path is None:
            continue
        source = relative(each.source.path, workspace.folder)
        output = relative(each.output.path, workspace.folder)
        if source in sources:
            values["sources"][source] = digest(_recorded_source(each))
        if output in written or each.is_changed:
            values["written"][output] = digest(each.output.data)
        if each.is_changed and each.source.kind is Kind.TRAIN and known.get("train") == source:
            values["train"] = output
        if each.is_changed and each.source.kind is Kind.SOLVER and known.get("solver") == source:
            values["solver"] = output
            prefix = Solver(each.after).string("snapshot_prefix")
            values |= {"snapshot_prefix": prefix} if prefix else {}
    if done.results[0].is_changed:
        values |= {**_of_existing(done.after, done.step), **_input(done)}
    workspace.record(known.stem, values)


def _of_existing(net: Net, step: Step) -> dict[str, Any]:
    """The hash layer of a net as it is, perhaps after it was set anew."""
    assert step.existing is not None, "what was not hashed had a hash layer"
    place = step.existing.latent.index
    for head in heads(net):
        there = hash_layer_below(net, head.classifier)
        if there is not None and there.latent.index == place:
            return {
                "bits": there.bits,
                "features": there.latent.bottoms[0],
                "latent": there.latent.name,
                "code": there.code.tops[0],
                "classifier": head.classifier.name,
                **_of_head(net, head.classifier.name),
            }
    return {}


def remember_deploy(workspace: Workspace, known: NetRecord, result: PatchedFile) -> None:
    """Record the deploy net of a patched net."""
    output = relative(result.output.path, workspace.folder)
    source = _source_name(workspace, result)
    if known.lists_as_written(result.source.place) and not result.is_changed:
        return
    values: dict[str, Any] = {"deploy": output}
    if result.is_changed or result.source.is_zoo:
        values["deploy_source"] = source
        values["written"] = {output: digest(result.output.data)}
        if result.source.path:
            values["sources"] = {source: digest(_recorded_source(result))}
    workspace.record(known.stem, values)
