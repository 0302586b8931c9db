"""The snapshots that runs left: the newest one that is complete and belongs to a net."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from ssdh_surgery.caffe.weights.copy_table import CopyRow, copy_table
from ssdh_surgery.caffe.weights.snapshot_names import snapshots_on_disk, weights_beside
from ssdh_surgery.caffe.weights.weights import read_any_weights
from ssdh_surgery.errors import MissingExtra, SsdhError
from ssdh_surgery.location import path_in_shell
from ssdh_surgery.names import shape_text
from ssdh_surgery.pipeline.workspace.paths import relative_to_cwd

Shape = tuple[int, ...]
# Each layer of a net with the shapes of its params, None where these are unknown.
LayerParams = Sequence[tuple[str, Sequence[Shape] | None]]
# Why a file is not the one to take, in a clause; None where it is.
Misfit = Callable[[Path], str | None]
Report = Callable[[str], None]


def other_weights(folder: Path, prefix: Path) -> list[Path]:
    """The weights in a folder that are not snapshots of a prefix: those to start from."""
    snapshots = {path.resolve() for _, path in snapshots_on_disk(prefix, "caffemodel")}
    paths = [*folder.glob("*.caffemodel"), *folder.glob("*.caffemodel.h5")]
    return sorted(path for path in paths if path.resolve() not in snapshots)


def newest_fit(paths: Iterable[Path], misfit: Misfit, report: Report) -> Path | None:
    """The first path that is to be taken; `report` gets a sentence for each one before it."""
    for path in paths:
        reason = misfit(path)
        if reason is None:
            return path
        report(f"{path_in_shell(str(relative_to_cwd(path)))} is passed over: {reason}")
    return None


def weights_misfit(params: LayerParams, net: str, path: Path) -> str | None:
    """Why weights are not those of a net: they are incomplete, or of another net or width.

    Args:
        params: the layers that must come from the file.
        net: the net's name for messages.
        path: the weights.
    """
    try:
        weights = read_any_weights(path)
    except MissingExtra:
        return None  # whoever loads them says so
    except SsdhError as error:
        return error.message
    shapes_in_file = {layer.name: layer.shapes for layer in weights.layers}
    # HDF5 holds a param that layers share only once.
    has_shared = path.suffix == ".h5"
    rows = copy_table(
        [
            (name, shapes_in_file.get(name, ()) if shapes is None else shapes)
            for name, shapes in params
        ],
        weights,
    )
    for row in rows:
        if row.status == "new":
            return f"it has no weights for layer '{row.layer}' of {net}"
        if row.status == "shape-clash" and not (
            has_shared and len(row.shapes) != len(row.file_shapes)
        ):
            return _clash(row, net)
    return None


def _clash(row: CopyRow, net: str) -> str:
    """A width that differs in words; any other difference as shapes."""
    widths = [
        shapes[0][0] if shapes and shapes[0] else 0 for shapes in (row.file_shapes, row.shapes)
    ]
    if widths[0] != widths[1] and row.file_shapes[0][1:] == row.shapes[0][1:]:
        return f"layer '{row.layer}' has {widths[0]} outputs there, but {widths[1]} in {net}"
    shapes = [", ".join(map(shape_text, each)) or "none" for each in (row.file_shapes, row.shapes)]
    return f"layer '{row.layer}' has blobs {shapes[0]} there, but {shapes[1]} in {net}"


def state_misfit(params: LayerParams, net: str, state: Path) -> str | None:
    """Why a solverstate cannot be resumed.

    It or its weights are incomplete or of another net, or only one of the two was replaced.
    """
    weights = weights_beside(state)
    if not weights.is_file():
        return f"its weights {weights.name} do not exist"
    from ssdh_surgery.caffe.weights.snapshot_digests import mixed_file
    from ssdh_surgery.caffe.weights.solverstate import read_solver_state

    try:
        read_solver_state(state)
        mixed = mixed_file(state, weights)
    except MissingExtra:
        return None
    except SsdhError as error:
        return error.message
    if mixed is not None:
        return f"{mixed.name} was replaced since the other files of this snapshot were written"
    reason = weights_misfit(params, net, weights)
    return None if reason is None else f"{weights.name}: {reason}"
