"""What `ssdh.toml` records of a patch: values, paths and hashes, never a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ssdh_surgery.caffe.net.heads import find_head, hash_layer_below, lone_hash_layer
from ssdh_surgery.caffe.net.kind import Kind
from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.net.outputs import num_output
from ssdh_surgery.caffe.net.solver import Solver
from ssdh_surgery.files import digest
from ssdh_surgery.pipeline.edit.hash_net import HashResult
from ssdh_surgery.pipeline.edit.input_geometry import KEYS, input_geometry
from ssdh_surgery.pipeline.edit.result import FileResult
from ssdh_surgery.pipeline.files.file_group import FileGroup, map_sources
from ssdh_surgery.pipeline.settings.settings import Settings
from ssdh_surgery.pipeline.workspace.net_record import NetRecord
from ssdh_surgery.pipeline.workspace.paths import relative
from ssdh_surgery.pipeline.workspace.workspace import Workspace
from ssdh_surgery.surgery.hashing.objective import has_objective


@dataclass(frozen=True)
class GroupResult:
    """The results for a file group, and what the workspace records of them.

    Attributes:
        files: the results, that of the train net first.
        net: the train net after the patch.
        classifier: the name of its classifier before the patch; empty if it has none.
        hashing: the hash layer that it has now.
        settings: the effective settings.
    """

    files: Sequence[FileResult]
    net: Net
    classifier: str
    hashing: HashResult
    settings: Settings

    @property
    def reader(self) -> Layer:
        """The layer that reads the codes, or the latent layer in a net without classifier."""
        latent = self.hashing.hash_layer.latent.name if self.hashing.hash_layer else ""
        return self.net.named(self.hashing.classifier or latent)[0]

    def patched(self, group: FileGroup) -> FileGroup:
        """The file group itself, with its documents as they are after the patch."""
        after = {each.source.place: each.after for each in self.files}
        return map_sources(
            group,
            lambda source: replace(source, document=after.get(source.place, source.document)),
        )


def remember_group(
    workspace: Workspace, stem: str, group: GroupResult, record: NetRecord | None
) -> None:
    """Record a patched train net as `[nets.STEM]`; a hash layer patched again updates it.

    Raises:
        WorkspaceError: a name cannot be written as TOML.
    """
    if group.hashing.insertion is None and record is not None:
        workspace.record(stem, _update(workspace, group, record))
        return
    values = {
        **_file_values(workspace, group.files),
        "remove": group.settings.recipe.remove,
        **({"classifier_source": group.classifier} if group.classifier else {}),
        **_hash_values(group),
        "options": group.settings.as_toml(record.options if record else {}),
        **input_geometry(group.net, group.reader, group.files[0].source.path),
    }
    workspace.record(stem, {**values, **_removals(record, values)})


def _hash_values(group: GroupResult) -> dict[str, Any]:
    """The values of a hash layer: its width, its names and its objective."""
    recipe, hashing = group.settings.recipe, group.hashing
    if hashing.hash_layer is not None:
        return _existing_values(group.net, hashing)
    assert hashing.insertion is not None, "a net without an existing hash layer has a new one"
    classifier = hashing.insertion.classifier
    return {
        "bits": recipe.bits,
        "features": hashing.insertion.features,
        "latent": recipe.latent_name,
        "code": recipe.code_name,
        "classifier": classifier,
        "classes": num_output(group.net.named(classifier)[0]),
        "objective": "ssdh" if hashing.has_objective else "sigmoid",
    }


def _existing_values(net: Net, hashing: HashResult) -> dict[str, Any]:
    """The same of an existing hash layer, as it is after the patch."""
    head = find_head(net, hashing.classifier) if hashing.classifier else None
    hash_layer = hash_layer_below(net, head.classifier) if head else lone_hash_layer(net)
    assert hash_layer is not None, "a net that gets no new hash layer has one"
    values: dict[str, Any] = {
        "bits": hash_layer.bits,
        "features": hash_layer.latent.bottoms[0],
        "latent": hash_layer.latent.name,
        "code": hash_layer.code.tops[0],
        "objective": "ssdh" if has_objective(net, hash_layer) else "sigmoid",
    }
    if head is not None:
        values |= {"classifier": head.classifier.name, "classes": head.classes}
    return values


def _file_values(workspace: Workspace, files: Sequence[FileResult]) -> dict[str, Any]:
    """The paths of the files, and the hashes of sources and outputs."""
    folder = workspace.folder
    train = files[0]
    solver = next((each for each in files if each.source.kind is Kind.SOLVER), None)
    values: dict[str, Any] = {
        "train": relative(train.output.path, folder),
        "train_source": _source_name(workspace, train),
        "sources": {
            _source_name(workspace, each): digest(_source_bytes(each))
            for each in files
            if each.source.path
        },
        "written": {
            relative(each.output.path, folder): digest(each.output.data)
            for each in files
            if each.is_changed or each.source.is_zoo
        },
    }
    if solver is not None:
        values["solver"] = relative(solver.output.path, folder)
        values["solver_source"] = _source_name(workspace, solver)
        values["snapshot_prefix"] = Solver(solver.after).string("snapshot_prefix") or None
    return values


def _source_name(workspace: Workspace, file: FileResult) -> str:
    return relative(file.source.path, workspace.folder) if file.source.path else file.source.name


def _source_bytes(file: FileResult) -> bytes:
    """The bytes of the source once the command has written: with `--in-place` the output."""
    return file.output.data if file.output.path == file.source.path else file.source.data


def _removals(record: NetRecord | None, values: Mapping[str, Any]) -> dict[str, Any]:
    """Recorded values that no longer apply, to be removed; those of the deploy net stay."""
    if record is None:
        return {}
    removals: dict[str, Any] = {
        key: None
        for key in ("solver", "solver_source", "snapshot_prefix", *KEYS)
        if key not in values and key in record.values
    }
    deploy_files = {record.get("deploy"), record.get("deploy_source")}
    for key in ("sources", "written"):
        old, new = record.get(key, {}), values[key]
        removed = {name: None for name in old if name not in new and name not in deploy_files}
        if removed and new:
            removals[key] = {**new, **removed}
    return removals


def _update(workspace: Workspace, group: GroupResult, record: NetRecord) -> dict[str, Any]:
    """The values that change where a net that has its hash layer is patched again."""
    sources, written = record.get("sources", {}), record.get("written", {})
    values: dict[str, Any] = {"sources": {}, "written": {}}
    for each in group.files:
        if each.source.path is None:
            continue
        source = relative(each.source.path, workspace.folder)
        output = relative(each.output.path, workspace.folder)
        if source in sources:
            values["sources"][source] = digest(_source_bytes(each))
        if output in written or each.is_changed:
            values["written"][output] = digest(each.output.data)
        if each.is_changed and each.source.kind is Kind.TRAIN and record.get("train") == source:
            values["train"] = output
        if each.is_changed and each.source.kind is Kind.SOLVER and record.get("solver") == source:
            values["solver"] = output
            prefix = Solver(each.after).string("snapshot_prefix")
            values |= {"snapshot_prefix": prefix} if prefix else {}
    train = group.files[0]
    if train.is_changed:
        values |= {
            **_hash_values(group),
            **input_geometry(group.net, group.reader, train.source.path),
        }
    return values


def remember_deploy(
    workspace: Workspace, record: NetRecord, result: FileResult, *, is_extra: bool = False
) -> None:
    """Record the deploy net of a train net; an extra one is recorded as a written file only."""
    output = relative(result.output.path, workspace.folder)
    source = _source_name(workspace, result)
    if record.lists_as_written(result.source.place) and not result.is_changed:
        return
    if is_extra and output != record.get("deploy"):
        workspace.record(record.stem, {"written": {output: digest(result.output.data)}})
        return
    values: dict[str, Any] = {"deploy": output}
    if result.is_changed or result.source.is_zoo:
        values["deploy_source"] = source
        values["written"] = {output: digest(result.output.data)}
        if result.source.path:
            values["sources"] = {source: digest(_source_bytes(result))}
    workspace.record(record.stem, values)
