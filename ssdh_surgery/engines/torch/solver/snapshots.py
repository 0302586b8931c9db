"""Snapshots: weights, solver state and sidecar, written completely or not at all.

All three are written to a temporary folder and then renamed together: neither a full disk nor a
kill at any moment damages the previous snapshot, or mixes two.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ssdh_surgery import errors, files
from ssdh_surgery.caffe.weights.snapshot_digests import SnapshotDigests, sidecar_path
from ssdh_surgery.caffe.weights.snapshot_names import snapshot_name
from ssdh_surgery.caffe.weights.solverstate import SolverState, write_solver_state
from ssdh_surgery.engines.torch.layers.layer import TorchLayer
from ssdh_surgery.engines.torch.net.weights import save_weights
from ssdh_surgery.engines.torch.solver.sidecar import Sidecar, write_sidecar
from ssdh_surgery.errors import FileError, SsdhError
from ssdh_surgery.location import Location
from ssdh_surgery.staging.renames import Rename, finish_renames, rename_all
from ssdh_surgery.staging.temporary import Temporary


@dataclass(frozen=True)
class SnapshotPlace:
    """Where snapshots are written: under the solver's `prefix`, relative to `folder`."""

    folder: Path
    prefix: str
    is_hdf5: bool = False

    def weights(self, iteration: int) -> str:
        """The weights file of an iteration, relative to `folder`."""
        return snapshot_name(self.prefix, iteration, "caffemodel", is_hdf5=self.is_hdf5)

    def state(self, iteration: int) -> str:
        """The solverstate of an iteration, relative to `folder`."""
        return snapshot_name(self.prefix, iteration, "solverstate", is_hdf5=self.is_hdf5)

    def check(self, location: Location) -> None:
        """Check that snapshots can be written, before any work is done.

        Raises:
            FileError: they cannot; `location` is the place of the prefix in the solver.
        """
        target = (self.folder / self.prefix).parent
        try:
            with errors.file_errors(target, "write"):
                Temporary(target / Path(self.prefix).name).remove()
        except FileError as error:
            hint = None if target.is_dir() else f"create the folder: mkdir -p {target}"
            reason = error.message.removeprefix("cannot write: ")
            raise FileError(
                f"snapshots cannot be written to '{self.prefix}_iter_N...': {reason}",
                location=location,
                hint=hint,
            ) from error


def write_snapshot(
    place: SnapshotPlace,
    state: SolverState,
    layers: Sequence[TorchLayer],
    name: str,
    sidecar: Callable[[SnapshotDigests], Sidecar],
) -> None:
    """Write the weights of layers, a state and its sidecar.

    `name` is the net's name; `sidecar` makes the sidecar from the digests of both files.

    Raises:
        FileError: the snapshot could not be written; nothing was.
        DataError: HDF5 cannot hold a layer's name.
    """
    weights = place.folder / place.weights(state.iteration)
    solverstate = place.folder / place.state(state.iteration)
    with _staged(weights, sidecar_path(solverstate), solverstate) as staged:
        save_weights(layers, staged[0], name)
        write_solver_state(staged[2], state)
        digests = SnapshotDigests(files.file_digest(staged[2]), files.file_digest(staged[0]))
        write_sidecar(staged[1], sidecar(digests))


@contextlib.contextmanager
def _staged(*targets: Path) -> Iterator[list[Path]]:
    """Paths in a temporary folder to write files to; on success they are put in place together."""
    real = [Path(os.path.realpath(target)) for target in targets]
    with errors.file_errors(targets[0], "write"):
        finish_renames(real[0].parent)
        folder = Temporary(real[0], is_folder=True)
    staged = [folder.path / target.name for target in targets]
    try:
        yield staged
        rename_all([Rename(*each) for each in zip(staged, real, targets, strict=True)])
    except SsdhError as error:
        _rename_place(error, dict(zip(map(str, staged), map(str, targets), strict=True)))
        raise
    finally:
        folder.remove()


def _rename_place(error: SsdhError, names: dict[str, str]) -> None:
    """Replace a temporary name in an error by the name that the user knows."""
    if error.location is not None and error.location.file in names:
        error.location = Location(names[error.location.file])
