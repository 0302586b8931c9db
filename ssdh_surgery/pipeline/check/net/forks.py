"""SSDH2xx and SSDH3xx: fields, layer types and values that only some Caffes have."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from ssdh_surgery.caffe.messages.dialect import V0_TYPES, V1_TYPES, Dialect
from ssdh_surgery.caffe.messages.foreign_fields import ForeignField, foreign_fields
from ssdh_surgery.caffe.messages.forks import forks_text, forks_with_type
from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.caffe.net.layer_rules import LAYER_RULES, nearest_type
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.net.other_dialects import misplaced_fields
from ssdh_surgery.caffe.net.solver import NET_PARAM_FIELDS
from ssdh_surgery.engines.torch.net.registry import is_supported, unsupported_type
from ssdh_surgery.errors import did_you_mean
from ssdh_surgery.findings import (
    ENGINE_LACKS_FIELD,
    ENGINE_LACKS_LAYER,
    FOREIGN_NET_FIELD,
    FOREIGN_SOLVER_FIELD,
    PYTHON_MODULE,
    UNKNOWN_LAYER_TYPE,
    Finding,
)
from ssdh_surgery.location import path_in_shell
from ssdh_surgery.pipeline.check.subject import Subject
from ssdh_surgery.pipeline.workspace.paths import relative_to_cwd
from ssdh_surgery.surgery.hashing.objective import FORK_LOSSES

_OLD_TYPES = {Dialect.V0: V0_TYPES, Dialect.V1: V1_TYPES}


def findings(subject: Subject) -> Iterator[Finding]:
    """The findings about what the engine of a run may not have."""
    yield from _solver_fields(subject)
    for net in dict.fromkeys(net for net, _ in subject.nets):
        yield from _net_fields(net, subject)
        yield from _types(net, subject)
        yield from _python_modules(net, subject)


def _solver_fields(subject: Subject) -> Iterator[Finding]:
    """The fields that BVLC Caffe does not have, outside the nets in the solver."""
    root = subject.solver.root
    for each in foreign_fields(root, "SolverParameter", "a solver", without=NET_PARAM_FIELDS):
        if each.value:
            continue  # what cannot be read is an error of the solver
        hint = each.near or "the embedded engine ignores it" if subject.is_embedded else each.hint
        yield FOREIGN_SOLVER_FIELD.at(each.location, each.message, hint)


def _net_fields(net: Net, subject: Subject) -> Iterator[Finding]:
    """The fields that BVLC Caffe does not have, and that are of no dialect of Caffe."""
    of_dialects = {field for _, field, _ in misplaced_fields(net)}
    for each in foreign_fields(net.root, "NetParameter", "a net"):
        if each.field in of_dialects:
            continue
        if subject.is_embedded:
            yield ENGINE_LACKS_FIELD.at(each.location, _lacks_field(each), each.near)
        else:
            yield FOREIGN_NET_FIELD.at(each.location, each.message, each.hint)


def _lacks_field(each: ForeignField) -> str:
    return f"the embedded engine has no {each.words}"


def _types(net: Net, subject: Subject) -> Iterator[Finding]:
    """The layer types that stock Caffe, or the embedded engine, does not have."""
    layers: dict[str, list[Layer]] = {}
    for layer in net.layers:
        layers.setdefault(layer.type, []).append(layer)
    for layer_type, group in layers.items():
        first = group[0]
        entry = first.core.entry("type")
        place = entry.location if entry else first.location
        if subject.is_embedded:
            runs = any(layer.is_in(state) for layer in group for _, state in subject.nets)
            if not is_supported(layer_type) and runs and not first.is_padding:
                error = unsupported_type(layer_type, first.name)
                yield ENGINE_LACKS_LAYER.at(place, error.message, error.hint)
            continue
        forks = forks_with_type(layer_type)
        if forks:
            yield UNKNOWN_LAYER_TYPE.at(
                place,
                f"BVLC Caffe has no layer type '{layer_type}' (layer '{first.name}'); "
                f"{forks_text(forks)}",
                _fork_hint(layer_type),
            )
        elif _is_unknown(net, layer_type):
            yield UNKNOWN_LAYER_TYPE.at(
                place,
                f"BVLC Caffe has no layer type '{layer_type}' (layer '{first.name}')",
                did_you_mean(layer_type, _OLD_TYPES.get(net.dialect, ()))
                or "ssdh train --caffe PATH runs a Caffe that has it",
            )


def _fork_hint(layer_type: str) -> str:
    if layer_type in FORK_LOSSES:
        return "ssdh patch --objective-layers stock writes it with layers of BVLC Caffe"
    return "ssdh train --caffe PATH runs such a Caffe"


def _is_unknown(net: Net, layer_type: str) -> bool:
    """Whether no Caffe has a type, and it resembles none, which is reported with the text."""
    if layer_type in LAYER_RULES or layer_type in ("Python", "", "padding"):
        return False
    return net.dialect is not Dialect.CURRENT or nearest_type(layer_type) is None


# ---------------------------------------------------------------- layers in Python


def _python_modules(net: Net, subject: Subject) -> Iterator[Finding]:
    """Modules of Python layers that lie beside the nets, where Python does not look."""
    search_path = os.environ.get("PYTHONPATH")
    folders = [Path(each) for each in search_path.split(os.pathsep)] if search_path else []
    for layer in net.layers:
        settings = layer.core.message("python_param") if layer.type == "Python" else None
        entry = settings.entry("module") if settings else None
        if entry is None:
            continue
        module = entry.field.parent.string("module")
        if any(_holds(subject.folder / folder, module) for folder in folders):
            continue
        near = [subject.folder, Path(net.file).parent]
        place = next((folder for folder in near if _holds(folder, module)), None)
        if place is not None:
            path = path_in_shell(str(relative_to_cwd(place)))
            yield PYTHON_MODULE.at(
                entry.location,
                f"layer '{layer.name}' is in Python: its module '{module}' is in {path}, which is "
                "not in PYTHONPATH",
                f'export PYTHONPATH="{Path(place).resolve()}:$PYTHONPATH"',
            )


def _holds(folder: Path, module: str) -> bool:
    """Whether Python imports a module from a folder."""
    path = folder.joinpath(*module.split("."))
    return path.with_name(f"{path.name}.py").is_file() or path.is_dir()
