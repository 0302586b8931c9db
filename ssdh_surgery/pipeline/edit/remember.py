"""What a patch remembers in the workspace: values, paths and hashes, never a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ssdh_surgery.caffe.net.heads import HashLayer, Head, hash_layer_below, heads, num_output
from ssdh_surgery.caffe.net.kind import Kind
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.net.solver import Solver
from ssdh_surgery.files import digest
from ssdh_surgery.pipeline.edit.hash_net import HashResult
from ssdh_surgery.pipeline.edit.input_geometry import KEYS, input_geometry
from ssdh_surgery.pipeline.edit.result import FileResult
from ssdh_surgery.pipeline.settings.settings import Settings
from ssdh_surgery.pipeline.workspace.net_record import NetRecord
from ssdh_surgery.pipeline.workspace.paths import relative
from ssdh_surgery.pipeline.workspace.workspace import Workspace
from ssdh_surgery.surgery.hashing.objective import has_objective


@dataclass(frozen=True)
class GroupResult:
    """A train net that was patched, with all that the workspace records of it.

    `net` and `head` are as they were, `after` is the net as it is now.
    """

    stem: str
    net: Net
    after: Net
    head: Head
    hashed: HashResult
    results: Sequence[FileResult]
    settings: Settings


def remember(workspace: Workspace, patched: GroupResult, record: NetRecord | None) -> None:
    """Record a patched net; of one that was patched before, what it has now.

    Raises:
        WorkspaceError: a name is not text that TOML can hold.
    """
    if patched.hashed.insertion is None and record is not None:
        _refresh(workspace, patched, record)
        return
    values = {
        **_of_files(workspace, patched.results),
        **_of_hash_layer(patched, record),
        **_of_input(patched),
    }
    workspace.record(patched.stem, {**values, **_stale(record, values)})


def _of_input(patched: GroupResult) -> dict[str, Any]:
    return input_geometry(patched.after, patched.results[0].source.path)


def _of_hash_layer(patched: GroupResult, record: NetRecord | None) -> dict[str, Any]:
    recipe, hashed = patched.settings.recipe, patched.hashed
    values: dict[str, Any] = {
        "remove": recipe.remove,
        "classifier_source": patched.head.classifier.name,
    }
    if hashed.insertion is not None:
        classifier = hashed.insertion.classifier
        values |= {
            "bits": recipe.bits,
            "features": hashed.insertion.features,
            "latent": recipe.latent_name,
            "code": recipe.code_name,
            "classifier": classifier,
            "classes": num_output(patched.after.named(classifier)[0]),
            "objective": "ssdh" if hashed.has_objective else "sigmoid",
        }
    elif hashed.existing is not None:
        values |= _of_existing(patched.after, hashed.existing)
    values["options"] = patched.settings.as_toml(record.options if record else {})
    return values


def _of_files(workspace: Workspace, results: Sequence[FileResult]) -> dict[str, Any]:
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


def _source_name(workspace: Workspace, each: FileResult) -> str:
    return relative(each.source.path, workspace.folder) if each.source.path else each.source.name


def _recorded_source(each: FileResult) -> bytes:
    """What the source holds after all is written: with `--in-place` the result."""
    return each.output.data if each.output.path == each.source.path else each.source.data


def _stale(record: NetRecord | None, values: Mapping[str, Any]) -> dict[str, Any]:
    """Our own keys that no longer hold, to be removed; what belongs to the deploy net stays."""
    if record is None:
        return {}
    stale: dict[str, Any] = {
        key: None
        for key in ("solver", "solver_source", "snapshot_prefix", *KEYS)
        if key not in values and key in record.values
    }
    kept = {record.get("deploy"), record.get("deploy_source")}
    for key in ("sources", "written"):
        old, new = record.get(key, {}), values[key]
        removed = {name: None for name in old if name not in new and name not in kept}
        if removed and new:
            stale[key] = {**new, **removed}
    return stale


def _refresh(workspace: Workspace, patched: GroupResult, record: NetRecord) -> None:
    """Update a net that was patched before: its files' hashes, and what was set anew."""
    sources, written = record.get("sources", {}), record.get("written", {})
    values: dict[str, Any] = {"sources": {}, "written": {}}
    for each in patched.results:
        if each.source.path is None:
            continue
        source = relative(each.source.path, workspace.folder)
        output = relative(each.output.path, workspace.folder)
        if source in sources:
            values["sources"][source] = digest(_recorded_source(each))
        if output in written or each.is_changed:
            values["written"][output] = digest(each.output.data)
        if each.is_changed and each.source.kind is Kind.TRAIN and record.get("train") == source:
            values["train"] = output
        if each.is_changed and each.source.kind is Kind.SOLVER and record.get("solver") == source:
            values["solver"] = output
            prefix = Solver(each.after).string("snapshot_prefix")
            values |= {"snapshot_prefix": prefix} if prefix else {}
    if patched.results[0].is_changed:
        assert patched.hashed.existing is not None, "a net without a new hash layer has one"
        values |= {**_of_existing(patched.after, patched.hashed.existing), **_of_input(patched)}
    workspace.record(record.stem, values)


def _of_existing(net: Net, before: HashLayer) -> dict[str, Any]:
    """The hash layer of a net as it is now; it may have been adjusted."""
    for head in heads(net):
        hash_layer = hash_layer_below(net, head.classifier)
        if hash_layer is not None and hash_layer.latent.index == before.latent.index:
            return {
                "bits": hash_layer.bits,
                "features": hash_layer.latent.bottoms[0],
                "latent": hash_layer.latent.name,
                "code": hash_layer.code.tops[0],
                "classifier": head.classifier.name,
                "classes": head.classes,
                "objective": "ssdh" if has_objective(net, hash_layer) else "sigmoid",
            }
    return {}


def remember_deploy(workspace: Workspace, record: NetRecord, result: FileResult) -> None:
    """Record the deploy net of a patched net."""
    output = relative(result.output.path, workspace.folder)
    source = _source_name(workspace, result)
    if record.lists_as_written(result.source.place) and not result.is_changed:
        return
    values: dict[str, Any] = {"deploy": output}
    if result.is_changed or result.source.is_zoo:
        values["deploy_source"] = source
        values["written"] = {output: digest(result.output.data)}
        if result.source.path:
            values["sources"] = {source: digest(_recorded_source(result))}
    workspace.record(record.stem, values)
