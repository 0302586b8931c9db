"""What a patch remembers in the workspace, and what later commands take from there."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import fields as dataclass_fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ssdh_surgery.caffe.heads import Head, hash_layer_below
from ssdh_surgery.caffe.kind import Kind
from ssdh_surgery.caffe.layer import Layer, integer
from ssdh_surgery.caffe.net import Net
from ssdh_surgery.files import digest
from ssdh_surgery.pipeline.sources import SourceFile
from ssdh_surgery.pipeline.workspace import NetRecord, Workspace
from ssdh_surgery.surgery.hashing import Hashed
from ssdh_surgery.surgery.recipe import Recipe

if TYPE_CHECKING:
    from ssdh_surgery.pipeline.patch import PatchedFile

# Values of the recipe that the workspace keeps under another name.
_KEYS = {"latent_name": "latent", "code_name": "code"}


def recipe(given: Mapping[str, Any], known: NetRecord | None) -> Recipe:
    """The recipe: what was given, else what the workspace has, else the defaults."""
    names = {each.name for each in dataclass_fields(Recipe)}
    values = {
        name: known.get(_KEYS.get(name, name))
        for name in ("bits", "latent_name", "code_name", "remove")
        if known and known.get(_KEYS.get(name, name)) is not None
    }
    return Recipe(**{**values, **{name: given[name] for name in given if name in names}})


def remember(
    workspace: Workspace,
    source: SourceFile,
    net: Net,
    head: Head,
    hashed: Hashed | None,
    used: Recipe,
    results: Sequence[PatchedFile],
    at: str | None,
) -> None:
    """Record a patched net; a result that the workspace already lists changes nothing."""
    existing = hash_layer_below(net, head.classifier)
    if hashed is None and (existing is None or _is_listed(workspace, source)):
        return
    folder = workspace.folder
    solver = next((each for each in results if each.source.kind is Kind.SOLVER), None)
    values: dict[str, Any] = {
        "train": relative(results[0].output.path, folder),
        "solver": relative(solver.output.path, folder) if solver else None,
        "bits": used.bits if hashed else existing.bits if existing else None,
        "at": at,
        "features": hashed.features if hashed else None,
        "latent": used.latent_name if hashed else existing.latent.name if existing else None,
        "code": used.code_name if hashed else existing.code.tops[0] if existing else None,
        "classifier": hashed.classifier if hashed else head.classifier.name,
        "classifier_source": head.classifier.name,
        "classes": head.classes,
        "objective": "sigmoid",
        "remove": used.remove,
        "snapshot_prefix": _snapshot_prefix(solver),
        **_input(net),
        "sources": {
            relative(each.source.path, folder): digest(
                each.output.data if each.output.path == each.source.path else each.source.data
            )
            for each in results
            if each.source.path
        },
        "written": {
            relative(each.output.path, folder): digest(each.output.data)
            for each in results
            if each.is_changed
        },
    }
    workspace.record(
        source.stem, {key: value for key, value in values.items() if value is not None}
    )


def _is_listed(workspace: Workspace, source: SourceFile) -> bool:
    assert source.path is not None
    name = relative(source.path, workspace.folder)
    return any(name in known.get("written", {}) for known in workspace.nets.values())


def relative(path: Path, folder: Path) -> str:
    """A path as the workspace of a folder writes it."""
    return Path(os.path.relpath(path, folder)).as_posix()


def _snapshot_prefix(solver: PatchedFile | None) -> str | None:
    if solver is None:
        return None
    from ssdh_surgery.caffe.solver import Solver
    from ssdh_surgery.prototxt.parser import parse

    return Solver(parse(solver.output.data)).string("snapshot_prefix") or None


def _input(net: Net) -> dict[str, Any]:
    """The geometry of the input, from the first data layer that states it."""
    layer = next((each for each in net.layers if each.is_data and _transform(each)), None)
    values: dict[str, Any] = {}
    if layer is not None and (transform := _transform(layer)):
        crop = integer(transform, "crop_size")
        values["crop"] = crop
        values["mean_value"] = [
            _number(each.text) for each in transform.scalars("mean_value")
        ] or None
        values["mean_file"] = transform.string("mean_file") or None
        scale = transform.scalar("scale")
        values["scale"] = _number(scale.text) if scale else None
    # Records and pictures come through OpenCV: blue, green, red.
    values["channels"] = "BGR"
    values["resize"] = _resize(net)
    return {key: value for key, value in values.items() if value is not None}


def _transform(layer: Layer) -> Any:
    return layer.core.message("transform_param")


def _number(text: str) -> int | float:
    value = float(text)
    return int(value) if value.is_integer() else value


def _resize(net: Net) -> list[int] | None:
    """The size that pictures have before the crop, where the net states it."""
    for layer in net.layers:
        message = layer.core.message("image_data_param")
        width, height = integer(message, "new_width"), integer(message, "new_height")
        if width and height:
            return [width, height]
    return None
